"""`{name}` in what flow authors write: of the call, of what was collected last, or of `conv.state`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fsflows.conversation import speaking
from fsflows.conversation.speaking import Rendered
from fsflows.privacy import Pii

if TYPE_CHECKING:
    from fsflows.conversation.engine import Engine
    from fsflows.flow.model import Prompt


def render(engine: Engine, prompt: Prompt, values: Mapping[str, object] | None = None) -> Rendered:
    """A prompt with its placeholders filled in. `values`: those that only the asker knows; they come first."""
    own = values or {}

    def lookup(name: str) -> object:
        return own[name] if name in own else value(engine, name)

    rendered = speaking.render(prompt, lookup, engine.flow.sentences)
    for why in rendered.left_out:
        engine.log.warning("sound could not be played", why=why)
    return rendered


def fill_target(engine: Engine, text: str) -> str:
    """A hand-off's target.

    Raises:
        UnsafeValue: a value can't be part of one.
    """
    return speaking.fill_target(text, lambda name: value(engine, name))


def fill_value(engine: Engine, written: Any) -> Any:
    """A value of `set:` or `metric:`. "{digits}" alone is the value itself: a private one stays private."""
    if not isinstance(written, str):
        return written
    alone = re.fullmatch(r"\{(\w+)\}", written)
    if alone:
        return value(engine, alone.group(1))
    said, shown = speaking.fill(written, lambda name: value(engine, name))
    return said if said == shown else Pii(said)


def value(engine: Engine, name: str) -> object:
    """What a placeholder stands for; None: nothing. The names that always have a value: `flow.placeholders`."""
    if name == "digits":
        return engine.last_digits
    if name in ("caller_number", "callee_number"):
        return getattr(engine.call, name)
    return engine.state.get(name)
