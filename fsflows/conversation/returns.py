"""What a function may return, read strictly: anything else is an error that says what would have been right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fsflows.advice import did_you_mean
from fsflows.flow.schema.synonyms import RETURNED, meant
from fsflows.privacy import Pii

_KEYS = ("utterance", "hangup", "handoff", "listen", "transition")
_TRANSITIONS = ("goto_step", "goto_flow", "exit_flow")


class BadReturn(ValueError):
    """A function returned something that has no meaning here."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A function's answer.

    Attributes:
        utterance: what to say; None: nothing was said about it ("" means: say nothing).
        hangup: whether to hang up; a string is the hangup cause.
        handoff: the hand-off's name.
        listen: settings for another collection in the same step (`dtmf:` and `asr:` as in YAML).
        step, flow: where to go on.
        exit_flow: whether to leave the flow.
    """

    utterance: str | Pii | None = None
    hangup: bool | str = False
    handoff: str | None = None
    listen: Mapping[str, Any] | None = None
    step: str | None = None
    flow: str | None = None
    exit_flow: bool = False


def read_return(value: Any) -> Returned:
    """Understand a return value.

    Args:
        value: None, a string (something to say), or a dict with any of `utterance`, `hangup`, `handoff`, `listen` and
            `transition`.

    Raises:
        BadReturn: anything else.
    """
    if value is None:
        return Returned()
    if isinstance(value, str | Pii):
        return Returned(utterance=value)
    if not isinstance(value, Mapping):
        raise BadReturn(
            f"returned {_kind(value)}; return None, a text to say, or a dict with {_list(_KEYS)}"
        )
    for key in value:
        if key not in _KEYS:
            raise BadReturn(f"returned the unknown key {key!r}{_hint(key, _KEYS)}")
    utterance = value.get("utterance")
    if utterance is not None and not isinstance(utterance, str | Pii):
        raise BadReturn(f"returned an utterance that is {_kind(utterance)}; it must be a text")
    hangup = value.get("hangup") or False
    if not isinstance(hangup, bool | str):
        raise BadReturn(f"returned hangup = {_kind(hangup)}; it must be True or a hangup cause")
    handoff = value.get("handoff")
    if isinstance(handoff, Mapping):
        handoff = handoff.get("destination") or handoff.get("name")
    if handoff is not None and not isinstance(handoff, str):
        raise BadReturn(f"returned handoff = {_kind(handoff)}; it must be the name of a hand-off")
    listen = value.get("listen")
    if listen is not None and not isinstance(listen, Mapping):
        raise BadReturn(f"returned listen = {_kind(listen)}; it must be a dict like a step's dtmf:")
    step, flow, leave = _transition(value.get("transition"))
    return Returned(utterance, hangup, handoff, listen, step, flow, leave)


def _transition(value: Any) -> tuple[str | None, str | None, bool]:
    if value is None:
        return None, None, False
    if isinstance(value, str):
        return value, None, False
    if not isinstance(value, Mapping):
        raise BadReturn(
            f"returned transition = {_kind(value)}; it must be a step's name or a dict with {_list(_TRANSITIONS)}"
        )
    for key in value:
        if key not in _TRANSITIONS:
            raise BadReturn(f"returned the unknown transition {key!r}{_hint(key, _TRANSITIONS)}")
    step, flow = value.get("goto_step"), value.get("goto_flow")
    for name, target in (("goto_step", step), ("goto_flow", flow)):
        if target is not None and not isinstance(target, str):
            raise BadReturn(f"returned {name} = {_kind(target)}; it must be a name")
    return step, flow, bool(value.get("exit_flow"))


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _hint(key: Any, known: tuple[str, ...]) -> str:
    ours = meant(RETURNED, str(key)) if known is _KEYS else None
    if ours:
        return f"; here it is called {ours!r}"
    return f"; {did_you_mean(str(key), known, 'known are')}"
