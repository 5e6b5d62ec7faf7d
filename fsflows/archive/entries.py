"""What can stand in a record's time line. Each entry says when (`at`: seconds after the call came in) and in which
step.

Texts have gone through the call's redactor; a private value is its placeholder ("[4 digits hidden]").
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Base of all entries. `kind` names the entry in JSON."""

    kind: ClassVar[str] = ""
    at: float
    step: str = ""

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON can hold it, `kind` first; what is as usual is left out."""
        written: dict[str, Any] = {"kind": self.kind}
        for name, default in _fields(self.kind):
            if (value := getattr(self, name)) != default:
                written[name] = value
        return written

    def cleaned(self, clean: Callable[[str], str]) -> Entry:
        """A copy whose texts have gone through `clean`."""
        texts: dict[str, Any] = {
            field.name: clean(value)
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), str)
        }
        return dataclasses.replace(self, **texts)


@functools.cache
def _fields(kind: str) -> tuple[tuple[str, Any], ...]:
    """The names and defaults of an entry's fields; asked for a dozen times a call."""
    return tuple((field.name, field.default) for field in dataclasses.fields(KINDS[kind]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered(Entry):
    """The call went into a step, perhaps of another flow."""

    kind: ClassVar[str] = "step"
    flow: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(Entry):
    """Something was said to the caller. `how`: "speech", "file", "digits", or "" when it was a mixture."""

    kind: ClassVar[str] = "said"
    text: str
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Entry):
    """The caller pressed a key or said something. `source`: "keys" or "speech"; `confidence`: 0-1."""

    kind: ClassVar[str] = "heard"
    text: str
    source: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Entry):
    """A collection ended, for good: what its step got.

    Attributes:
        outcome: "complete", "no_input", ... (`fsflows.collect.spec.Outcome`).
        digits: what was collected, partial input included.
        source: "keys", "speech", "both" or "none".
        confidence: of the least certain spoken part, 0-1.
        attempts: how often the caller was asked.
        seconds: from the first prompt's end to the outcome.
        pii: whether the digits are hidden for being private.
    """

    kind: ClassVar[str] = "collected"
    outcome: str
    digits: str = ""
    source: str = "none"
    confidence: float | None = None
    attempts: int = 1
    seconds: float | None = None
    pii: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran(Entry):
    """A function of the flow ran. `error`: what went wrong, with file and line."""

    kind: ClassVar[str] = "function"
    name: str
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Entry):
    """`conv.write_metric`."""

    kind: ClassVar[str] = "metric"
    name: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOff(Entry):
    """The call was passed on. `method`: "transfer", "bridge" or "refer"."""

    kind: ClassVar[str] = "handoff"
    name: str
    method: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Entry):
    """Something happened to the recording. `event`: "started", "masked", "unmasked", "stopped", "discarded", ..."""

    kind: ClassVar[str] = "recording"
    event: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Entry):
    """Anything else worth knowing."""

    kind: ClassVar[str] = "note"
    text: str


KINDS: dict[str, type[Entry]] = {
    each.kind: each
    for each in (Entered, Said, Heard, Collected, Ran, Measured, HandedOff, Recorded, Noted)
}


def from_json(given: Mapping[str, Any]) -> Entry:
    """An entry as `as_json` wrote it; of a kind or with fields of a later version, as much as this one can read.

    Raises:
        ValueError: something that is no entry.
    """
    kind = KINDS.get(str(given.get("kind")), Noted)
    known = {field.name for field in dataclasses.fields(kind)}
    values = {name: value for name, value in given.items() if name in known}
    if kind is Noted:
        values.setdefault("text", str(given.get("kind", "")))
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"not an entry of a record: {error}") from error
