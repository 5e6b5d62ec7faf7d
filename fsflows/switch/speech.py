"""`detect_speech vosk` and what comes of it.

The recogniser's messages become DETECTED_SPEECH events, one a frame. Each goes two ways: it is fired when
`fire_asr_events` is true, and it is queued on the channel, where `park` finds it a frame later and fires it again; an
application that plays throws it away; `divert_events on` hands it to the socket at once, whatever is running.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from fsflows.switch.clockwork import FRAME, SPEECH_ABORT_LATENCY, SPEECH_LATENCY, Wait

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel
    from fsflows.switch.event import SwitchEvent


class Listening(StrEnum):
    """What the detector is doing."""

    OFF = "off"
    ON = "on"
    BROKEN = "broken"
    """It read something that is not JSON: it says nothing more, and starting it again does nothing until `stop`."""


class Detector:
    """The speech detector of one channel, and its connection to the recogniser."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._messages: deque[tuple[float, str, str]] = deque()
        self._last_due = 0.0
        self.up = channel.setup.recogniser.up
        """Whether the recogniser can be reached."""
        self.state = Listening.OFF
        self.queued: deque[SwitchEvent] = deque()
        """Events waiting on the channel for `park` to look."""
        self.result: str | None = None
        """The final result that `play_and_detect_speech` is waiting for."""

    @property
    def on(self) -> bool:
        """Whether somebody listens to the caller."""
        return self.state is Listening.ON

    def start(self) -> bool:
        """Connect to the recogniser. False when nothing changes, since it runs already or is broken."""
        if self.state is not Listening.OFF:
            return False
        if self.up:
            self.state = Listening.ON
        return True

    def stop(self) -> None:
        """Disconnect. What was recognised before comes out first."""
        if self.state is Listening.OFF:
            return
        while self._messages and self.on:
            self._deliver(*self._messages.popleft()[1:])
        self._messages.clear()
        was_on = self.on
        self.state = Listening.OFF
        if was_on:
            self._event("closed", "")

    def message(self, text: str) -> None:
        """The recogniser sends a message: vosk's JSON, or whatever it sends."""
        if not self.on:
            return
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            self._post("broken", "")
            return
        if "partial" in data:
            if data["partial"]:
                self._post("detected-partial-speech", str(data["partial"]))
            return
        said = _text(data)
        if said:
            self._post("detected-speech", text if self._channel.setup.recogniser.json else said)

    def server_closes(self) -> None:
        """The recogniser closes its connection in good order."""
        if self.on:
            self._end_after(SPEECH_LATENCY)

    def server_dies(self) -> None:
        """The recogniser is gone without a word: noticed with the next audio that is sent to it."""
        if self.on:
            self._end_after(SPEECH_ABORT_LATENCY)

    def mishap(self, what: str) -> None:
        """Let something happen to the recogniser: one of `MISHAPS`."""
        MISHAPS[what](self)

    def _go_down(self) -> None:
        self.up = False
        self.server_dies()

    def _come_up(self) -> None:
        self.up = True

    def _garble(self) -> None:
        self.message("{")

    def _end_after(self, delay: float) -> None:
        channel = self._channel

        def end() -> None:
            if not self.on:
                return
            self.state = Listening.OFF
            self._messages.clear()
            self._event("closed", "")
            # Nothing is left to feed, so the channel looks at its queue at once.
            channel.step()

        channel.at(channel.now + delay, end)

    def _post(self, kind: str, body: str) -> None:
        channel = self._channel
        self._last_due = max(channel.now + SPEECH_LATENCY, self._last_due + FRAME)
        self._messages.append((self._last_due, kind, body))
        channel.at(self._last_due, self._due)

    def _due(self) -> None:
        now = self._channel.now
        if self.queued:
            # The channel's look at its queue comes before the recogniser's next message (s09_vosk_burst).
            self._channel.step()
        while self._messages and self._messages[0][0] <= now and self.on:
            self._deliver(*self._messages.popleft()[1:])

    def _deliver(self, kind: str, body: str) -> None:
        channel = self._channel
        if kind == "broken":
            self.state = Listening.BROKEN
            self._messages.clear()
            self._event("closed", "")
        else:
            if kind == "detected-speech":
                self.result = body
            self._event(kind, body)
        channel.at(channel.now + FRAME, channel.step)

    def _event(self, kind: str, body: str) -> None:
        channel = self._channel
        extra = {"Speech-Type": kind}
        event = channel.make_event("DETECTED_SPEECH", full=False, extra=extra, body=body)
        if channel.variables.get("fire_asr_events") == "true":
            channel.emit(event)
        if channel.hangup_cause:
            return
        if channel.events_diverted:
            # It goes to the socket as it was made: nothing in it says whose it is.
            bare = event.without_channel()
            channel.at(channel.now, lambda: channel.socket.divert(bare))
        else:
            self.queued.append(event)


MISHAPS: Mapping[str, Callable[[Detector], None]] = {
    "dies": Detector.server_dies,
    "closes": Detector.server_closes,
    "garbles": Detector._garble,
    "down": Detector._go_down,
    "up": Detector._come_up,
}
"""What can happen to a recogniser: it dies, or closes its connection, and can be reached again at once; sends what is
not JSON; goes down, and comes up again."""


def _text(data: dict[str, object]) -> str:
    """The words of a final result: its `text`, or that of its best alternative."""
    alternatives = data.get("alternatives")
    if isinstance(alternatives, list) and alternatives and isinstance(alternatives[0], dict):
        data = alternatives[0]
    return str(data.get("text") or "")


def detect_speech(channel: Channel, data: str) -> Wait:
    """`detect_speech ENGINE GRAMMAR NAME | stop | grammarsalloff | pause | resume | param ... | ...`."""
    verb = data.split(" ", 1)[0]
    if verb in {"stop", "grammarsalloff"}:
        channel.detector.stop()
    elif verb not in _NO_OPERATION and channel.detector.start():
        yield channel.now + FRAME
        tried_until = channel.now + channel.setup.recogniser.hangs
        while not channel.detector.on and channel.ready and channel.now < tried_until:
            yield tried_until


_NO_OPERATION = {
    "grammar",
    "nogrammar",
    "grammaron",
    "grammaroff",
    "pause",
    "resume",
    "param",
    "start-input-timers",
    "start_input_timers",
}
