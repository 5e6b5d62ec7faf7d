"""A language: its data file, read once, as tables that the grammar looks words up in.

The file's fields are described in docs/languages.md. A file may inherit another; a list replaces its parent's, and
the word "..." in it stands for the parent's words.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from fsflows.spoken import text

REST = "..."
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TAG = re.compile(r"([a-z]{2,3})(?:-[a-z]{4})?(?:-([a-z]{2}|\d{3}))?")


class Kind(Enum):
    """What a word, or several, can be. One word may be more than one."""

    DIGIT = auto()
    SOLO = auto()
    OH = auto()
    HOMOPHONE = auto()
    PLURAL = auto()
    KEYS = auto()
    CARDINAL = auto()
    BOUND = auto()
    SCALE = auto()
    LINK_TENS = auto()
    LINK_HUNDREDS = auto()
    LINK_THOUSANDS = auto()
    REPEAT = auto()
    TIMES = auto()
    KEY = auto()
    LETTER = auto()
    SHY_LETTER = auto()
    HESITATION = auto()
    CARRIER = auto()
    ARTICLE = auto()
    IDIOM = auto()
    CLEAR = auto()
    REPAIR = auto()
    UNDO = auto()
    YES = auto()
    WEAK = auto()
    NO = auto()
    UNSURE = auto()
    LEAD = auto()
    NEGATION = auto()
    SPELLING = auto()


EDITS = frozenset({Kind.CLEAR, Kind.REPAIR, Kind.UNDO})
END = "$"
"""The key of an end phrase ("that's all"): ends as `#` does, and is never a key itself."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One phrase of the table: the words after its first, and what it is."""

    rest: tuple[str, ...]
    kind: Kind
    value: Any


Table = Mapping[str, tuple[Entry, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language's tables, ready for lookup by a phrase's first word.

    Attributes:
        numbers: what may become keys, fillers and edits.
        assent: yes, no, and the words that may stand before them.
        denials: what takes back a phrase that follows: the negations, and "i don't want" where "no" is the negation.
        refusals: what takes back a phrase that went before ("not that"), and the words that may stand beside it.
        deny: what takes back a number that is said again behind it ("three, not three, four").
        morphemes: parts of compounds written in one word, with the words they stand for.
        units_first: tens are said after units ("ein und zwanzig").
        hundreds_up_to: the largest multiplier of "hundred" (99: "nineteen hundred").
        teens_after: tens that a teen may follow (60: "soixante dix").
        elisions: what joins the next word with an apostrophe ("l" of "l'agent"), and is no part of it.
        names: the name of each digit, `*` and `#`, as spoken back.
        phrases: the language's own sentences.
    """

    tag: str
    name: str
    numbers: Table
    assent: Table
    denials: Table
    refusals: Table
    deny: Table
    morphemes: Mapping[str, tuple[str, ...]]
    units_first: bool
    hundreds_up_to: int
    teens_after: frozenset[int]
    elisions: frozenset[str]
    names: Mapping[str, str]
    phrases: Mapping[str, str]
    compounds: dict[str, Any] = field(default_factory=dict)


def languages() -> list[str]:
    """The tags of all languages there are, sorted."""
    return sorted(_files())


def resolve(tag: str) -> str:
    """The tag of the language that serves `tag`: "en" -> "en-US", "pt_pt" -> "pt-PT", "de-CH" -> "de-DE".

    A region without a file of its own is served by its language's default.

    Raises:
        ValueError: for an unknown language; its text names near misses, or all that are known.
    """
    wanted = tag.strip().replace("_", "-").lower() if isinstance(tag, str) else ""
    known = _aliases()
    if wanted in known:
        return known[wanted]
    parts = _TAG.fullmatch(wanted)
    if parts:
        language, region = parts.groups()
        for candidate in (f"{language}-{region}", language):
            if candidate in known:
                return known[candidate]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    hint = (
        f"did you mean {' or '.join(dict.fromkeys(known[tag] for tag in near))}? " if near else ""
    )
    raise ValueError(f"unknown language {tag!r}: {hint}known are {', '.join(languages())}")


def load(tag: str) -> Language:
    """The language for a tag that `resolve` understands; read once.

    Raises:
        ValueError: as `resolve`.
    """
    return _load(tag if tag in _files() else resolve(tag))


@lru_cache(maxsize=1)
def _files() -> frozenset[str]:
    folder = resources.files("fsflows.spoken").joinpath("languages")
    names = (entry.name for entry in folder.iterdir())
    return frozenset(
        name.removesuffix(".yaml") for name in names if name.endswith(".yaml") and name[0] != "_"
    )


@lru_cache(maxsize=1)
def _aliases() -> Mapping[str, str]:
    known = {tag.lower(): tag for tag in languages()}
    for tag in languages():
        for alias in _read(tag).get("aliases", ()):
            known[str(alias).lower()] = tag
    return known


@lru_cache(maxsize=64)
def _read(name: str) -> dict[str, Any]:
    """A data file as it stands: every scalar a string, so that `no` is a word and `0` a digit."""
    file = resources.files("fsflows.spoken").joinpath("languages", f"{name}.yaml")
    data = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
    if not isinstance(data, dict):
        raise TypeError(f"languages/{name}.yaml: a mapping is expected")
    return data


def _inherited(name: str) -> dict[str, Any]:
    own = dict(_read(name))
    own.pop("aliases", None)
    parent = own.pop("inherits", None)
    merged: dict[str, Any] = _merge(_inherited(parent), own) if parent else own
    return merged


def _merge(parent: Any, own: Any) -> Any:
    if isinstance(parent, dict) and isinstance(own, dict):
        return parent | {key: _merge(parent.get(key), value) for key, value in own.items()}
    if isinstance(own, list):
        rest = parent if isinstance(parent, list) else []
        return [word for item in own for word in (rest if item == REST else [item])]
    return own


@lru_cache(maxsize=64)
def _load(tag: str) -> Language:
    data = _inherited(tag)
    cardinals = {int(value): words for value, words in data.get("cardinals", {}).items()}
    elisions = frozenset(data.get("elisions", ()))
    return Language(
        tag=tag,
        name=data["name"],
        numbers=_table(_number_phrases(data)),
        assent=_table(_assent_phrases(data)),
        denials=_table(_denials(data)),
        refusals=_table(_refusals(data), elisions),
        deny=_table(_deny(data)),
        morphemes=MappingProxyType(_morphemes(data, cardinals)),
        units_first=data.get("units_first") == "true",
        hundreds_up_to=int(data.get("hundreds_up_to", 9)),
        teens_after=frozenset(int(ten) for ten in data.get("teens_after", ())),
        elisions=elisions,
        names=MappingProxyType(dict(data["names"])),
        phrases=MappingProxyType(dict(data["phrases"])),
    )


def _number_phrases(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Any]]:
    valued = {
        "digits": (Kind.DIGIT, str),
        "solo": (Kind.SOLO, str),
        "oh": (Kind.OH, str),
        "homophones": (Kind.HOMOPHONE, str),
        "plurals": (Kind.PLURAL, str),
        "cardinals": (Kind.CARDINAL, int),
        "bound": (Kind.BOUND, int),
        "scales": (Kind.SCALE, int),
        "repeats": (Kind.REPEAT, int),
        "keys": (Kind.KEY, str),
        "letters": (Kind.LETTER, str),
        "shy_letters": (Kind.SHY_LETTER, str),
    }
    for name, (kind, convert) in valued.items():
        for value, words in data.get(name, {}).items():
            for phrase in words:
                yield phrase, kind, convert(value)
    plain = {
        "times": Kind.TIMES,
        "noise": Kind.HESITATION,
        "hesitations": Kind.HESITATION,
        "carriers": Kind.CARRIER,
        "articles": Kind.ARTICLE,
        "idioms": Kind.IDIOM,
        "spelling": Kind.SPELLING,
    }
    links = {
        "tens": Kind.LINK_TENS,
        "hundreds": Kind.LINK_HUNDREDS,
        "thousands": Kind.LINK_THOUSANDS,
    }
    edits = {"clear": Kind.CLEAR, "repair": Kind.REPAIR, "undo": Kind.UNDO}
    for table, kinds in (
        (data, plain),
        (data.get("links", {}), links),
        (data.get("edits", {}), edits),
    ):
        for name, kind in kinds.items():
            for phrase in table.get(name, ()):
                yield phrase, kind, None
    for phrase in data.get("edits", {}).get("finish", ()):
        yield phrase, Kind.KEY, END


def _assent_phrases(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Any]]:
    kinds = {
        "yes": Kind.YES,
        "weak": Kind.WEAK,
        "no": Kind.NO,
        "unsure": Kind.UNSURE,
        "lead": Kind.LEAD,
        "negations": Kind.NEGATION,
    }
    for name, kind in kinds.items():
        for phrase in data.get("assent", {}).get(name, ()):
            yield phrase, kind, None
    yield from _noise(data)


def _noise(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Any]]:
    for phrase in (*data.get("noise", ()), *data.get("hesitations", ())):
        yield phrase, Kind.LEAD, None


def _denials(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Any]]:
    for name in ("negations", "denials"):
        for phrase in data.get("assent", {}).get(name, ()):
            yield phrase, Kind.NEGATION, None
    for phrase in data.get("assent", {}).get("unsure", ()):
        yield phrase, Kind.UNSURE, None


def _refusals(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Any]]:
    kinds = {"refusals": Kind.NO, "negations": Kind.NEGATION, "lead": Kind.LEAD}
    for name, kind in kinds.items():
        for phrase in data.get("assent", {}).get(name, ()):
            yield phrase, kind, None
    yield from _noise(data)


def _deny(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind, Any]]:
    for phrase in data.get("assent", {}).get("negations", ()):
        yield phrase, Kind.NEGATION, None
    for phrase in data.get("edits", {}).get("deny", ()):
        yield phrase, Kind.NEGATION, None


def _table(
    phrases: Iterator[tuple[str, Kind, Any]], elisions: frozenset[str] = frozenset()
) -> Table:
    """Phrases by their first word, longest first. `elisions`: for words that are looked up apart from them."""
    found: dict[str, dict[tuple[tuple[str, ...], Kind, Any], None]] = {}
    for phrase, kind, value in phrases:
        words = text.parted(text.split(phrase).words, elisions)
        if not words:
            raise ValueError(f"a phrase without words: {phrase!r}")
        found.setdefault(words[0], {})[(words[1:], kind, value)] = None
    return MappingProxyType(
        {
            word: tuple(Entry(*entry) for entry in sorted(entries, key=lambda e: -len(e[0])))
            for word, entries in found.items()
        }
    )


def _morphemes(
    data: Mapping[str, Any], cardinals: Mapping[int, list[str]]
) -> dict[str, tuple[str, ...]]:
    """Every way to write a part of a compound, with the words that the grammar knows for it."""
    if data.get("joined") != "true":
        return {}
    words = [word for value in cardinals.values() for word in value]
    for name in ("digits", "bound", "scales", "repeats"):
        words += [word for value in data.get(name, {}).values() for word in value]
    words += data.get("links", {}).get("tens", [])
    words += data.get("links", {}).get("hundreds", [])
    found = {"".join(text.split(word).words): text.split(word).words for word in words}
    for form, word in data.get("elided", {}).items():
        found[form] = text.split(word).words
    return found
