"""FreeSWITCH, over its own event socket: whether it is there, what is loaded, its limits, its clock, its dialplan."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from gevent import socket

from fsflows.doctor import dialplan
from fsflows.doctor.finding import Finding, ok, problem, warning
from fsflows.doctor.server import may_connect
from fsflows.esl.inbound import InboundConnection, InboundFailed, WrongPassword
from fsflows.esl.link import LinkClosed, ReplyTimeout
from fsflows.settings import Settings
from fsflows.settings.address import parse_address

ANSWER = 5.0
"""Seconds that FreeSWITCH gets to connect, and to answer a command."""

SKEW, BAD_SKEW = 1.0, 30.0
"""Seconds between the two clocks that are worth a word, and that are a problem."""

RTP_PORTS = (16384, 32768)
"""FreeSWITCH's own first and last."""

WELL_KNOWN = "ClueCon"
"""The password that FreeSWITCH is shipped with."""

FILES_A_CALL = 8
"""Files that FreeSWITCH has open for one call: RTP, RTCP, event socket, recording, prompt."""

SILENT = "FreeSWITCH's log, and `fs_cli -x status`, say why"


class Silent(Exception):
    """FreeSWITCH did not answer a command; the text says which."""


class Switch:
    """A FreeSWITCH that lets us in.

    Args:
        address: HOST:PORT of its event socket.
        password: its password.

    Raises:
        InboundFailed: it isn't there, or does not let us in.
        ValueError: that is no address, or the password has a line break.
    """

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        host, port = parse_address(address)
        self._connection = InboundConnection(host, port, password, ANSWER)
        self._connection.connect()
        self._silent = ""
        peer = self._connection.sock.getpeername()[0]
        self.peer = str(peer).partition("%")[0]
        """Its network address."""

    def api(self, name: str, *arguments: str, timeout: float = ANSWER) -> str:
        """What an api command prints.

        Raises:
            Silent: nothing came in time, now or earlier on this connection.
        """
        if self._silent:
            raise Silent(self._silent)
        try:
            return self._connection.api(name, *arguments, timeout=timeout).text
        except ReplyTimeout:
            self._silent = f"FreeSWITCH did not answer `{name}` within {timeout:g} s"
        except LinkClosed as closed:
            self._silent = f"FreeSWITCH ended the connection at `{name}` ({closed.reason})"
        raise Silent(self._silent)

    @property
    def local(self) -> bool:
        """Whether it runs on this host (or shares its network)."""
        return ipaddress.ip_address(self.peer).is_loopback or is_our_address(self.peer)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def configuration(self, name: str) -> dict[str, str]:
        """The params of a configuration file, as it was read last."""
        printed = self.api("xml_locate", "configuration", "configuration", "name", name)
        try:
            root = ET.fromstring(printed)  # noqa: S314 - FreeSWITCH's own configuration
        except ET.ParseError:
            return {}
        return {each.get("name") or "": each.get("value") or "" for each in root.iter("param")}

    def interfaces(self) -> set[tuple[str, str]]:
        """What its modules offer: ("speech", "flite"), ("asr", "vosk"), ..."""
        rows = [line.split(",") for line in self.api("show", "interfaces").splitlines()]
        return {(row[0], row[1]) for row in rows if len(row) >= 3}


def connect(address: str, password: str) -> tuple[Switch | None, Finding]:
    """Connect to a FreeSWITCH; None, and what to do, if that can't be done."""
    about = "FreeSWITCH"
    try:
        switch = Switch(address, password)
    except WrongPassword as error:
        advice = "the password of FreeSWITCH's event_socket.conf.xml as freeswitch.password"
        return None, problem(about, str(error), advice)
    except InboundFailed as error:
        text = str(error)
        if "does not let this address in" in text:
            advice = "this host into apply-inbound-acl of event_socket.conf.xml, then `reload mod_event_socket`"
        elif "does not speak" in text:
            advice = "see that this is FreeSWITCH's event socket (8021), and that FreeSWITCH is not stuck"
        else:
            advice = "start FreeSWITCH with mod_event_socket; listen-ip and listen-port of event_socket.conf.xml"
        return None, problem(about, text, advice)
    except ValueError as error:
        return None, problem(about, f"not looked at: {error}", "correct the settings first")
    return switch, ok(about, f"its event socket at {address} lets us in")


def is_our_address(host: str) -> bool:
    """Whether an address or a name is this host's."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, _, _, address in found:
        with socket.socket(family, kind) as sock:
            try:
                sock.bind((address[0], 0))
            except OSError:
                continue
            return True
    return False


# --- checks: each is given a FreeSWITCH that answers, and the settings ------------------------------------------


def version(switch: Switch, _settings: Settings) -> Iterator[Finding]:
    """Its version."""
    text = " ".join(switch.api("version").split())
    found = re.search(r"(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < (1, 10):
        yield warning(
            "FreeSWITCH's version", text, "fsflows is tried with 1.10; upgrade FreeSWITCH"
        )
    else:
        yield ok("FreeSWITCH's version", text)


def event_socket(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """Whether others could make FreeSWITCH do what they like."""
    listens = switch.configuration("event_socket.conf").get("listen-ip", "")
    if not listens or _is_loopback(listens) or settings.freeswitch.password != WELL_KNOWN:
        return
    yield warning(
        "FreeSWITCH's event socket",
        f"listens on {listens} with the password that everybody knows: whoever reaches it commands FreeSWITCH",
        "a password of its own in event_socket.conf.xml (freeswitch.password_file); or listen-ip 127.0.0.1",
    )


def modules(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """Modules that every call needs."""
    needed = {
        "mod_event_socket": "the socket application",
        "mod_sndfile": "recordings and prompts as WAV files",
        "mod_sofia": "SIP calls",
    }
    absent = [name for name in needed if switch.api("module_exists", name).strip() != "true"]
    for name in absent:
        yield problem(
            "modules",
            f"{name} is not loaded: no {needed[name]}",
            f"`load {name}`, and into modules.conf.xml",
        )
    if not absent:
        yield ok("modules", ", ".join(needed))


def clock(
    switch: Switch, _settings: Settings, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """Whether the two clocks agree."""
    before = now()
    printed = switch.api("strmicroepoch").strip()
    after = now()
    if not printed.isdecimal():
        yield warning("clock", "FreeSWITCH does not tell its time", "load mod_dptools")
        return
    skew = int(printed) / 1e6 - (before + after) / 2
    text = f"FreeSWITCH's clock is {abs(skew):.1f} s {'ahead' if skew > 0 else 'behind'}"
    advice = "let both hosts follow NTP; `fsctl sync_clock` if FreeSWITCH missed a step of its host's clock"
    if abs(skew) >= BAD_SKEW:
        yield problem("clock", text, advice)
    elif abs(skew) >= SKEW:
        yield warning("clock", text, advice)
    else:
        yield ok("clock", f"FreeSWITCH's agrees with ours ({abs(skew) * 1000:.0f} ms)")


def limits(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """How many calls it takes."""
    status = switch.api("status")
    rate = _found(r"out of max (\d+)", status)
    sessions = _found(r"^(\d+) session\(s\) max", status)
    text = f"{rate} calls a second, {sessions} at once"
    if settings.server.max_calls > sessions > 0:
        yield warning(
            "FreeSWITCH's limits",
            f"{text}; server.max_calls is {settings.server.max_calls}",
            f"max-sessions of switch.conf.xml, or `fsctl max_sessions {settings.server.max_calls * 2}`",
        )
    else:
        yield ok("FreeSWITCH's limits", text)

    given = switch.configuration("switch.conf")
    first = int(given.get("rtp-start-port") or RTP_PORTS[0])
    last = int(given.get("rtp-end-port") or RTP_PORTS[1])
    room = max(0, (last - first + 1) // 2)  # RTP and RTCP
    text = f"{first} to {last}, room for {room} calls"
    if room < sessions:
        yield warning(
            "RTP ports", f"{text}; {sessions} may come", "rtp-end-port of switch.conf.xml"
        )
    else:
        yield ok("RTP ports", text)


def open_files(
    switch: Switch, _settings: Settings, proc: Path = Path("/proc")
) -> Iterator[Finding]:
    """How many files FreeSWITCH may have open, if it runs here."""
    if not switch.local:
        return
    sessions = _found(r"^(\d+) session\(s\) max", switch.api("status"))
    for process in proc.iterdir():
        try:
            if (process / "comm").read_text(encoding="utf-8").strip() != "freeswitch":
                continue
            limit = re.search(
                r"Max open files +(\d+|unlimited)", (process / "limits").read_text("utf-8")
            )
        except (OSError, UnicodeDecodeError):
            continue
        if limit is None:
            continue
        if limit[1] != "unlimited" and int(limit[1]) < sessions * FILES_A_CALL:
            yield warning(
                "FreeSWITCH's open files",
                f"{int(limit[1]):,}; {sessions} calls need {sessions * FILES_A_CALL:,}",
                "LimitNOFILE=999999 for FreeSWITCH",
            )
        else:
            yield ok("FreeSWITCH's open files", limit[1])
        return


def way_in(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """Whether FreeSWITCH's address may connect to us."""
    if not may_connect(switch.peer, settings):
        yield warning(
            "server.allow",
            f"FreeSWITCH at {switch.peer} is not in it",
            f"{switch.peer} into server.allow, unless FreeSWITCH connects from another address",
        )


def socket_actions(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """Whether the dialplan leads to us."""
    listen, port = parse_address(settings.server.listen)
    local = switch.local

    def ours(host: str, its_port: int) -> bool:
        if its_port != port:
            return False
        if _is_loopback(host):
            return local and (_is_loopback(listen) or listen in ("0.0.0.0", "::"))  # noqa: S104 - compared, not bound
        return is_our_address(host) and not _is_loopback(listen)

    yield from dialplan.look_at(switch.api("xml_locate", "dialplan"), settings.server.listen, ours)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _found(pattern: str, text: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else 0
