"""How a server and an agent know each other: every request and every answer is signed with a secret that both have.

A request carries its time and a nonce, so that none can be sent a second time by somebody else; an answer is bound
to its request's nonce, so that nobody can say "deleted" in the agent's place.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

HEADER = "X-Fsflows-Signature"
WINDOW = 60
"""Seconds by which the clocks of the two hosts may differ."""

MAX_NONCES = 100_000
"""Requests within two windows; more than that are refused."""

MIN_SECRET = 32
"""Characters of a secret; shorter ones can be guessed."""


class SignatureRefused(Exception):
    """A request or an answer that is not (freshly) signed with the secret."""


class Signer:
    """Signs and checks.

    Args:
        secret: known to both sides.
        now: the wall-clock time, seconds since the epoch.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, secret: str, now: Callable[[], float]) -> None:
        if len(secret) < MIN_SECRET:
            raise ValueError(
                f"the agent's secret must have {MIN_SECRET} characters or more"
                " (openssl rand -hex 32 makes one)"
            )
        self._secret = secret.encode()
        self._now = now
        self._started = now()
        self._nonces: dict[str, float] = {}

    def sign(self, path: str, body: bytes) -> tuple[str, str]:
        """The header's value for a request, and its nonce."""
        nonce = secrets.token_hex(16)
        time = f"{self._now():.3f}"
        return f"{time} {nonce} {self._digest('request', path, time, nonce, body)}", nonce

    def check(self, path: str, header: str, body: bytes) -> str:
        """Check a request's header; its nonce.

        Raises:
            SignatureRefused: with the reason.
        """
        try:
            time, nonce, signature = header.split(" ")
            sent = float(time)
        except ValueError:
            raise SignatureRefused("the request is not signed") from None
        expected = self._digest("request", path, time, nonce, body)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise SignatureRefused("the request is signed with another secret")
        now = self._now()
        if not abs(now - sent) <= WINDOW:  # also for what is no number
            raise SignatureRefused(f"the clocks of the two hosts are {now - sent:.0f} s apart")
        if sent < self._started:
            # What an earlier process has seen is not known any more.
            raise SignatureRefused("the request is older than this agent; send it again")
        self._forget(now - 2 * WINDOW)
        if nonce in self._nonces or len(self._nonces) >= MAX_NONCES:
            raise SignatureRefused("the request was sent before")
        self._nonces[nonce] = now
        return nonce

    def sign_answer(self, nonce: str, status: int, body: bytes) -> str:
        """The header's value for an answer."""
        return self._digest("answer", str(status), "", nonce, body)

    def check_answer(self, nonce: str, status: int, header: str, body: bytes) -> None:
        """Check an answer's header.

        Raises:
            SignatureRefused: it is not from the agent.
        """
        if not hmac.compare_digest(
            self.sign_answer(nonce, status, body).encode(), header.encode("utf-8", "replace")
        ):
            raise SignatureRefused("the answer is not signed with our secret")

    def _forget(self, until: float) -> None:
        # In the order in which they came: of thousands those at the front are looked at, and not all each time.
        while self._nonces and next(iter(self._nonces.values())) < until:
            del self._nonces[next(iter(self._nonces))]

    def _digest(self, what: str, subject: str, time: str, nonce: str, body: bytes) -> str:
        parts = (what, subject, time, nonce, hashlib.sha256(body).hexdigest())
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
