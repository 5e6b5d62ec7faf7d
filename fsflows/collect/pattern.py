r"""A validation pattern that can't hang the server, and that knows what it can never match.

Python's `re` backtracks: `(\d+)+$` on thirty digits and a star takes longer than the call. A flow's pattern is
written in `re`'s syntax and read by its parser, but matched by derivatives: one step a digit, whatever the pattern. The
same machinery answers, when a flow is loaded, whether any answer of the allowed lengths could match at all.

What has no derivative (references to a group, look-behind) is refused, with advice.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any, Final

ALPHABET: Final = frozenset(string.digits + "*#" + string.ascii_uppercase)
"""What an answer may consist of: keys, and letters where they are allowed. Letters match in either case."""

_ADVICE: Final = "the pattern is too complicated; write a function instead"
_MAX_STATES = 4000
_MAX_SIZE = 20_000
_CATEGORIES = {
    sre.CATEGORY_DIGIT: frozenset(string.digits),
    sre.CATEGORY_NOT_DIGIT: ALPHABET - frozenset(string.digits),
    sre.CATEGORY_WORD: frozenset(string.digits + string.ascii_uppercase),
    sre.CATEGORY_NOT_WORD: frozenset("*#"),
    sre.CATEGORY_SPACE: frozenset(),
    sre.CATEGORY_NOT_SPACE: ALPHABET,
}


class Pattern:
    """A compiled pattern.

    Raises:
        ValueError: the text is no regular expression, or uses what has no place in one for digits.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            re.compile(text)
            self._parsed = sre_parser.parse(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{text!r} is not a regular expression: {error}") from None
        try:
            self._build()
            for digit in string.digits:  # what is too complicated shows now, not in a call
                self._walk(digit * 40)
        except RecursionError:
            raise TooComplicated(_ADVICE) from None

    def _build(self) -> None:
        self._nodes = _Nodes()
        self._start = _Translation(self._nodes).whole(self._parsed)

    def fullmatch(self, answer: str) -> bool:
        """Whether the whole answer matches. Time is proportional to its length."""
        if self._nodes.made > _MAX_SIZE:
            self._build()  # what was learnt from other answers takes too much memory
        try:
            return self._walk(answer)
        except TooComplicated:
            return False

    def _walk(self, answer: str) -> bool:
        node = self._start
        for char in answer.upper():
            if char not in ALPHABET:
                return False
            node = self._nodes.derive(node, char)
            if node is self._nodes.nothing:
                return False
        return node.nullable

    def can_match(
        self, lengths: range, alphabet: Iterable[str] = string.digits, first: Iterable[str] = ()
    ) -> bool:
        """Whether any answer of one of these lengths matches, from an alphabet (`first`: for the first key, if other).

        A pattern with too many states to say counts as one that can.
        """
        try:
            return self._can_match(lengths, alphabet, first)
        except TooComplicated:
            return True

    def _can_match(self, lengths: range, alphabet: Iterable[str], first: Iterable[str]) -> bool:
        letters = sorted({char.upper() for char in alphabet} & ALPHABET)
        opening = sorted({char.upper() for char in first} & ALPHABET) if first else letters
        states = {self._start}
        seen = 0
        for length in range(lengths.stop):
            if length in lengths and any(state.nullable for state in states):
                return True
            states = {
                after
                for state in states
                for char in (opening if length == 0 else letters)
                if (after := self._nodes.derive(state, char)) is not self._nodes.nothing
            }
            seen += len(states)
            if seen > _MAX_STATES:
                return True
            if not states:
                return False
        return False


@lru_cache(maxsize=256)
def compiled(text: str) -> Pattern:
    """The pattern, compiled once for all calls."""
    return Pattern(text)


class TooComplicated(ValueError):
    """A pattern whose states outgrow any use."""


class _Node:
    """One regular expression. Equal ones are the same object, so that a set of them stays small."""

    __slots__ = ("args", "kind", "nullable", "size")

    def __init__(self, kind: str, args: tuple[Any, ...], nullable: bool, size: int) -> None:
        self.kind = kind
        self.args = args
        self.nullable = nullable
        self.size = size


class _Nodes:
    """Builds expressions in a normal form, and derives them: what must follow, once a character has been read."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], _Node] = {}
        self._derived: dict[tuple[int, str], _Node] = {}
        self.nothing = self._make("nothing", (), nullable=False)
        self.empty = self._make("empty", (), nullable=True)
        self.anything = self.repeat(self.chars(ALPHABET), 0, None)

    @property
    def made(self) -> int:
        return len(self._made)

    def _make(self, kind: str, args: tuple[Any, ...], *, nullable: bool, size: int = 1) -> _Node:
        key = (kind, *(id(arg) if isinstance(arg, _Node) else arg for arg in args))
        node = self._made.get(key)
        if node is None:
            if size > _MAX_SIZE or len(self._made) > 10 * _MAX_SIZE:
                raise TooComplicated(_ADVICE)
            node = self._made[key] = _Node(kind, args, nullable, size)
        return node

    def chars(self, chars: frozenset[str]) -> _Node:
        return self._make("chars", (chars,), nullable=False) if chars else self.nothing

    def cat(self, first: _Node, second: _Node) -> _Node:
        if first is self.nothing or second is self.nothing:
            return self.nothing
        if first is self.empty:
            return second
        if second is self.empty:
            return first
        if first.kind == "cat":  # right-leaning, so that equal expressions are written one way
            return self.cat(first.args[0], self.cat(first.args[1], second))
        return self._make(
            "cat",
            (first, second),
            nullable=first.nullable and second.nullable,
            size=first.size + second.size,
        )

    def either(self, nodes: Iterable[_Node]) -> _Node:
        flat: dict[int, _Node] = {}
        for node in nodes:
            for part in node.args if node.kind == "either" else (node,):
                if part is not self.nothing:
                    flat[id(part)] = part
        if id(self.anything) in flat:
            return self.anything
        if not flat:
            return self.nothing
        parts = tuple(flat[key] for key in sorted(flat))
        if len(parts) == 1:
            return parts[0]
        return self._make(
            "either",
            parts,
            nullable=any(part.nullable for part in parts),
            size=sum(part.size for part in parts),
        )

    def both(self, first: _Node, second: _Node) -> _Node:
        if first is second or second is self.anything:
            return first
        if first is self.anything:
            return second
        if first is self.nothing or second is self.nothing:
            return self.nothing
        if first is self.empty or second is self.empty:
            return self.empty if first.nullable and second.nullable else self.nothing
        return self._make(
            "both",
            tuple(sorted((first, second), key=id)),
            nullable=first.nullable and second.nullable,
            size=first.size + second.size,
        )

    def but_not(self, node: _Node) -> _Node:
        if node is self.nothing:
            return self.anything
        if node is self.anything:
            return self.nothing
        if node.kind == "not":
            inner: _Node = node.args[0]
            return inner
        return self._make("not", (node,), nullable=not node.nullable, size=node.size)

    def repeat(self, node: _Node, least: int, most: int | None) -> _Node:
        if most == 0 or node is self.empty:
            return self.empty
        if node is self.nothing:
            return self.empty if least == 0 else self.nothing
        if node.nullable:
            least = 0
        if (least, most) == (1, 1):
            return node
        if node.kind == "repeat" and node.args[1:] == (0, None):
            return node
        return self._make("repeat", (node, least, most), nullable=least == 0, size=node.size + 1)

    def derive(self, node: _Node, char: str) -> _Node:
        key = (id(node), char)
        known = self._derived.get(key)
        if known is None:
            known = self._derived[key] = self._derive(node, char)
        return known

    def _derive(self, node: _Node, char: str) -> _Node:
        match node.kind:
            case "chars":
                return self.empty if char in node.args[0] else self.nothing
            case "cat":
                first, second = node.args
                after = self.cat(self.derive(first, char), second)
                return self.either((after, self.derive(second, char))) if first.nullable else after
            case "either":
                return self.either(self.derive(part, char) for part in node.args)
            case "both":
                first, second = node.args
                return self.both(self.derive(first, char), self.derive(second, char))
            case "not":
                return self.but_not(self.derive(node.args[0], char))
            case "repeat":
                inner, least, most = node.args
                rest = self.repeat(inner, max(0, least - 1), None if most is None else most - 1)
                return self.cat(self.derive(inner, char), rest)
            case _:
                return self.nothing


class _Translation:
    """From the tree of Python's own parser to nodes. `rest` is what follows: what a look-ahead looks at."""

    def __init__(self, nodes: _Nodes) -> None:
        self._nodes = nodes

    def whole(self, parsed: Any) -> _Node:
        return self._sequence(list(parsed), self._nodes.empty, at_start=True)

    def _sequence(self, items: list[Any], rest: _Node, *, at_start: bool) -> _Node:
        for index in range(len(items) - 1, -1, -1):
            op, arg = items[index]
            rest = self._item(op, arg, rest, at_start=at_start and index == 0)
        return rest

    def _item(self, op: Any, arg: Any, rest: _Node, *, at_start: bool) -> _Node:
        nodes = self._nodes
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return nodes.cat(nodes.chars(_chars(op, arg)), rest)
        if op is sre.BRANCH:
            return nodes.either(
                self._sequence(list(branch), rest, at_start=at_start) for branch in arg[1]
            )
        if op is sre.SUBPATTERN:
            return self._sequence(list(arg[3]), rest, at_start=at_start)
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            if op is sre.POSSESSIVE_REPEAT:
                raise ValueError(
                    "a possessive repeat has no place in a pattern; write it without the '+'"
                )
            least, most, inner = arg
            if _looks_around(inner):
                raise ValueError(
                    "an anchor or look-ahead inside a repeat can't be used; write a function instead"
                )
            node = self._sequence(list(inner), nodes.empty, at_start=False)
            bound = None if most == sre.MAXREPEAT else int(most)
            return nodes.cat(nodes.repeat(node, int(least), bound), rest)
        if op is sre.AT:
            if arg in (sre.AT_END, sre.AT_END_STRING):
                return nodes.both(rest, nodes.empty)
            if arg in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING) and at_start:
                return rest
            raise ValueError("an anchor in the middle never matches; '^' goes first and '$' last")
        if op in (sre.ASSERT, sre.ASSERT_NOT) and arg[0] == 1:
            seen = nodes.cat(
                self._sequence(list(arg[1]), nodes.empty, at_start=False), nodes.anything
            )
            return nodes.both(rest, seen if op is sre.ASSERT else nodes.but_not(seen))
        raise ValueError(
            "references to a group, look-behind and atomic groups can't be used; write a function instead"
        )


def _chars(op: Any, arg: Any) -> frozenset[str]:
    if op is sre.ANY:
        return ALPHABET
    if op is sre.LITERAL:
        return frozenset(chr(arg).upper()) & ALPHABET
    if op is sre.NOT_LITERAL:
        return ALPHABET - frozenset(chr(arg).upper())
    chosen: frozenset[str] = frozenset()
    negated = False
    for kind, value in arg:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            chosen |= frozenset(chr(value).upper())
        elif kind is sre.RANGE:
            low, high = value
            chosen |= {
                c for c in ALPHABET if low <= ord(c) <= high or low <= ord(c.lower()) <= high
            }
        elif kind is sre.CATEGORY:
            chosen |= _CATEGORIES[value]
    return ALPHABET - chosen if negated else chosen & ALPHABET


def _looks_around(items: Any) -> bool:
    for op, arg in items:
        if op in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            return True
        if op is sre.BRANCH and any(_looks_around(branch) for branch in arg[1]):
            return True
        if op is sre.SUBPATTERN and _looks_around(arg[3]):
            return True
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT) and _looks_around(arg[2]):
            return True
    return False
