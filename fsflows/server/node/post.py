"""A worker's place in its server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsflows.flow.reading.files import Snapshot
from fsflows.server.node.peers import Table
from fsflows.server.node.roles import Role


@dataclass(frozen=True, slots=True)
class Post:
    """What a worker is given by its parent.

    Attributes:
        number: which one it is.
        role: what it does.
        channel: its end of the line to the parent.
        directory: for sockets between the workers.
        others: the numbers of those that take calls, for the office.
        flows: the flow files that it is to load.
        peers: where the workers count each address's connections; None: there is only one of them.
        again: a worker of this server has been ready before, with the database that the settings name.
    """

    number: int
    role: Role
    channel: Any
    directory: str
    others: tuple[int, ...]
    flows: Snapshot
    peers: Table | None
    again: bool
