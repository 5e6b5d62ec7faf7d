"""What is wrong with a flow, in its author's language: where it stands, what it is, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Place(Protocol):
    """Anything that knows where it stands in its file; lines and columns count from 1."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. `str()` gives `file:line:col: text`, the form that editors and compilers share.

    Attributes:
        path: the file, as its reader named it.
        line, column: from 1.
        text: what is wrong, and what to write instead.
        warning: the flow works, but hardly as it was meant.
    """

    path: str
    line: int
    column: int
    text: str
    warning: bool = False

    def __str__(self) -> str:
        level = "warning: " if self.warning else ""
        return f"{self.path}:{self.line}:{self.column}: {level}{self.text}"


class FlowErrors(ValueError):
    """Flows that can't be used; `problems` has everything that was found, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


MOST = 100
"""The most problems of a file that are kept: nobody reads more, and a hostile file could have any number."""


class Problems:
    """Collects the problems of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._found: list[Problem] = []

    def error(self, place: Place, text: str) -> None:
        self.add([Problem(self.path, place.line, place.column, text)])

    def warn(self, place: Place, text: str) -> None:
        self.add([Problem(self.path, place.line, place.column, text, warning=True)])

    def add(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if len(self._found) < MOST:
                self._found.append(problem)
            elif len(self._found) == MOST:
                what = "and more problems than can be shown; mend these first"
                self._found.append(Problem(self.path, 1, 1, what))

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    @property
    def errors(self) -> int:
        """How many of them are more than warnings."""
        return sum(not problem.warning for problem in self._found)


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that was probably meant, or None. `cutoff`: how like it must be, of 1."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def suggest(name: str, known: Iterable[str], *, what: str = "known") -> str:
    """The end of a message about a name that does not exist: "; did you mean 'x'?", or what there is."""
    names = list(known)
    near = nearest(name, names)
    if near is not None:
        return f"; did you mean {near!r}?"
    if not names:
        return ""
    shown = names if len(names) <= 12 else [*names[:11], "..."]
    return f"; {what}: {', '.join(shown)}"


def listing(words: Iterable[str], joint: str = "or") -> str:
    """Words in a row: "a, b or c"."""
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last


def show(value: Any) -> str:
    """A value as its author would write it, cut to a length that fits a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def label(path: Sequence[str | int]) -> str:
    """What a path of the tree is called in a message."""
    if not path:
        return "the flow"
    last = path[-1]
    if isinstance(last, int):
        return f"item {last + 1} of {label(path[:-1])}"
    owner = path[-2] if len(path) > 1 else ""
    if path[0] == "steps" and len(path) == 2:
        return f"step {last!r}"
    if path[0] == "handoffs" and len(path) == 2:
        return f"hand-off {last!r}"
    return f"row {last!r} of on" if owner == "on" else last
