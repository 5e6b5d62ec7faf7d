"""A call's time line, drawn: what was said to the caller, what came back, what ran meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from markupsafe import Markup

from fsflows.archive.entries import (
    Collected,
    Entered,
    Entry,
    HandedOff,
    Heard,
    Noted,
    Ran,
    Recorded,
    Said,
)

LANES = {"we": 8.0, "caller": 34.0, "work": 60.0}
LANE = 18.0
HEIGHT = 86

SPEECH_PER_SECOND = 14.0
"""Characters that a voice says in a second: how long a prompt is drawn, unless something cuts it short."""


def strip(entries: Sequence[Entry], seconds: float) -> Markup:
    """The whole call in one strip, as wide as there is room. Each mark leads to its entry in the list below, which is
    where keys get to it.
    """
    if not entries or seconds <= 0:
        return Markup()
    scale = 100 / seconds
    parts = [
        f'<line class="grid" x1="{x * 100:.2f}%" x2="{x * 100:.2f}%" y1="0" y2="{HEIGHT}"/>'
        for x, _ in ticks(seconds)
    ]
    parts += [
        f'<line class="lane" x1="0" x2="100%" y1="{y + LANE / 2}" y2="{y + LANE / 2}"/>'
        for y in LANES.values()
    ]
    marks: list[list[str]] = []
    following = seconds  # when what is said next is said
    for index, entry in reversed(list(enumerate(entries))):
        marks.append(list(_marks(index, entry, following, scale)))
        if isinstance(entry, Said | Entered):
            following = entry.at
    for each in reversed(marks):
        parts += each
    label = f"The call in time: {len(entries)} events in {seconds:.0f} seconds"
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg class="strip" width="100%" height="{HEIGHT}" role="group" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _marks(index: int, entry: Entry, following: float, scale: float) -> Iterator[str]:
    match entry:
        case Said():
            length = min(len(entry.text) / SPEECH_PER_SECOND, max(following - entry.at, 0.2))
            yield _bar(index, "we", entry.at, length, scale, "said", entry.text)
        case Heard(source="keys"):
            yield _point(index, "caller", entry.at, scale, "key", f"key {entry.text}")
        case Heard():
            # A result comes when it has been said.
            length = min(len(entry.text) / SPEECH_PER_SECOND, entry.at)
            yield _bar(index, "caller", entry.at - length, length, scale, "speech", entry.text)
        case Ran():
            length = min(entry.seconds, entry.at)
            title = f"{entry.name}, {entry.seconds:.2f} s"
            yield _bar(
                index,
                "work",
                entry.at - length,
                length,
                scale,
                "failed" if entry.error else "ran",
                title,
            )
        case Recorded():
            name = "discard" if entry.event == "discarded" else "event"
            yield _point(index, "work", entry.at, scale, name, f"recording {entry.event}")
        case HandedOff() | Noted():
            yield _point(index, "work", entry.at, scale, "event", entry.kind)
        case Entered():
            x = f"{entry.at * scale:.2f}%"
            yield f'<line class="step" x1="{x}" x2="{x}" y1="0" y2="{HEIGHT}"/>'
        case Collected():
            good = "good" if entry.outcome == "complete" else "bad"
            y = LANES["caller"] + LANE / 2
            yield f'<circle class="{good}" cx="{entry.at * scale:.2f}%" cy="{y}" r="5"/>'


def _bar(
    index: int, lane: str, at: float, length: float, scale: float, name: str, title: str
) -> str:
    x = min(at * scale, 99.5)
    width = max(0.4, min(length * scale - 0.25, 100 - x))
    return (
        f'<a href="#e{index}" tabindex="-1"><rect class="{name}" x="{x:.2f}%" y="{LANES[lane]}" width="{width:.2f}%"'
        f' height="{LANE}" rx="3"><title>{escape(title[:120])}</title></rect></a>'
    )


def _point(index: int, lane: str, at: float, scale: float, name: str, title: str) -> str:
    """A mark of the same width in pixels, however wide the strip is."""
    x, y = f"{min(at * scale, 99.8):.2f}%", LANES[lane]
    return (
        f'<a href="#e{index}" tabindex="-1">'
        f'<line class="point {name}" x1="{x}" x2="{x}" y1="{y + 2}" y2="{y + LANE - 2}">'
        f"<title>{escape(title[:120])}</title></line></a>"
    )


def _step(seconds: float) -> int:
    return next((each for each in (1, 2, 5, 10, 30, 60, 300, 600) if seconds / each <= 9), 3600)


def ticks(seconds: float) -> list[tuple[float, str]]:
    """The scale below the strip: shares of its width, and labels."""
    step = _step(seconds)
    at = [number * step for number in range(int(seconds // step) + 1)]
    return [(each / seconds, f"{each // 60}:{each % 60:02d}") for each in at] if seconds > 0 else []


def began(entries: Sequence[Entry]) -> float:
    """When the recording began: its first second is this one of the call."""
    starts = (e.at for e in entries if isinstance(e, Recorded) and e.event == "started")
    return next(starts, 0.0)


def story(entries: Sequence[Entry]) -> list[tuple[int, Entry, tuple[str, ...]]]:
    """The entries for a list: (place, entry, keys); keys pressed one after the other are one line."""
    lines: list[tuple[int, Entry, tuple[str, ...]]] = []
    for index, entry in enumerate(entries):
        if isinstance(entry, Heard) and entry.source == "keys":
            before = lines[-1] if lines else None
            if (
                before is not None
                and before[2]
                and before[0] + len(before[2]) == index
                and before[1].step == entry.step
            ):
                lines[-1] = (before[0], before[1], (*before[2], entry.text))
            else:
                lines.append((index, entry, (entry.text,)))
        else:
            lines.append((index, entry, ()))
    return lines
