"""How values are written on pages."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flask import Flask, g
from markupsafe import Markup, escape

from fsflows.archive.describe import length
from fsflows.archive.live import LiveCall
from fsflows.console.charts import words
from fsflows.console.sources import Sources
from fsflows.console.timeline import story


def register(app: Flask) -> None:
    """Give templates these filters."""
    app.add_template_filter(words)
    app.add_template_filter(length, "duration")
    app.add_template_filter(moment)
    app.add_template_filter(number)
    app.add_template_filter(seconds)
    app.add_template_filter(latest)
    app.add_template_filter(story)
    app.add_template_filter(tick_row)
    app.add_template_global(result_badge)
    app.add_template_global(zone_name)


def sources(app: Flask) -> Sources:
    """What the pages of an application show."""
    found: Sources = app.extensions["fsflows"]
    return found


def zone_name() -> str:
    """The time zone of all times on the page."""
    return str(getattr(g.get("zone"), "key", "UTC"))


def moment(at: datetime | str, style: str = "full") -> Markup:
    """A time in the viewer's zone, with the exact one for programs. `style`: "full", "short", "time"."""
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            return escape(at)
    local = at.astimezone(g.get("zone", UTC))
    shape = {"full": "%a %-d %b %Y, %H:%M:%S", "short": "%-d %b, %H:%M", "time": "%H:%M:%S"}[style]
    exact = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        exact, exact, local.strftime(shape)
    )


@lru_cache(maxsize=4096)
def number(phone: str) -> Markup:
    """A phone number, in groups that an eye can hold; anything else as it is."""
    import phonenumbers

    if not phone:
        return Markup('<span class="soft">withheld</span>')
    try:
        parsed = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return escape(phone)
    shape = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return Markup('<span class="digits">{}</span>').format(
        phonenumbers.format_number(parsed, shape)
    )


def seconds(value: float) -> str:
    """A short time: "0.34 s", "12 ms"."""
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.2f} s"


def result_badge(result: Any, reason: Any = "") -> Markup:
    """A result in its colour."""
    text = f"{words(str(result))}"
    title = Markup(' title="{}"').format(words(str(reason))) if reason else ""
    return Markup('<span class="badge {}"{}>{}</span>').format(result, title, text)


def latest(call: LiveCall) -> str:
    """The last thing that happened in a running call, in a few words."""
    entry = call.latest
    text = str(entry.get("text", ""))
    match entry.get("kind"):
        case "said":
            return f"says: {text}"
        case "heard":
            return f"{'pressed' if entry.get('source') == 'keys' else 'heard'}: {text}"
        case "collected":
            return f"{words(str(entry.get('outcome', '')))} {entry.get('digits', '')}"
        case "function":
            return f"ran {entry.get('name', '')}()"
        case "handoff":
            return f"handed off to {entry.get('name', '')}"
        case "recording":
            return f"recording {entry.get('event', '')}"
        case _:
            return text


def tick_row(ticks: list[tuple[float, str]]) -> Markup:
    """The scale of a time line: a drawing of its own, not stretched, of the width that there is."""
    labels = Markup().join(
        Markup('<text x="{:.2f}%" y="12" text-anchor="{}">{}</text>').format(
            share * 100, "start" if share < 0.02 else "middle", label
        )
        for share, label in ticks
        if share < 0.98
    )
    return Markup('<svg class="tick-row" width="100%" height="16">{}</svg>').format(labels)
