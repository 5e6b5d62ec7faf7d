"""Each setting is a field here, with its default and its reason: the file, the environment, the schema and
`--print-config` are made from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


def _field(default: Any, text: str, choices: Sequence[str] = (), *, show: bool = True) -> Any:
    """A setting. `show` False: what it is (a secret, a URL with one in it) is in no traceback that prints arguments."""
    metadata = {"text": text, "choices": tuple(choices)}
    if isinstance(default, list):
        return field(default_factory=lambda: tuple(default), metadata=metadata, repr=show)
    return field(default=default, metadata=metadata, repr=show)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Accepting calls."""

    listen: str = _field("127.0.0.1:8084", "address and port of the outbound event socket")
    allow: tuple[str, ...] = _field(
        ["127.0.0.0/8", "::1/128"], "networks that FreeSWITCH may connect from"
    )
    workers: int = _field(
        1, "processes that take calls; with more than one, one more for the console and metrics"
    )
    heartbeat_timeout: float = _field(
        20.0, "seconds without a sign of life after which a worker is ended and started again"
    )
    backlog: int = _field(
        1024, "connections the kernel keeps while we are busy; one that overflows is a lost call"
    )
    max_calls: int = _field(
        0,
        "calls at once, of each worker; at the limit the listener closes, so FreeSWITCH goes to its next host; 0: none",
    )
    calls_per_second: float = _field(
        0.0, "calls that may begin in a second, of each worker; the same happens at it; 0: none"
    )
    max_per_peer: int = _field(
        0,
        "connections at once from one address, to all workers together; more are let go; 0: no limit",
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
        choices=("publish", "discard"),
    )
    switches: tuple[str, ...] = _field(
        [], "names of further FreeSWITCHes whose recordings lie in the same (shared) directories"
    )
    agent_url: str = _field(
        "",
        "the deleter beside a FreeSWITCH on another host (`fsflows recordings agent`)",
        show=False,
    )
    agent_secret: str = _field("", "the secret shared with it", show=False)
    sweep_seconds: float = _field(15.0, "how often unfinished discards are looked for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The one SQL database: discard journal and conversation records."""

    url: str = _field(
        "sqlite:////var/lib/fsflows/fsflows.db",
        "SQLAlchemy URL; PostgreSQL (postgresql+psycopg://...) for several nodes",
        show=False,
    )
    spool: str = _field("/var/lib/fsflows/spool", "where records wait while the database is away")


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The web console."""

    listen: str = _field("127.0.0.1:8085", "address and port; empty: no console")
    token: str = _field(
        "", "what a browser must know; needed on any address but loopback", show=False
    )
    users: tuple[str, ...] = _field(
        [],
        "NAME:ROLE:HASH, roles viewer and editor; `python -m fsflows.console.password` makes a hash",
        show=False,
    )
    secret: str = _field(
        "",
        "signs sessions; nodes behind one address share it; empty: a restart ends all sessions",
        show=False,
    )
    https: bool = _field(False, "it is reached through a proxy that speaks HTTPS")
    proxies: tuple[str, ...] = _field(
        [], "addresses or networks of such proxies: their X-Forwarded-For is believed"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Conversation records."""

    keep_days: float = _field(
        0.0, "age at which a record and its recording are deleted; 0: they are kept"
    )
    webhook_url: str = _field(
        "", "where each finished record is posted to; empty: nowhere", show=False
    )
    webhook_secret: str = _field("", "signs what is posted; 16 characters or more", show=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log."""

    level: str = _field(
        "info",
        "debug, info, warning or error",
        choices=("debug", "info", "warning", "error", "critical"),
    )
    levels: tuple[str, ...] = _field(
        [], "of single parts, as PART=LEVEL: esl=debug; the console changes them while it runs"
    )
    format: str = _field(
        "auto",
        "auto: for people on a terminal, JSON elsewhere; or console, json",
        choices=("auto", "console", "json"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSwitch:
    """FreeSWITCH's own event socket: calls are watched and looked up through it that we don't have any more."""

    addresses: tuple[str, ...] = _field(
        [], "host:port of each FreeSWITCH's event socket; empty: not used"
    )
    password: str = _field("ClueCon", "their password", show=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """Calls that we make, through FreeSWITCH's event socket (`fsflows dial`, POST /api/calls)."""

    endpoint: str = _field(
        "",
        "the dial string, with {number} in it: sofia/gateway/NAME/{number}; empty: no such calls",
    )
    socket: str = _field(
        "", "where FreeSWITCH finds us, HOST:PORT (several with | between); empty: server.listen"
    )
    caller_number: str = _field("", "what whoever is called is shown; empty: FreeSWITCH's own")
    caller_name: str = _field("", "the same, where names are shown")
    region: str = _field(
        "",
        "country (GB) of numbers without a country code: they are checked, and dialled as +44...; empty: any digits",
    )
    allow: tuple[str, ...] = _field(
        [], "beginnings of numbers that may be called, as they are dialled: +44, 0800; empty: all"
    )
    ring_timeout: float = _field(30.0, "seconds to let it ring")
    machine: str = _field(
        "ignore",
        "what is done about an answering machine: ignore (the flow talks to it), or hang_up (needs speech recognition)",
        choices=("ignore", "hang_up"),
    )
    calls_per_second: float = _field(
        1.0, "calls that are begun in a second; FreeSWITCH has a limit of its own"
    )
    max_calls: int = _field(10, "such calls at once, those that ring included")
    max_waiting: int = _field(100, "such calls that wait for their turn; more are refused")


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
    dialling: Dialling = field(default_factory=Dialling)
    log: Log = field(default_factory=Log)
