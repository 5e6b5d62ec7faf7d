"""What `/live` and `/ready` answer, and the console's lines about the workers, from what the parent tells.

`/live` fails when nothing moves any more: whoever runs us had better start us again. `/ready` says whether new calls
should come here: 503 while starting, draining, or with flows on disk that don't load (those that run are the old
ones); 429 at the limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fsflows.archive.writer import WriterStats
from fsflows.console.sources import Check, Health
from fsflows.server.node.channel import Message
from fsflows.server.node.roles import counted

SILENT = 10.0
"""Seconds without a sign of life after which a worker stands still."""

SLOW = 0.5
"""Seconds behind which an event loop is worth a look."""


class NodeHealth:
    """How this server is.

    Args:
        look: how all its workers are, see `Fleet.node`.
    """

    def __init__(self, look: Callable[[], Message]) -> None:
        self._look = look

    def live(self) -> Health:
        """For `/live`."""
        old = self._age()
        silent = [
            (member["silent"] or 0.0) + old
            for member in self._workers()
            if member["state"] != "down"
        ]
        if silent and min(silent) > SILENT:
            return Health(503, "stuck", f"no worker has moved for {min(silent):.0f} s")
        return Health(200, "ok", "")

    def ready(self) -> Health:
        """For `/ready`."""
        workers = self._workers()
        if (old := self._age()) > SILENT:
            return Health(503, "stuck", f"the parent process has not been heard of for {old:.0f} s")
        if self._look().get("deaf"):
            return Health(503, "deaf", "the address can't be listened on: see the log")
        if self._look().get("stopping"):
            return Health(503, "draining", f"{counted(self.calls)} still running")
        if problem := self._look().get("flows"):
            return Health(503, "flows", f"flows don't load; the old ones run: {problem}")
        serving = [member for member in workers if member["state"] == "serving"]
        if not serving:
            return Health(503, "starting", "no worker takes calls yet")
        if all(member["full"] for member in serving):
            return Health(429, "full", f"{counted(self.calls)}: no worker takes another one")
        return Health(200, "ok", counted(self.calls))

    def checks(self) -> list[Check]:
        """For the console's status page."""
        ready = self.ready()
        found = [Check("Calls", ok=ready.code == 200, text=f"{ready.word}: {ready.text}")]
        found += [_check(member) for member in self._look().get("members", ())]
        if restarts := self._look().get("restarts"):
            found.append(
                Check("Restarts", ok=False, text=f"workers were started again {restarts}×")
            )
        return found

    def writer(self) -> WriterStats:
        """How records get into the database, of all workers together."""
        told = [
            member["writer"] for member in self._look().get("members", ()) if member.get("writer")
        ]
        sums = {
            name: sum(each.get(name, 0) for each in told)
            for name in WriterStats.__dataclass_fields__
            if name != "error"
        }
        return WriterStats(
            **sums, error=next((each["error"] for each in told if each["error"]), "")
        )

    def _age(self) -> float:
        """Seconds since it was told how all are."""
        at = self._look().get("at")
        return 0.0 if at is None else max(0.0, time.monotonic() - float(at))

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return sum(int(member.get("calls", 0)) for member in self._workers())

    def _workers(self) -> list[dict[str, Any]]:
        members = self._look().get("members", ())
        return [member for member in members if member["role"] != "office"]


def _check(member: dict[str, Any]) -> Check:
    name = "Office" if member["role"] == "office" else f"Worker {member['number']}"
    if member["state"] != "serving":
        return Check(name, ok=False, text=member["state"])
    lag = float(member.get("lag", 0.0))
    text = f"event loop {lag * 1000:.0f} ms behind"
    if member["role"] != "office":
        text = f"{counted(member.get('calls', 0))}{' (full)' if member['full'] else ''}, {text}"
    silent = member.get("silent") or 0.0
    if silent > SILENT:
        return Check(name, ok=False, text=f"no sign of life for {silent:.0f} s")
    return Check(name, ok=lag < SLOW, text=text)
