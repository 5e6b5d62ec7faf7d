"""The commands that we send, as values: the simulated switch reads them as they are, the wire encodes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fsflows.esl import quoting
from fsflows.esl.quoting import UnsafeValue

LONGEST_ARGUMENT = 2048
"""Bytes of an application's argument that go in a header. FreeSWITCH reads a header byte by byte and a body at once."""

MYEVENTS = (
    "CHANNEL_ANSWER",
    "CHANNEL_APPLICATION",
    "CHANNEL_BRIDGE",
    "CHANNEL_CREATE",
    "CHANNEL_DATA",
    "CHANNEL_DESTROY",
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_ORIGINATE",
    "CHANNEL_OUTGOING",
    "CHANNEL_PARK",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_STATE",
    "CHANNEL_UNBRIDGE",
    "CHANNEL_UNPARK",
    "CHANNEL_UUID",
    "DETECTED_SPEECH",
    "DTMF",
    "NOTALK",
    "TALK",
)
"""What `myevents` subscribes to."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        verb: ``connect``, ``sendmsg``, ``api``, ``event``, ... in small letters.
        args: the rest of its first line.
        headers: its further lines, names in small letters (FreeSWITCH does not tell capitals apart).
        body: sent behind a blank line; its length is put into the headers when it is encoded.
    """

    verb: str
    args: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def application(self) -> str:
        """What a `sendmsg` executes; "" when it is none."""
        return self.headers.get("execute-app-name", "")

    @property
    def argument(self) -> str:
        """The application's argument, from its header or the body."""
        return self.headers.get("execute-app-arg") or self.body

    @property
    def label(self) -> str:
        """The command without its values, for a log: ``api uuid_record``, ``sendmsg playback``."""
        if self.verb in ("api", "bgapi"):
            return f"{self.verb} {self.args.partition(' ')[0]}".rstrip()
        return f"{self.verb} {self.application}".rstrip()

    def encode(self) -> bytes:
        """The bytes that FreeSWITCH reads.

        Raises:
            UnsafeValue: a line break got into it past the builders.
        """
        lines = [f"{self.verb} {self.args}" if self.args else self.verb]
        for name, value in self.headers.items():
            lines.append(f"{name}: {value}")
        if quoting.breaks("".join(lines)):
            quoting.line(lines[0], f"the command {self.verb!r}")
            for name, text in zip(self.headers, lines[1:], strict=True):
                quoting.line(text, f"the header {name!r}")
        if not self.body:
            return "\n".join([*lines, "\n"]).encode("utf-8", "replace")
        body = self.body.encode("utf-8", "replace")
        lines.append(f"content-length: {len(body)}\n\n")
        return "\n".join(lines).encode("utf-8", "replace") + body


def connect() -> Command:
    """The first command on a connection; its reply is the channel's data."""
    return Command("connect")


def linger(seconds: int | None = None) -> Command:
    """Keep the connection for so long after the hang-up; ``None``: until we close it."""
    return Command("linger", "" if seconds is None else str(int(seconds)))


def myevents(fmt: str = "plain") -> Command:
    """Subscribe to `MYEVENTS`, and restrict every subscription to this channel."""
    return Command("myevents", _format(fmt))


def events(names: Iterable[str], fmt: str = "plain") -> Command:
    """Subscribe to events; a name with a small letter or ``::`` in it is a subclass of CUSTOM."""
    return Command("event", f"{_format(fmt)} {_names(names)}")


def nixevents(names: Iterable[str]) -> Command:
    """Take events out of the subscription."""
    return Command("nixevent", _names(names))


def subscription(wanted: Iterable[str], *, linger_for: int = 5) -> list[Command]:
    """What to send behind `connect` to get just the wanted events of just this channel.

    `myevents` comes first: it is what keeps other calls' events out, and a later `event` adds to it. What it brings
    beyond the wanted ones is taken out again.
    """
    names = list(dict.fromkeys(wanted))
    unwanted = [name for name in MYEVENTS if name not in names]
    more = [name for name in names if name not in MYEVENTS]
    commands = [linger(linger_for), myevents()]
    if unwanted:
        commands.append(nixevents(unwanted))
    if more:
        commands.append(events(more))
    return commands


def filter_on(header: str, value: str) -> Command:
    """Of the events subscribed to, let only those through that have this header."""
    return Command("filter", f"{quoting.word(header, 'the header')} {quoting.line(value)}")


def divert_events(on: bool) -> Command:
    """Have speech events sent even while the channel is busy with an application."""
    return Command("divert_events", "on" if on else "off")


def execute(
    application: str,
    argument: str = "",
    *,
    event_uuid: str = "",
    lock: bool = True,
    loops: int = 1,
) -> Command:
    """Run an application on the channel.

    Args:
        application: its name.
        argument: as it is, so build it with `quoting`. A long one, or one with line breaks, is sent as a body.
        event_uuid: comes back as ``Application-UUID`` in CHANNEL_EXECUTE and CHANNEL_EXECUTE_COMPLETE.
        lock: wait for the one before. Without it, FreeSWITCH starts it inside the one that is running.
        loops: how often.

    Raises:
        UnsafeValue: the application is not a word, or the argument has a NUL.
    """
    headers = {
        "call-command": "execute",
        "execute-app-name": quoting.word(application, "the application"),
    }
    body = ""
    if "\0" in argument:
        raise UnsafeValue(f"the argument of {application}", "has a NUL")
    if _needs_body(argument):
        body = argument
    elif argument:
        headers["execute-app-arg"] = argument
    if event_uuid:
        headers["event-uuid"] = quoting.uuid(event_uuid, "the Event-UUID")
    if lock:
        headers["event-lock"] = "true"
    if loops != 1:
        headers["loops"] = str(int(loops))
    if body:
        headers["content-type"] = "text/plain"
    return Command("sendmsg", headers=headers, body=body)


def api(name: str, *arguments: str) -> Command:
    """Run an api command and get its output as the reply. It holds up this connection's events: quick ones only."""
    return Command("api", _api_line(name, arguments))


def bgapi(name: str, *arguments: str, job_uuid: str = "") -> Command:
    """Run an api command in the background: BACKGROUND_JOB brings its output, with this Job-UUID."""
    headers = {"job-uuid": quoting.uuid(job_uuid, "the Job-UUID")} if job_uuid else {}
    return Command("bgapi", _api_line(name, arguments), headers)


def auth(password: str) -> Command:
    """Log in to an inbound event socket."""
    return Command("auth", quoting.line(password, "the password"))


def exit_() -> Command:
    """End the connection; the call goes on in the dialplan."""
    return Command("exit")


def _format(fmt: str) -> str:
    if fmt not in ("plain", "json"):
        raise ValueError(f"events come as 'plain' or 'json', not {fmt!r}")
    return fmt


def _names(names: Iterable[str]) -> str:
    own: list[str] = []
    custom: list[str] = []
    for name in names:
        quoting.word(name, "the event's name")
        (custom if "::" in name or name.upper() != name else own).append(name)
    own = [name for name in own if name != "CUSTOM"] + (
        ["CUSTOM"] if custom or "CUSTOM" in own else []
    )
    if not own:
        raise ValueError("no event is named")
    return " ".join(own + custom)


def _api_line(name: str, arguments: Iterable[str]) -> str:
    field = f"an argument of {quoting.word(name, 'the api')}"
    return " ".join([name, *(quoting.api_argument(argument, field) for argument in arguments)])


def _needs_body(argument: str) -> bool:
    # FreeSWITCH drops blanks in front of a header's value.
    return (
        len(argument) > LONGEST_ARGUMENT
        or argument[:1].isspace()
        or "\n" in argument
        or "\r" in argument
    )
