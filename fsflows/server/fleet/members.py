"""The workers of a server, as far as their parent knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fsflows.server.node.channel import Message
from fsflows.server.node.roles import Role

State = Literal["down", "starting", "serving"]


@dataclass(slots=True)
class Member:
    """One worker, as far as it is known.

    Attributes:
        beat_at: when it was last heard of.
        deaths: when it died, lately.
        again_at: when it is to be started again.
        full: it has no room for another call.
        holds: it has the calls' socket.
        news: the last beat.
    """

    number: int
    role: Role
    state: State = "down"
    beat_at: float = 0.0
    deaths: list[float] = field(default_factory=list)
    again_at: float | None = None
    full: bool = False
    holds: bool = False
    killed: bool = False
    news: Message = field(default_factory=dict)

    @property
    def takes_calls(self) -> bool:
        return self.role != "office"

    @property
    def calls(self) -> int:
        return int(self.news.get("calls", 0)) if self.state != "down" else 0
