"""The agent: a small HTTP service beside FreeSWITCH.

It does what `LocalFiles` does, to the directories that it was started with, and nothing else. Audio never travels
through it; what is published goes from its host straight into the archive.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import gevent

from fsflows.log import get_logger
from fsflows.recordings.agent.protocol import METHODS, UPGRADE, failure, path_of
from fsflows.recordings.agent.signing import HEADER, SignatureRefused, Signer
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import Files

MAX_BODY = 64 * 1024

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
            return 200, {"failed": failure(error)}
        if method in ("delete", "publish", "retract", "claim"):
            self._log.info("done", method=method, result=_plain(result), **given)
        return 200, {"result": _plain(result)}


def _body(environ: Mapping[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 <= length <= MAX_BODY:
        raise ValueError(f"a request has at most {MAX_BODY} bytes")
    # Nobody knows yet who it is.
    with gevent.Timeout(environ.get("fsflows.patience"), ValueError("the request took too long")):
        body: bytes = environ["wsgi.input"].read(length)
    return body


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(each) for each in result]
    return asdict(result) if hasattr(result, "__dataclass_fields__") else result
