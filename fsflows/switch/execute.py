"""An application to run on a channel, as `sendmsg` asks for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Execute:
    """One `call-command: execute`.

    Attributes:
        name: the application.
        data: its argument, before variables in it are expanded.
        uuid: the Application-UUID of its events.
        locked: event-lock: nothing else runs inside it.
        loops: how many times it runs.
    """

    name: str
    data: str
    uuid: str
    locked: bool = False
    loops: int = 1
