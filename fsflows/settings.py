"""The server's settings: one YAML file, environment variables on top, secrets from files.

Each setting is a field below, with its default and its reason; the file, the environment and `--print-config` are made
from them. An unknown key is an error that suggests the nearest one. `FSFLOWS_RECORDINGS__STAGING=/dev/shm/x` sets
`recordings.staging`; a secret `x` can be given as `x_file`, the path of a file that holds it.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PREFIX = "FSFLOWS_"
RESERVED = {
    "FSFLOWS_CONFIG",
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


def _field(default: Any, text: str) -> Any:
    if isinstance(default, list):
        return field(default_factory=lambda: tuple(default), metadata={"text": text})
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Accepting calls."""

    listen: str = _field("127.0.0.1:8084", "address and port of the outbound event socket")
    allow: tuple[str, ...] = _field(
        ["127.0.0.0/8", "::1/128"], "networks that FreeSWITCH may connect from"
    )
    backlog: int = _field(
        1024, "connections the kernel keeps while we are busy; one that overflows is a lost call"
    )
    max_calls: int = _field(
        0,
        "calls at once; at the limit the listener closes, so FreeSWITCH goes to its next host; 0: none",
    )
    silence_timeout: float = _field(
        10.0, "seconds after which a connection that says nothing is closed"
    )
    drain_timeout: float = _field(
        60.0, "seconds that running calls get to finish when the server is told to stop"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """The flows."""

    paths: tuple[str, ...] = _field(["flows"], "files and directories with flows")
    default: str = _field(
        "", "the flow of a call that names none; empty: the only one, else the call is refused"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How text becomes sound."""

    engine: str = _field("flite", "FreeSWITCH's TTS engine")
    voice: str = _field("slt", "the engine's voice")
    say: str = _field(
        "", "FreeSWITCH `say` module for digits (en: mod_say_en and its sounds); empty: the TTS"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """Where recordings are. Nothing outside these directories is ever deleted."""

    staging: str = _field(
        "/dev/shm/fsflows",  # noqa: S108 - shared memory is the point
        "where a call is recorded while it runs; in memory, so that a discarded call never reached a disk",
    )
    published: str = _field(
        "/var/lib/fsflows/recordings",
        "where recordings are kept: a directory, or s3://BUCKET/PREFIX",
    )
    roots: tuple[str, ...] = _field(
        [], "further directories where others (the dialplan) record calls of ours"
    )
    orphans: str = _field(
        "publish",
        "recordings of calls that lost their server before they were settled: publish, discard",
    )
    switches: tuple[str, ...] = _field(
        [], "names of further FreeSWITCHes whose recordings lie in the same (shared) directories"
    )
    agent_url: str = _field(
        "", "the deleter beside a FreeSWITCH on another host (`fsflows recordings agent`)"
    )
    agent_secret: str = _field("", "the secret shared with it")
    sweep_seconds: float = _field(15.0, "how often unfinished discards are looked for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The one SQL database: discard journal and conversation records."""

    url: str = _field(
        "sqlite:////var/lib/fsflows/fsflows.db",
        "SQLAlchemy URL; PostgreSQL (postgresql+psycopg://...) for several nodes",
    )
    spool: str = _field("/var/lib/fsflows/spool", "where records wait while the database is away")


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The web console."""

    listen: str = _field("127.0.0.1:8085", "address and port; empty: no console")
    token: str = _field("", "what a browser must know; needed on any address but loopback")
    users: tuple[str, ...] = _field(
        [],
        "NAME:ROLE:HASH, roles viewer and editor; `python -m fsflows.console.password` makes a hash",
    )
    secret: str = _field(
        "", "signs sessions; nodes behind one address share it; empty: a restart ends all sessions"
    )
    https: bool = _field(False, "it is reached through a proxy that speaks HTTPS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Conversation records."""

    keep_days: float = _field(
        0.0, "age at which a record and its recording are deleted; 0: they are kept"
    )
    webhook_url: str = _field("", "where each finished record is posted to; empty: nowhere")
    webhook_secret: str = _field("", "signs what is posted; 16 characters or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log."""

    level: str = _field("info", "debug, info, warning or error")
    format: str = _field("auto", "auto: for people on a terminal, JSON elsewhere; or console, json")


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSwitch:
    """The inbound event socket, for finishing discards of calls whose server died."""

    address: str = _field("", "host:port of its event socket; empty: not used")
    password: str = _field("ClueCon", "its password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings."""

    server: Server = field(default_factory=Server)
    flows: Flows = field(default_factory=Flows)
    voice: Voice = field(default_factory=Voice)
    recordings: Recordings = field(default_factory=Recordings)
    database: Database = field(default_factory=Database)
    records: Records = field(default_factory=Records)
    console: Console = field(default_factory=Console)
    freeswitch: FreeSwitch = field(default_factory=FreeSwitch)
    log: Log = field(default_factory=Log)


SECRETS = {
    ("recordings", "agent_secret"),
    ("records", "webhook_secret"),
    ("console", "token"),
    ("console", "secret"),
    ("freeswitch", "password"),
}


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        path: the YAML file; None: defaults and environment only.
        environ: the environment; None: the process's.

    Raises:
        SettingsError: with every fault, not only the first.
    """
    faults: list[str] = []
    tree: dict[str, Any] = _read(Path(path), faults) if path is not None else {}
    _environment(tree, os.environ if environ is None else environ, faults)
    settings = _build(Settings, tree, str(path or "settings"), faults)
    if faults:
        raise SettingsError(faults)
    result: Settings = settings
    return result


def as_yaml(settings: Settings) -> str:
    """The settings as a commented YAML file; secrets as stars."""
    lines: list[str] = []
    for section in dataclasses.fields(settings):
        values = getattr(settings, section.name)
        lines.append(f"# {(type(values).__doc__ or '').strip()}")
        lines.append(f"{section.name}:")
        for entry in dataclasses.fields(values):
            value = getattr(values, entry.name)
            if (section.name, entry.name) in SECRETS and value:
                value = "********"
            shown = list(value) if isinstance(value, tuple) else value
            text = yaml.safe_dump(shown, default_flow_style=True, width=1000).splitlines()[0]
            lines.append(f"  # {entry.metadata['text']}")
            lines.append(f"  {entry.name}: {text}")
        lines.append("")
    return "\n".join(lines)


def _read(path: Path, faults: list[str]) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        faults.append(f"{path}: {error.strerror}")
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        faults.append(f"{path}: {' '.join(str(error).split())}")
        return {}
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        faults.append(f"{path}: must be a mapping of sections ({', '.join(_names(Settings))})")
        return {}
    return tree


def _environment(tree: dict[str, Any], environ: Mapping[str, str], faults: list[str]) -> None:
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        section, _, key = name[len(PREFIX) :].lower().partition("__")
        if not key:
            faults.append(f"{name}: not a setting; write FSFLOWS_SECTION__KEY (FSFLOWS_LOG__LEVEL)")
            continue
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        branch = tree.setdefault(section, {})
        if isinstance(branch, dict):
            branch[key] = value


def _names(kind: type[Any]) -> list[str]:
    return [entry.name for entry in dataclasses.fields(kind)]


def _build(kind: type[Any], tree: Any, where: str, faults: list[str]) -> Any:
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        faults.append(f"{where}: must be a mapping with {', '.join(_names(kind))}")
        return kind()
    hints = typing.get_type_hints(kind)
    section = where.rpartition(": ")[2]
    values: dict[str, Any] = {}
    for key, given in tree.items():
        name, value = str(key), given
        if name.endswith("_file") and (section, name[:-5]) in SECRETS:
            name, value = name[:-5], _secret(given, f"{where}.{key}", faults)
        if name not in hints:
            near = difflib.get_close_matches(name, list(hints), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(hints)}"
            faults.append(f"{where}: unknown setting {name!r}; {hint}")
        elif dataclasses.is_dataclass(hints[name]):
            values[name] = _build(hints[name], value, f"{where}: {name}", faults)
        elif value is not None:
            values[name] = _value(hints[name], value, f"{where}.{name}", faults)
    return kind(**{name: value for name, value in values.items() if value is not None})


def _secret(path: Any, where: str, faults: list[str]) -> str | None:
    try:
        return Path(str(path)).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{where}: {error}")
        return None


def _value(kind: Any, value: Any, where: str, faults: list[str]) -> Any:
    if isinstance(kind, types.GenericAlias) or typing.get_origin(kind) is tuple:
        entries = [value] if isinstance(value, str) else value
        if isinstance(entries, list) and all(isinstance(entry, str) for entry in entries):
            return tuple(entries)
        faults.append(f"{where}: must be a list of texts, got {value!r}")
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
        faults.append(f"{where}: must be {words[kind]}, got {value!r}")
        return None
    if kind in (int, float) and value < 0:
        faults.append(f"{where}: must not be negative, got {value!r}")
        return None
    return value
