"""An object store (S3 and what speaks like it) as the archive, through boto3: `pip install fsflows[s3]`.

Access keys, region and end point are boto3's own settings (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, ...).
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.files.archive import (
    Published,
    Retracted,
    deleted_since,
    safe_name,
    taken_in,
)
from fsflows.recordings.files.failures import FileWorkFailed, RecordingGone
from fsflows.recordings.files.marker import MARKER, MarkerDamaged, identity_in, marker_text, must_be

LIMIT = 5 * 1024**3
"""Bytes that one PUT may carry, S3's own limit: some 45 hours of stereo at 8 kHz."""

_SHA256 = "fsflows-sha256"


class S3Archive:
    """A bucket, or a prefix in it.

    Args:
        url: s3://BUCKET or s3://BUCKET/PREFIX.

    Raises:
        ValueError: the URL names no bucket, or boto3 is not installed.
    """

    remote = True

    def __init__(self, url: str, *, faults: Faults = NO_FAULTS) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not url.startswith("s3://") or not bucket:
            raise ValueError(f"an object store is given as s3://BUCKET/PREFIX, got {url!r}")
        self._bucket = bucket
        self._prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._client = _client()
        self._faults = faults

    def identity(self) -> str | None:
        with _explained(MARKER):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + MARKER)
            except Exception as error:
                if _code(error) in ("404", "NoSuchKey", "NotFound"):
                    return None
                raise
            return identity_in(answer["Body"].read(4096))

    def claim(self, identity: str) -> str:
        text = marker_text(identity)
        if self.identity() is None:
            put: dict[str, Any] = {
                "Bucket": self._bucket,
                "Key": self._prefix + MARKER,
                "Body": text,
                "ContentMD5": _digests(io.BytesIO(text))[0],
            }
            with _explained(MARKER):
                try:
                    # Of two at once the first counts.
                    self._client.put_object(**put, IfNoneMatch="*")
                except Exception as error:
                    if _code(error) in ("501", "NotImplemented"):
                        self._client.put_object(**put)
                    elif _code(error) not in ("409", "412", "PreconditionFailed"):
                        raise
        borne = self.identity()
        if borne is None:
            raise FileWorkFailed(f"{self._prefix + MARKER!r} does not stay in the object store")
        return borne

    def publish(self, directory: int, file: str, name: str, archive: str) -> Published:
        must_be(archive, self.identity(), f"s3://{self._bucket}/{self._prefix}")
        with taken_in(directory, file) as (source, here):
            size = here.st_size
            if size > LIMIT:
                raise FileWorkFailed(f"{name!r} has {size} bytes, more than one PUT can carry")
            md5, sha256 = _digests(source)
            present = self._head(name)
            if present is not None and present.get("Metadata", {}).get(_SHA256) != sha256:
                raise FileWorkFailed(
                    f"{name!r}: another recording is already published by that name"
                )
            if present is None:
                self._faults.at("publish 3: copied, not yet under its name")
                try:
                    self._put(name, source, here, md5, sha256)
                finally:
                    if gone := deleted_since(here, source.fileno()):
                        self.retract(name)
                if gone:
                    raise RecordingGone(f"{file!r} was deleted while it was published")
        stored = self._head(name)
        if stored is None or stored["ContentLength"] != size:
            raise FileWorkFailed(f"{name!r} did not arrive whole")
        self._faults.at("publish 4: under its name in the archive")
        return Published(self._location(name), size)

    def _put(
        self, name: str, source: IO[bytes], found: os.stat_result, md5: str, sha256: str
    ) -> None:
        with _explained(name):
            # The store refuses a body that is not what the digest says.
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(name),
                Body=_Body(source, found),
                ContentLength=found.st_size,
                ContentMD5=md5,
                Metadata={_SHA256: sha256},
            )

    def secure(self, name: str, archive: str) -> Published | None:
        must_be(archive, self.identity(), f"s3://{self._bucket}/{self._prefix}")
        return self.published(name)

    def published(self, name: str) -> Published | None:
        found = self._head(name)
        return None if found is None else Published(self._location(name), found["ContentLength"])

    def retract(self, name: str) -> Retracted:
        archive = None
        with suppress(MarkerDamaged):
            archive = self.identity()
        found = self._head(name)
        with _explained(name):
            answer = self._client.delete_object(Bucket=self._bucket, Key=self._key(name))
            if answer.get("VersionId") or answer.get("DeleteMarker"):
                # In a bucket with versions this only hid it.
                self._delete_versions(name)
        return Retracted(None if found is None else int(found["ContentLength"]), archive)

    def names(self) -> Iterator[str]:
        with _explained(self._prefix or self._bucket):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self._prefix)
                    if name != MARKER:
                        yield name

    def _delete_versions(self, name: str) -> None:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=self._key(name)
        )
        for page in pages:
            for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if found["Key"] == self._key(name):
                    self._client.delete_object(
                        Bucket=self._bucket, Key=found["Key"], VersionId=found["VersionId"]
                    )

    def _head(self, name: str) -> dict[str, Any] | None:
        with _explained(name):
            try:
                answer: dict[str, Any] = self._client.head_object(
                    Bucket=self._bucket, Key=self._key(name)
                )
            except Exception as error:
                if _code(error) in ("404", "NoSuchKey", "NotFound"):
                    return None
                raise
        return answer

    def _key(self, name: str) -> str:
        return self._prefix + "/".join(safe_name(name))

    def _location(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._key(name)}"


class _Body:
    """A file on its way into the store, which ends when the file is deleted meanwhile."""

    def __init__(self, source: IO[bytes], found: os.stat_result) -> None:
        self._source = source
        self._found = found
        self.seek, self.tell = source.seek, source.tell

    def read(self, size: int = -1) -> bytes:
        if deleted_since(self._found, self._source.fileno()):
            raise RecordingGone("it was deleted while it was uploaded")
        return self._source.read(size)


def _digests(source: IO[bytes]) -> tuple[str, str]:
    """What the store checks the body by; what we recognise our object by (an ETag is a digest only at times)."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    while chunk := source.read(1 << 20):
        md5.update(chunk)
        sha256.update(chunk)
    source.seek(0)
    return base64.b64encode(md5.digest()).decode("ascii"), sha256.hexdigest()


def _client() -> Any:
    try:
        boto3 = importlib.import_module("boto3")
        configured = importlib.import_module("botocore.config").Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"max_attempts": 3},
            # Newer checksums are unknown to many stores that speak S3; ContentMD5 is known to all.
            request_checksum_calculation="when_required",
        )
    except ImportError as error:
        raise ValueError(
            "an object store needs boto3 (1.36 or later): pip install 'fsflows[s3]'"
        ) from error
    return boto3.client("s3", config=configured)


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except FileWorkFailed:
        raise
    except Exception as error:  # boto3's exceptions have no common base that is worth importing
        raise FileWorkFailed(f"{name!r} in the object store: {error}") from error
