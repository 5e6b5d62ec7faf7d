"""Settings that can be changed while the server runs: at a SIGHUP, those that differ in the file are put in force.

Only what nothing was built upon is among them. Others that differ are named, and wait for a new start.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple

from fsflows import log
from fsflows.settings import Log, Server, Settings

logger = log.get_logger("server.parent")

AT_RUN_TIME = {
    "server": (
        "allow",
        "heartbeat_timeout",
        "max_calls",
        "calls_per_second",
        "max_per_peer",
        "silence_timeout",
        "drain_timeout",
    ),
    "log": ("level", "levels"),
}
"""Those settings, by section."""

LEAST_HEARTBEAT, MOST_HEARTBEAT = 5, 3600
"""Seconds of `server.heartbeat_timeout`: a worker beats once a second."""


def faults(settings: Settings) -> list[str]:
    """What is wrong with these settings, as `section.name: what`; none: []."""
    server, chosen = settings.server, settings.log
    found: list[str] = []
    for network in server.allow:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            found.append(f"server.allow: {error}")
    if not LEAST_HEARTBEAT <= server.heartbeat_timeout <= MOST_HEARTBEAT:
        found.append(
            f"server.heartbeat_timeout: must be from {LEAST_HEARTBEAT} to {MOST_HEARTBEAT},"
            f" got {server.heartbeat_timeout:g}"
        )
    if chosen.level not in log.LEVELS:
        found.append(f"log.level: must be one of {', '.join(log.LEVELS)}, got {chosen.level!r}")
    for text in chosen.levels:
        try:
            log.parse_level(text)
        except ValueError as error:
            found.append(f"log.levels: {error}")
    return found


class Changes(NamedTuple):
    """The settings from now on, and the names (section.name) of those that are new."""

    settings: Settings
    names: list[str]


def read_again(old: Settings, read: Callable[[], Settings]) -> Changes | None:
    """What has changed in the settings, as far as it can be put in force; the log says what can't. None: nothing.

    Args:
        old: those in force.
        read: gives them as they are by now, or raises what is wrong with them.
    """
    try:
        new = read()
        wrong = faults(new)
    except (ValueError, OSError) as error:
        wrong = str(error).splitlines()
    if wrong:
        for problem in wrong:
            logger.error("settings not read; the old ones stay", problem=problem)
        return None
    now, later = changed(old, new)
    if later:
        logger.warning(
            "settings have changed that need a new start (SIGUSR2 loses no call)", names=later
        )
    return Changes(adjusted(old, new), now) if now else None


def changed(old: Settings, new: Settings) -> tuple[list[str], list[str]]:
    """Names (section.name) of what differs: those that can be put in force, and those that need a new start."""
    now: list[str] = []
    later: list[str] = []
    for section in dataclasses.fields(Settings):
        before, after = getattr(old, section.name), getattr(new, section.name)
        for entry in dataclasses.fields(before):
            if getattr(before, entry.name) != getattr(after, entry.name):
                known = entry.name in AT_RUN_TIME.get(section.name, ())
                (now if known else later).append(f"{section.name}.{entry.name}")
    return now, later


def adjusted(old: Settings, new: Settings) -> Settings:
    """The old settings, with those of the new ones that can be put in force."""
    taken = {
        section: dataclasses.replace(
            getattr(old, section), **{name: getattr(getattr(new, section), name) for name in names}
        )
        for section, names in AT_RUN_TIME.items()
    }
    return dataclasses.replace(old, **taken)


def as_message(settings: Settings) -> dict[str, Any]:
    """These settings, for a worker."""
    return {
        section: {name: getattr(getattr(settings, section), name) for name in names}
        for section, names in AT_RUN_TIME.items()
    }


def from_message(settings: Settings, message: dict[str, Any]) -> Settings:
    """A worker's settings, with what it is told."""

    def part(section: Server | Log, values: dict[str, Any]) -> Any:
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return dataclasses.replace(section, **values | lists)

    return dataclasses.replace(
        settings,
        server=part(settings.server, message["server"]),
        log=part(settings.log, message["log"]),
    )
