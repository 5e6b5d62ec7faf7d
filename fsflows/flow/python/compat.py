"""What a functions file may import: `from _gen import *`, `from imports import *`, `from fsflows import Conversation`.

`*` brings the names of tasks and of private values as well, which live higher up and are imported when they are asked
for.

These modules exist only for functions files: each file is run with an `__import__` of its own, nothing is put into
`sys.modules`. `Conversation` and `Flow` here are for annotations; what a call hands to a function are the classes of
`fsflows.conversation`, which have all these names (a test holds them to that).
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

from fsflows.log import get_logger

F = TypeVar("F", bound=Callable[..., Any])

log = get_logger("functions")


class Conversation:
    """A call, as functions see it: `conv`."""

    id: str
    state: Any
    log: Any
    history: list[Any]
    caller_number: str
    callee_number: str
    sip_headers: dict[str, str]
    language: str
    current_flow: str
    metrics: dict[str, Any]
    handoffs: Mapping[str, Any]
    functions: Any
    say: Callable[..., None]
    goto_flow: Callable[..., None]
    exit_flow: Callable[[], None]
    call_handoff: Callable[..., None]
    hang_up: Callable[..., None]
    discard_recording: Callable[[], None]
    pause_recording: Callable[[], None]
    resume_recording: Callable[[], None]
    mask_recording: Callable[..., None]
    write_metric: Callable[..., None]
    pii: Callable[[str], Any]
    collect: Callable[..., Any]


class Flow:
    """The running flow, as transition functions see it: `flow`."""

    name: str
    current_step: str
    goto_step: Callable[..., None]


def func_description(text: Any = "", *_: Any, **__: Any) -> Callable[[F], F]:
    """Note what a function is for, as `function.func_description`."""

    def note(function: F) -> F:
        setattr(function, "func_description", text)  # noqa: B010 - no attribute of the type
        return function

    return note


def func_parameter(name: Any = "", text: Any = "", *_: Any, **__: Any) -> Callable[[F], F]:
    """Note a parameter, in `function.func_parameters`."""

    def note(function: F) -> F:
        known = getattr(function, "func_parameters", {})
        setattr(function, "func_parameters", {name: text, **known})  # noqa: B010
        return function

    return note


def func_latency_control(*values: Any, **settings: Any) -> Callable[[F], F]:
    """Note how a slow function is to be covered, as `function.func_latency_control`."""

    def note(function: F) -> F:
        noted = {**settings, **({"values": values} if values else {})}
        setattr(function, "func_latency_control", noted)  # noqa: B010
        return function

    return note


NAMES: Mapping[str, Any] = {
    "Conversation": Conversation,
    "Flow": Flow,
    "func_description": func_description,
    "func_parameter": func_parameter,
    "func_latency_control": func_latency_control,
    "log": log,
}


LATER = ("GetDtmfResult", "GetDtmfTask", "Pii")
"""Names of the package that `*` brings."""


class _Offered(ModuleType):
    """A module with our names, and behind them those of a real one."""

    def __init__(self, name: str, real: str | None = None) -> None:
        super().__init__(name)
        self.__all__ = sorted((*NAMES, *LATER))
        self.__dict__.update(NAMES)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        if name in LATER:
            return getattr(importlib.import_module("fsflows"), name)
        if self._real is None or name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        real = importlib.import_module(self._real)
        try:
            return getattr(real, name)
        except AttributeError:
            return importlib.import_module(f"{self._real}.{name}")


def namespace_builtins() -> dict[str, Any]:
    """The `__builtins__` for a functions file: Python's own, with an `import` that knows our modules."""
    offered = {name: _Offered(name) for name in ("_gen", "imports")}
    offered["fsflows"] = _Offered("fsflows", "fsflows")

    def import_(
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - the signature of __import__
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if level == 0 and name in offered:
            return offered[name]
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    return {**vars(builtins), "__import__": import_}
