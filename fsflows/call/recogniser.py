"""The recogniser of a call: started once, kept running, heard or not, and started anew when it dies.

Why so: see `fsflows.call.speech`, which reads what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from fsflows.call.ended import CallEnded, CallFailed
from fsflows.call.happenings import Heard, SpeechLost
from fsflows.call.sent import is_later
from fsflows.call.speech import RESTARTS, Listener
from fsflows.esl import commands

if TYPE_CHECKING:
    from fsflows.clock import Clock
    from fsflows.esl.event import Event
    from fsflows.esl.link import Reply


HUNG = 2.0
"""Seconds. A start in vain that took so long did because the server takes connections and says nothing: mod_vosk waits
for it (10 s, measured), and the channel plays nothing meanwhile, and hears no key."""

HOLD_OFF = 60.0
"""Seconds in which no other call of this process tries again after that."""

SLOW = 4.0
"""Seconds. No other call tries while a start has gone on for so long: its caller would wait as well."""

FORGOTTEN = 12.0
"""Seconds after which a start is over, whatever was heard of it: FreeSWITCH may have died meanwhile."""

_held_off: WeakKeyDictionary[Clock, float] = WeakKeyDictionary()
"""Until when, on each clock."""

_starting: WeakKeyDictionary[Clock, dict[str, float]] = WeakKeyDictionary()
"""The starts that go on, on each clock: since when."""


class _Channel(Protocol):
    """What it needs of the call."""

    uuid: str
    clock: Clock

    @property
    def ended(self) -> CallEnded | None: ...

    def api(self, name: str, *arguments: str) -> Reply: ...
    def execute(self, application: str, argument: str = "", *, more: bool = False) -> str: ...
    def post(self, command: commands.Command, *, more: bool = False) -> None: ...


class Recogniser:
    """mod_vosk on one call.

    Args:
        channel: the call.

    Its commands raise `CallEnded` when the call is over.
    """

    __slots__ = ("_begun_at", "_channel", "_diverted", "_hung", "_listener", "_sent", "_uuid")

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel
        self._listener = Listener()
        self._uuid = ""  # of the application that starts it
        self._sent = ""  # of the one that starts or stops it, while it has not begun
        self._begun_at = 0.0
        self._hung = False  # in this call: a caller waits for it once
        self._diverted = False

    def prepare(self) -> SpeechLost | None:
        """Start it, unheard for now; nothing when it runs. What there is to report when it isn't to be tried."""
        if self._listener.running:
            return None
        clock = self._channel.clock
        now = clock.now()
        if self._hung or now < _held_off.get(clock, now) or _stands_still(clock, now):
            return SpeechLost(now, "the recogniser hung, and is left alone for a while")
        self._start()
        return None

    def hear(self, on: bool) -> None:
        """Report what it says from now on, or nothing of it."""
        self._listener.on = on

    @property
    def waits(self) -> bool:
        """Whether its start, or its stop, has not begun."""
        return bool(self._sent)

    @property
    def ended_at(self) -> float:
        """When somebody last stopped speaking, heard or not."""
        return self._listener.ended_at

    @property
    def partial_at(self) -> float:
        """When it last gave a partial result, heard or not."""
        return self._listener.partial_at

    def dismiss(self) -> None:
        """Stop it (before a hand-off, or for good), and let others have the channel's events again."""
        self._listener.on = False
        if self._listener.running:
            self._listener.running = False
            self._stop()
        self.share_events()

    def cut_off(self) -> None:
        """Stop it on a channel that others run already."""
        self._sent = ""
        if self._listener.running:
            self._listener.running = False
            # Inside whatever plays there now. Behind a bridge it would go on listening.
            self._channel.post(commands.execute("detect_speech", "stop", lock=False))

    def share_events(self) -> None:
        """Let others have the channel's events again."""
        if self._diverted:
            # The channel would keep it that way: whoever has the call next would hear of no key (measured).
            self._diverted = False
            self._channel.post(commands.divert_events(False))

    def close(self) -> None:
        """Let go of the call; it is not used any more."""
        del self._channel

    def _start(self) -> None:
        self._listener.running = True
        # One that was begun and has closed since is waited for by nobody.
        _starting.get(self._channel.clock, {}).pop(self._uuid, None)
        # Its events, and keys, to us at once and to nobody else.
        self._diverted = True
        self._channel.post(commands.divert_events(True), more=True)
        self._sent = self._uuid = self._channel.execute("detect_speech", "vosk default default")

    def _stop(self) -> None:
        self._sent = self._channel.execute("detect_speech", "stop")

    # --- what comes -----------------------------------------------------------------------------------------

    def event(self, event: Event, at: float) -> Heard | SpeechLost | None:
        """Take a DETECTED_SPEECH event; what there is to report of it."""
        found = self._listener.event(event.get("Speech-Type") or "", event.body, event.sequence, at)
        if not isinstance(found, SpeechLost):
            return found
        if self._channel.ended is not None:
            return None
        if self._listener.restarts < RESTARTS:
            self._listener.restarts += 1
            # Without the stop, the start of a recogniser that sent bad JSON is a silent no-op.
            self._stop()
            self._start()
            return None
        return found

    def begun(self, uuid: str, at: float) -> None:
        """An application has begun."""
        if self._sent:
            self._look_for_dropped(uuid)
        if uuid == self._uuid:
            self._begun_at = at
            _starting.setdefault(self._channel.clock, {})[uuid] = at

    def _look_for_dropped(self, uuid: str) -> None:
        """Send again what somebody's `uuid_break ... all` has dropped: something that was sent later has begun."""
        if uuid == self._sent:
            self._sent = ""
        elif self._channel.ended is None and is_later(uuid, self._sent):
            if self._listener.restarts or not self._listener.running:
                self._stop()
            if self._listener.running:
                self._start()

    def started(self, uuid: str, at: float) -> SpeechLost | None:
        """An application has ended: if it is the one that starts detection, look whether that has begun.

        Without its server, or its module, FreeSWITCH says nothing at all.
        """
        if uuid != self._uuid:
            return None
        _starting.get(self._channel.clock, {}).pop(uuid, None)
        if self._channel.ended is not None or not self._listener.running:
            return None
        try:
            running = "detect_speech" in self._channel.api("uuid_buglist", self._channel.uuid).text
        except (CallEnded, CallFailed):
            return None
        if running:
            return None
        self._listener.running = False
        if at - self._begun_at >= HUNG:
            self._hung = True
            _held_off[self._channel.clock] = at + HOLD_OFF
            return SpeechLost(
                at, "the recogniser hung: its server takes connections and says nothing"
            )
        return SpeechLost(at, "the recogniser did not start (vosk module or server missing?)")


def _stands_still(clock: Clock, now: float) -> bool:
    """Whether another call's start has gone on for so long that its server must hang."""
    starting = _starting.get(clock, {})
    for uuid in [uuid for uuid, since in starting.items() if now - since >= FORGOTTEN]:
        del starting[uuid]
    return any(now - since >= SLOW for since in starting.values())
