"""The settings as a JSON Schema, for editors and for whoever checks a file without fsflows."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from fsflows.settings.model import Settings
from fsflows.settings.shown import SECRETS

_KINDS = {str: "string", int: "integer", float: "number", bool: "boolean"}


def settings_schema() -> dict[str, Any]:
    """The schema of a settings file (draft 2020-12)."""
    sections = {
        section.name: _section(section.name, section.default_factory)
        for section in dataclasses.fields(Settings)
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of fsflows",
        "type": ["object", "null"],
        "properties": sections,
        "additionalProperties": False,
    }


def _section(section: str, kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    made = kind()
    known: dict[str, Any] = {}
    for entry in dataclasses.fields(kind):
        default = getattr(made, entry.name)
        secret = (section, entry.name) in SECRETS
        known[entry.name] = {
            "description": entry.metadata["text"],
            **_kind(hints[entry.name], entry.metadata["choices"]),
            **(
                {}
                if secret
                else {"default": list(default) if isinstance(default, tuple) else default}
            ),
        }
        if secret:
            known[f"{entry.name}_file"] = {
                "description": f"a file that holds {section}.{entry.name}",
                "type": "string",
            }
    return {
        "description": (kind.__doc__ or "").strip(),
        "type": ["object", "null"],
        "properties": known,
        "additionalProperties": False,
    }


def _kind(kind: Any, choices: tuple[str, ...]) -> dict[str, Any]:
    if kind not in _KINDS:  # a list of texts; one alone is accepted as well
        return {"type": ["array", "string", "null"], "items": {"type": "string"}}
    if choices:
        return {"enum": list(choices)}
    # What YAML takes for a number (a password of digits) is accepted as a text.
    types = ["string", "number"] if kind is str else [_KINDS[kind]]
    made: dict[str, Any] = {"type": [*types, "null"]}
    if kind in (int, float):
        made["minimum"] = 0
    return made
