"""A tiny application for tests: sends commands to a channel and keeps what comes back."""

from __future__ import annotations

from fsflows.esl import commands
from fsflows.esl.commands import Command
from fsflows.switch.channel import Channel
from fsflows.switch.event import (
    ApiReply,
    Closed,
    CommandReply,
    ConnectReply,
    Notice,
    Output,
    SwitchEvent,
)
from fsflows.switch.profile import CallProfile
from fsflows.switch.setup import Setup

EVERYTHING = (
    "PLAYBACK_START",
    "PLAYBACK_STOP",
    "RECORD_START",
    "RECORD_STOP",
    "BACKGROUND_JOB",
    "CHANNEL_CALLSTATE",
)


class Application:
    """The other end of a simulated channel, answered unless told otherwise."""

    def __init__(
        self, profile: CallProfile | None = None, setup: Setup | None = None, *, answer: bool = True
    ) -> None:
        self.channel = Channel(profile, setup)
        self.out: list[Output] = []
        self.send(commands.connect())
        self.send(commands.linger(2))
        self.send(commands.myevents())
        self.send(commands.events(EVERYTHING))
        if answer:
            self.execute("answer")
            self.until(0.1)

    @property
    def uuid(self) -> str:
        return self.channel.uuid

    def send(self, command: Command) -> str:
        """The text of the reply, if it comes at once."""
        came = self.channel.handle(command, self.channel.now)
        self.out += came
        for output in came:
            match output.frame:
                case CommandReply(text=text):
                    return text
                case ApiReply(body=body):
                    return body
                case ConnectReply():
                    return "+OK"
        return ""

    def execute(self, name: str, data: str = "", *, uuid: str = "", lock: bool = True) -> None:
        self.send(commands.execute(name, data, event_uuid=uuid, lock=lock))

    def api(self, line: str) -> str:
        return self.send(Command("api", line))

    def until(self, when: float) -> None:
        self.out += self.channel.advance(when)

    def events(self, name: str = "") -> list[SwitchEvent]:
        return [
            output.frame
            for output in self.out
            if isinstance(output.frame, SwitchEvent) and name in {"", output.frame.name}
        ]

    def times(self, name: str) -> list[float]:
        return [round(event.at, 3) for event in self.events(name)]

    def last(self, name: str) -> SwitchEvent:
        return self.events(name)[-1]

    def names(self) -> list[str]:
        return [event.name for event in self.events()]

    def completed(self) -> list[tuple[str | None, str | None]]:
        return [
            (event.get("Application"), event.get("Application-Response"))
            for event in self.events("CHANNEL_EXECUTE_COMPLETE")
        ]

    @property
    def closed(self) -> bool:
        return any(isinstance(output.frame, Closed) for output in self.out)

    def notices(self) -> list[int | None]:
        return [output.frame.linger for output in self.out if isinstance(output.frame, Notice)]
