"""How bad a line of a part of the program has to be; set for each part, at any time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}

PARTS = (
    "archive",
    "call",
    "console",
    "conversation",
    "dialling",
    "esl",
    "freeswitch",
    "functions",
    "recordings",
    "server",
    "webhook",
)
"""The parts of a server. A process has a logger of those only that have said something in it."""


class Part:
    """Where a part's lines go, and how bad they have to be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.threshold = threshold_of(name)


# A command that makes its database would otherwise begin with a line for each migration.
_OF_OTHERS = {"alembic": LEVELS["warning"]}
"""Levels of libraries that say more than anybody wants, unless they are set."""

_levels = {"": LEVELS["warning"], **_OF_OTHERS}
_parts: dict[str, Part] = {}


def part_of(name: str) -> Part:
    """The part of that name; one of a name is one."""
    if name not in _parts:
        _parts[name] = Part(name)
    return _parts[name]


def threshold_of(name: str) -> int:
    """The level that is set for a part, or for what it is a part of."""
    while name not in _levels:
        name = name.rpartition(".")[0]
    return _levels[name]


def set_level(part: str, level: str) -> None:
    """Set how bad a line of a part (and of its parts, unless they have been set) has to be; "" is everything.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"no log level {level!r}; there are {', '.join(LEVELS)}")
    _levels[part] = LEVELS[level]
    _apply()


def set_levels(level: str, parts: Iterable[str] = ()) -> None:
    """Set all levels anew: of everything, and of single parts, each "PART=LEVEL".

    Raises:
        ValueError: there is no such level; nothing has changed.
    """
    if level not in LEVELS:
        raise ValueError(f"no log level {level!r}; there are {', '.join(LEVELS)}")
    chosen = [parse_level(text) for text in parts]
    _levels.clear()
    _levels.update(_OF_OTHERS)
    for part, its_level in [("", level), *chosen]:
        set_level(part, its_level)


def parse_level(text: str) -> tuple[str, str]:
    """Part and level of "PART=LEVEL".

    Raises:
        ValueError: it isn't one, or there is no such level.
    """
    part, equals, level = text.partition("=")
    if not equals or not part.strip():
        raise ValueError(f"a part's level is written PART=LEVEL (esl=debug), got {text!r}")
    if level.strip() not in LEVELS:
        raise ValueError(f"no log level {level.strip()!r}; there are {', '.join(LEVELS)}")
    return part.strip(), level.strip()


def levels() -> dict[str, str]:
    """The levels that have been set, by part; "" is everything else."""
    names = {number: name for name, number in LEVELS.items()}
    return {part: names[level] for part, level in _levels.items()}


def parts() -> list[str]:
    """The parts that have a logger, here or in another process of the server; sorted."""
    return sorted({*_parts, *PARTS})


@contextmanager
def as_before() -> Iterator[None]:
    """What is set within is taken back at its end."""
    before = dict(_levels)
    try:
        yield
    finally:
        _levels.clear()
        _levels.update(before)
        _apply()


def _apply() -> None:
    for each in list(_parts.values()):
        each.threshold = threshold_of(each.name)
