"""The simulated FreeSWITCH as a whole, as its own event socket shows it: modules, configuration, dialplan, limits.

`inbound.SwitchServer` puts it on a port. What the api commands print was taken from FreeSWITCH 1.10.12.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fsflows.switch.files import DiskFiles
from fsflows.switch.recording import wav_header
from fsflows.switch.script import Script

INTERFACES = (
    ("api", "originate", "mod_commands"),
    ("application", "socket", "mod_event_socket"),
    ("asr", "vosk", "mod_vosk"),
    ("endpoint", "loopback", "mod_loopback"),
    ("endpoint", "null", "mod_loopback"),
    ("endpoint", "sofia", "mod_sofia"),
    ("file", "wav", "mod_sndfile"),
    ("say", "en", "mod_say_en"),
    ("speech", "flite", "mod_flite"),
)
"""What is loaded, as `show interfaces` lists it: type, name, module. Of many a few, one a module at least."""

_VOSK = '<configuration name="vosk.conf"><settings><param name="server-url" value="{url}"/></settings></configuration>'
_EVENT_SOCKET = (
    '<configuration name="event_socket.conf"><settings><param name="listen-ip" value="{address}"/>'
    "</settings></configuration>"
)
_SWITCH = (
    '<configuration name="switch.conf"><settings><param name="max-sessions" value="{sessions}"/>'
    '<param name="sessions-per-second" value="{rate}"/>{ports}</settings></configuration>'
)
_GATEWAY = "=" * 80 + "\nName    \t{name}\nProfile \texternal\nState   \t{state}\nStatus  \tUP\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """Somebody whom the switch calls.

    Attributes:
        rings: seconds until the other side says that it rings; None: it never does.
        answers: seconds until it answers; None: it never does.
        fails: seconds until the call fails; None: it doesn't by itself.
        cause: the hangup cause of a call that fails.
        script: what whoever answers does.
    """

    rings: float | None = 0.0
    answers: float | None = None
    fails: float | None = None
    cause: str = "NORMAL_CLEARING"
    script: Script | None = None


def nobody(_dial_string: str) -> Callee:
    """There is no such number."""
    return Callee(rings=None, fails=0.0, cause="UNALLOCATED_NUMBER")


@dataclass(kw_only=True)
class Core:
    """A FreeSWITCH.

    Attributes:
        name, host: `switchname` and `hostname`.
        version: what `version` prints.
        interfaces: what is loaded.
        dialplan: its XML, the whole section; "": there is none.
        vosk_url: `server-url` of vosk.conf; "": there is no such file.
        event_socket_ip: `listen-ip` of event_socket.conf.
        profiles: of mod_sofia.
        rtp_ports: first and last; None: FreeSWITCH's own.
        sessions_per_second, max_sessions: its limits.
        skew: seconds that its clock is ahead of ours.
        gateways: their states ("REGED"), by name.
        files: its view of the disk.
        dial: what becomes of a call that it makes, by its dial string.
        silent: api commands that never answer.
        variables: global ones, besides those above.
    """

    name: str = "simulated"
    host: str = "simulated"
    version: str = "1.10.12-release+simulated~64bit (simulated 64bit)"
    interfaces: tuple[tuple[str, str, str], ...] = INTERFACES
    dialplan: str = ""
    vosk_url: str = ""
    event_socket_ip: str = "127.0.0.1"
    profiles: tuple[str, ...] = ("internal", "external")
    rtp_ports: tuple[int, int] | None = None
    sessions_per_second: int = 30
    max_sessions: int = 1000
    skew: float = 0.0
    gateways: Mapping[str, str] = field(default_factory=dict)
    files: DiskFiles = field(default_factory=DiskFiles)
    dial: Callable[[str], Callee] = nobody
    silent: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)

    def api(self, name: str, args: str) -> str | None:
        """What an api command prints; None: it is none of the whole FreeSWITCH's."""
        command = _COMMANDS.get(name)
        return None if command is None else command(self, args)

    def record(self, path: str, seconds: float) -> bool:
        """`record` on a channel on which nothing is heard; whether it could be done."""
        try:
            file = self.files.create(path)
        except OSError:
            return False
        header = wav_header(round(seconds * 16_000), 8000, 1)
        file.write(header + bytes(round(seconds * 16_000)))
        file.finish(header)
        return True


def _status(core: Core, _args: str) -> str:
    return (
        "UP 0 years, 0 days, 0 hours, 6 minutes, 49 seconds, 659 milliseconds, 109 microseconds\n"
        f"FreeSWITCH (Version {core.version}) is ready\n1 session(s) since startup\n"
        "1 session(s) - peak 1, last 5min 1 \n"
        f"0 session(s) per Sec out of max {core.sessions_per_second}, peak 1, last 5min 1 \n"
        f"{core.max_sessions} session(s) max\nmin idle cpu 0.00/98.40\nCurrent Stack Size/Max 240K/8192K\n"
    )


def _module_exists(core: Core, args: str) -> str:
    return "true" if any(args.strip() == module for _, _, module in core.interfaces) else "false"


def _show(core: Core, args: str) -> str:
    if args.strip() != "interfaces":
        return "-USAGE: codec|endpoint|application|api|dialplan|file|...|interfaces\n"
    rows = "".join(f"{kind},{name},{module}\n" for kind, name, module in core.interfaces)
    return f"type,name,ikey\n{rows}\n{len(core.interfaces)} total.\n"


def _xml_locate(core: Core, args: str) -> str:
    words = args.split()
    if words == ["dialplan"]:
        return core.dialplan or "can't find anything\n"
    if words == ["configuration", "configuration", "name", "vosk.conf"] and core.vosk_url:
        return _VOSK.format(url=core.vosk_url)
    if words == ["configuration", "configuration", "name", "event_socket.conf"]:
        return _EVENT_SOCKET.format(address=core.event_socket_ip)
    if words == ["configuration", "configuration", "name", "switch.conf"]:
        ports = ""
        if core.rtp_ports is not None:
            names = ("rtp-start-port", "rtp-end-port")
            ports = "".join(
                f'<param name="{name}" value="{port}"/>'
                for name, port in zip(names, core.rtp_ports, strict=True)
            )
        return _SWITCH.format(
            sessions=core.max_sessions, rate=core.sessions_per_second, ports=ports
        )
    return "can't find anything\n" if len(words) in (1, 4) else "-ERR bad args\n"


def _global_getvar(core: Core, args: str) -> str:
    known = {"core_uuid": "5c1f4bd2-5b13-4c2b-a2b8-000000000001", "switchname": core.name}
    return {**known, "hostname": core.host, **core.variables}.get(args.strip(), "")


def _sofia(core: Core, args: str) -> str:
    words = args.split()
    if words[:2] == ["status", "profile"] and len(words) == 3:
        known = words[2] in core.profiles
        return f"Name             \t{words[2]}\n" if known else "Invalid Profile!\n"
    if words[:2] != ["status", "gateway"] or len(words) != 3:
        return "-USAGE: sofia status gateway <name>\n"
    state = core.gateways.get(words[2])
    return "Invalid Gateway!\n" if state is None else _GATEWAY.format(name=words[2], state=state)


def _file_exists(core: Core, args: str) -> str:
    # Its whole argument is the path: no quotes.
    path: Path = core.files.path(args)
    return "true" if path.exists() else "false"


_COMMANDS: dict[str, Callable[[Core, str], str]] = {
    "version": lambda core, _: f"FreeSWITCH Version {core.version}\n",
    "status": _status,
    "switchname": lambda core, _: core.name,
    "hostname": lambda core, _: core.host,
    "module_exists": _module_exists,
    "show": _show,
    "xml_locate": _xml_locate,
    "global_getvar": _global_getvar,
    "sofia": _sofia,
    "file_exists": _file_exists,
    "strmicroepoch": lambda core, _: str(round((time.time() + core.skew) * 1e6)),
}
