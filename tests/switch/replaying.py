"""Feeds the application's and the caller's side of a trace to the simulated channel, and lines up what comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fsflows.esl.command_reader import CommandReader
from fsflows.switch import wire
from fsflows.switch.channel import Channel
from fsflows.switch.event import Closed, Output
from fsflows.switch.files import MemoryFiles
from fsflows.switch.profile import CallProfile
from fsflows.switch.setup import Leg, Recogniser, Setup
from fsflows.switch.sounds import Sounds

from . import tracefile
from .tracefile import Line

TOLERANCE = 0.025
"""Seconds that a time may be off: a frame, and what scheduling adds to it."""

COMPARED = (
    "Application",
    "Application-Data",
    "Application-Response",
    "Application-UUID",
    "Playback-Status",
    "Playback-File-Path",
    "Playback-File-Type",
    "DTMF-Digit",
    "DTMF-Duration",
    "DTMF-Source",
    "Speech-Type",
    "Record-File-Path",
    "Record-Completion-Cause",
    "Hangup-Cause",
    "Answer-State",
    "Channel-State",
    "Channel-Call-State",
    "Original-Channel-Call-State",
    "Job-UUID",
    "Job-Command",
    "Job-Command-Arg",
    "Job-Owner-UUID",
    "Event-Subclass",
    "Unique-ID",
    "Socket-Mode",
    "Control",
    "variable_playback_terminator_used",
    "variable_endpoint_disposition",
    "variable_current_application",
    "variable_detect_speech_result",
    "variable_record_completion_cause",
    "variable_hangup_cause",
    "variable_hangup_cause_q850",
)
"""The headers of an event that are compared by value; of its other headers (but not its variables), the names are."""

NOT_MODELLED = {
    "MEDIA_BUG_START": "nobody asks for it",
    "MEDIA_BUG_STOP": "nobody asks for it",
    "PRIVATE_COMMAND": "nobody asks for it",
}
"""Events that the simulated switch never fires. Only `event plain ALL` (s11_event_plain_all) shows them."""

UNRECORDED_MESSAGES = {
    "s09_vosk_burst": (
        (1.686, '{"text": "alpha"}'),
        (1.686, '{"text": "beta"}'),
        (1.686, '{"text": "gamma"}'),
    )
}
"""Messages of the recogniser that a trace has no remark of, though its events show that they came."""

_TONE = ("playback", "tone_stream://%(1500,0,440)")
_FULL = "127.0.0.1:8084 async full"
_SYNC = "127.0.0.1:8084 full"
DIALPLANS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "7000": (_FULL, ()),
    "7001": (_FULL, ()),
    "7002": (_SYNC, ()),
    "7003": (_FULL, (_TONE,)),
    "7004": (_SYNC, (_TONE,)),
    "7005": (_FULL, (_TONE,)),
    "7006": ("127.0.0.1:8099 async full", (("answer", ""), _TONE)),
    "7007": ("127.0.0.1:8099 async full", ()),
    "7008": ("127.0.0.1:8099|127.0.0.1:8084 async full", ()),
    "7009": ("127.0.0.1:8084 async", ()),
    "7010": (_FULL, ()),
}
"""The dialplan of the FreeSWITCH that was recorded: the `socket` action's argument, and what follows it."""

TRANSFERRED = (("answer", ""), ("playback", "tone_stream://%(3000,0,350)"), ("hangup", ""))
"""Its extension 7103."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Seen:
    """Something that came, in a form that two sides can be compared by."""

    at: float
    what: str
    fields: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def __str__(self) -> str:
        shown = " ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.at:8.3f} {self.what} {shown}"


@dataclass
class Replay:
    """Both sides of a replayed trace."""

    expected: list[Seen]
    actual: list[Seen]
    channel: Channel
    lines: list[Line]
    checked_files: list[tuple[float, str, int | None, int | None]]
    """(time, path, size in the trace, size here) for each remark about a recording; ``None``: no such file."""


class _Player:
    """Plays the application's and the caller's part."""

    def __init__(self, name: str) -> None:
        self.lines = tracefile.load(name)
        self.files = MemoryFiles()
        self.channel = Channel(*_call(self.lines, self.files))
        self.out: list[Line] = []
        self._rest = ""
        self.renamed: dict[str, str] = {}
        self.checked_files: list[tuple[float, str, int | None, int | None]] = []
        self._reader = CommandReader()
        self._other_leg = ""
        for at, message in UNRECORDED_MESSAGES.get(name, ()):
            self.channel.at(at, lambda text=message: self.channel.detector.message(text))

    def play(self) -> None:
        came = 0
        over = False
        for line in self.lines:
            self._took(self.channel.advance(line.at))
            if line.kind == "frame" and _modelled(line):
                came += 1
            if line.kind in {"bytes", "closes"} or ".wav" in line.text:
                line.at = self._when_it_has_said(came, line.at)
            if line.kind == "bytes":
                self._commands(line)
            elif line.kind == "end":
                over = True
            elif line.kind == "closes" and not over:
                self._took(self.channel.disconnect(line.at))
                over = True
            elif line.kind == "note":
                self._note(line)
            elif line.is_event:
                self._foreign(line)
        self._took(self.channel.advance(self.lines[-1].at + TOLERANCE))

    def _took(self, outputs: list[Output]) -> None:
        json = self.channel.socket.subscription.json
        for output in outputs:
            if isinstance(output.frame, Closed):
                self.out.append(Line(output.at, "end"))
            self._rest += wire.encode(output.frame, json=json).decode()
            while (cut := tracefile.frame(self._rest)) is not None:
                head, body, self._rest = cut
                self.out.append(Line(output.at, "frame", head=head, body=body))

    def _when_it_has_said(self, count: int, at: float) -> float:
        """The application acts on what it has seen: give the channel the tolerance to have said as much."""
        while len(self.out) < count and (due := self.channel.next_at) and due <= at + TOLERANCE:
            self._took(self.channel.advance(due))
        return max(at, self.channel.now)

    def _commands(self, line: Line) -> None:
        text = line.text
        party = self.channel.party
        if self._other_leg and party is not None:
            text = text.replace(self._other_leg, party.uuid)
            self.renamed[self._other_leg] = party.uuid
        for command in self._reader.feed(text.encode()):
            self._took(self.channel.handle(command, line.at))

    def _note(self, line: Line) -> None:
        """A remark of the trace: something that the caller, the recogniser or the disk did."""
        channel, text = self.channel, line.text
        if pressed := re.match(r"caller sends RFC2833 (\S+) dur=(\d+)ms gap=(\d+)ms", text):
            duration, gap = int(pressed[2]) / 1000, int(pressed[3]) / 1000
            for place, key in enumerate(pressed[1]):
                # The three end packets of each key take two more frames (s03).
                channel.press(key, line.at + place * (duration + gap + 0.041), duration)
        elif text.startswith(("caller sends BYE", "caller sends CANCEL")):
            channel.hang_up_caller(line.at)
        elif said := re.match(r"VOSK conn \d+ frame \d+ -> (.*)", text, re.DOTALL):
            channel.detector.message(said[1])
        elif text == "VOSK server closes":
            channel.detector.server_closes()
        elif text == "VOSK server aborts TCP":
            channel.detector.server_dies()
        elif text == "UNLINKED":
            for path in channel.recorder.paths:
                self.files.remove(path)
        elif bridged := re.search(r"Other-Leg-Unique-ID=(\S+)", text):
            self._other_leg = bridged[1]
        elif file := re.search(r": (/\S+\.wav) (?:exists size=(\d+)|MISSING)", text):
            here = len(self.files.read(file[1])) if file[1] in self.files else None
            there = int(file[2]) if file[2] else None
            self.checked_files.append((line.at, file[1], there, here))

    def _foreign(self, line: Line) -> None:
        """Events that are not of this call's making came from elsewhere there, and come from elsewhere here."""
        headers, body = tracefile.event(line)
        ours = self.channel.uuid
        foreign = (
            headers.get("Command", "").startswith("sendevent")
            or headers.get("Event-Calling-Function") == "parse_command"
            or (
                headers.get("Job-Owner-UUID") != ours
                if headers.get("Event-Name") == "BACKGROUND_JOB"
                else "Event-Name" in headers
                and headers.get("Event-Name") != "DETECTED_SPEECH"
                and headers.get("Unique-ID") != ours
            )
        )
        if foreign:
            self.channel.at(line.at, lambda: self.channel.inject(headers, body))


def replay(name: str) -> Replay:
    player = _Player(name)
    player.play()
    lines, channel = player.lines, player.channel
    # A uuid that a command names is given; any other is made up by the switch, and only its place is compared.
    given = {channel.uuid} | {
        player.renamed.get(found, found)
        for line in lines
        if line.kind == "bytes"
        for found in _UUID.findall(line.text)
    }
    expected = [line for line in lines if line.kind in {"frame", "end"} and _modelled(line)]
    if not any(line.kind == "end" for line in player.out):
        # FreeSWITCH closes its end, too, when the application has closed. That is nothing that it says.
        expected = [line for line in expected if line.kind != "end"]
    return Replay(
        list(_numbered(given, player.renamed, map(_seen, expected))),
        list(_numbered(given, {}, map(_seen, player.out))),
        channel,
        lines,
        player.checked_files,
    )


def _call(lines: list[Line], files: MemoryFiles) -> tuple[CallProfile, Setup, float]:
    notes = [line.text for line in lines if line.kind == "note"]
    dialled = re.search(r"INVITE (\d+)", notes[0])
    assert dialled, notes[0]
    destination = dialled[1]
    socket, then = DIALPLANS[destination]
    connected = next(
        (line.at for line in lines if line.text.startswith("fs connected")), lines[0].at
    )
    first = next((line for line in lines if line.head.get("Event-Name") == "CHANNEL_DATA"), None)
    data = first.head if first else {}
    asked = first.at if first else connected
    profile = CallProfile(
        caller_name=data.get("Caller-Caller-ID-Name", "Tester"),
        caller_number=data.get("Caller-Caller-ID-Number", "1000"),
        uuid=data.get("Unique-ID"),
        destination=destination,
        answered=destination == "7000",
        variables={"socket_resume": "true"} if destination in {"7005", "7010"} else {},
    )
    parked = next((line.at for line in lines if _name(line) == "CHANNEL_PARK"), None)
    setup = Setup(
        socket=socket,
        then=then,
        reached=destination not in {"7006", "7007"},
        extensions={"7103": TRANSFERRED},
        dial=_dial,
        # The synthesiser, flite, took 0.82 s for the one word that it was asked to say (s12_dtmf_apps).
        sounds=Sounds(
            {"tone1.wav": 1, "tone2.wav": 2, "tone5.wav": 5}, default=None, pace=0.82 / len("hello")
        ),
        recogniser=Recogniser(up="s09_vosk_down" not in notes[0]),
        files=files,
        park_delay=0.0 if parked is None else max(0.0, parked - asked),
        epoch=int(data.get("Event-Date-Timestamp", "0")) / 1_000_000 - asked,
    )
    return profile, setup, connected


def _dial(destination: str) -> Leg:
    if "9999" in destination:
        return Leg(answers=False, cause="NO_ROUTE_DESTINATION")
    return Leg(talks=3.0 if "7103" in destination else None)


def _name(line: Line) -> str:
    return tracefile.event(line)[0].get("Event-Name", "(no name)") if line.is_event else ""


def _modelled(line: Line) -> bool:
    return _name(line) not in NOT_MODELLED


def _seen(line: Line) -> Seen:
    head = line.head
    if line.kind == "end":
        return Seen(line.at, "end")
    if line.is_event or head.get("Event-Name") == "CHANNEL_DATA":
        headers, body = tracefile.event(line) if line.is_event else (head, "")
        fields = {name: headers[name] for name in COMPARED if name in headers}
        names = frozenset(
            name for name in headers if not name.startswith(("variable_", "Other-Leg-"))
        )
        if "Event-Name" not in headers and "sip_from_user" in headers:
            # The api_hangup_hook's: variables without a prefix, which are not compared either.
            names = frozenset(name for name in names if name.startswith(("Channel-", "Caller-")))
        if body:
            fields["body"] = body
        return Seen(line.at, headers.get("Event-Name", "(no name)"), fields, names)
    kind = head.get("Content-Type")
    if kind == "api/response":
        return Seen(line.at, "api", {"body": _printed(line.body)})
    if kind == "text/disconnect-notice":
        return Seen(line.at, f"notice {head['Content-Disposition']}", dict(head))
    # A `getvar` value goes out as it is: behind a newline it looks like headers, behind a blank line like a frame.
    return Seen(line.at, "reply" if kind == "command/reply" else "torn", dict(head))


def _printed(body: str) -> str:
    """What an api printed; of `status` and `uuid_dump`, only that they printed something."""
    if body.startswith("UP "):
        return "(status)"
    return "(dump)" if body.startswith("{") else body


def _numbered(given: set[str], renamed: dict[str, str], seen: Iterator[Seen]) -> Iterator[Seen]:
    """Replace the uuids that FreeSWITCH made up by their order of appearance."""
    known: dict[str, str] = {}

    def place(found: re.Match[str]) -> str:
        uuid = renamed.get(found[0], found[0])
        return uuid if uuid in given else known.setdefault(uuid, f"<uuid {len(known) + 1}>")

    for item in seen:
        item.fields = {name: _UUID.sub(place, value) for name, value in item.fields.items()}
        yield item
