"""The line to a call: what is waited for and sent on it, and how it ends. `Leg` knows what its events mean.

The conversation above has no callbacks and no timers of its own: it asks `wait` for the next thing, until a deadline.
The same code runs on a real connection and, in virtual time, on the simulated switch.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fsflows.call import metrics
from fsflows.call.ended import LINK_LOST, REFERRED, TRANSFERRED, CallEnded, CallFailed, Interrupted
from fsflows.call.happenings import Executed, Happening, KeyPressed
from fsflows.call.party import Party
from fsflows.call.sent import Sent
from fsflows.esl import commands
from fsflows.esl.link import LinkClosed, Reply, ReplyTimeout
from fsflows.log import Logger, get_logger

if TYPE_CHECKING:
    from fsflows.call.playing import Player
    from fsflows.clock import Clock
    from fsflows.esl.event import Event
    from fsflows.esl.link import Asked, Link

SILENCE = 300.0
"""Seconds without an event, where no deadline is nearer, after which FreeSWITCH is asked whether the call is there:
a FreeSWITCH that stands still closes no connection, and would hold the call's place for good."""

_ids = itertools.count(1)


class Line(Party, ABC):
    """The line to a caller's leg.

    Args:
        link: the connection to it.
        clock: the time of `link`.
    """

    _player: Player

    def __init__(self, link: Link, clock: Clock) -> None:
        super().__init__(link)
        self.clock = clock
        self._pending: list[Happening] = []
        self._awaited: dict[str, Sent] = {}
        self._ended: CallEnded | None = None
        self._ending = False
        self._closed = False
        self._answered = link.channel.get("Answer-State") == "answered"
        self._complete = False  # FreeSWITCH has said the last of it
        self._last_application = ""
        self._interrupted = False
        self._key_at: float | None = None  # of the key that is being answered
        self._heard_at = clock.now()  # of the last event

    @property
    def _log(self) -> Logger:
        return get_logger("call", call=self.uuid)  # seldom needed: not kept for each call

    @abstractmethod
    def _handle(self, event: Event) -> None:
        """Do what an event means."""

    # --- its end --------------------------------------------------------------------------------------------

    @property
    def ended(self) -> CallEnded | None:
        """How the call ended; None while it has not."""
        return self._ended

    @property
    def gone(self) -> bool:
        """Whether the channel is gone from FreeSWITCH; False while it goes on without us after a transfer."""
        return self._ended is not None and self._ended.cause not in (
            LINK_LOST,
            TRANSFERRED,
            REFERRED,
        )

    @property
    def passed_on(self) -> bool:
        """Whether the call goes on without us: it was transferred, by us or by somebody else."""
        return self._ended is not None and self._ended.cause == TRANSFERRED

    # --- waiting --------------------------------------------------------------------------------------------

    def wait(self, until: float | None = None) -> Happening | None:
        """The next thing that happens.

        Args:
            until: a deadline on the call's clock; None: none.

        Returns:
            What happened; None when the deadline passed, or `wake` was called, first.

        Raises:
            CallEnded: the call is over; everything that happened before its end has been returned.
            Interrupted: `interrupt` was called.
        """
        if (
            self._key_at is not None
            and not self._player.stopping
            and (until is None or until > self.clock.now())
        ):
            self._key_at = None  # whoever waits has answered it, and needed no command
        while not self._pending:
            if self._ended is not None:
                raise self._ended.again()
            if not self._read(until) and not self._pending:
                return None
        happening = self._pending.pop(0)
        if isinstance(happening, KeyPressed):
            self._key_at = happening.at
        return happening

    def attend(self, until: float | None = None) -> bool:
        """Take one event, and keep what it means for `wait`; so that playing goes on while nobody waits.

        Returns:
            False when the deadline came first, or the call is over. True after an event, or `wake`.
        """
        if self._ended is not None:
            return False
        return self._read(until) or until is None or self.clock.now() < until

    def wake(self) -> None:
        """Let a `wait` return None now."""
        self.link.wake()

    def interrupt(self) -> None:
        """Have `Interrupted` raised where the conversation waits, once."""
        self._interrupted = True
        self.link.wake()

    def linger(self, seconds: float) -> None:
        """After the hang-up: read the last events (recordings that stop), for so long at the most."""
        # What comes after CHANNEL_HANGUP_COMPLETE is of no use; a transferred call goes on without us.
        self._take(lambda: self._complete, seconds)

    def _take(self, enough: Callable[[], bool], seconds: float) -> None:
        """Take events until that is enough, for so long at the most."""
        until = self.clock.now() + seconds
        while not enough() and self.clock.now() < until:
            try:
                event = self.link.receive(until)
            except LinkClosed:
                return
            if event is not None and not self._closed:
                self._handle(event)

    def _read(self, until: float | None) -> bool:
        """Take one event; False when the deadline came first (or a wake-up)."""
        if self._interrupted:
            self._interrupted = False
            raise Interrupted
        guard = self._player.guard
        deadline = until if guard is None or (until is not None and until < guard) else guard
        silence_ends = self._heard_at + SILENCE
        unbounded = deadline is None or silence_ends < deadline
        if unbounded:
            deadline = silence_ends
        try:
            event = self.link.receive(deadline)
        except LinkClosed as closed:
            self._link_ended(closed)
            return True
        self._open()
        if event is not None:
            self._handle(event)
            return True
        if self._interrupted or self._player.check_guard(self.clock.now()):
            return True
        if unbounded and silence_ends <= self.clock.now():
            self._look_for_life()
            return True
        return False

    def _look_for_life(self) -> None:
        self._heard_at = self.clock.now()
        try:
            there = self.api("uuid_exists", self.uuid).text.strip() != "false"
        except CallEnded:
            return
        except CallFailed as failed:
            self._over(LINK_LOST, reason=f"not an event for {SILENCE:g} s, and {failed}")
            return
        if not there:
            self._log.warning("the call is gone, and FreeSWITCH did not say so")
            self._over("NORMAL_UNSPECIFIED")

    def _alive(self) -> None:
        if self._ended is not None:
            raise self._ended.again()

    def _open(self) -> None:
        """Raises `CallEnded` once the call was closed, as by somebody else while this task waited."""
        if self._closed:
            self._alive()

    def _over(self, cause: str, *, reason: str = "") -> None:
        if self._ended is None:
            self._ended = CallEnded(cause, ours=self._ending)
            if cause == LINK_LOST:
                self._log.warning("connection to FreeSWITCH lost", reason=reason)
            self._player.abandon(self.clock.now())

    def _link_ended(self, closed: LinkClosed) -> None:
        if self.link.lingering:
            # The caller was gone before FreeSWITCH had read what we want to be told.
            self._over("NORMAL_UNSPECIFIED" if self._answered else "ORIGINATOR_CANCEL")
        else:
            self._over(LINK_LOST, reason=closed.reason)

    # --- sending --------------------------------------------------------------------------------------------

    def api(self, name: str, *arguments: str, timeout: float = 5.0) -> Reply:
        """Run an `api` command and wait for what it prints; also after the hang-up, while the connection stands.

        Only quick ones: it holds up this call's events.
        """
        return self.ask(name, *arguments)(timeout)

    def ask(self, name: str, *arguments: str) -> Callable[[float], Reply]:
        """`api` in two: send the command now; what is returned waits for so many seconds for what it prints."""
        try:
            asked = self.link.ask(commands.api(name, *arguments))
        except LinkClosed as closed:
            raise self._lost(closed) from None
        return partial(self._answer, name, asked)

    def _answer(self, name: str, asked: Asked, timeout: float) -> Reply:
        try:
            return asked.reply(timeout)
        except LinkClosed as closed:
            raise self._lost(closed) from None
        except ReplyTimeout:
            raise CallFailed(name, f"FreeSWITCH did not answer within {timeout:g} s") from None

    def _lost(self, closed: LinkClosed) -> CallEnded:
        """The connection has ended: how the call has."""
        self._read_rest()
        self._link_ended(closed)
        assert self._ended is not None
        return self._ended.again()

    def execute(self, application: str, argument: str = "", *, more: bool = False) -> str:
        """Send an application to the channel and don't wait; returns its Event-UUID. `more`: see `Link.post`."""
        self._alive()
        uuid = f"{self.uuid}-{next(_ids)}"
        self._last_application = application
        self.post(commands.execute(application, argument, event_uuid=uuid), more=more)
        return uuid

    def run(self, application: str, argument: str = "", timeout: float = 10.0) -> Executed:
        """Send an application and wait until it has finished.

        Raises:
            CallFailed: it did not finish within `timeout` seconds.
        """
        return self.finish(self.begin(application, argument), application, timeout)

    def begin(self, application: str, argument: str = "", *, more: bool = False) -> str:
        """Send an application and don't wait for it yet; returns what `finish` is to be given."""
        uuid = self.execute(application, argument, more=more)
        self._awaited[uuid] = Sent(application, argument, self.clock.now())
        return uuid

    def finish(self, uuid: str, application: str, timeout: float = 10.0) -> Executed:
        """Wait until an application that `begin` has sent has finished.

        Raises:
            CallFailed: it did not finish within `timeout` seconds.
        """
        sent = self._awaited[uuid]
        sent.since = self.clock.now()
        try:
            while sent.done is None:
                self._alive()
                until = sent.since + timeout
                if not sent.begun and self.clock.now() >= sent.ask_at:
                    sent.ask(self._ask_turn(), self.clock.now())
                deadline = until if sent.begun else min(until, sent.ask_at)
                if not self._read(deadline) and self.clock.now() >= sent.since + timeout:
                    raise CallFailed(application, f"not finished within {timeout:g} s")
            return sent.done
        finally:
            del self._awaited[uuid]

    def _ask_turn(self) -> str:
        """Send an application that does nothing: when it begins, all that was sent before has begun or never will."""
        return self.execute("set", "fsflows_waits=true")

    def _begun(self, uuid: str) -> None:
        """An application has begun."""
        if uuid in self._awaited:
            self._awaited[uuid].begun = True
            return
        for other, sent in self._awaited.items():
            if sent.asked == uuid and not sent.begun and self._ended is None:
                what = sent.application
                self._log.warning("FreeSWITCH has dropped a command (uuid_break all?)", what=what)
                sent.was_dropped(self.clock.now())
                # The first one never comes, so that its name is free.
                self.post(commands.execute(what, sent.argument, event_uuid=other))

    def post(self, command: commands.Command, *, more: bool = False) -> None:
        """Send a command and don't wait for its reply. `more`: see `Link.post`."""
        if self._key_at is not None:
            metrics.key_to_command.add(self.clock.now() - self._key_at)
            self._key_at = None
        try:
            self.link.post(command, more=more)
        except LinkClosed as closed:
            raise self._lost(closed) from None

    def _read_rest(self) -> None:
        # The hang-up and its cause may lie unread before the end of the connection.
        if self._ended is not None:
            return
        now = self.clock.now()
        try:
            while (event := self.link.receive(now)) is not None and not self._closed:
                self._handle(event)
        except LinkClosed:
            pass
