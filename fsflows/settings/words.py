"""What to write for a setting that there isn't where it stands: the nearest, its own section, or our word for it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

SECTIONS: Mapping[str, str] = {
    "server": "socket listener",
    "freeswitch": "esl event_socket eventsocket",
    "database": "db sql",
    "voice": "tts",
    "log": "logging logger",
    "dialling": "dialing originate",
    "console": "web",
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "server": {"listen": "host port address bind"},
    "console": {"listen": "host port address bind"},
    "freeswitch": {"addresses": "host port address"},
    "database": {"url": "uri dsn"},
    "flows": {"paths": "path dir directory", "default": "default_flow"},
    "recordings": {"published": "path dir directory"},
    "voice": {"voice": "name"},
    "log": {"level": "loglevel log_level"},
}
"""Section -> our setting -> other words for it."""

PAIRED = {
    "server.listen": "HOST:PORT",
    "console.listen": "HOST:PORT",
    "freeswitch.addresses": "[HOST:PORT]",
}
"""Settings that hold in one what elsewhere are two."""


def section_advice(name: str, sections: Mapping[str, Collection[str]]) -> str:
    """What to write for an unknown section.

    Args:
        name: it.
        sections: ours, each with its settings.
    """
    for ours, others in SECTIONS.items():
        if name in others.split():
            return f"here it is called {ours!r}"
    near = _near(name, sections)
    return near or _elsewhere(name, sections) or f"known are {', '.join(sections)}"


def setting_advice(section: str, name: str, sections: Mapping[str, Collection[str]]) -> str:
    """What to write for a setting that a section hasn't."""
    for ours, others in WORDS.get(section, {}).items():
        if name in others.split():
            form = PAIRED.get(f"{section}.{ours}")
            return f"here it is {ours}: {form}" if form else f"here it is called {ours!r}"
    known = sections[section]
    return _near(name, known) or _elsewhere(name, sections) or f"known are {', '.join(known)}"


def _near(name: str, known: Collection[str]) -> str | None:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else None


def _elsewhere(name: str, sections: Mapping[str, Collection[str]]) -> str | None:
    """The section or two that have it, also when the name begins with the section's: `log_level`."""
    homes = [section for section, known in sections.items() if name in known]
    if 1 <= len(homes) <= 2:
        return f"it belongs under {' or '.join(repr(home + ':') for home in homes)}"
    section, _, rest = name.partition("_")
    if rest in sections.get(section, ()):
        return f"it is {rest!r} under '{section}:'"
    return None
