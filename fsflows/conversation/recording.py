"""A call's recordings, as its conversation uses them: started by the flow, masked by PII steps, discarded, noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from fsflows.archive.endings import RecordingState
from fsflows.call.ended import LINK_LOST, CallEnded
from fsflows.call.happenings import RecordingStarted
from fsflows.conversation.masks import Masks
from fsflows.log import Logger, get_logger
from fsflows.recordings.call.recordings import CallRecordings
from fsflows.recordings.call.summary import Summary
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.freeswitch.control import (
    LIST,
    ApiControl,
    RecordingControl,
    RecordingError,
)
from fsflows.recordings.journal.receipt import DiscardCause, Receipt

if TYPE_CHECKING:
    from fsflows.archive.record import RecordBuilder
    from fsflows.call.call import Call
    from fsflows.call.happenings import RecordingStopped
    from fsflows.flow.model import Flow


ENDING = 1.0
"""Seconds in which FreeSWITCH says that a channel has ended which it no longer knows. It takes milliseconds."""


PATIENCE = 5.0
"""Seconds for FreeSWITCH's answer. It takes milliseconds."""


class Recorder(Protocol):
    """What makes the recordings of a call; see `fsflows.recordings.service`."""

    def call(
        self, control: RecordingControl, *, flow: str, switch: str, log: Logger
    ) -> CallRecordings: ...


class StepMask:
    """The mask of one step, from the moment on in which it is private."""

    __slots__ = ("_on", "_recordings")

    def __init__(self, recordings: CallRecorder) -> None:
        self._recordings = recordings
        self._on = False

    def put_on(self) -> None:
        """Mask, unless it is done.

        Raises:
            RecordingError: a recording could be neither masked nor stopped.
        """
        if not self._on:
            self._recordings.mask("pii")
            self._on = True

    def take_off(self, *, speaking: bool) -> None:
        """The step is over; see `CallRecorder.unmask_later`."""
        if self._on:
            self._recordings.unmask_later("pii", speaking=speaking)


class CallControl(ApiControl):
    """Recording control over the call's own connection."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.api, call.uuid)
        self._call = call

    def alive(self) -> bool:
        """Whether the channel is there; known without asking when it has been hung up."""
        ended = self._call.ended
        if ended is not None and ended.cause != LINK_LOST and self._call.gone:
            return False
        return super().alive()

    def active(self) -> list[str]:
        """What is recorded now; nothing, when the channel has just gone, whose end may lie unread."""
        return self._unless_gone(super().active)

    def ask_active(self) -> Callable[[], list[str]]:
        """`active` in two: asks FreeSWITCH now; what is returned waits for its answer."""
        try:
            answer = self._call.ask(LIST, self.call_uuid)
        except CallEnded:
            return self.active
        return lambda: self._unless_gone(lambda: self.listed(lambda: answer(PATIENCE)))

    def _unless_gone(self, active: Callable[[], list[str]]) -> list[str]:
        try:
            return active()
        except RecordingError:
            if self.alive():
                raise
            return []


class CallRecorder:
    """The recordings of one call.

    Args:
        call: the caller's leg; told of every recording that starts or stops on it, by whomever.
        flow: where the call begins.
        record: where it is noted.
        recorder: what makes recordings; None: there is nothing that could, and a discard fails loudly.
    """

    def __init__(
        self, call: Call, flow: Flow, record: RecordBuilder, recorder: Recorder | None
    ) -> None:
        self._call = call
        self._record = record
        self._begun = False
        self._flow = flow.name
        self._recorder = recorder
        self._made: CallRecordings | None = None
        self._masks: Masks | None = None
        self._asked: Callable[[], list[str]] | None = None
        if recorder is not None:
            call.on_recording = self._noticed

    @property
    def _log(self) -> Logger:
        return get_logger("recordings", call=self._call.uuid)

    @property
    def _recordings(self) -> CallRecordings | None:
        """Made when they are first needed: a call that has nothing to do with recordings asks no database."""
        if self._made is None and self._recorder is not None:
            call = self._call
            switch = call.link.channel.get("FreeSWITCH-Switchname") or ""
            self._made = self._recorder.call(
                CallControl(call), flow=self._flow, switch=switch, log=self._log
            )
            self._made.on_change = self._note
        return self._made

    def ask(self) -> None:
        """The call has come in: ask FreeSWITCH what the dialplan records already. `arrive` waits for the answer."""
        if self._recorder is not None:
            self._asked = CallControl(self._call).ask_active()

    def arrive(self) -> None:
        """What the dialplan records already belongs to the call; nobody else would tell us."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        try:
            if not asked():
                return
        except RecordingError as error:
            self._log.warning("FreeSWITCH does not say what it records already", why=str(error))
        if self._recordings is not None:
            self._recordings.begin()

    def begin(self, flow: Flow, step: str) -> None:
        """Start recording, if this is the moment that the flow says. What can't be recorded does not stop the call."""
        wanted = flow.recording
        moment = f"step:{step}" if step else "answer"
        if wanted is None or self._begun or wanted.start != moment:
            return
        self._begun = True
        if self._recordings is None:
            self._log.error("not recorded: this server has no recordings set up")
            return
        if self._recordings.discarded:
            return
        try:
            path = self._recordings.start(
                wanted.path, audio_format=wanted.format, stereo=wanted.stereo
            )
            self._log.info("recording", path=path)
        except RecordingError as error:
            # A caller who is gone before it could begin is nothing to look into.
            report = self._log.info if self._over() else self._log.error
            report("call is not recorded", why=str(error))
            self._record.recording_event("failed", str(error))

    def discard(self, *, flow: str, step: str, trigger: str) -> Receipt:
        """Discard every recording of the call, for good.

        Raises:
            DiscardFailed: something is left; it is tried again until it is gone.
            RuntimeError: this server has no recordings set up, so nothing can be promised.
        """
        if self._recordings is None:
            raise RuntimeError("this server has no recordings set up: nothing can be discarded")
        cause = DiscardCause(flow, step, trigger, self._call.clock.utcnow())
        known = self._recordings.receipt
        try:
            receipt = self._recordings.discard(cause)
        except DiscardFailed:
            self._record.recording_event("discard failed, to be tried again")
            raise
        if receipt is not known:
            files = len(receipt.files)
            self._record.recording_event("discarded", f"{files} file{'' if files == 1 else 's'}")
        return receipt

    def mask(self, reason: str = "flow") -> None:
        """Record silence from now on, in every recording of the call.

        Raises:
            RecordingError: one could be neither masked nor stopped.
        """
        if self._recordings is None:
            return
        masks = self._about_to_mask()
        with self._unless_over():
            masks.put_on(self._recordings, reason)

    @contextmanager
    def _unless_over(self) -> Iterator[None]:
        """What can't be done to the recordings of a call that has ended can't for that."""
        try:
            yield
        except RecordingError:
            if self._call.ended is None and self._over():
                self._call.linger(ENDING)  # its end lies unread
            if self._call.ended is not None:
                raise self._call.ended.again() from None
            raise

    def _about_to_mask(self) -> Masks:
        if self._masks is None:
            self._masks = Masks(self._call)
        return self._masks

    def unmask_later(self, reason: str = "flow", *, speaking: bool = False) -> None:
        """Take back one `mask` as soon as what was keyed or said before can no longer get into a file. Doesn't wait.

        Also when nothing is recorded: the next step may begin to.

        Args:
            reason: of the mask.
            speaking: the caller has not finished.
        """
        if self._made is not None and self._masks is not None:
            self._masks.take_off_later(self._made, reason, speaking=speaking)

    def pause(self) -> None:
        """Stop recording until `resume`."""
        if self._recordings is not None:
            self._about_to_mask().asked["pause"] = 1
            with self._unless_over():
                self._recordings.pause()

    def resume(self) -> None:
        """Go on recording, in a new file."""
        if self._recordings is not None:
            try:
                with self._unless_over():
                    self._recordings.resume()
            finally:
                self.unmask_later("pause")

    def close(self) -> None:
        """The end function is about to run: nothing can be discarded any more."""
        if self._made is not None:
            self._made.close()

    def finish(self) -> None:
        """The call is over: publish the recordings, or make sure that they are gone."""
        if self._made is None:
            return
        if self._masks is not None and self._call.passed_on:
            # What the dialplan records goes on, and would stay masked to the end of the call.
            self._masks.wait()
        summary = self._made.finish(call_over=self._over(), clean=self._record.redactor.text)
        self._note(summary)

    def let_go(self) -> None:
        """The record is written: nobody is told any more of what becomes of the recordings."""
        if self._made is not None:
            self._made.let_go()

    def _over(self) -> bool:
        """Whether the channel is gone; after a hand-off it usually is not, and FreeSWITCH is asked."""
        try:
            return not CallControl(self._call).alive()
        except RecordingError:
            return False

    def _note(self, summary: Summary) -> None:
        receipt = summary.receipt.to_dict() if summary.receipt is not None else None
        match summary.state:
            case "present":
                self._record.recording(RecordingState.PRESENT, summary.locations)
            case "discarded":
                self._record.recording(RecordingState.DISCARDED, receipt=receipt)
            case "pending":
                self._record.recording(RecordingState.PENDING, receipt=receipt)

    def _noticed(self, happening: RecordingStarted | RecordingStopped) -> None:
        if self._recordings is None:
            return
        if isinstance(happening, RecordingStarted):
            self._record.recording_event("started", at=happening.at)
            self._recordings.noticed_start(happening.path, happening.at)
        else:
            self._record.recording_event("stopped", at=happening.at)
            self._recordings.noticed_stop(happening.path, happening.at, happening.cause)
