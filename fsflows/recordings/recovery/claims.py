"""Who is at work, and who takes over what a process has left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    select,
    union,
    update,
)

from fsflows.clock import Clock
from fsflows.database import Database
from fsflows.database.batches import batches
from fsflows.recordings.journal.attempts import AGAIN_AT_MOST
from fsflows.recordings.journal.entries import UNSETTLED, Entry, Intent, Node
from fsflows.recordings.journal.journal import LEASE
from fsflows.recordings.journal.rows import entry_of, intent_of, upsert
from fsflows.recordings.journal.tables import UNFINISHED, WITH_OPTIONS, discards, nodes, recordings

BATCH = 50
"""Calls that are taken over in one go; more are left for the next, or for other nodes."""


class Claims:
    """Leases on unfinished work, held by a heartbeat. On PostgreSQL several nodes claim side by side.

    Every method raises `DatabaseFailed` when the database can't do it.

    Args:
        living: processes that are known to live without asking the clock. One that is set by hours would make every
            heartbeat look old, and calls that are up would be taken from their processes.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        node: Node,
        living: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.node = node
        self._living = living
        self._database = database
        self._clock = clock
        self._turn = 0

    def beat(self) -> None:
        """This process lives. Forgets processes that have been dead for a day."""
        now = self._clock.utcnow()
        row = {"id": self.node.id, "name": self.node.name, "started_at": now, "seen_at": now}

        def work(connection: Connection) -> None:
            connection.execute(
                upsert(connection, nodes)
                .values(**row)
                .on_conflict_do_update(index_elements=["id"], set_={"seen_at": now})
            )
            connection.execute(delete(nodes).where(nodes.c.seen_at < now - 1440 * LEASE))

        self._database.write(work)

    def alive(self) -> set[str]:
        """The processes that were heard of lately, this one among them."""
        since = self._clock.utcnow() - LEASE
        query = select(nodes.c.id).where(nodes.c.seen_at >= since)
        found = self._database.read(lambda connection: connection.execute(query).scalars().all())
        return {self.node.id, *found, *self._living()}

    def retire(self) -> None:
        """This process ends."""
        ours = delete(nodes).where(nodes.c.id == self.node.id)
        self._database.write(lambda connection: connection.execute(ours))

    def retire_if(
        self, is_dead: Callable[[str], bool], forget: Callable[[str], None] = lambda process: None
    ) -> None:
        """Retire earlier processes of this node that are known to be dead."""
        others = select(nodes.c.id).where(
            nodes.c.name == self.node.name, nodes.c.id != self.node.id
        )
        found = self._database.read(lambda c: list(c.execute(others).scalars()))
        dead = [process for process in found if is_dead(process)]
        if dead:
            gone = delete(nodes).where(nodes.c.id.in_(dead))
            self._database.write(lambda connection: connection.execute(gone))
        for process in dead:
            forget(process)

    def discards(
        self, switches: Sequence[str], busy: Collection[str], *, at_once: bool = True
    ) -> list[Intent]:
        """Take over discards that nobody works on: open ones, and those of calls that are still to be watched.

        Args:
            switches: the FreeSWITCHes within our reach; what our own node had is, too.
            busy: calls that this process is at work on.
            at_once: also those that have failed, and whose time has not come again.
        """

        def work(connection: Connection) -> list[Intent]:
            now = self._clock.utcnow()
            # Later than ever said: the clock has been set back since.
            set_back = discards.c.due_at > now + AGAIN_AT_MOST
            due = discards.c.due_at.is_(None) | (discards.c.due_at <= now) | set_back
            is_open = discards.c.state == "open"
            which = (is_open if at_once else is_open & due) | (~is_open & discards.c.watch)
            which &= UNFINISHED
            taken = self._take(connection, discards, which, switches, busy)
            rows = connection.execute(
                select(discards)
                .where(discards.c.call_uuid.in_(taken))
                .order_by(discards.c.requested_at)
            )
            return [intent_of(row) for row in rows]

        return self._database.write(work)

    def recordings(self, switches: Sequence[str], busy: Collection[str]) -> list[Entry]:
        """Take over recordings that were never settled, of calls that nobody has any more."""

        def work(connection: Connection) -> list[Entry]:
            which = recordings.c.state.in_(UNSETTLED)
            taken = self._take(connection, recordings, which, switches, busy)
            rows = connection.execute(
                select(recordings)
                .where(recordings.c.call_uuid.in_(taken), which)
                .order_by(recordings.c.id)
            )
            return [entry_of(row) for row in rows]

        return self._database.write(work)

    def let_go(self, live: Collection[str]) -> None:
        """Own nothing any more of calls that this process has not (`live`: those that it has), and that isn't finished.

        Whoever sweeps for this node takes it over: this process may live for months, and not be the one that sweeps.
        """

        def work(connection: Connection) -> None:
            unfinished = (
                (discards, UNFINISHED),
                (recordings, recordings.c.state.in_(UNSETTLED)),
            )
            for table, which in unfinished:
                ours = select(table.c.call_uuid).where(which, table.c.owner == self.node.id)
                calls = sorted(set(connection.execute(ours).scalars()) - set(live))
                for some in batches(calls):
                    these = table.c.call_uuid.in_(some)
                    mine = update(table).where(these, which, table.c.owner == self.node.id)
                    connection.execute(mine.values(owner=""))

        self._database.write(work)

    def stranded(self, switches: Sequence[str]) -> dict[str, int]:
        """Nodes that don't live, and how many calls each has left unfinished that nobody takes over from here.

        Args:
            switches: as for `discards`.
        """

        def left(table: Table, which: ColumnElement[bool]) -> Select[tuple[str, str]]:
            free, living_nodes = self._given_up(table)
            elsewhere = table.c.node.not_in([self.node.name, ""]) & table.c.node.not_in(
                living_nodes
            )
            out_of_reach = table.c.switch.not_in(switches)
            return select(table.c.node, table.c.call_uuid).where(
                which, free, elsewhere, out_of_reach
            )

        def work(connection: Connection) -> dict[str, int]:
            calls = union(
                left(discards, discards.c.state == "open"),
                left(recordings, recordings.c.state.in_(UNSETTLED)),
            )
            return Counter(row.node for row in connection.execute(calls))

        return self._database.read(work)

    def by_path(self, paths: Collection[str]) -> dict[str, Entry]:
        """What the journal knows of these files; of several calls that recorded to one, the last."""
        wanted = sorted(paths)

        def work(connection: Connection) -> dict[str, Entry]:
            found = {}
            ask = select(recordings).order_by(recordings.c.id)
            for some in batches(wanted):
                rows = connection.execute(ask.where(recordings.c.path.in_(some)))
                found.update({row.path: entry_of(row) for row in rows})
            if len(found) < len(wanted):
                for row in connection.execute(ask.where(WITH_OPTIONS)):
                    entry = entry_of(row)
                    if entry.file in wanted:
                        found.setdefault(entry.file, entry)
            return found

        return self._database.read(work)

    def open_ages(self) -> list[float]:
        """For each open discard, the seconds since it was asked for."""
        asked = select(discards.c.requested_at).where(discards.c.state == "open")
        found = self._database.read(lambda c: c.execute(asked).scalars().all())
        now = self._clock.utcnow()
        return [max(0.0, (now - at).total_seconds()) for at in found]

    def _take(
        self,
        connection: Connection,
        table: Table,
        which: ColumnElement[bool],
        switches: Sequence[str],
        busy: Collection[str],
    ) -> list[str]:
        free, living_nodes = self._given_up(table)
        # A node that lives sees to its own: another one may not see its files, or not the same archive.
        theirs = table.c.switch.in_(switches) & table.c.node.not_in(living_nodes)
        statement: Any = (
            select(table.c.call_uuid)
            .where(which, free)
            .where((table.c.node == self.node.name) | theirs)
            .with_for_update(skip_locked=True)
        )
        found = sorted(set(connection.execute(statement).scalars()) - set(busy))
        # Each time from another place on: calls that always fail must not keep others from their turn.
        start = self._turn % len(found) if found else 0
        self._turn += BATCH
        taken = (found[start:] + found[:start])[:BATCH]
        connection.execute(
            update(table).where(table.c.call_uuid.in_(taken), which).values(owner=self.node.id)
        )
        return taken

    def _given_up(self, table: Table) -> tuple[ColumnElement[bool], Select[tuple[str]]]:
        """That no other process that lives owns it; and the names of the nodes that live."""
        alive = select(nodes.c.id).where(
            nodes.c.seen_at >= self._clock.utcnow() - LEASE, nodes.c.id != self.node.id
        )
        free = table.c.owner.not_in(alive) & table.c.owner.not_in(
            set(self._living()) - {self.node.id}
        )
        return free, select(nodes.c.name).where(nodes.c.id.in_(alive))
