"""The server: flows, database, spool, directories, listener, who may connect, console."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gevent
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from gevent import socket
from sqlalchemy import Connection

from fsflows.console.access import Access, check_listen, parse_users
from fsflows.database import Database, DatabaseFailed
from fsflows.database.migrate import config
from fsflows.doctor.finding import Finding, ok, problem, warning
from fsflows.esl.command_reader import CommandReader
from fsflows.esl.frames import FrameError
from fsflows.flow.loader import read_flows
from fsflows.recordings.files.places import parse_root
from fsflows.server.checks import faults, missing
from fsflows.settings import Settings
from fsflows.settings.address import parse_address

WAIT = 5.0
"""Seconds for a connection to our own listener."""


def flows(settings: Settings) -> Iterator[Finding]:
    """Whether the flows can be loaded."""
    reading = read_flows(settings.flows.paths)
    wrong = [*reading.missing, *reading.errors]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        paths = " ".join(settings.flows.paths)
        yield problem("flows", f"{wrong[0]}{more}", f"fsflows check {paths}")
        return
    names = sorted(reading.flows)
    default = settings.flows.default
    if default and default not in names:
        yield problem(
            "flows",
            f"flows.default is {default!r}, which is no flow",
            f"one of {', '.join(names)} as flows.default",
        )
    else:
        yield ok("flows", f"{', '.join(names)}; a call that names none: {default or 'refused'}")


def sense(settings: Settings) -> Iterator[Finding]:
    """Whether the settings make sense by themselves."""
    found = faults(settings)
    for text in found:
        yield problem("settings", text, "correct it: the server will not start")
    if not found:
        yield ok("settings", "make sense")


def database(settings: Settings) -> Iterator[Finding]:
    """Whether the database is there, and of which version; nothing is changed in it."""
    try:
        opened = Database(settings.database.url)
    except ValueError as error:
        yield problem("database", str(error), "correct database.url")
        return
    kind = opened.url.get_backend_name()
    try:
        path = opened.url.database
        if kind == "sqlite" and path not in (None, "", ":memory:"):
            yield from _sqlite_file(Path(str(path)), opened)
        else:
            yield _version(opened, f"{kind} at {opened.url.host or 'localhost'}")
    finally:
        opened.close()


def _sqlite_file(path: Path, opened: Database) -> Iterator[Finding]:
    if not path.exists():
        if path.absolute().parent.is_dir():
            yield ok("database", f"{path} will be made by the first start")
        return  # that the directory is missing is said with the others
    if not os.access(path, os.W_OK):
        yield problem(
            "database",
            f"may not write to {path}",
            "run this as the server's user, or give it the file",
        )
        return
    yield _version(opened, str(path))


def _version(opened: Database, where: str) -> Finding:
    def heads(connection: Connection) -> tuple[str, ...]:
        return tuple(MigrationContext.configure(connection).get_current_heads())

    script = ScriptDirectory.from_config(config())
    wanted = set(script.get_heads())
    try:
        there = opened.read(heads)
    except DatabaseFailed as error:
        return problem(
            "database", f"{where}: {error}", "see that it runs, and that database.url is right"
        )
    shown = ", ".join(there) or "empty"
    if set(there) == wanted:
        return ok("database", f"{where}, schema {shown}")
    known = {revision.revision for revision in script.walk_revisions()}
    if set(there) <= known:
        return ok("database", f"{where}, schema {shown}: the next start brings it up to date")
    return problem(
        "database",
        f"{where}, schema {shown}, which this fsflows does not know",
        "it was made by a newer fsflows: upgrade this one",
    )


def directories(settings: Settings) -> Iterator[Finding]:
    """Whether what the server writes to can be written to."""
    lines = missing(settings)
    for line in lines[:]:
        about, colon, text = line.partition(": ")
        if about in ("recordings.staging", "recordings.roots"):
            continue  # tried below
        if colon and " " not in about:
            made = next((each for each in lines if "mkdir -p" in each), "")
            advice = made.rpartition(": ")[2] or "give the directory to the server's user"
            yield problem(about, text, advice)
    if not any(line.startswith("database.spool:") for line in lines):
        yield ok("database.spool", settings.database.spool)
    if settings.recordings.agent_url:
        return
    recordings = settings.recordings
    named = [("recordings.staging", recordings.staging)]
    named += [("recordings.roots", root) for root in recordings.roots]
    if "://" not in recordings.published:
        named.append(("recordings.published", recordings.published))
    for about, root in named:
        path = Path(parse_root(root).local)
        if about == "recordings.staging" and not path.exists():
            path = next(each for each in path.parents if each.exists())
        if not path.is_dir():
            if about == "recordings.roots":
                yield problem(
                    about,
                    f"there is no directory {path}",
                    "mount it, or take it out of recordings.roots",
                )
            continue
        yield _written(about, path)


def _written(about: str, path: Path) -> Finding:
    try:
        with tempfile.NamedTemporaryFile(prefix=".fsflows-doctor-", dir=path) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        advice = "both users write there: a common group, and mode 2770"
        return problem(about, f"can't write to {path}: {error.strerror}", advice)
    return ok(about, f"can write to {path}")


def listener(settings: Settings) -> Iterator[Finding]:
    """Whether somebody listens where FreeSWITCH is to connect to, and whether it is one of us."""
    host, port = parse_address(settings.server.listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to connect to, not to bind
    where = settings.server.listen
    from_here = ""
    closed = False
    try:
        with gevent.Timeout(WAIT), socket.create_connection((host, port), WAIT) as sock:
            from_here = sock.getsockname()[0]
            first = sock.recv(4096)
            closed = not first
            sock.sendall(b"")
    except OSError as error:
        why = error.strerror or str(error)
        yield problem("listener", f"nobody listens on {where} ({why})", "start `fsflows serve`")
        return
    except gevent.Timeout:
        first = b""
    if _is_ours(first):
        yield ok("listener", f"answers on {where}")
    elif closed and _kept_out(from_here, settings):
        # As it should: only FreeSWITCH, in another container, say, may connect.
        yield ok("listener", f"on {where} somebody lets go of {from_here}, not in server.allow")
    elif not first:
        allowed = ", ".join(settings.server.allow)
        yield problem(
            "listener",
            f"what listens on {where} says nothing, or closed the connection",
            f"is it fsflows, and may this host connect (server.allow: {allowed})?",
        )
    else:
        yield problem(
            "listener", f"what listens on {where} is not fsflows", "another port as server.listen"
        )


def may_connect(address: str, settings: Settings) -> bool:
    """Whether `server.allow` lets an address in.

    Raises:
        ValueError: one of its networks is none.
    """
    networks = [ipaddress.ip_network(each, strict=False) for each in settings.server.allow]
    return not networks or any(ipaddress.ip_address(address) in each for each in networks)


def _kept_out(address: str, settings: Settings) -> bool:
    try:
        return not may_connect(address, settings)
    except ValueError:
        return False  # said with the settings


def _is_ours(data: bytes) -> bool:
    try:
        sent = CommandReader().feed(data)
    except FrameError:
        return False
    return bool(sent) and sent[0].verb == "connect"


def access(settings: Settings) -> Iterator[Finding]:
    """Who may connect to the listener."""
    try:
        networks = [ipaddress.ip_network(each, strict=False) for each in settings.server.allow]
        host = parse_address(settings.server.listen)[0]
    except ValueError:
        return  # said with the settings
    shown = ", ".join(settings.server.allow)
    if not networks:
        yield problem(
            "server.allow",
            "is empty: everybody may connect, and make the server do what it likes",
            "FreeSWITCH's addresses as server.allow",
        )
    elif any(network.prefixlen == 0 for network in networks):
        yield warning(
            "server.allow", f"lets everybody in ({shown})", "FreeSWITCH's addresses, nobody else's"
        )
    elif not _loopback(host) and all(network.is_loopback for network in networks):
        yield warning(
            "server.allow",
            f"listens on {settings.server.listen}, but only this host may connect ({shown})",
            "FreeSWITCH's address into server.allow, or 127.0.0.1 as server.listen",
        )
    else:
        yield ok("server.allow", shown)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def console(settings: Settings) -> Iterator[Finding]:
    """Who may look at the console."""
    chosen = settings.console
    if not chosen.listen:
        yield ok("console", "off")
        return
    try:
        credentials = Access(chosen.token, parse_users(chosen.users))
        host = parse_address(chosen.listen)[0]
        check_listen(host, credentials)
    except ValueError:
        return  # the settings make no sense: said already
    if credentials.open:
        yield ok("console", f"{chosen.listen}: whoever is on this host, without a login")
    elif not _loopback(host) and not chosen.https:
        yield warning(
            "console",
            f"{chosen.listen}: logins travel without encryption",
            "put a proxy that speaks HTTPS in front, and set console.https",
        )
    else:
        yield ok("console", f"{chosen.listen}, with a login")
