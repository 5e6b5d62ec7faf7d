"""A leg: one caller's channel, as far as it is waited for, spoken to and asked about; `Call` adds the verbs.

The conversation above has no callbacks and no timers of its own: it asks `wait` for the next thing, until a deadline.
The same code runs on a real connection and, in virtual time, on the simulated switch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from fsflows.call import metrics
from fsflows.call.audio import Sound, Voice
from fsflows.call.ended import (
    LINK_LOST,
    REFERRED,
    TRANSFERRED,
    UNKNOWN_APPLICATION,
    CallEnded,
    CallFailed,
    Interrupted,
)
from fsflows.call.happenings import (
    Executed,
    Happening,
    KeyPressed,
    PlaybackEnded,
    RecordingStarted,
    RecordingStopped,
)
from fsflows.call.party import Party
from fsflows.call.playing import Playback, Player
from fsflows.call.reading import is_taken, key_of
from fsflows.call.recogniser import Recogniser
from fsflows.call.subscription import EVENTS
from fsflows.call.terminators import Terminators
from fsflows.call.timeline import Timeline
from fsflows.esl import commands, quoting
from fsflows.esl.link import LinkClosed, Reply, ReplyTimeout
from fsflows.log import Logger, get_logger

if TYPE_CHECKING:
    from fsflows.clock import Clock
    from fsflows.esl.event import Event
    from fsflows.esl.link import Link

SILENCE = 300.0
"""Seconds without an event, where no deadline is nearer, after which FreeSWITCH is asked whether the call is there:
a FreeSWITCH that stands still closes no connection, and would hold the call's place for good."""

_ids = itertools.count(1)
_counts = metrics.by_event(EVENTS)
_other = _counts[metrics.OTHER]


class Leg(Party):
    """A caller's leg.

    Args:
        link: the connection to it, connected and subscribed to `EVENTS`.
        clock: the time of `link`.
        voice: how text is spoken.

    Every verb raises `CallEnded` when the call is over, and `CallFailed` when FreeSWITCH refuses.
    """

    def __init__(self, link: Link, clock: Clock, voice: Voice | None = None) -> None:
        super().__init__(link)
        self.clock = clock
        self.voice = voice or Voice()
        self.on_playback: Callable[[Playback], None] | None = None
        self.on_recording: Callable[[RecordingStarted | RecordingStopped], None] | None = None
        self.on_key: Callable[[float], None] | None = None  # told at once, also while nobody waits
        self._timeline = Timeline()
        self._timeline.at(link.channel.timestamp, clock.now())
        self._pending: list[Happening] = []
        self._finished: dict[str, Executed | None] = {}
        self._recogniser = Recogniser(self)
        self._player = Player(
            self._execute_sound,
            self._send_break,
            self._playback_ended,
            clock.now,
            lambda: self._log,
        )
        self._ended: CallEnded | None = None
        self._ending = False
        self._terminators = Terminators()
        self._elsewhere = False
        self._state = link.channel.get("Channel-State-Number")
        self._answered = link.channel.get("Answer-State") == "answered"
        self._answering = ""  # the application that does it
        self._bridged = False
        self._parting: Event | None = None
        """The end of a bridge, or of the call: what came of a hand-off."""
        self._complete = False
        self._last_application = ""
        self._interrupted = False
        self._key_at: float | None = None  # of the key that is being answered
        self._barge_in = metrics.BargeIn()

    @property
    def _log(self) -> Logger:
        return get_logger("call", call=self.uuid)  # seldom needed: not kept for each call

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
                raise self._ended
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
            if event is not None:
                self._handle(event)

    def _read(self, until: float | None) -> bool:
        """Take one event; False when the deadline came first (or a wake-up)."""
        if self._interrupted:
            self._interrupted = False
            raise Interrupted
        guard = self._player.guard
        deadline = until if guard is None or (until is not None and until < guard) else guard
        silence_ends = self.clock.now() + SILENCE
        unbounded = deadline is None or silence_ends < deadline
        if unbounded:
            deadline = silence_ends
        try:
            event = self.link.receive(deadline)
        except LinkClosed as closed:
            self._link_ended(closed)
            return True
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

    def _handle(self, event: Event) -> None:
        name = event.name
        handler = _HANDLERS.get(name)
        _counts.get(name, _other).n += 1
        if handler is not None:
            now = self.clock.now()
            at = self._timeline.at(event.timestamp, now)
            metrics.event_lag.add(now - at)
            handler(self, event, at)

    def _alive(self) -> None:
        if self._ended is not None:
            raise self._ended

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
        return self._ask(commands.api(name, *arguments), name, timeout)

    def _ask(self, command: commands.Command, name: str, timeout: float) -> Reply:
        try:
            return self.link.request(command, timeout)
        except LinkClosed as closed:
            self._read_rest()
            self._link_ended(closed)
            assert self._ended is not None
            raise self._ended from None
        except ReplyTimeout:
            raise CallFailed(name, f"FreeSWITCH did not answer within {timeout:g} s") from None

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
        self._finished[uuid] = None
        return uuid

    def finish(self, uuid: str, application: str, timeout: float = 10.0) -> Executed:
        """Wait until an application that `begin` has sent has finished.

        Raises:
            CallFailed: it did not finish within `timeout` seconds.
        """
        until = self.clock.now() + timeout
        try:
            while (done := self._finished[uuid]) is None:
                self._alive()
                if not self._read(until) and self.clock.now() >= until:
                    raise CallFailed(application, f"not finished within {timeout:g} s")
            return done
        finally:
            del self._finished[uuid]

    def post(self, command: commands.Command, *, more: bool = False) -> None:
        """Send a command and don't wait for its reply. `more`: see `Link.post`."""
        if self._key_at is not None:
            metrics.key_to_command.add(self.clock.now() - self._key_at)
            self._key_at = None
        try:
            self.link.post(command, more=more)
        except LinkClosed as closed:
            self._read_rest()
            self._link_ended(closed)
            assert self._ended is not None
            raise self._ended from None

    def _read_rest(self) -> None:
        # The hang-up and its cause may lie unread before the end of the connection.
        now = self.clock.now()
        try:
            while (event := self.link.receive(now)) is not None:
                self._handle(event)
        except LinkClosed:
            pass

    # --- events ---------------------------------------------------------------------------------------------

    def _on_execute(self, event: Event, at: float) -> None:
        uuid = event.late("Application-UUID") or ""
        if not uuid.startswith(self.uuid):
            self._elsewhere = True  # the dialplan runs it, not we
        self._player.started(uuid, at)
        self._recogniser.begun(uuid, at)

    def _on_complete(self, event: Event, at: float) -> None:
        uuid = event.late("Application-UUID") or ""
        response = event.late("Application-Response") or ""
        if self._ended is None and not self._ending:
            ours = uuid.startswith(self.uuid)
            if is_taken(event, self._state, ours=ours):
                self._taken()
        if uuid in self._finished:
            application = event.late("Application") or ""
            self._finished[uuid] = Executed(uuid, application, response, at)
            if application == "bridge":
                self._parting = event
            return
        self._report(self._recogniser.started(uuid, at))
        if self._ended is None:
            terminator = event.variable("playback_terminator_used") or ""
            if self._player.finished(uuid, response, terminator, at):
                self._barge_in.ended(terminator, at)

    def _taken(self) -> None:
        self._log.info("the call was taken away")
        self._recogniser.cut_off()
        self._let_go()
        self._complete = True
        self._over(TRANSFERRED)

    def _let_go(self) -> None:
        """The call goes on without us, and is to be as if we had never been there."""
        self._recogniser.share_events()
        if self._terminators.told is not None:
            theirs = self.link.channel.variable("playback_terminators") or ""
            self._set("playback_terminators", theirs)
        # With `socket_resume` the end of our connection would tear the caller out of where he is then (measured).
        self._set("socket_resume", "false")

    def _on_bridge(self, event: Event, at: float) -> None:
        self._bridged = True

    def _on_hangup(self, event: Event, at: float) -> None:
        cause = event.get("Hangup-Cause") or "NORMAL_CLEARING"
        self._parting = event
        if cause == UNKNOWN_APPLICATION and self._ended is None:
            application = self._last_application
            self._log.error("FreeSWITCH hung up on a command", cause=cause, last=application)
        self._over(cause)

    def _on_hangup_complete(self, event: Event, at: float) -> None:
        self._complete = True
        self._over(event.get("Hangup-Cause") or "NORMAL_CLEARING")

    def _on_dtmf(self, event: Event, at: float) -> None:
        pressed = key_of(event, at)
        if pressed is None:
            self._log.warning("unusable key ignored", length=len(event.late("DTMF-Digit") or ""))
            return
        self._barge_in.key(pressed.key, at)
        if self.on_key is not None:
            self.on_key(at)
        self._pending.append(pressed)

    def _on_speech(self, event: Event, at: float) -> None:
        self._report(self._recogniser.event(event, at))

    def _on_record_start(self, event: Event, at: float) -> None:
        self._recording(RecordingStarted(event.get("Record-File-Path") or "", at))

    def _on_record_stop(self, event: Event, at: float) -> None:
        cause = event.get("Record-Completion-Cause") or ""
        self._recording(RecordingStopped(event.get("Record-File-Path") or "", at, cause))

    def _report(self, happening: Happening | None) -> None:
        if happening is not None:
            self._pending.append(happening)

    def _recording(self, happening: RecordingStarted | RecordingStopped) -> None:
        if self.on_recording is not None:
            self.on_recording(happening)
        else:
            self._pending.append(happening)

    # --- the player's hands ---------------------------------------------------------------------------------

    def _execute_sound(self, sound: Sound) -> str:
        self._set_terminators()
        return self.execute(*sound.command(self.voice))

    def _set_terminators(self) -> None:
        keys = self._terminators.due()
        if keys is not None:
            # A sound follows, as a rule.
            self._set("playback_terminators", keys, more=True)

    def _set(self, name: str, value: str, *, more: bool = False) -> None:
        """Set a channel variable; an empty value takes it away."""
        arguments = [quoting.argument(value)] if value else []
        command = commands.api("uuid_setvar", self.uuid, quoting.variable_name(name), *arguments)
        self.post(command, more=more)

    def _send_break(self) -> None:
        if self._ended is None:
            self.post(commands.api("uuid_break", self.uuid))

    def _playback_ended(self, playback: Playback, at: float) -> None:
        if self.on_playback is not None:
            self.on_playback(playback)
        self._pending.append(PlaybackEnded(playback, at))


_HANDLERS: dict[str, Callable[[Leg, Event, float], None]] = {
    "CHANNEL_EXECUTE": Leg._on_execute,
    "CHANNEL_EXECUTE_COMPLETE": Leg._on_complete,
    "CHANNEL_BRIDGE": Leg._on_bridge,
    "CHANNEL_HANGUP": Leg._on_hangup,
    "CHANNEL_HANGUP_COMPLETE": Leg._on_hangup_complete,
    "DTMF": Leg._on_dtmf,
    "DETECTED_SPEECH": Leg._on_speech,
    "RECORD_START": Leg._on_record_start,
    "RECORD_STOP": Leg._on_record_stop,
}
