"""What can be said about a server's settings before it starts: everything at once, in the reader's words."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from fsflows.archive.webhook import check_secret, check_url
from fsflows.console.access import Access, check_listen, parse_users
from fsflows.console.throttle import parse_proxies
from fsflows.database import Database
from fsflows.recordings.files.places import parse_root
from fsflows.server import adjustable
from fsflows.server.office.outbound import make_plan
from fsflows.settings import Console, Settings
from fsflows.settings.address import parse_address


def faults(settings: Settings) -> list[str]:
    """What is wrong with the settings themselves, as `section.name: what`; none: []."""
    found: list[str] = []

    def check(name: str, parse: Callable[[Any], object], value: Any) -> None:
        try:
            parse(value)
        except ValueError as error:
            found.append(f"{name}: {error}")

    server, recordings = settings.server, settings.recordings
    check("server.listen", parse_address, server.listen)
    found += adjustable.faults(settings)
    if settings.console.listen:
        check("console.listen", parse_address, settings.console.listen)
        found += _console(settings.console)
    if settings.records.webhook_url:
        found += _said(check_url, settings.records.webhook_url)
        found += _said(check_secret, settings.records.webhook_secret)
    for address in settings.freeswitch.addresses:
        check("freeswitch.addresses", parse_address, address)
    check("database.url", _database, settings.database.url)
    if not recordings.agent_url:
        check("recordings.staging", parse_root, recordings.staging)
        for root in recordings.roots:
            check("recordings.roots", parse_root, root)
        if "://" not in recordings.published:
            check("recordings.published", parse_root, recordings.published)
    if settings.dialling.endpoint and not any(each.startswith("server.listen") for each in found):
        try:
            make_plan(settings)
        except ValueError as error:
            found.append(str(error))
    for name, number, least, most in (
        ("server.workers", server.workers, 1, 64),
        ("server.backlog", server.backlog, 1, 65535),
    ):
        if not least <= number <= most:
            found.append(f"{name}: must be from {least} to {most}, got {number:g}")
    return found + [fault for fault in _choices(settings) if fault not in found]


def _choices(settings: Settings) -> list[str]:
    """What is none of the words that a setting may be."""
    found = []
    for section in fields(settings):
        values = getattr(settings, section.name)
        for entry in fields(values):
            value, known = getattr(values, entry.name), entry.metadata["choices"]
            if known and value not in known:
                name = f"{section.name}.{entry.name}"
                found.append(f"{name}: must be one of {', '.join(known)}, got {value!r}")
    return found


def _console(chosen: Console) -> list[str]:
    """Who may look at it, and from where."""
    found = _said(Access, chosen.token)
    found += _said(parse_users, chosen.users) + _said(parse_proxies, chosen.proxies)
    if not found:
        access = Access(chosen.token, parse_users(chosen.users))
        with suppress(ValueError):  # an address that is none is named already
            found += _said(check_listen, parse_address(chosen.listen)[0], access)
    return found


def _database(url: str) -> None:
    database = Database(url)
    database.close()
    if database.url.get_backend_name() == "sqlite" and database.url.database in (
        None,
        "",
        ":memory:",
    ):
        raise ValueError(
            "a database in memory ends with its process, and so would what is known of discards;"
            " give a file: sqlite:////absolute/path.db"
        )


def _said(parse: Callable[..., object], *values: Any) -> list[str]:
    """What is wrong, by one that names the setting itself."""
    try:
        parse(*values)
    except ValueError as error:
        return [str(error)]
    return []


def missing(settings: Settings) -> list[str]:
    """Directories that the server needs and can't use, and what to do about it, line by line; none: []."""
    needed: dict[str, Path] = {}
    url = make_url(settings.database.url)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        needed["database.url"] = Path(str(url.database)).absolute().parent
    if not settings.recordings.agent_url and "://" not in settings.recordings.published:
        needed["recordings.published"] = Path(settings.recordings.published)
    lines, absent = [], []
    for name, path in needed.items():
        there = _nearest(path)
        if there == path and path.is_dir():
            if not _usable(path):
                lines.append(f"{name}: may not write to {path}{_rights(path)}")
        elif there.is_dir() and not os.access(there, os.X_OK):
            lines.append(f"{name}: may not look for {path}{_rights(there)}")
        else:
            absent.append(path)
            lines.append(f"{name}: there is no directory {path}")
    spool = Path(settings.database.spool).absolute()
    there = _nearest(spool)
    if not _usable(there):
        lines.append(f"database.spool: may not make or write {spool}{_rights(there)}")
    if not settings.recordings.agent_url:
        lines += _undeletable(settings)
    if absent:
        made = " ".join(shlex.quote(str(path)) for path in dict.fromkeys(absent))
        lines.append(f"make what is missing, for the user who serves: mkdir -p {made}")
    if lines:
        lines.append("to try things out, keep everything in one directory: --data DIR")
    return lines


def _undeletable(settings: Settings) -> list[str]:
    """Where calls are recorded, and nothing could be deleted: better said now than to who opts out."""
    lines = []
    staging = Path(parse_root(settings.recordings.staging).local).absolute()
    there = _nearest(staging)
    if not _usable(there):
        lines.append(
            f"recordings.staging: may not make and delete files in {staging}{_rights(there)}"
        )
    for root in settings.recordings.roots:
        path = Path(parse_root(root).local)
        if not path.is_dir():
            lines.append(f"recordings.roots: there is no directory {path} (is it mounted?)")
        elif os.statvfs(path).f_flag & os.ST_RDONLY:
            lines.append(
                f"recordings.roots: {path} is read-only here (a line ReadWritePaths in systemd's unit?)"
            )
    return lines


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest above it that is there, as far as we may look."""
    return next(each for each in (path, *path.parents) if os.path.exists(each))  # noqa: PTH110 - Path's raises


def _usable(path: Path) -> bool:
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def _rights(path: Path) -> str:
    """Whose a directory is that can't be used, and who we are: in a container both are numbers that nobody knows."""
    if not path.is_dir():
        return f" ({path} is no directory)"
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    groups = ", ".join(map(str, sorted({os.getegid(), *os.getgroups()})))
    return (
        f" ({path} is of user {found.st_uid} and group {found.st_gid}, mode {mode:o};"
        f" this is user {os.geteuid()}, group {groups})"
    )
