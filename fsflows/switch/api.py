"""The api commands that the simulated switch knows, with FreeSWITCH's own words for everything that can go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsflows.switch.clockwork import (
    BROADCAST_LATENCY,
    FRAME,
    RECORD_START_API,
    RECORD_START_BGAPI,
)
from fsflows.switch.digits import send_digits_api
from fsflows.switch.execute import Execute

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel

NO_CHANNEL = "-ERR No such channel!\n"
OK = "+OK\n"
STATUS = (
    "UP 0 years, 0 days, 0 hours, 6 minutes, 49 seconds, 659 milliseconds, 109 microseconds\n"
    "FreeSWITCH (Version 1.10.12-release simulated 64bit) is ready\n1 session(s) since startup\n"
    "1 session(s) - peak 1, last 5min 1 \n0 session(s) per Sec out of max 100, peak 1, last 5min 1 \n"
    "200 session(s) max\nmin idle cpu 0.00/98.40\nCurrent Stack Size/Max 240K/8192K\n"
)
VERSION = "FreeSWITCH Version 1.10.12-release+simulated~64bit (simulated 64bit)\n"


@dataclass(frozen=True, slots=True)
class Job:
    """An api command, ready to run.

    Attributes:
        run: does it and returns what it prints.
        takes: seconds that it blocks the socket, before it does it.
        takes_in_background: the same under bgapi, when that differs.
    """

    run: Callable[[], str]
    takes: float = 0.0
    takes_in_background: float = 0.0


def find(channel: Channel, name: str, args: str) -> Job:
    """The command of that name, or one that prints FreeSWITCH's complaint."""
    if name == "msleep":
        return Job(lambda: "+OK", takes=_milliseconds(args))
    command = _COMMANDS.get(name)
    if command is None:
        return Job(lambda: f"-ERR {name} Command not found!\n")
    if name == "uuid_record" and re.match(r"\S+ start \S", args):
        words = args.split(" ", 2)
        if words[2].split()[0] not in channel.recorder.paths and words[0] == channel.uuid:
            return Job(lambda: command(channel, args), RECORD_START_API, RECORD_START_BGAPI)
    return Job(lambda: command(channel, args))


def _milliseconds(text: str) -> float:
    return int(text) / 1000 if text.strip().isdecimal() else 0.0


def _here(channel: Channel, uuid: str) -> bool:
    """Whether a uuid is that of this call, while it lasts."""
    return uuid == channel.uuid and not channel.ended


def _uuid_break(channel: Channel, args: str) -> str:
    words = args.split()
    if not words:
        return "-USAGE: <uuid> [all]\n"
    if not _here(channel, words[0]):
        return NO_CHANNEL
    channel.break_playing(everything=words[1:] == ["all"])
    return OK


def _uuid_kill(channel: Channel, args: str) -> str:
    words = args.split()
    if not words:
        return "-USAGE: <uuid> [cause]\n"
    cause = words[1] if len(words) > 1 else "NORMAL_CLEARING"
    party = channel.party
    if party is not None and words[0] == party.uuid:
        party.hang_up(cause)
        channel.at(channel.now + FRAME, channel.step)
        return OK
    if not _here(channel, words[0]):
        return NO_CHANNEL
    channel.kill(cause)
    return OK


def _uuid_exists(channel: Channel, args: str) -> str:
    party = channel.party
    known = _here(channel, args.strip()) or (party is not None and args.strip() == party.uuid)
    return "true" if known else "false"


def _uuid_getvar(channel: Channel, args: str) -> str:
    words = args.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <var>\n"
    if not _here(channel, words[0]):
        return NO_CHANNEL
    return channel.variables.get(words[1], "") or "_undef_"


def _uuid_setvar(channel: Channel, args: str) -> str:
    words = args.split(" ", 2)
    if len(words) < 2 or not words[1]:
        return "-USAGE: <uuid> <var> [value]\n"
    if not _here(channel, words[0]):
        return NO_CHANNEL
    value = words[2] if len(words) > 2 else ""
    # Like all api arguments that go through its splitter, `\n` becomes a newline (s08_encoding_plain).
    channel.set_variable(words[1], value.replace("\\n", "\n"))
    return OK


def _uuid_setvar_multi(channel: Channel, args: str) -> str:
    uuid, _, pairs = args.partition(" ")
    if not pairs:
        return "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    if not _here(channel, uuid):
        return NO_CHANNEL
    for pair in pairs.split(";"):
        name, _, value = pair.partition("=")
        if name:
            channel.set_variable(name, value)
    return OK


def _uuid_record(channel: Channel, args: str) -> str:
    words = args.split(" ", 3)
    if len(words) < 3 or not words[2]:
        return "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
    uuid, verb, path = words[:3]
    if not _here(channel, uuid):
        return "-ERR Cannot locate session!\n"
    recorder = channel.recorder
    if verb == "start":
        known = path in recorder.paths
        limit = words[3].split()[0] if len(words) > 3 else ""
        if not recorder.open(path, int(limit) if limit.isdecimal() else 0):
            return "-ERR Cannot record session!\n"
        # Adding the recording makes the channel look up: what was queued on it runs now.
        channel.wake()
        if not known:
            recorder.announce(path)
    elif verb == "stop" and path == "all":
        recorder.stop_all()
    elif verb == "stop" and not recorder.stop(path):
        return "-ERR Cannot stop record session!\n"
    elif verb in {"mask", "unmask"} and not recorder.mask(path, verb == "mask"):
        return f"-ERR Cannot {verb} recording session!\n"
    elif verb not in {"stop", "mask", "unmask"}:
        return "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
    return "+OK Success\n"


def _uuid_buglist(channel: Channel, args: str) -> str:
    if not _here(channel, args.strip()):
        return NO_CHANNEL
    bugs = [("session_record", path) for path in channel.recorder.paths]
    if channel.detector.state != "off":
        bugs.append(("detect_speech", "vosk/(null)/(null)/(null)"))
    rows = "".join(
        f" <media-bug>\n  <function>{function}</function>\n  <target>{target}</target>\n"
        "  <thread-locked>0</thread-locked>\n </media-bug>\n"
        for function, target in bugs
    )
    return f"<media-bugs>\n{rows}</media-bugs>\n"


def _uuid_broadcast(channel: Channel, args: str) -> str:
    words = args.split(" ")
    if len(words) < 2:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    if not _here(channel, words[0]):
        return "-ERR invalid uuid\n"
    if len(words) > 2 and words[-1] in {"aleg", "bleg", "holdb", "both"}:
        words.pop()
    target = " ".join(words[1:])
    name, separator, data = target.partition("::")
    item = Execute(
        name=name if separator else "playback",
        data=data if separator else target,
        uuid=channel.new_uuid(),
    )
    channel.enqueue(item, BROADCAST_LATENCY)
    return "+OK Message sent\n"


def _uuid_transfer(channel: Channel, args: str) -> str:
    words = args.split()
    if len(words) < 2:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    if not _here(channel, words[0]):
        return NO_CHANNEL
    where = next(word for word in [*words[1:], ""] if not word.startswith("-"))
    channel.at(channel.now + FRAME, lambda: channel.transfer(where))
    return OK


def _uuid_bridge(channel: Channel, args: str) -> str:
    words = args.split()
    if len(words) != 2:
        return "-USAGE: <uuid> <other_uuid>\n"
    if not _here(channel, words[0]):
        return f"-ERR Invalid uuid {words[0]}\n"
    channel.enqueue(Execute(name="bridge", data=words[1], uuid=channel.new_uuid()))
    return f"+OK {words[1]}\n"


def _uuid_recv_dtmf(channel: Channel, args: str) -> str:
    uuid, _, digits = args.partition(" ")
    if not digits:
        return "-USAGE: <uuid> <dtmf_data>\n"
    party = channel.party
    if party is not None and uuid == party.uuid:
        return f"+OK {uuid} received DTMF {digits}.\n"
    if not _here(channel, uuid):
        return NO_CHANNEL
    send_digits_api(channel, digits)
    return f"+OK {uuid} received DTMF {digits}.\n"


def _uuid_send_dtmf(channel: Channel, args: str) -> str:
    uuid, _, digits = args.partition(" ")
    if not digits:
        return "-USAGE: <uuid> <dtmf_data>\n"
    if not _here(channel, uuid):
        return NO_CHANNEL
    channel.sent_digits.append(digits.split("@", 1)[0])
    return f"+OK {uuid} sent DTMF {digits}.\n"


def _uuid_flush_dtmf(channel: Channel, args: str) -> str:
    if not _here(channel, args.strip()):
        return NO_CHANNEL
    channel.digits.clear()
    return OK


def _uuid_dump(channel: Channel, args: str) -> str:
    words = args.split()
    if not words:
        return "-USAGE: <uuid> [format]\n"
    if not _here(channel, words[0]):
        return NO_CHANNEL
    data = channel.data()
    if words[1:] == ["json"]:
        return json.dumps(data)
    return "".join(f"{name}: {value}\n" for name, value in data.items())


def _eval(channel: Channel, args: str) -> str:
    # Not said for which channel, it knows no channel's variables (s08_encoding_plain).
    uuid, _, text = args.partition(" ")
    if uuid != f"uuid:{channel.uuid}":
        return "-ERR no reply\n" if "${" in args else args
    return channel.expand(text) or "-ERR no reply\n"


_COMMANDS: dict[str, Callable[[Channel, str], str]] = {
    "echo": lambda _, args: args,
    "eval": _eval,
    "file_exists": lambda channel, args: "true" if args in channel.setup.files else "false",
    "status": lambda _channel, _args: STATUS,
    "version": lambda _channel, _args: VERSION,
    "uuid_break": _uuid_break,
    "uuid_bridge": _uuid_bridge,
    "uuid_broadcast": _uuid_broadcast,
    "uuid_buglist": _uuid_buglist,
    "uuid_dump": _uuid_dump,
    "uuid_exists": _uuid_exists,
    "uuid_flush_dtmf": _uuid_flush_dtmf,
    "uuid_getvar": _uuid_getvar,
    "uuid_kill": _uuid_kill,
    "uuid_record": _uuid_record,
    "uuid_recv_dtmf": _uuid_recv_dtmf,
    "uuid_send_dtmf": _uuid_send_dtmf,
    "uuid_setvar": _uuid_setvar,
    "uuid_setvar_multi": _uuid_setvar_multi,
    "uuid_transfer": _uuid_transfer,
}
