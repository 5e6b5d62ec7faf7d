"""A leg: what the events of one caller's channel mean, and how it is spoken to; `Call` adds the verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fsflows.call import metrics
from fsflows.call.audio import Sound, Voice
from fsflows.call.ended import LINK_LOST, TRANSFERRED, UNKNOWN_APPLICATION, CallEnded
from fsflows.call.happenings import (
    Executed,
    Happening,
    PlaybackEnded,
    RecordingStarted,
    RecordingStopped,
)
from fsflows.call.line import Line
from fsflows.call.playing import Playback, Player
from fsflows.call.reading import is_taken, key_of
from fsflows.call.recogniser import Recogniser
from fsflows.call.subscription import EVENTS
from fsflows.call.terminators import Terminators
from fsflows.call.timeline import Timeline
from fsflows.esl import commands, quoting

if TYPE_CHECKING:
    from fsflows.clock import Clock
    from fsflows.esl.event import Event
    from fsflows.esl.link import Link

_counts = metrics.by_event(EVENTS)
_other = _counts[metrics.OTHER]


class Leg(Line):
    """A caller's leg.

    Args:
        link: the connection to it, connected and subscribed to `EVENTS`.
        clock: the time of `link`.
        voice: how text is spoken.

    Every verb raises `CallEnded` when the call is over, and `CallFailed` when FreeSWITCH refuses.
    """

    def __init__(self, link: Link, clock: Clock, voice: Voice | None = None) -> None:
        super().__init__(link, clock)
        self.voice = voice or Voice()
        self.on_playback: Callable[[Playback], None] | None = None
        self.on_recording: Callable[[RecordingStarted | RecordingStopped], None] | None = None
        self.on_key: Callable[[float], None] | None = None  # told at once, also while nobody waits
        self._timeline = Timeline()
        self._timeline.at(link.channel.timestamp, clock.now())
        self._recogniser = Recogniser(self)
        self._player = Player(
            self._execute_sound,
            self._send_break,
            self._playback_ended,
            clock.now,
            lambda: self._log,
        )
        self._terminators = Terminators()
        self._elsewhere = False
        self._state = link.channel.get("Channel-State-Number")
        self._answering = ""  # the application that does it
        self._bridged = False
        self._parting: Event | None = None
        """The end of a bridge, or of the call: what came of a hand-off."""
        self._barge_in = metrics.BargeIn()

    def close(self) -> None:
        """End the connection. Nothing of the call points back here from now on, so that all of it is freed when nobody
        needs it any more. To the garbage collector, which no caller is answered beside, it would be dear.
        """
        self._closed = True
        self.link.close()
        if self._ended is None:
            self._ended = CallEnded(LINK_LOST, ours=True)
        self.on_playback = self.on_recording = self.on_key = None
        self._player.close()
        self._recogniser.close()

    # --- events ---------------------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        name = event.name
        handler = _HANDLERS.get(name)
        _counts.get(name, _other).n += 1
        if handler is not None:
            now = self._heard_at = self.clock.now()
            at = self._timeline.at(event.timestamp, now)
            metrics.event_lag.add(now - at)
            handler(self, event, at)

    def _on_execute(self, event: Event, at: float) -> None:
        uuid = event.late("Application-UUID") or ""
        self._elsewhere = not uuid.startswith(self.uuid)  # the dialplan runs it, not we
        # Before the player sends what it would have to wait behind.
        self._recogniser.begun(uuid, at)
        self._player.started(uuid, at)
        if self._awaited:
            self._begun(uuid)

    def _on_complete(self, event: Event, at: float) -> None:
        uuid = event.late("Application-UUID") or ""
        response = event.late("Application-Response") or ""
        if self._ended is None and not self._ending:
            ours = uuid.startswith(self.uuid)
            if is_taken(event, self._state, ours=ours):
                self._taken()
        if not uuid.startswith(self.uuid):
            now = self.clock.now()
            self._player.others_ended(now)
            for sent in self._awaited.values():
                sent.ask_soon(now)
        if self._recogniser.waits and self._ended is None:
            self._ask_turn()  # behind a sound of ours, too, nothing may follow for long
        if uuid in self._awaited:
            application = event.late("Application") or ""
            self._awaited[uuid].done = Executed(uuid, application, response, at)
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

    def _execute_sound(self, sound: Sound | None) -> str:
        if sound is None:
            return self._ask_turn()
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
