"""An object store, spoken to by boto3 over HTTP: a small one of the tests' own, with and without versions."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections import defaultdict
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from fsflows.recordings.files.archive import Retracted
from fsflows.recordings.files.failures import FileWorkFailed, RecordingGone, WrongArchive
from fsflows.recordings.files.object_store import S3Archive
from recordings.fakes import UUID, World

ID = "abcdef" * 4
MARK = "/bucket/calls/.fsflows-archive"

pytestmark = pytest.mark.process


class Store(BaseHTTPRequestHandler):
    """PUT, HEAD, DELETE and listings, as far as the archive uses them."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_PUT(self):
        size = int(self.headers["Content-Length"])
        body = self.rfile.read(min(size, 1 << 16))
        self.server.on_body()
        body += self.rfile.read(size - len(body))
        self.server.received += len(body)
        if len(body) < size:
            self.close_connection = True
            return None
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        self.server.on_put()
        if self.server.refuse or digest != self.headers["Content-MD5"]:
            return self._answer(503, b"<Error><Code>SlowDown</Code></Error>")
        if self.headers.get("If-None-Match") == "*" and self.server.objects.get(self._key()):
            return self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        if "If-None-Match" in self.headers and not self.server.conditions:
            return self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
        meta = {k: v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
        self.server.objects[self._key()].append((body, meta))
        return self._answer(200)

    def do_HEAD(self):
        found = self.server.objects.get(self._key())
        if not found or found[-1] is None:
            return self._answer(404)
        body, meta = found[-1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"not-a-digest"')
        for name, value in meta.items():
            self.send_header(name, value)
        self.end_headers()
        return None

    def do_DELETE(self):
        versions = self.server.objects[self._key()]
        asked = parse_qs(urlsplit(self.path).query).get("versionId")
        if asked:
            versions[int(asked[0])] = "gone"
        elif self.server.versioned:
            versions.append(None)
        else:
            del self.server.objects[self._key()]
        headers = {"x-amz-delete-marker": "true"} if self.server.versioned and not asked else {}
        self._answer(204, headers=headers)

    def do_GET(self):
        found = self.server.objects.get(self._key())
        if found and found[-1] not in (None, "gone"):
            return self._answer(200, found[-1][0])
        if self._key().startswith("/bucket/"):
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        prefix = query.get("prefix", [""])[0]
        rows = []
        for key, versions in self.server.objects.items():
            name = key.removeprefix("/bucket/")
            if not name.startswith(prefix):
                continue
            if "versions" in query:
                for number, version in enumerate(versions):
                    kind = "DeleteMarker" if version is None else "Version"
                    if version != "gone":
                        rows.append(
                            f"<{kind}><Key>{name}</Key><VersionId>{number}</VersionId></{kind}>"
                        )
            else:
                rows.append(f"<Contents><Key>{name}</Key></Contents>")
        root = "ListVersionsResult" if "versions" in query else "ListBucketResult"
        return self._answer(200, f"<{root}>{''.join(rows)}</{root}>".encode())

    def _key(self):
        return unquote(urlsplit(self.path).path)

    def _answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def store(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        server.objects = defaultdict(list)
        server.versioned = server.refuse = False
        server.conditions = True
        server.on_put = server.on_body = lambda: None
        server.received = 0
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def archive(store):
    archive = S3Archive("s3://bucket/calls/")
    assert archive.identity() is None
    assert archive.claim(ID) == ID
    yield archive
    archive._client.close()


def put(archive, directory, name, content=b"audio"):
    (directory / "x.wav").write_bytes(content)
    with open_directory(directory) as fd:
        return archive.publish(fd, "x.wav", name, ID)


@contextmanager
def open_directory(directory):
    fd = os.open(directory, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def test_a_recording_arrives_whole_and_only_once(archive, store, tmp_path):
    published = put(archive, tmp_path, "d/a.wav")
    assert (published.location, published.size) == ("s3://bucket/calls/d/a.wav", 5)
    assert put(archive, tmp_path, "d/a.wav") == archive.published("d/a.wav") == published
    assert {key: len(v) for key, v in store.objects.items()} == {
        MARK: 1,
        "/bucket/calls/d/a.wav": 1,
    }
    assert list(archive.names()) == ["d/a.wav"]
    with pytest.raises(FileWorkFailed, match="another recording"):
        put(archive, tmp_path, "d/a.wav", b"other")


def test_an_archive_bears_the_id_that_was_first(archive, store, tmp_path):
    assert archive.claim("f" * 24) == archive.identity() == ID
    put(archive, tmp_path, "d/a.wav")
    del store.objects[MARK]
    with pytest.raises(WrongArchive, match="is not the archive abc"):
        put(archive, tmp_path, "d/b.wav")
    assert archive.retract("d/a.wav") == Retracted(5, None)
    store.objects[MARK].append((b"what?", {}))
    with pytest.raises(WrongArchive, match="damaged"):
        archive.identity()


def test_of_two_who_claim_it_at_once_the_store_takes_the_first(archive, monkeypatch):
    seen = iter([None])
    identity = archive.identity
    monkeypatch.setattr(archive, "identity", lambda: next(seen, ID) and identity())
    assert archive.claim("f" * 24) == ID


def test_a_store_that_knows_no_conditions_can_be_claimed(store):
    store.conditions = False
    archive = S3Archive("s3://bucket/other")
    assert archive.claim(ID) == archive.identity() == ID
    archive._client.close()


def test_retract_deletes_it(archive, store, tmp_path):
    put(archive, tmp_path, "d/a.wav")
    assert archive.retract("d/a.wav") == Retracted(5, ID)
    assert list(store.objects) == [MARK]
    assert archive.published("d/a.wav") is None


def test_12_where_a_deletion_only_hides_all_versions_are_deleted(archive, store, tmp_path):
    store.versioned = True
    put(archive, tmp_path, "d/a.wav")
    put(archive, tmp_path, "d/a.wav.more")
    archive.retract("d/a.wav")
    assert set(store.objects["/bucket/calls/d/a.wav"]) == {"gone"}
    assert len(store.objects["/bucket/calls/d/a.wav.more"]) == 1


@pytest.mark.parametrize("answers", [True, False])
def test_P12_what_is_discarded_on_its_way_does_not_stay_in_the_store(
    archive, store, tmp_path, answers
):
    """Who had the call may be no more, and nobody waits for the upload that goes on."""

    def meanwhile():
        store.on_put = lambda: None
        (tmp_path / "x.wav").unlink()
        archive.retract("d/a.wav")

    store.on_put = meanwhile
    if not answers:
        put_object = archive._client.put_object

        def lost(**values):
            put_object(**values)
            raise TimeoutError

        archive._client.put_object = lost
    with pytest.raises(RecordingGone if answers else FileWorkFailed):
        put(archive, tmp_path, "d/a.wav")
    assert [] == list(archive.names())


def test_P12_an_upload_ends_when_its_recording_is_discarded(archive, store, tmp_path):
    """Whoever has opted out waits for that: a long recording may be on its way for minutes."""
    size = 64 << 20
    file = tmp_path / "x.wav"
    file.touch()
    os.truncate(file, size)
    store.on_body = file.unlink
    with open_directory(tmp_path) as fd, pytest.raises(FileWorkFailed, match="deleted while"):
        archive.publish(fd, "x.wav", "d/a.wav", ID)
    store.shutdown()
    assert store.received < size
    assert [] == list(archive.names())


def test_of_two_processes_that_publish_at_once_neither_takes_it_out_again(archive, store, tmp_path):
    """One had given up waiting, and its upload goes on; another one tries again, and is done first."""
    file = tmp_path / "x.wav"
    file.touch()
    os.truncate(file, 1 << 20)

    def meanwhile():
        store.on_body = lambda: None
        with suppress(FileWorkFailed), open_directory(tmp_path) as fd:
            archive.publish(fd, "x.wav", "d/a.wav", ID)
            file.unlink()

    store.on_body = meanwhile
    with suppress(FileWorkFailed), open_directory(tmp_path) as fd:
        archive.publish(fd, "x.wav", "d/a.wav", ID)
    assert ["d/a.wav"] == list(archive.names())


def test_a_store_that_refuses_is_an_error_in_words(archive, store, tmp_path):
    store.refuse = True
    archive._client.meta.events.register("needs-retry.s3", lambda **_: None)
    with pytest.raises(FileWorkFailed, match="in the object store"):
        put(archive, tmp_path, "d/a.wav")


def test_12_a_discard_takes_an_earlier_part_of_the_call_out_of_the_store(store, tmp_path):
    world = World(tmp_path)
    archive = S3Archive("s3://bucket")
    world.files._archive = archive
    call = world.call()
    call.start()
    world.switch.talk()
    assert call.finish(call_over=False).locations == (f"s3://bucket/2026-01-01/{UUID}.wav",)
    assert world.audio() == []
    assert len(store.objects) == 2
    assert world.call().discard(world.cause()).files[0].how == "deleted"
    assert list(store.objects) == ["/bucket/.fsflows-archive"]
    world.close()
    archive._client.close()


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "http://bucket", "bucket"])
def test_a_store_is_a_url(url):
    with pytest.raises(ValueError, match="s3://BUCKET/PREFIX"):
        S3Archive(url)


def test_without_boto3_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(ValueError, match=r"fsflows\[s3\]"):
        S3Archive("s3://bucket")
