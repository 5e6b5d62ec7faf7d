"""Charts as inline SVG: no scripts, colours by class, each bar with its words for a pointer and for a screen reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape

from markupsafe import Markup

from fsflows.archive.charts import GiveUp, HourCount, StepCount

HEIGHT = 230
LEFT, BOTTOM, TOP = 36, 24, 10

WORST = 8
"""Steps that are shown of those in which callers gave up."""

RESULTS = ("completed", "handed_off", "abandoned", "unanswered", "failed", "refused")
OUTCOMES = ("complete", "escaped", "no_match", "too_short", "too_long", "no_input", "hangup")
"""In the order in which they are stacked, the good ones first."""


def words(name: str) -> str:
    """A name from a closed list, as people write it: "handed_off" -> "handed off"."""
    return name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Span:
    """A choice of how far back to look, and how wide a bar is."""

    key: str
    label: str
    length: timedelta
    bar: timedelta
    unit: str


SPANS = {
    span.key: span
    for span in (
        Span("24h", "24 hours", timedelta(hours=24), timedelta(hours=1), "hour"),
        Span("7d", "7 days", timedelta(days=7), timedelta(hours=6), "6 hours"),
        Span("30d", "30 days", timedelta(days=30), timedelta(days=1), "day"),
    )
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A stack of calls, in the viewer's time."""

    start: datetime
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All calls of it."""
        return sum(self.counts.values())


def bars(counts: Iterable[HourCount], span: Span, until: datetime, zone: tzinfo) -> list[Bar]:
    """Calls by the hour put into bars; the last one holds `until`."""
    first = _floor(until.astimezone(zone) - span.length, span) + span.bar
    number = round(span.length / span.bar)
    stacks: list[dict[str, int]] = [{} for _ in range(number)]
    for each in counts:
        at = int((each.hour.astimezone(zone) - first) / span.bar)
        if 0 <= at < number:
            stacks[at][each.result] = stacks[at].get(each.result, 0) + each.calls
    return [Bar(first + span.bar * at, stack) for at, stack in enumerate(stacks)]


def _floor(at: datetime, span: Span) -> datetime:
    hours = round(span.bar / timedelta(hours=1))
    return at.replace(hour=at.hour // hours * hours, minute=0, second=0, microsecond=0)


def since_of(span: Span, until: datetime, zone: tzinfo) -> datetime:
    """From when on calls are needed for `bars`."""
    return _floor(until.astimezone(zone) - span.length, span) + span.bar


def stacked(chart: Sequence[Bar], span: Span) -> Markup:
    """Calls over time, by result: a scale, and beside it a plot as wide as there is room."""
    ticks = _ticks(max((bar.total for bar in chart), default=0))
    top = ticks[-1]
    inner = HEIGHT - BOTTOM - TOP
    scale, plot = [], []
    for tick in ticks:
        y = TOP + inner * (1 - tick / top)
        scale.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
        plot.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
    step = 100 / max(1, len(chart))
    for at, bar in enumerate(chart):
        if _labelled(bar.start, span):
            label = _label(bar.start, span)
            plot.append(f'<text x="{at * step:.2f}%" y="{HEIGHT - 6}">{label}</text>')
        plot.append(_stack(bar, at * step, step, top, inner, span))
    total = sum(bar.total for bar in chart)
    title = f"Calls per {span.unit} over the last {span.label}: {total} in all"
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<div class="chart"><svg width="{LEFT}" height="{HEIGHT}" aria-hidden="true">{"".join(scale)}</svg>'
        f'<svg width="100%" height="{HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(plot)}</svg></div>'
    )


def _stack(bar: Bar, x: float, step: float, top: int, inner: float, span: Span) -> str:
    counted = ", ".join(f"{bar.counts[r]} {words(r)}" for r in RESULTS if bar.counts.get(r))
    title = f"{_when(bar.start, span)}: {counted or 'no calls'}"
    y = TOP + inner
    rects = []
    for result in RESULTS:
        count = bar.counts.get(result, 0)
        if count:
            height = inner * count / top
            y -= height
            rects.append(
                f'<rect class="fill-{result}" x="{x + step * 0.12:.2f}%" y="{y:.1f}" width="{step * 0.76:.2f}%"'
                f' height="{height:.1f}"/>'
            )
    hit = f'<rect class="hit" x="{x:.2f}%" y="{TOP}" width="{step:.2f}%" height="{inner}"/>'
    return f"<g><title>{escape(title)}</title>{hit}{''.join(rects)}</g>"


def _ticks(most: int) -> list[int]:
    """The marks of a scale from 0 to a round number that is no less than `most`; at most six."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            step = factor * size
            if most <= 5 * step:
                return [step * number for number in range(max(1, -(-most // step)) + 1)]
        size *= 10


def _labelled(start: datetime, span: Span) -> bool:
    if span.key == "24h":
        return start.hour % 3 == 0
    if span.key == "7d":
        return start.hour < 6
    return start.weekday() == 0


def _label(start: datetime, span: Span) -> str:
    if span.key == "24h":
        return f"{start:%H:%M}"
    return f"{start:%a %-d}" if span.key == "7d" else f"{start:%-d %b}"


def _when(start: datetime, span: Span) -> str:
    end = start + span.bar
    if span.key == "30d":
        return f"{start:%a %-d %B}"
    return f"{start:%a %-d %B, %H:%M}–{end:%H:%M}"


# --- rows: one bar each, beside words ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a chart that is a table: `parts` are (class, share of the width, words)."""

    flow: str
    step: str
    total: int
    note: str
    parts: tuple[tuple[str, float, str], ...]

    @property
    def bar(self) -> Markup:
        """The bar; its words are in the table, too."""
        x = 0.0
        rects = []
        for name, share, text in self.parts:
            rects.append(
                f'<rect class="fill-{name}" x="{x:.2f}" y="0" width="{max(share * 100 - 0.4, 0.6):.2f}" height="10">'
                f"<title>{escape(text)}</title></rect>"
            )
            x += share * 100
        label = escape("; ".join(text for _, _, text in self.parts))
        return Markup(  # noqa: S704 - every text in it is escaped
            f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{label}">'
            f"{''.join(rects)}</svg>"
        )


def outcome_rows(counts: Sequence[StepCount], most: int = 12) -> list[Row]:
    """One row a step: how its collections ended, by share; the busiest steps first."""
    steps: dict[tuple[str, str], list[StepCount]] = {}
    for each in counts:
        steps.setdefault((each.flow, each.step), []).append(each)
    rows = []
    for (flow, step), found in steps.items():
        total = sum(each.times for each in found)
        asked = sum(each.attempts * each.times for each in found) / total
        by_outcome = {each.outcome: each.times for each in found}
        known = [name for name in OUTCOMES if name in by_outcome]
        parts = tuple(
            (
                f"out-{name}",
                by_outcome[name] / total,
                f"{words(name)} {by_outcome[name] / total:.0%}",
            )
            for name in (*known, *sorted(set(by_outcome) - set(known)))
        )
        rows.append(Row(flow, step, total, f"asked {asked:.1f}×", parts))
    return sorted(rows, key=lambda row: -row.total)[:most]


def give_up_rows(found: Sequence[GiveUp]) -> list[Row]:
    """One row a step in which callers left or got no further, the worst first; the bars are to scale."""
    steps: dict[tuple[str, str], dict[str, int]] = {}
    for each in found:
        step = steps.setdefault((each.flow, each.step), {})
        step[each.reason] = step.get(each.reason, 0) + each.calls
    worst = max((sum(step.values()) for step in steps.values()), default=1)
    rows = [
        Row(
            flow,
            step,
            sum(reasons.values()),
            ", ".join(f"{calls} {words(reason)}" for reason, calls in sorted(reasons.items())),
            tuple(
                (f"why-{reason}", calls / worst, f"{calls} {words(reason)}")
                for reason, calls in sorted(reasons.items())
            ),
        )
        for (flow, step), reasons in steps.items()
    ]
    return sorted(rows, key=lambda row: -row.total)[:WORST]
