"""docs/collecting.md and docs/timers.md say what the code does: fields, defaults, closed lists."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from fsflows.collect import Collection, Confirmation, Dialogue, How, Outcome, Speech

DOCS = Path(__file__).parents[2] / "docs"
COLLECTING = (DOCS / "collecting.md").read_text(encoding="utf-8")
TIMERS = (DOCS / "timers.md").read_text(encoding="utf-8")

IN_YAML = {
    "accept_keys": "accept",
    "refuse_keys": "refuse",
    "end_keys": "end_key",
    "clear_keys": "clear_key",
}
ELSEWHERE = {
    "max_digits",
    "min_digits",
    "speech",
    "escape",
    "validation",
    "confirmation",
    "during_greeting",
}
SAID_OTHERWISE = {"language": "the flow's", "when": "always"}


def rows(section: str) -> dict[str, str]:
    """First two columns of a section's tables."""
    text = COLLECTING.split(f"\n## `{section}:`\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)`[^|]*\| ([^|]*?) \|", text, re.MULTILINE))


def shown(value: object) -> str:
    if value is None or value in (frozenset(), ()):
        return "none"
    if isinstance(value, frozenset):
        return "".join(sorted(value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


@pytest.mark.parametrize(
    ("section", "spec"), [("dtmf", Collection()), ("asr", Speech()), ("confirm", Confirmation())]
)
def test_every_field_and_its_default_is_documented(section, spec):
    expected = {
        IN_YAML.get(each.name, each.name): SAID_OTHERWISE.get(
            each.name, shown(getattr(spec, each.name))
        )
        for each in fields(spec)
        if each.name not in ELSEWHERE
    }
    documented = rows(section)

    assert expected == {name: documented.get(name) for name in expected}


def test_the_number_of_attempts_is_documented():
    assert {"attempts": "3", "keys_only_after": "never"} == rows("retry")
    assert 3 == Dialogue(Collection())._attempts


@pytest.mark.parametrize("closed_list", [Outcome, How])
def test_every_ending_is_documented(closed_list):
    assert [] == [each for each in closed_list if f"`{each}`" not in COLLECTING]


@pytest.mark.parametrize(
    ("block", "spec", "names"),
    [
        (
            "dtmf",
            Collection(),
            ["first_digit_timeout", "inter_digit_timeout", "collection_timeout"],
        ),
        (
            "asr",
            Speech(),
            ["end_of_speech_timeout", "settle_time", "partial_timeout", "hold_limit"],
        ),
        ("confirm", Confirmation(), ["timeout"]),
    ],
)
def test_every_timer_and_its_default_is_in_the_drawing(block, spec, names):
    for name in names:
        value = getattr(spec, name)
        seconds = "none" if value is None else f"{value:g} s"

        assert f"| `{block}: {name}` | {seconds} |" in TIMERS
        assert (
            f"{name} ({seconds})" in TIMERS
            or f"`{name}` ({seconds})" in TIMERS
            or block == "confirm"
        )
