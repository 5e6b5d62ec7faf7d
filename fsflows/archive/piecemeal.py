"""Answers that have become private, in what the caller keyed and said of them piece by piece.

A key is an entry of its own, and shows nothing by itself; so does each part of a number that is asked for in several
steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TypeVar

from fsflows.archive.entries import Collected, Entry, Heard
from fsflows.privacy import Pii, Redactor

E = TypeVar("E", bound=Entry)

_HIDDEN = "hidden]"


def hide_pieces(entries: Iterable[Entry], redactor: Redactor) -> list[Entry]:
    """The entries without what shows a private value only together with others.

    What a collection has heard is hidden as a whole when its digits are, as if its step had been private.
    """
    came = list(entries)
    order = sorted(range(len(came)), key=lambda place: came[place].at)
    row = [came[place] for place in order]
    collected = _of(row, Collected)
    digits = redactor.row([entry.digits for _, entry in collected])
    for (at, each), text in zip(collected, digits, strict=True):
        row[at] = dataclasses.replace(each, digits=text)
    answer: list[int] = []
    for at, entry in enumerate(row):
        if isinstance(entry, Heard):
            answer.append(at)
        elif isinstance(entry, Collected):
            if _HIDDEN in entry.digits:
                _hide(row, answer)
            answer = []
    heard = _of(row, Heard)
    texts = redactor.row([entry.text for _, entry in heard])
    _hide(row, [at for (at, entry), text in zip(heard, texts, strict=True) if text != entry.text])
    for place, entry in zip(order, row, strict=True):
        came[place] = entry
    return came


def _of(row: Sequence[Entry], kind: type[E]) -> list[tuple[int, E]]:
    return [(at, entry) for at, entry in enumerate(row) if isinstance(entry, kind)]


def _hide(row: list[Entry], places: Iterable[int]) -> None:
    for at in places:
        entry = row[at]
        assert isinstance(entry, Heard)
        if _HIDDEN not in entry.text:
            row[at] = dataclasses.replace(entry, text=str(Pii(entry.text)))
