"""From the file and the environment to settings, or to every fault that is in them."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fsflows.settings.file import (
    FromEnvironment,
    Given,
    add_environment,
    is_exposed,
    read_file,
    read_secret,
)
from fsflows.settings.model import Settings
from fsflows.settings.shown import SECRETS, is_starred, shown
from fsflows.settings.words import section_advice, setting_advice

PREFIX = "FSFLOWS_"
RESERVED = {
    "FSFLOWS_CONFIG",
    "FSFLOWS_INHERITED",
    "FSFLOWS_FREESWITCH",
    "FSFLOWS_FREESWITCH_PASSWORD",
    "FSFLOWS_FREESWITCH_SIP",
    "FSFLOWS_FREESWITCH_APP_PORT",
    "FSFLOWS_FREESWITCH_VOSK",
}
"""Environment variables with our prefix that are not settings: the file's name, and the test suite's."""


class SettingsError(ValueError):
    """Settings that can't be used; one line for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def load(
    path: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> Settings:
    """Read the settings.

    Args:
        path: the YAML file; None: defaults and environment only.
        environ: the environment; None: the process's.
        warn: told what works but should be changed: secrets that every user can read.

    Raises:
        SettingsError: with every fault, not only the first.
    """
    faults: list[str] = []
    given = read_file(Path(path), faults) if path is not None else Given()
    in_file = {section: dict(v) for section, v in given.tree.items() if isinstance(v, dict)}
    add_environment(given, os.environ if environ is None else environ, PREFIX, RESERVED, faults)
    sections: dict[str, Any] = {}
    kinds = {entry.name: entry.default_factory for entry in dataclasses.fields(Settings)}
    names = {section: tuple(typing.get_type_hints(kind)) for section, kind in kinds.items()}
    for name, tree in given.tree.items():
        if name not in kinds:
            faults.append(
                f"{given.place(name)}: unknown setting {name!r}; {section_advice(name, names)}"
            )
        else:
            sections[name] = _section(kinds[name], name, tree, given, faults, names)
    if faults:
        raise SettingsError(faults)
    if path is not None and is_exposed(path) and (secret := _first_secret(in_file)):
        given.warnings.append(
            f"{given.place(*secret)}: every user can read {'.'.join(secret)} here;"
            f" chmod 640 {path}, or {secret[1]}_file"
        )
    for text in given.warnings:
        warn(text)
    return Settings(**sections)


def _first_secret(tree: Mapping[str, Mapping[Any, Any]]) -> tuple[str, str] | None:
    for section, name in sorted(SECRETS):
        value = tree.get(section, {}).get(name)
        if value and (name != "url" or shown(section, name, value) != value):
            return section, name
    return None


def _section(
    kind: Any,
    section: str,
    tree: Any,
    given: Given,
    faults: list[str],
    names: Mapping[str, Sequence[str]],
) -> Any:
    if tree is None:
        tree = {}
    hints = typing.get_type_hints(kind)
    if not isinstance(tree, dict):
        faults.append(
            f"{given.place(section)}: {section}: must be a mapping with {', '.join(hints)}"
        )
        return kind()
    values: dict[str, Any] = {}
    for key, raw in tree.items():
        name, value = str(key), raw
        place, where = given.place(section, name), f"{section}.{name}"
        secret = name.removesuffix("_file")
        if secret != name and (section, secret) in SECRETS:
            if secret in tree:
                faults.append(f"{place}: {where}: {section}.{secret} is given as well; one of them")
            name, value = secret, read_secret(raw, f"{place}: {where}", given, faults)
        if name not in hints:
            faults.append(
                f"{place}: {section}: unknown setting {name!r}; {setting_advice(section, name, names)}"
            )
            continue
        if isinstance(value, FromEnvironment):
            value = value.parsed(text_wanted=hints[name] is str)
        if value is not None:
            hide = (section, name) in SECRETS
            if is_starred(value, secret=hide):
                faults.append(
                    f"{place}: {where}: the stars stand for a secret that isn't shown; write the secret itself"
                    + (f", or {name}_file" if hide else "")
                )
                continue
            values[name] = _value(hints[name], value, f"{place}: {where}", faults, hide=hide)
    return kind(**{name: value for name, value in values.items() if value is not None})


def _value(kind: Any, value: Any, where: str, faults: list[str], *, hide: bool) -> Any:
    got = "" if hide else f", got {value!r}"
    if isinstance(kind, types.GenericAlias) or typing.get_origin(kind) is tuple:
        entries = [value] if isinstance(value, str) else value
        if isinstance(entries, list) and all(isinstance(entry, str) for entry in entries):
            return tuple(entries)
        faults.append(f"{where}: must be a list of texts{got}")
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
        faults.append(f"{where}: must be {words[kind]}{got}")
        return None
    if kind in (int, float) and not 0 <= value < float("inf"):
        what = "not be negative" if value < 0 else "be a finite number"
        faults.append(f"{where}: must {what}, got {value!r}")
        return None
    return value
