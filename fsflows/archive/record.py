"""Writes a record while its call runs.

The conversation calls it at every turn: each method is a few microseconds, does no I/O, and never raises; a fault
of its own is logged and leaves that entry out. Private values are hidden when they come in; what a redactor learns
later is hidden in everything once more at the end.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec

from fsflows.archive.endings import INBOUND, Reason, RecordingState, Result
from fsflows.archive.entries import (
    Collected,
    Entered,
    Entry,
    HandedOff,
    Heard,
    Measured,
    Noted,
    Ran,
    Recorded,
    Said,
)
from fsflows.archive.model import Record, RecordingNote
from fsflows.archive.piecemeal import hide_pieces
from fsflows.archive.storable import MAX_TEXT, finite, plain, storable, worded
from fsflows.clock import Clock
from fsflows.log import Logger, call_logger
from fsflows.privacy import Pii, Redactor

MAX_ENTRIES = 2000
"""Entries of one record; a flow that goes round in circles must not fill the database. Further ones are counted."""

_GOING = (RecordingState.PENDING, RecordingState.DISCARDED)

LOST = "The server ended while this call was running. What happened in it, and how long it lasted, is not known."
_LOST = Noted(at=0.0, text=LOST)

P = ParamSpec("P")


def _never_raises(
    method: Callable[Concatenate[RecordBuilder, P], None],
) -> Callable[Concatenate[RecordBuilder, P], None]:
    def guarded(self: RecordBuilder, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:
            self.log.exception("an entry is missing from the record", entry=method.__name__)

    functools.update_wrapper(guarded, method)
    return guarded


class RecordBuilder:
    """The record of one call, so far.

    Every `at` is a time on the call's clock; None: now.

    Args:
        call_id: FreeSWITCH's channel UUID.
        clock: the call's.
        redactor: the call's private values.
        caller, caller_name, callee, flow, flow_version, node, direction: as in `Record`.
        record_id: the record's; "": a new one.
    """

    if_lost: tuple[Reason, Noted] = (Reason.SERVER_LOST, _LOST)
    """What the record says if nothing more is ever heard of the call."""

    def __init__(
        self,
        call_id: str,
        clock: Clock,
        redactor: Redactor | None = None,
        *,
        caller: str = "",
        caller_name: str = "",
        callee: str = "",
        flow: str = "",
        flow_version: str = "",
        node: str = "",
        direction: str = INBOUND,
        record_id: str = "",
    ) -> None:
        self.direction = direction
        self.id = record_id or str(uuid.uuid4())
        self.call_id = call_id
        self.clock = clock
        self.redactor = redactor if redactor is not None else Redactor()
        self.caller = storable(caller)
        self.caller_name = storable(caller_name)
        self.callee = storable(callee)
        self.flow = flow
        self.flow_version = flow_version
        self.node = node
        self.started_at = clock.utcnow()
        self.current_flow = flow
        self.current_step = ""
        self.note = RecordingNote()
        self._start = clock.now()
        self._answered: float | None = None
        self._entries: list[Entry] = []
        self._clean_for = self._clean_to = 0
        self._dropped = 0
        self._finished: Record | None = None
        self._changes = 0
        self.watchers: list[Callable[[Entry], None]] = []
        """Called with each entry as it comes, private values hidden. They must not wait."""

    @property
    def log(self) -> Logger:
        """The call's; seldom needed."""
        return call_logger("archive", self.call_id, self.redactor)

    # --- what happens -------------------------------------------------------------------------------------------

    @_never_raises
    def answered(self, at: float | None = None) -> None:
        """The call was answered."""
        self._answered = self._offset(at)
        self._changes += 1

    @_never_raises
    def entered(self, step: str, flow: str = "") -> None:
        """The call goes into a step (of the flow it is in, unless another is named)."""
        self.current_step = step
        self.current_flow = flow or self.current_flow
        self._add(Entered(at=self._offset(None), step=step, flow=self.current_flow))

    @_never_raises
    def said(self, text: str | Pii, at: float | None = None, how: str = "") -> None:
        """Something is said to the caller. `how`: "speech", "file", "digits", or "" for a mixture."""
        self._add(Said(at=self._offset(at), step=self.current_step, text=self._text(text), how=how))

    @_never_raises
    def heard(
        self,
        text: str | Pii,
        source: str,
        at: float | None = None,
        confidence: float | None = None,
    ) -> None:
        """The caller pressed a key (`source` "keys") or said something ("speech")."""
        self._add(
            Heard(
                at=self._offset(at),
                step=self.current_step,
                text=self._text(text),
                source=source,
                confidence=finite(confidence),
            )
        )

    @_never_raises
    def collected(
        self,
        step: str,
        outcome: str,
        digits: str | Pii = "",
        source: str = "none",
        *,
        confidence: float | None = None,
        attempts: int = 1,
        seconds: float | None = None,
        at: float | None = None,
    ) -> None:
        """A step's collection ended for good, after `attempts` askings. The words are `collect.spec`'s."""
        self._add(
            Collected(
                at=self._offset(at),
                step=step,
                outcome=str(outcome),
                digits=self._text(digits),
                source=str(source),
                confidence=finite(confidence),
                attempts=attempts,
                seconds=finite(seconds),
                pii=isinstance(digits, Pii),
            )
        )

    @_never_raises
    def function(
        self, name: str, seconds: float, error: object = None, at: float | None = None
    ) -> None:
        """A function of the flow ran for so long. `error`: an exception or a text; None, "": it went well."""
        self._add(
            Ran(
                at=self._offset(at),
                step=self.current_step,
                name=self._text(name),
                seconds=finite(seconds) or 0.0,
                error=self._text(worded(error)),
            )
        )

    @_never_raises
    def metric(self, name: str, value: Any) -> None:
        """`conv.write_metric`."""
        self._add(
            Measured(
                at=self._offset(None),
                step=self.current_step,
                name=self._text(name),
                value=plain(self.redactor.together(self.redactor.redact(value))),
            )
        )

    @_never_raises
    def handoff(
        self, name: str, method: str = "", reason: str | Pii = "", at: float | None = None
    ) -> None:
        """The call is passed on."""
        self._add(
            HandedOff(
                at=self._offset(at),
                step=self.current_step,
                name=self._text(name),
                method=method,
                reason=self._text(reason),
            )
        )

    @_never_raises
    def recording_event(self, event: str, detail: str = "", at: float | None = None) -> None:
        """Something happened to the recording: "started", "masked", "unmasked", "stopped", "discarded", "failed"."""
        self._add(
            Recorded(
                at=self._offset(at),
                step=self.current_step,
                event=event,
                detail=self._text(detail),
            )
        )

    @_never_raises
    def recording(
        self,
        state: RecordingState | str,
        link: str | Sequence[str] = (),
        receipt: Mapping[str, Any] | None = None,
    ) -> None:
        """What there is of the call's audio, and where (one or several), as known now; the last word before
        `finish` is what the record says.

        Once a discard was asked for (`pending`, `discarded`) there is no way back: a recording does not return. A
        discard that is done can be `pending` again, when others have started to record once more.
        """
        state = RecordingState(state)
        if self.note.state in _GOING and state not in _GOING:
            return
        links = [link] if isinstance(link, str) else list(link)
        if state is not RecordingState.PRESENT:
            links = []
        self.note = RecordingNote(
            state=state,
            links=tuple(storable(each) for each in links if each),
            receipt=plain(self.redactor.redact(receipt or {})),
        )
        self._changes += 1

    @_never_raises
    def noted(self, text: str | Pii, at: float | None = None) -> None:
        """Anything else worth knowing."""
        self._add(Noted(at=self._offset(at), step=self.current_step, text=self._text(text)))

    def begun(self) -> Record:
        """The record as it is to be if nothing more is ever heard of this call: its server is lost."""
        reason, note = self.if_lost
        return self._build(Result.FAILED, reason, "", [note])

    # --- the record ---------------------------------------------------------------------------------------------

    def finish(self, result: Result, reason: Reason, hangup_cause: str = "") -> Record:
        """The finished record. Called again, it is the same one, and nothing is added any more."""
        if self._finished is None:
            # A recogniser's result comes after what it is about.
            entries = sorted(self._clean(), key=lambda entry: entry.at)
            if self.note.receipt:
                receipt = plain(self.redactor.redact(self.note.receipt))
                self.note = dataclasses.replace(self.note, receipt=receipt)
            self._finished = self._build(result, reason, hangup_cause, entries)
            self._changes += 1
        return self._finished

    @property
    def over(self) -> bool:
        """Whether it is finished."""
        return self._finished is not None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The time line so far, for whoever looks on: what is known to be private now is hidden now."""
        if self._finished is not None:
            return self._finished.entries
        return tuple(self._clean())

    @property
    def latest(self) -> Entry | None:
        """The last thing that happened."""
        if not self._entries:
            return None
        known = self._clean_for == len(self.redactor)
        return self._entries[-1] if known else self._hide(self._entries[-1])

    @property
    def revision(self) -> int:
        """Counts changes, for whoever watches the call: what is private from now on changes what was shown before."""
        return self._changes + len(self.redactor)

    @property
    def seconds(self) -> float:
        """How long the call has been going on."""
        return (
            self._finished.seconds
            if self._finished is not None
            else max(0.0, self.clock.now() - self._start)
        )

    def _build(
        self, result: Result, reason: Reason, hangup_cause: str, entries: Sequence[Entry]
    ) -> Record:
        end = self._offset(None)
        return Record(
            id=self.id,
            call_id=self.call_id,
            node=self.node,
            started_at=self.started_at,
            answered_at=None
            if self._answered is None
            else self.started_at + timedelta(seconds=self._answered),
            ended_at=self.started_at + timedelta(seconds=end),
            direction=self.direction,
            caller=self.caller,
            caller_name=self.caller_name,
            callee=self.callee,
            flow=self.flow,
            flow_version=self.flow_version,
            result=result,
            reason=reason,
            hangup_cause=storable(hangup_cause),
            last_step=self.current_step,
            recording=self.note,
            entries=tuple(entries),
            dropped_entries=self._dropped,
        )

    def _add(self, entry: Entry) -> None:
        if self._finished is not None:
            return
        if len(self._entries) >= MAX_ENTRIES:
            self._dropped += 1
            return
        self._entries.append(entry)
        self._changes += 1
        for watcher in self.watchers:
            watcher(entry)

    def _clean(self) -> list[Entry]:
        """The entries, once more without what has become private since they came in: nothing else is in them."""
        known = len(self.redactor)
        if known != self._clean_for or (known and self._clean_to != len(self._entries)):
            clean = []
            for entry in self._entries:
                try:
                    clean.append(self._hide(entry))
                except Exception:
                    # Better an incomplete record than none, or one that shows too much.
                    self._dropped += 1
                    self.log.exception("an entry is missing from the record", entry=entry.kind)
            self._entries, self._clean_for = hide_pieces(clean, self.redactor), known
            self._clean_to = len(clean)
        return self._entries

    def _hide(self, entry: Entry) -> Entry:
        cleaned = entry.cleaned(self.redactor.text)
        if isinstance(cleaned, Measured):
            value = self.redactor.together(self.redactor.redact(cleaned.value))
            cleaned = dataclasses.replace(cleaned, value=value)
        return dataclasses.replace(cleaned, step=entry.step)

    def _offset(self, at: float | None) -> float:
        return round(max(0.0, (self.clock.now() if at is None else at) - self._start), 3)

    def _text(self, value: object) -> str:
        if isinstance(value, Pii):
            return str(value)
        return storable(self.redactor.text(str(value)))[:MAX_TEXT]
