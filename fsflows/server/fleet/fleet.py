"""What the parent of the workers decides: whom to start, to end, to begin again; when the socket is open. No I/O.

What happens goes in with its time, orders come out, and `due` says when to look again (`tick`). `fsflows.server.parent`
carries them out.

A worker that dies is started again, the later the more often it happens. Only before any call was taken that is no
use: one that says itself why it can't (exit status 1 or 2) ends the server with that status, and one that crashes at
each start ends it with a message.
"""

from __future__ import annotations

from fsflows.server.fleet.loading import Plan
from fsflows.server.fleet.members import Member, State
from fsflows.server.fleet.orders import Booted, Exit, Give, Kill, Order, Say, Shut, Start, Tell
from fsflows.server.node.channel import Message
from fsflows.server.node.roles import Role, counted

START_LIMIT = 120.0
"""Seconds that a start may take: a thousand flows, a slow database."""

BOOT_ATTEMPTS = 3
"""Crashes at boot before the server gives up."""

FORGET = 60.0
"""Seconds after which a death no longer makes the next start later."""

SLOWEST = 30.0
"""Seconds between two starts of a worker, at most."""

NEWS_EVERY = 1.0
"""Seconds between two messages to all about how all are, if nothing happens."""

REPORT_EVERY = 5.0
"""Seconds between two lines about a stop that waits for calls."""

GRACE = 20.0
"""Seconds beyond the drain in which a worker ends by itself: apologies, recordings to settle, records to write."""


class Fleet:
    """The workers of one server.

    Args:
        members: their roles, see `roles`.
        heartbeat: seconds without a sign of life after which a worker is ended.
        drain: seconds for running calls at a polite stop.

    Attributes:
        restarts: how often a worker was begun again.
        has_been_ready: whether a worker ever was: settings and database are fit for use.
        how: the signal that stops the server; "": none yet.
        editions: which flow files its workers load.
    """

    def __init__(self, members: list[Role], heartbeat: float, drain: float) -> None:
        self.members = [Member(number, role) for number, role in enumerate(members)]
        self.restarts = 0
        self.how = ""
        self.editions = Plan()
        self._heartbeat = heartbeat
        self._drain = drain
        self._booted = self._served = self.has_been_ready = False
        self._open = False
        self._orders: list[Order] = []
        self._news_at = self._report_at = self._kill_at = float("inf")
        self._cut_off = 0
        self._exited = False

    # --- what happens -----------------------------------------------------------------------------------------------

    def begin(self, now: float) -> list[Order]:
        """Start."""
        self._news_at = now + NEWS_EVERY
        self._start(self.members[0], now)
        return self._take()

    def heard(self, number: int, message: Message, now: float) -> list[Order]:
        """A worker has said something."""
        member = self.members[number]
        member.beat_at = now
        match message.get("what"):
            case "beat":
                member.news = message
                self._filled(member, bool(message.get("full")))
            case "ready":
                member.state = "serving"
                self.has_been_ready = True
                self._served |= member.takes_calls
                self._serves(now)
                self._orders += self.editions.serves(number)
            case "lost":
                member.holds, member.full = False, True
                self._mind_the_socket()
            case "reloaded":
                edition, problem = int(message["edition"]), str(message.get("problem", ""))
                self._orders += self.editions.answered(number, edition, problem)
            case "socket":
                self._asked(member, str(message.get("name")))
            case "level":
                for other in self.members:
                    if other is not member:
                        self._tell(other, message)
            case "left":
                self._cut_off += int(message.get("cut_off", 0))
        return self._take()

    def died(self, number: int, status: int, now: float) -> list[Order]:
        """A worker's process has ended. `status`: of its exit; negative: the signal that ended it."""
        member = self.members[number]
        was, member.state = member.state, "down"
        member.full = member.holds = False
        self._orders += self.editions.ended(number)
        if self.how:
            self._stopped(now)
        elif not self._served and status in (1, 2):
            self._exit(status)  # it has said why
        else:
            self._crashed(member, was, status, now)
        self._mind_the_socket()
        return self._take()

    def tick(self, now: float) -> list[Order]:
        """Time has passed."""
        for member in self.members:
            self._look_at(member, now)
        if now >= self._kill_at:
            self._kill_at = float("inf")
            for member in self.members:
                self._kill(member, "it does not end by itself")
        if now >= self._report_at:
            self._report_at = now + REPORT_EVERY
            self._say("info", "still running", calls=self.calls)
        if now >= self._news_at:
            self._news_at = now + NEWS_EVERY
            self._spread(now)
        return self._take()

    def stop(self, how: str, now: float, *, handed_over: bool = False) -> list[Order]:
        """Stop.

        Args:
            how: politely ("SIGTERM"), or at once ("SIGINT"; told twice, without a word to the callers).
            now: the time.
            handed_over: another server has the listening sockets from here on.
        """
        if not self.how:
            self._begin_to_stop(how, now, handed_over)
        elif how == "SIGINT":
            order = "cut" if self.how == "SIGINT" else "hurry"
            self._kill_at = min(self._kill_at, now + GRACE)
            self._tell_all({"what": order})
            self.how = how
        return self._take()

    def reload(self) -> list[Order]:
        """Read the flows again."""
        if not self.how:
            self._orders += self.editions.wanted()
        return self._take()

    def adjust(self, heartbeat: float, drain: float, settings: Message) -> list[Order]:
        """Put other settings in force: our own, and those that each worker is told."""
        self._heartbeat, self._drain = heartbeat, drain
        self._tell_all({"what": "settings", **settings})
        return self._take()

    def due(self, now: float) -> float:
        """When to `tick`, at the latest."""
        times = [self._news_at, self._report_at, self._kill_at]
        for member in self.members:
            if member.again_at is not None:
                times.append(member.again_at)
            if member.state != "down" and not member.killed:
                times.append(member.beat_at + self._patience(member))
        return max(now, min(times))

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def calls(self) -> int:
        """Calls in progress, of all."""
        return sum(member.calls for member in self.members)

    @property
    def open(self) -> bool:
        """Whether some worker is to have the calls' socket."""
        return self._open

    @property
    def status(self) -> str:
        """How all are, in a few words."""
        words = [counted(self.calls)]
        if self.editions.problem:
            words.append("the flows on disk can't be loaded")
        if self.how:
            words.append("stopping")
        return ", ".join(words)

    def node(self, now: float) -> Message:
        """How all are, for health pages."""
        return {
            "what": "node",
            "stopping": self.how,
            "restarts": self.restarts,
            "open": self._open,
            "flows": self.editions.problem,
            "members": [
                {
                    **{key: value for key, value in member.news.items() if key != "what"},
                    "number": member.number,
                    "role": member.role,
                    "state": member.state,
                    "full": member.full,
                    "silent": round(now - member.beat_at, 3) if member.state != "down" else None,
                    "deaths": len(member.deaths),
                }
                for member in self.members
            ],
        }

    # --- starting -----------------------------------------------------------------------------------------------------

    def _start(self, member: Member, now: float) -> None:
        member.state, member.beat_at, member.again_at = "starting", now, None
        member.killed, member.news = False, {}
        self.editions.started(member.number)
        self._do(Start(member.number))

    def _serves(self, now: float) -> None:
        if self.how:
            return
        for member in self.members:
            if member.state == "down" and member.again_at is None:
                self._start(member, now)
        if not self._booted and all(member.state == "serving" for member in self.members):
            self._booted = True
            self._do(Booted())
        self._mind_the_socket()
        self._spread(now)

    def _crashed(self, member: Member, was: State, status: int, now: float) -> None:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        member.deaths = [at for at in member.deaths if now - at < FORGET] + [now]
        times = len(member.deaths)
        if not self._served and times >= BOOT_ATTEMPTS:
            self._exit(
                1,
                f"a worker ended with {how} at each of {times} starts: giving up. What it said stands above.",
            )
            return
        wait = 0.0 if times == 1 else min(SLOWEST, 0.5 * 2.0 ** (times - 2))
        member.again_at = now + wait
        self.restarts += 1
        self._say(
            "error",
            "a worker ended; it is started again",
            worker=member.number,
            how=how,
            calls=int(member.news.get("calls", 0)) if was == "serving" else 0,
            wait=wait,
        )
        self._spread(now)

    def _look_at(self, member: Member, now: float) -> None:
        if member.again_at is not None and now >= member.again_at and not self.how:
            self._start(member, now)
        patience = self._patience(member)
        if member.state != "down" and now - member.beat_at > patience:
            self._kill(member, f"no sign of life for {patience:g} s")

    def _patience(self, member: Member) -> float:
        return self._heartbeat if member.state == "serving" else START_LIMIT

    def _kill(self, member: Member, why: str) -> None:
        if member.state != "down" and not member.killed:
            member.killed = True
            self._say("error", "a worker is ended", worker=member.number, why=why)
            self._do(Kill(member.number, why))

    # --- the calls' socket --------------------------------------------------------------------------------------------

    def _asked(self, member: Member, name: str) -> None:
        if name != "calls":
            self._do(Give(member.number, name))
        elif not self.how:
            self._give(member)

    def _give(self, member: Member) -> None:
        self._open = member.holds = True
        self._do(Give(member.number, "calls"))

    def _filled(self, member: Member, full: bool) -> None:
        was, member.full = member.full, full
        if full:
            self._mind_the_socket()
        elif was and not member.holds and not self.how:
            self._give(member)

    def _mind_the_socket(self) -> None:
        """Close it when nobody takes what comes: FreeSWITCH goes to its next host."""
        holders = [member for member in self.members if member.holds]
        if not self._open or any(not member.full for member in holders):
            return
        self._open = False
        self._do(Shut(dismiss=not holders))
        for member in holders:
            member.holds = False
            self._do(Tell(member.number, {"what": "shut"}))

    # --- stopping ---------------------------------------------------------------------------------------------------

    def _begin_to_stop(self, how: str, now: float, handed_over: bool) -> None:
        self.how = how
        self.editions.over()
        drain = self._drain if how == "SIGTERM" else 0.0
        self._say("info", "stopping", signal=how, calls=self.calls, drain=drain)
        if self._open:
            self._open = False
            # The workers serve what waits, and close theirs behind it.
            held = any(member.holds for member in self.members)
            self._do(Shut(dismiss=not handed_over and not held))
        self._report_at = now + REPORT_EVERY
        self._kill_at = now + drain + GRACE
        for member in self.members:
            if member.state == "starting" and not member.holds:
                # It has no caller, and may be busy with its flows for long.
                member.killed = True
                self._do(Kill(member.number, "it was just starting"))
            elif member.takes_calls:
                self._tell(member, {"what": "stop", "drain": drain, "handed_over": handed_over})
            elif handed_over:
                self._tell(member, {"what": "shut"})
        self._spread(now)
        self._stopped(now)

    def _stopped(self, now: float) -> None:
        """The office goes last: until then it says how the rest is doing."""
        up = [member for member in self.members if member.state != "down"]
        if not any(member.takes_calls for member in up):
            for member in up:
                if not member.killed:
                    self._tell(member, {"what": "stop", "drain": 0.0})
        if not up:
            self._say("info", "stopped", cut_off=self._cut_off)
            self._exit(0)

    # --- saying it --------------------------------------------------------------------------------------------------

    def _spread(self, now: float) -> None:
        node = self.node(now)
        for member in self.members:
            if member.role != "calls":
                self._tell(member, node)

    def _tell(self, member: Member, message: Message) -> None:
        if member.state != "down":
            self._do(Tell(member.number, message))

    def _tell_all(self, message: Message) -> None:
        for member in self.members:
            self._tell(member, message)

    def _say(self, level: str, event: str, **fields: object) -> None:
        self._do(Say(level, event, fields))

    def _exit(self, status: int, text: str = "") -> None:
        if self._exited:
            return
        self._exited = True
        for member in self.members:
            if member.state != "down":
                self._do(Kill(member.number, "the server ends"))
        self._do(Exit(status, text))

    def _do(self, order: Order) -> None:
        self._orders.append(order)

    def _take(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders
