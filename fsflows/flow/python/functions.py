"""The Python file beside a flow: run as a module of its own, read for what it mentions, checked for its signatures."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from greenlet import GreenletExit

from fsflows.flow.code import Code, read_code
from fsflows.flow.errors import FlowErrors, Mark, Problem, Problems
from fsflows.flow.model import Function
from fsflows.flow.python.compat import NAMES, namespace_builtins
from fsflows.flow.reading.files import DISK, Files
from fsflows.log import get_logger

MAX_BYTES = 1024 * 1024
_NO_AWAIT = "; what was awaited is called: 'GetDtmfTask(...).run(conv)'"

PATIENCE = 5.0
"""Seconds that a file may take to run before its author is told where it stands: it may never end."""

log = get_logger("functions")


@dataclass(slots=True)
class FunctionsFile:
    """What a functions file has.

    Attributes:
        path: as it is shown.
        source: its bytes.
        functions: by name; what it imported from elsewhere is not among them.
        code: what their text shows.
        used: names that are used outside of functions (a table of functions, say).
        problems: what is wrong with it.
    """

    path: str
    source: bytes = b""
    functions: Mapping[str, Function] = field(default_factory=dict)
    code: Mapping[str, Code] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    problems: Problems = field(default_factory=lambda: Problems(""))

    def place(self, name: str) -> Mark:
        """Where a function is defined."""
        return self.code[name].place if name in self.code else Mark(1, 1)


def load_functions(path: Path, files: Files = DISK) -> FunctionsFile:
    """Run a functions file.

    Raises:
        FlowErrors: it can't be read, is no Python, or fails while it is imported.
    """
    shown = str(path)
    try:
        source = files.read(path)
    except OSError as error:
        raise FlowErrors(
            [Problem(shown, 1, 1, f"can't be read: {error.strerror or error}")]
        ) from None
    if len(source) > MAX_BYTES:
        raise FlowErrors([Problem(shown, 1, 1, f"larger than {MAX_BYTES // 1024} kB")])
    problems = Problems(shown)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tree, compiled = _compile(shown, source)
    for warning in caught:
        problems.warn(Mark(warning.lineno, 1), str(warning.message))
    code, used, imported = read_code(tree)
    module = _run(path, shown, compiled)
    functions = {
        name: value
        for name, value in vars(module).items()
        if name not in imported and _is_own(name, value, module, code)
    }
    for name, each in code.items():
        if name in functions and (each.asynchronous or each.yields):
            what = f"write 'def', not 'async def'{_NO_AWAIT}"
            what = what if each.asynchronous else "a function can't yield"
            problems.error(each.place, f"{name}: {what}")
    return FunctionsFile(shown, source, functions, code, frozenset(used), problems)


def _compile(shown: str, source: bytes) -> tuple[ast.Module, CodeType]:
    try:
        tree = ast.parse(source, shown)
        return tree, compile(tree, shown, "exec", dont_inherit=True)
    except SyntaxError as error:
        place = (error.lineno or 1, max(error.offset or 1, 1))
        hint = _NO_AWAIT if "'await'" in error.msg else ""
        raise FlowErrors([Problem(shown, *place, f"not Python: {error.msg}{hint}")]) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise FlowErrors([Problem(shown, 1, 1, f"not Python: {error}")]) from None


def _run(path: Path, shown: str, compiled: CodeType) -> ModuleType:
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    module = ModuleType(f"fsflows_functions_{path.stem}_{key}")
    module.__file__ = shown
    vars(module)["__builtins__"] = namespace_builtins()
    sys.modules[module.__name__] = module  # dataclasses and enum look there while they are defined
    try:
        with _watched(shown):
            exec(compiled, vars(module))  # noqa: S102 - running the author's file is the point
    except (KeyboardInterrupt, GreenletExit):
        raise  # meant for us
    except BaseException as error:  # SystemExit, gevent's Timeout
        raise FlowErrors([_failed(error, shown)]) from None
    finally:
        sys.modules.pop(module.__name__, None)
    return module


@contextmanager
def _watched(shown: str) -> Iterator[None]:
    runner = threading.get_ident()

    def tell() -> None:
        frame = sys._current_frames().get(runner)
        while frame is not None and frame.f_code.co_filename != shown:
            frame = frame.f_back
        place = f"{shown}:{frame.f_lineno}" if frame is not None else shown
        what = "%s: still being read after %g s; what is outside of functions runs now"
        log.warning(what, place, PATIENCE)

    timer = threading.Timer(PATIENCE, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _is_own(name: str, value: Any, module: ModuleType, code: Mapping[str, Code]) -> bool:
    """Whether something in a module is one of its functions, and not one of a module it imports from."""
    if not callable(value) or isinstance(value, type | ModuleType) or NAMES.get(name) is value:
        return False
    return name in code or not (
        isinstance(value, FunctionType | BuiltinFunctionType)
        and value.__module__ != module.__name__
    )


def _failed(error: BaseException, shown: str) -> Problem:
    """An exception on import, at the line of the file that it came through."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == shown
    ]
    line, column = (frames[-1].lineno or 1, (frames[-1].colno or 0) + 1) if frames else (1, 1)
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    what = said.splitlines()[0]
    hint = ""
    if isinstance(error, ModuleNotFoundError):
        hint = "; install it where fsflows runs, or put it on PYTHONPATH"
        if error.name == "livekit":
            hint = "; fsflows has a GetDtmfTask of its own: write 'from fsflows import GetDtmfTask'"
        if error.name and (Path(shown).parent / f"{error.name}.py").is_file():
            hint = "; files beside a flow are not looked for, put their directory on PYTHONPATH"
    return Problem(shown, line, column, f"can't be imported: {what}{hint}")


_ROLES: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "transition": ("(conv, flow)", (2, 1)),
    "start": ("(conv)", (1,)),
    "end": ("(conv)", (1,)),
    "validate": ("(conv, digits)", (2,)),
}


def signature_problem(name: str, function: Function, roles: Iterable[str]) -> str | None:
    """What is wrong with a function's parameters for what it is called for; None: nothing."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    for role in roles:
        words, counts = _ROLES[role]
        if not any(_takes(signature, count) for count in counts):
            return (
                f"{name} is called with {words}; write 'def {name}{words}:', got {name}{signature}"
            )
    return None


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True
