"""Which worker loads which edition of the flow files, and when one comes into force. No I/O.

An edition is loaded by one worker first, the one that does most beside calls: what never comes to an end must not hold
up all of them. It comes into force when that one could load it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fsflows.server.fleet.orders import Order, Read, Say, Tell

DIED = (
    "a worker ended while it loaded them: what a functions file does when it is read must not block"
)


@dataclass(slots=True)
class _Has:
    """What a worker has, what it is to load, and what it was told before."""

    edition: int
    serving: bool = False
    due: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)


class Plan:
    """Which worker loads what.

    Attributes:
        in_force: the edition that a worker starts with.
        problem: why the latest one could not be loaded; "": it could.
    """

    def __init__(self) -> None:
        self.in_force = 0
        self.problem = ""
        self._latest = 0
        self._refused = False  # the latest one
        self._again = False
        self._workers: dict[int, _Has] = {}

    @property
    def open(self) -> bool:
        """Whether some worker has not yet loaded what it was told to."""
        return self._again or any(has.due for has in self._workers.values())

    def started(self, number: int) -> None:
        """A worker starts, with the edition in force."""
        self._workers[number] = _Has(self.in_force)

    def serves(self, number: int) -> list[Order]:
        """A worker has loaded it, and takes orders."""
        if number not in self._workers:
            return []
        self._workers[number].serving = True
        return self._bring_up(number)

    def ended(self, number: int) -> list[Order]:
        """A worker is gone."""
        has = self._workers.pop(number, None)
        orders: list[Order] = []
        if has is not None and self._latest in has.due and self.in_force != self._latest:
            # It may have been another fault's; but the others would all die of this one, again and again.
            self._refused, self.problem = True, DIED
            fields = {"problem": DIED, "worker": number}
            orders.append(Say("error", "flows not loaded; the old ones stay", fields))
        return orders + self._bring_up_all() + self._next()

    def wanted(self) -> list[Order]:
        """The files are to be read again. Asked for while that is under way, once more behind it."""
        if self.open:
            self._again = True
            return []
        self._latest += 1
        self._refused = False
        return [Read(self._latest), *self._bring_up_all()]

    def answered(self, number: int, edition: int, problem: str) -> list[Order]:
        """A worker has loaded an edition; or not, because of a problem, and keeps what it has."""
        has = self._workers.get(number)
        if has is None:
            return []
        has.due.discard(edition)
        if not problem:
            has.edition = edition
            self.in_force = max(self.in_force, edition)
        if edition == self._latest:
            self._refused |= bool(problem)
            if problem or not self._refused:
                self.problem = problem
        return self._bring_up_all() + self._next()

    def over(self) -> None:
        """The server stops: nobody loads anything more, and who ends now has not died of what it was loading."""
        self._again = False
        self._workers.clear()

    def _bring_up_all(self) -> list[Order]:
        return [order for number in sorted(self._workers) for order in self._bring_up(number)]

    def _bring_up(self, number: int) -> list[Order]:
        """Have a worker load what it lacks: the latest edition, or if that one is no good, the one in force."""
        has = self._workers[number]
        wanted = self.in_force if self._refused else self._latest
        if not has.serving or has.due or has.edition == wanted or wanted in has.told:
            return []
        if wanted != self.in_force and any(wanted in each.due for each in self._workers.values()):
            return []  # somebody tries it
        has.due.add(wanted)
        has.told.add(wanted)
        return [Tell(number, {"what": "reload", "edition": wanted})]

    def _next(self) -> list[Order]:
        if not self._again or any(has.due for has in self._workers.values()):
            return []
        self._again = False
        return self.wanted()
