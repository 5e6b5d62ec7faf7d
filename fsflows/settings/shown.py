"""Settings as they are shown: commented YAML that can be read back, without what is secret in it."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from fsflows.settings.model import Settings

SECRETS = {
    ("database", "url"),
    ("recordings", "agent_secret"),
    ("records", "webhook_secret"),
    ("console", "token"),
    ("console", "secret"),
    ("freeswitch", "password"),
}
"""Settings that can be in a file of their own, and are never shown."""

STARS = "********"
"""What is shown in the place of a secret; never a secret itself."""

_STARRED = re.compile(r"(?:^|[:=])\*{8}(?:$|[@&])")


def as_yaml(settings: Settings) -> str:
    """The settings as a commented YAML file; those with secrets in them are comments, and the secrets not shown."""
    lines: list[str] = []
    for section in dataclasses.fields(settings):
        values = getattr(settings, section.name)
        lines.append(f"# {(type(values).__doc__ or '').strip()}")
        lines.append(f"{section.name}:")
        for entry in dataclasses.fields(values):
            value = getattr(values, entry.name)
            said = shown(section.name, entry.name, value)
            text = yaml.safe_dump(said, default_flow_style=True, width=1000).splitlines()[0]
            if said == STARS:
                text = "(set; not shown)"
            lines.append(f"  # {entry.metadata['text']}")
            # What is hidden can't be read back: a comment, lest stars become the secret.
            hidden = said != (list(value) if isinstance(value, tuple) else value)
            lines.append(f"  {'# ' if hidden else ''}{entry.name}: {text}")
        lines.append("")
    return "\n".join(lines)


def shown(section: str, name: str, value: Any) -> Any:
    """A value without what is secret in it."""
    if (section, name) == ("console", "users"):
        return [":".join([*user.split(":")[:2], STARS]) for user in value]
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str) and "://" in value:
        value = re.sub(r"(://[^/@:]*):.*@", rf"\1:{STARS}@", value)
        return re.sub(
            r"([?&]\w*(?:pass|secret|token|key|sig|auth|code)\w*=)[^&]*", rf"\1{STARS}", value
        )
    return STARS if (section, name) in SECRETS and value else value


def is_starred(value: Any, *, secret: bool) -> bool:
    """Whether a value that was given has the stars in it that something secret is shown as."""
    texts = value if isinstance(value, list) else [value]
    return any(
        isinstance(text, str) and (_STARRED.search(text) or (secret and set(text) == {"*"}))
        for text in texts
    )
