"""File work on another host: a small HTTP service beside FreeSWITCH, and the `Files` that ask it.

It does what `LocalFiles` does, to the directories that it was started with, and nothing else. Audio never travels
through it; what is published goes from its host straight into the archive.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from fsflows.log import get_logger
from fsflows.recordings.agent_link import AnswerLost, Link
from fsflows.recordings.archives import Published
from fsflows.recordings.files import Deleted, Files, Sighting, Staged
from fsflows.recordings.marker import MarkerDamaged
from fsflows.recordings.paths import (
    FileWorkFailed,
    NotKnown,
    PathRefused,
    RecordingGone,
    StillThere,
    WrongArchive,
)
from fsflows.recordings.signing import HEADER, SignatureRefused, Signer

MAX_BODY = 64 * 1024
TIMEOUT = 10.0
"""Seconds for an answer."""

PUBLISH_TIMEOUT = 300.0
"""Seconds for publishing, which may copy a long recording to another file system."""

UPGRADE = "install the same version of fsflows on both hosts"

ONCE = ("delete", "retract", "publish")
"""Asked for twice, what we deleted would be "absent", as if by somebody else; and a copy would run beside another."""

METHODS: Mapping[str, tuple[str, ...]] = {
    "look": ("path",),
    "delete": ("path", "mark"),
    "find": ("call_uuid",),
    "staged": ("now",),
    "identity": (),
    "claim": ("identity",),
    "publish": ("path", "name", "archive"),
    "published": ("name",),
    "retract": ("name",),
    "archived": (),
}

VERSIONS: Mapping[str, int] = {"identity": 2, "claim": 2, "publish": 2, "retract": 2}
"""Of the protocol, in which a method's words became what they are; all others: 1. Each method is asked for under its
own (/v2/publish), so that agent and server of different versions do what both know, and refuse the rest in words."""

_KINDS: Mapping[str, Any] = {
    "path": str,
    "mark": str | None,
    "call_uuid": str,
    "name": str,
    "archive": str,
    "identity": str,
    "now": float | int,
}

_STATUS = {200: "200 OK", 400: "400 Bad Request", 401: "401 Unauthorized", 404: "404 Not Found"}

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class AgentApp:
    """The agent, as a WSGI application. `GET /health` answers anybody; the rest is signed.

    Args:
        files: what does the work.
        secret: shared with the servers.
    """

    def __init__(self, files: Files, secret: str) -> None:
        self._files = files
        self._signer = Signer(secret, time.time)
        self._log = get_logger("recordings.agent")

    def __call__(self, environ: Mapping[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path == "/health":
            start(_STATUS[200], [("Content-Type", "text/plain")])
            return [b"ok\n"]
        nonce = ""
        try:
            body = _body(environ)
            nonce = self._signer.check(path, str(environ.get("HTTP_X_FSFLOWS_SIGNATURE", "")), body)
            status, answer = self._answer(path, body)
        except SignatureRefused as refused:
            self._log.warning("request refused", why=str(refused), peer=environ.get("REMOTE_ADDR"))
            status, answer = 401, {"error": str(refused)}
        except ValueError as error:
            status, answer = 400, {"error": str(error)}
        sent = json.dumps(answer).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(sent)))]
        if nonce:
            headers.append((HEADER, self._signer.sign_answer(nonce, status, sent)))
        start(_STATUS[status], headers)
        return [sent]

    def _answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        method = path.rpartition("/")[2]
        if method not in METHODS or path != path_of(method):
            return 404, {"error": f"this agent knows no {path}: {UPGRADE}"}
        given = json.loads(body)
        if (
            not isinstance(given, dict)
            or set(given) != set(METHODS[method])
            or not all(isinstance(value, _KINDS[name]) for name, value in given.items())
        ):
            return 400, {"error": f"{method} takes {', '.join(METHODS[method]) or 'nothing'}"}
        try:
            result = getattr(self._files, method)(**given)
        except FileWorkFailed as error:
            self._log.warning("not done", method=method, why=str(error), **given)
            return 200, {"failed": _failure(error)}
        if method in ("delete", "publish", "retract", "claim"):
            self._log.info("done", method=method, result=_plain(result), **given)
        return 200, {"result": _plain(result)}


class AgentFiles:
    """File work through an agent.

    Args:
        url: http://HOST:PORT, or https:// with a certificate that this host trusts.
        secret: shared with the agent.

    Raises:
        ValueError: the URL or the secret can't be used.
    """

    remote = archive_remote = True

    def __init__(self, url: str, secret: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"an agent is given as http://HOST:PORT, got {url!r}")
        self._host = parts.hostname
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._link = Link(parts.hostname, parts.port, tls)
        self._signer = Signer(secret, time.time)

    def look(self, path: str) -> Sighting | None:
        found = self._ask("look", path=path)
        return None if found is None else Sighting(**found)

    def delete(self, path: str, mark: str | None) -> Deleted:
        return _deleted(self._ask("delete", path=path, mark=mark))

    def find(self, call_uuid: str) -> list[str]:
        return [str(path) for path in self._ask("find", call_uuid=call_uuid)]

    def staged(self, now: float) -> list[Staged]:
        return [Staged(**each) for each in self._ask("staged", now=now)]

    def identity(self) -> str | None:
        found = self._ask("identity")
        return None if found is None else str(found)

    def claim(self, identity: str) -> str:
        return str(self._ask("claim", identity=identity))

    def publish(self, path: str, name: str, archive: str) -> Published:
        return Published(**self._ask("publish", path=path, name=name, archive=archive))

    def published(self, name: str) -> Published | None:
        found = self._ask("published", name=name)
        return None if found is None else Published(**found)

    def retract(self, name: str) -> Deleted:
        return _deleted(self._ask("retract", name=name))

    def archived(self) -> list[str]:
        return [str(name) for name in self._ask("archived")]

    def close(self) -> None:
        self._link.close()

    def _ask(self, method: str, **arguments: Any) -> Any:
        where = f"the recordings agent at {self._host}"
        try:
            answer = self._post(method, json.dumps(arguments).encode())
            if "failed" in answer:
                raise _failure_of(answer["failed"])
            return answer["result"]
        except FileWorkFailed:
            raise
        except SignatureRefused as refused:
            raise FileWorkFailed(f"{where}: {refused}") from refused
        except AnswerLost as error:
            raise NotKnown(f"{where} has not said whether that was done: {error}") from error
        except Exception as error:
            raise FileWorkFailed(
                f"{where} can't be asked: {error or type(error).__name__}"
            ) from error

    def _post(self, method: str, body: bytes) -> dict[str, Any]:
        path = path_of(method)
        nonce = ""

        def sign() -> str:
            nonlocal nonce
            signature, nonce = self._signer.sign(path, body)
            return signature

        timeout = PUBLISH_TIMEOUT if method == "publish" else TIMEOUT
        answer = self._link.post(path, body, sign, timeout, once=method in ONCE)
        if answer.status == 401:
            raise SignatureRefused(str(json.loads(answer.body).get("error")))
        self._signer.check_answer(nonce, answer.status, answer.signature, answer.body)
        parsed = json.loads(answer.body)
        if answer.status == 404:
            raise FileWorkFailed(f"the recordings agent at {self._host} knows no {path}: {UPGRADE}")
        if answer.status != 200 or not isinstance(parsed, dict):
            raise FileWorkFailed(f"the recordings agent answered {answer.status}: {parsed}")
        return parsed


def path_of(method: str) -> str:
    """Where a method is asked for."""
    return f"/v{VERSIONS.get(method, 1)}/{method}"


def _body(environ: Mapping[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 <= length <= MAX_BODY:
        raise ValueError(f"a request has at most {MAX_BODY} bytes")
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(each) for each in result]
    return asdict(result) if hasattr(result, "__dataclass_fields__") else result


def _deleted(result: dict[str, Any]) -> Deleted:
    return Deleted(**{**result, "also": tuple(result["also"])})


def _failure(error: FileWorkFailed) -> dict[str, str]:
    if isinstance(error, PathRefused):
        return {"kind": "PathRefused", "path": error.path, "why": error.why}
    return {"kind": type(error).__name__, "why": str(error)}


def _failure_of(failure: dict[str, str]) -> FileWorkFailed:
    if failure["kind"] == "PathRefused":
        return PathRefused(failure["path"], failure["why"])
    kinds = {
        kind.__name__: kind for kind in (MarkerDamaged, RecordingGone, StillThere, WrongArchive)
    }
    return kinds.get(failure["kind"], FileWorkFailed)(failure["why"])
