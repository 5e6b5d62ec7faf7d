"""Slows down guessing: whoever shows wrong passwords or tokens has to wait.

Counted by client, so that no one is made to wait for another's guesses. Behind a proxy all clients have its address;
that is why a proxy that is known (`console.proxies`) is believed what it says of them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from fsflows.webserver import ip_address

MAX_FAILURES = 5
WINDOW = 60.0
"""So many failures of one client in so many seconds; then it has to wait."""

MAX_CLIENTS = 10_000
"""That are remembered; with more at once, those that failed the longest ago are forgotten."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Throttle:
    """Counts the failures of each client.

    Args:
        now: seconds, monotonic.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Seconds until this client may try again; 0: now."""
        failures = self._recent(client)
        if len(failures) < MAX_FAILURES:
            return 0.0
        return failures[0][0] + WINDOW - self._now()

    def failed(self, client: str, guess: str = "") -> None:
        """A client showed something wrong.

        Args:
            client: as `webserver.household` gives it.
            guess: what it showed, if showing the same once more is no new guess: a program that has an old token goes
                on with it, and the others at its address must not wait for that. "": each counts.
        """
        digest = hashlib.sha256(guess.encode()).hexdigest() if guess else ""
        failures = self._recent(client)
        if digest and any(digest == known for _, known in failures):
            return
        failures.append((self._now(), digest))
        self._failures[client] = failures
        self._failures.move_to_end(client)
        if len(self._failures) > MAX_CLIENTS:
            self._failures.popitem(last=False)

    def _recent(self, client: str) -> deque[tuple[float, str]]:
        failures = self._failures.get(client) or deque(maxlen=MAX_FAILURES)
        while failures and failures[0][0] <= self._now() - WINDOW:
            failures.popleft()
        return failures


def parse_proxies(texts: Sequence[str]) -> list[Network]:
    """`console.proxies`: addresses or networks.

    Raises:
        ValueError: with what is none.
    """
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise ValueError(
                f"console.proxies: {text!r} is no address and no network (10.0.0.0/8)"
            ) from error
    return networks


def client_of(address: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Who has sent a request.

    Args:
        address: of the connection.
        forwarded: X-Forwarded-For: each proxy has added, at the end, who connected to it. Only the proxies that are
            known are believed.
        proxies: those.
    """
    hops = list(forwarded)
    client = address
    while hops and _is_one_of(client, proxies):
        said = hops.pop().strip()
        if ip_address(said) is None:
            break
        client = said
    return client


def _is_one_of(client: str, proxies: Sequence[Network]) -> bool:
    parsed = ip_address(client)
    return parsed is not None and any(parsed in network for network in proxies)
