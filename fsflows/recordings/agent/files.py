"""The work on recordings' files, through the agent on their host."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from fsflows.recordings.agent.link import AnswerLost, Link
from fsflows.recordings.agent.protocol import UPGRADE, failure_of, path_of
from fsflows.recordings.agent.signing import SignatureRefused, Signer
from fsflows.recordings.files.archive import Published
from fsflows.recordings.files.failures import FileWorkFailed, NotKnown
from fsflows.recordings.files.files import Deleted, Sighting, Staged
from fsflows.recordings.files.paths import Root, Roots

TIMEOUT = 10.0
"""Seconds for an answer."""

SEARCH = "the search for a call's recordings"
"""It has a place of its own here: it is the agent that looks in many."""

PUBLISH_TIMEOUT = 300.0
"""Seconds for publishing, which may copy a long recording to another file system."""

ONCE = ("delete", "retract", "publish")
"""Asked for twice, what we deleted would be "absent", as if by somebody else; and a copy would run beside another."""


class AgentFiles:
    """File work through an agent.

    Args:
        url: http://HOST:PORT, or https:// with a certificate that this host trusts.
        secret: shared with the agent.
        roots: the recording directories, as far as they are known here; the staging directory first.

    Raises:
        ValueError: the URL or the secret can't be used.
    """

    remote = archive_remote = True
    searched = (SEARCH,)

    def __init__(self, url: str, secret: str, roots: Sequence[Root] = ()) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"an agent is given as http://HOST:PORT, got {url!r}")
        self._host = parts.hostname
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._link = Link(parts.hostname, parts.port, tls)
        self._signer = Signer(secret, time.time)
        self._roots = Roots(roots)
        self.staging = roots[0].named if roots else ""

    def place(self, path: str) -> str:
        return self._roots.place(path)

    def look(self, path: str) -> Sighting | None:
        found = self._ask("look", path=path)
        return None if found is None else Sighting(**found)

    def delete(self, path: str, mark: str | None) -> Deleted:
        return _deleted(self._ask("delete", path=path, mark=mark))

    def find(self, call_uuid: str, places: Sequence[str] = ()) -> list[str]:
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
                raise failure_of(answer["failed"])
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


def _deleted(result: dict[str, Any]) -> Deleted:
    return Deleted(**{**result, "also": tuple(result["also"])})
