"""One call inside a simulated FreeSWITCH: a state machine without I/O.

Commands and the caller's doings go in with a time; replies and events come out with theirs. `Channel.next_at` says when
something is due next. It is held to recorded traces of FreeSWITCH 1.10.12 by `tests/switch/test_replay.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from fsflows.switch import endings
from fsflows.switch.applications import APPLICATIONS, Application
from fsflows.switch.clockwork import DTMF_LATENCY, FRAME, HANGUP_LATENCY, Thread, Wait
from fsflows.switch.event import Output
from fsflows.switch.eventsocket import CommandLike, EventSocket
from fsflows.switch.execute import Execute
from fsflows.switch.model import Model
from fsflows.switch.profile import CallProfile
from fsflows.switch.recording import Recorder
from fsflows.switch.setup import Setup
from fsflows.switch.speech import Detector
from fsflows.switch.transcript import Did

if TYPE_CHECKING:
    from fsflows.switch.bridging import Party
    from fsflows.switch.playback import Playing

MINIMUM_DTMF = 400
"""The shortest DTMF-Duration that FreeSWITCH reports, in samples of 8 kHz (s03_vfast_same_digit)."""


class Channel(Model):
    """One call, from the moment its dialplan reaches the `socket` action.

    Args:
        profile: who calls whom.
        setup: the switch it comes in on.
        now: the time on the driver's clock.
    """

    def __init__(
        self, profile: CallProfile | None = None, setup: Setup | None = None, now: float = 0.0
    ) -> None:
        super().__init__(profile or CallProfile(), setup or Setup(), now)
        self._queue: deque[Execute] = deque()
        self._queue_open = False
        self._locks = 0
        self._pause = False
        self._cut = False
        self.killed = False
        self.ended = False
        self.transferring: str | None = None
        self.events_diverted = False
        self.digits_shown = ""
        """Keys that others who watch FreeSWITCH were told of, too."""
        self.digits: deque[tuple[str, int, str]] = deque()
        self.sent_digits: list[str] = []
        """What `send_dtmf` and `uuid_send_dtmf` sent to the caller."""
        self.digits_dialled = ""
        self.referred_to = ""
        """Where `deflect` or `redirect` sent the caller."""
        self.playing: list[Playing] = []
        self.party: Party | None = None
        self.recorder = Recorder(self)
        self.detector = Detector(self)
        self.socket = EventSocket(self)
        self._thread = Thread(self._agenda, self._life())
        self._thread.step()

    # --- driving it -------------------------------------------------------------------------------------------

    @property
    def next_at(self) -> float | None:
        """When `advance` is due next; ``None`` when nothing happens by itself any more."""
        return self._agenda.next_at

    def handle(self, command: CommandLike, now: float) -> list[Output]:
        """A command from the application arrives; what comes out up to and at this moment."""
        self._agenda.run(now)
        self.socket.receive(command)
        self._agenda.run(now)
        return self._taken()

    def advance(self, now: float) -> list[Output]:
        """Let time pass; what comes out of it."""
        self._agenda.run(now)
        return self._taken()

    def disconnect(self, now: float) -> list[Output]:
        """The application closes its connection."""
        self._agenda.run(now)
        self.socket.hang_up()
        self._agenda.run(now)
        return self._taken()

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Let something happen at a time."""
        self._agenda.at(when, what)

    def thread(self, generator: Wait) -> Thread:
        """Let something else run on the channel's time: a caller's script."""
        return Thread(self._agenda, generator)

    def _taken(self) -> list[Output]:
        out, self._out = self._out, []
        return out

    # --- the caller -------------------------------------------------------------------------------------------

    def press(
        self,
        key: str,
        at: float | None = None,
        duration: float = 0.1,
        inband: float | None = None,
    ) -> None:
        """The caller presses a key.

        Args:
            key: the key.
            at: when; default: now.
            duration: for how many seconds.
            inband: seconds after the report by RFC 2833 at which in-band detection reports the same press.
        """
        released = (self.now if at is None else at) + duration
        samples = max(MINIMUM_DTMF, round(duration * 8000))

        def arrives(source: str) -> None:
            if not self.hangup_cause:
                self.digits.append((key, samples, source))
                self.step()

        self.at(released, lambda: self.transcript.note(Did(released, "key", key)))
        self.at(released + DTMF_LATENCY, lambda: arrives("RTP"))
        if inband is not None:
            self.at(released + DTMF_LATENCY + inband, lambda: arrives("INBAND_AUDIO"))

    def hang_up_caller(self, at: float | None = None) -> None:
        """The caller hangs up: BYE, or CANCEL while it rings."""
        when = self.now if at is None else at

        def hangs_up() -> None:
            if not self.hangup_cause:
                self.transcript.note(Did(when, "hangup"))
                self.at(
                    when + HANGUP_LATENCY,
                    lambda: self.far_end_hangs_up(
                        "NORMAL_CLEARING" if self.answered else "ORIGINATOR_CANCEL"
                    ),
                )

        self.at(when, hangs_up)

    # --- what everything inside works with --------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether what runs may go on running."""
        return not self.hangup_cause and self.transferring is None and not self._cut

    def sooner(self, one: float | None, other: float | None) -> float | None:
        """The earlier of two times; ``None`` is never."""
        times = [when for when in (one, other) if when is not None]
        return min(times) if times else None

    def step(self) -> None:
        """Let the channel's thread look around."""
        self._thread.step()

    # --- the queue --------------------------------------------------------------------------------------------

    def enqueue(self, item: Execute, delay: float = FRAME) -> None:
        """Queue an application; the channel looks at its queue a frame later."""

        def lands() -> None:
            self._queue.append(item)
            self.wake()

        if delay != FRAME:
            self.at(self.now + delay, lands)
            return
        self._queue.append(item)
        self.at(self.now + delay, self.wake)

    def wake(self) -> None:
        """Let the channel look at its queue now."""
        self._queue_open = bool(self._queue)
        self.step()

    @property
    def may_nest(self) -> bool:
        """Whether a queued application would run inside the one that runs now."""
        return self._queue_open and bool(self._queue) and self._locks == 0

    def run_queue(self) -> Wait:
        """Run everything that is queued, one after the other."""
        while self._queue and not self.hangup_cause:
            item = self._queue.popleft()
            self._queue_open = bool(self._queue)
            yield from self.execute(item)
            if self._pause:
                # After a break the thread goes round once more before it looks at the queue.
                self._pause = False
                yield self.now + FRAME
        self._queue_open = False

    def pause(self) -> None:
        """What runs was broken off: the next in the queue starts a frame later."""
        self._pause = True

    def cut(self) -> None:
        """The socket closes for good (socket_resume): what runs ends now, what is queued is forgotten."""
        self._queue.clear()
        self._cut = True

    def break_playing(self, *, everything: bool) -> None:
        """`uuid_break`: ends the innermost sound a frame later, if one is playing; `all` also empties the queue."""
        if everything:
            self._queue.clear()
        if not self.playing:
            return
        playing = self.playing[-1]

        def breaks() -> None:
            playing.breaking = True
            self.step()

        self.at(self.now + FRAME, breaks)

    def execute(self, item: Execute) -> Wait:
        """Run an application with its CHANNEL_EXECUTE and CHANNEL_EXECUTE_COMPLETE."""
        application = APPLICATIONS.get(item.name)
        if application is None:
            self.hang_up("DESTINATION_OUT_OF_ORDER")
            return
        self._locks += item.locked
        try:
            for _ in range(item.loops):
                yield from self._execute_once(item, application)
                if self.hangup_cause:
                    break
        finally:
            self._locks -= item.locked

    def _execute_once(self, item: Execute, application: Application) -> Wait:
        if application.media:
            yield from self.early_media()
            if self.hangup_cause:
                return
        data = self.expand(item.data)
        # A running loop's counters and response are variables, too.
        self.set_variable("current_application_response", "")
        self.set_variable("current_loop", "1")
        self.set_variable("total_loops", str(item.loops))
        self.set_variable("current_application_data", data)
        self.set_variable("current_application", item.name)
        extra = {"Application": item.name}
        if data:
            extra["Application-Data"] = data
        self.fire("CHANNEL_EXECUTE", extra={**extra, "Application-UUID": item.uuid})
        running = application.run(self, data)
        response = (yield from running) if isinstance(running, Generator) else None
        if response:
            self.set_variable("current_application_response", response)
        self.completed(extra, item.uuid)

    def completed(self, extra: dict[str, str], uuid: str) -> None:
        response = self._variables.get("current_application_response", "_none_")
        extra = {**extra, "Application-Response": response, "Application-UUID": uuid}
        self.fire("CHANNEL_EXECUTE_COMPLETE", extra=extra)

    # --- the thread -------------------------------------------------------------------------------------------

    def _life(self) -> Wait:
        uuid = self.new_uuid()
        self.set_variable("current_application_data", self.setup.socket)
        self.set_variable("current_application", "socket")
        self.set_variable("socket_host", self.setup.socket.rpartition(":")[0] or "127.0.0.1")
        yield from self.socket.run()
        self._cut = False
        extra = {"Application": "socket", "Application-Data": self.setup.socket}
        self.completed(extra, uuid)
        yield from self._dialplan(self.setup.then)
        while self.transferring is not None and not self.hangup_cause:
            yield from self._dialplan(endings.route(self, self.transferring))
        if not self.hangup_cause:
            self.hang_up("NORMAL_CLEARING")
        endings.end(self)

    def _dialplan(self, actions: tuple[tuple[str, str], ...]) -> Wait:
        for name, data in actions:
            if not self.ready:
                return
            yield from self.execute(Execute(name=name, data=data, uuid=self.new_uuid()))

    def park(self) -> Wait:
        """Wait for applications to run, keys, and speech, until the call ends or is taken elsewhere."""
        if self.setup.park_delay > 0:
            until = self.now + self.setup.park_delay
            while self.now < until:
                yield until
        self.fire("CHANNEL_PARK")
        while self.ready:
            if self._queue_open:
                yield from self.run_queue()
                continue
            self.take_digit()
            if self.detector.queued:
                self.emit(self.detector.queued.popleft())
            if self.socket.closed and not self._queue:
                break
            more = self.digits or self.detector.queued
            yield self.now + FRAME if more else None
        self.fire("CHANNEL_UNPARK")

    def take_digit(self) -> str:
        """Look at the oldest key that nobody has looked at: that is when its event is fired. "" for none."""
        if not self.digits:
            return ""
        key, duration, source = self.digits.popleft()
        self.digits_dialled += key
        if self._variables.get("sensitive_dtmf") != "true":
            extra = {
                "DTMF-Digit": key,
                "DTMF-Duration": str(duration),
                "DTMF-Source": source,
            }
            if not self.events_diverted:
                self.digits_shown += key
            self.fire("DTMF", full=False, extra=extra)
        return key

    # --- answering and ending ---------------------------------------------------------------------------------

    def early_media(self) -> Wait:
        """Get a media path for an application that needs one."""
        if self.has_media or not self.ready:
            return
        yield self.now + FRAME
        if self.ready:
            self.begin_early_media()

    def far_end_hangs_up(self, cause: str) -> None:
        """The caller has hung up, and FreeSWITCH has noticed."""
        self.hang_up(cause, "recv_bye" if self.answered else "recv_cancel")
        self.step()

    def far_end_gone(self, cause: str) -> None:
        """The call is hung up from outside its thread (`sendmsg hangup`)."""
        self.hang_up(cause)
        self.step()

    def kill(self, cause: str) -> None:
        """`uuid_kill`: the call has ended at once, its thread notices a frame later."""
        self.killed = True
        self.hang_up(cause)
        self.at(self.now, self.socket.call_over)
        self.at(self.now + FRAME, self.step)

    def transfer(self, extension: str) -> None:
        """Leave what runs for another extension's dialplan."""
        if not self.hangup_cause:
            self.transferring = extension
            self.note_transfer(extension)
            self.step()
