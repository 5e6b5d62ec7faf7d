"""Calls that the simulated FreeSWITCH makes: `originate`, from its argument to the hang-up."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import gevent
from gevent.event import AsyncResult

from fsflows.switch.core import Callee, Core
from fsflows.switch.profile import outgoing
from fsflows.switch.setup import Setup
from fsflows.switch.tcp import TcpCall, place_call

RING_TIMEOUT = 60.0
"""Seconds that FreeSWITCH lets it ring unless it is told otherwise."""

_WORD = re.compile(r"(?:'(?:\\.|[^'\\])*'|\\.|[^\s'\\])+")


class BadOriginate(ValueError):
    """What FreeSWITCH answers with its usage."""


@dataclass(frozen=True, slots=True)
class Originate:
    """What `originate` was told.

    Attributes:
        variables: those in braces.
        target: the dial string without them.
        application, argument: of `&application(argument)`.
    """

    variables: Mapping[str, str]
    target: str
    application: str
    argument: str


def parse_originate(args: str) -> Originate:
    """Read originate's argument as FreeSWITCH does: words, quotes, variables in braces.

    Raises:
        BadOriginate: there is too little, or too much.
    """
    words = [_cleaned(word) for word in _WORD.findall(args)]
    if not 2 <= len(words) <= 7 or not words[1].startswith("&"):
        raise BadOriginate(args)
    target, variables = words[0], {}
    if target.startswith("{"):
        inside, closed, target = target[1:].partition("}")
        if not closed:
            raise BadOriginate(args)
        for pair in re.split(r"(?<!\\),", inside):
            name, _, value = pair.replace("\\,", ",").partition("=")
            variables[name] = value
    # Up to the first closing parenthesis, whatever stands behind it.
    application, _, argument = words[1][1:].partition(")")[0].partition("(")
    return Originate(variables, target, application, argument)


def _cleaned(word: str) -> str:
    text = "".join(part for part in re.split(r"((?:\\.)|')", word) if part != "'")
    return re.sub(r"\\([\\'])", r"\1", text)


class OutboundCall:
    """A call that is being made.

    Args:
        wanted: what was asked for.
        core: the switch.
        fire: how its events get out: name, headers.
    """

    def __init__(
        self, wanted: Originate, core: Core, fire: Callable[[str, Mapping[str, str]], None]
    ) -> None:
        self._wanted = wanted
        self._core = core
        self._fire = fire
        self._killed: AsyncResult[str] = AsyncResult()
        self._call: TcpCall | None = None
        self.uuid = wanted.variables.get("origination_uuid") or str(uuid.uuid4())
        self.over: Callable[[], object] = lambda: None
        called = wanted.target.rpartition("/")[2].partition("@")[0]
        self.profile = outgoing({**wanted.variables, "origination_uuid": self.uuid}, called)

    def place(self) -> str:
        """Make the call; what originate prints, as soon as it is answered or has failed."""
        target = self._wanted.target
        kind = "sofia" if target.startswith("user/") else target.partition("/")[0]
        if not any(row[:2] == ("endpoint", kind) for row in self._core.interfaces):
            return self._failed("CHAN_NOT_IMPLEMENTED")
        callee = Callee(answers=0.0) if target.startswith("null/") else self._core.dial(target)
        given = self._wanted.variables.get("originate_timeout", "")
        limit = float(given) if given.isdecimal() else RING_TIMEOUT
        ends = min(
            (callee.answers, "") if callee.answers is not None else (limit + 1, ""),
            (callee.fails, callee.cause) if callee.fails is not None else (limit + 1, ""),
            (limit, "NO_ANSWER"),
        )
        rings = callee.rings
        waited = 0.0
        if rings is not None and rings <= ends[0]:
            if (cause := self._wait(rings)) is not None:
                return self._failed(cause)
            waited = rings
            self._event("CHANNEL_PROGRESS", {"Answer-State": "ringing"})
        if (cause := self._wait(ends[0] - waited)) is not None:
            return self._failed(cause)
        if ends[1]:
            return self._failed(ends[1])
        self._event("CHANNEL_ANSWER", {"Answer-State": "answered"})
        gevent.spawn(self._run, callee)
        return f"+OK {self.uuid}\n"

    def kill(self, cause: str) -> None:
        """Hang up."""
        if not self._killed.ready():
            self._killed.set(cause)
        if self._call is not None:
            self._call.hang_up()

    def abandon(self) -> None:
        """Drop everything."""
        if self._call is not None:
            self._call.abandon()

    def _wait(self, seconds: float) -> str | None:
        """Let time pass; the cause when it was hung up meanwhile."""
        try:
            return self._killed.get(timeout=max(0.0, seconds))
        except gevent.Timeout:
            return None

    def _run(self, callee: Callee) -> None:
        cause, variables = "NORMAL_CLEARING", self.profile.variables
        argument = self._wanted.argument
        if self._wanted.application == "socket":
            setup = Setup(socket=argument, files=self._core.files)
            self._call = place_call(
                argument.partition(" ")[0],
                self.profile,
                setup,
                script=replace(callee.script, profile=self.profile) if callee.script else None,
            )
            result = self._call.wait()
            assert result is not None
            cause = result.cause or "NORMAL_CLEARING"
            channel = self._call.channel
            variables = channel.variables if channel is not None else variables
        elif self._wanted.application == "record":
            path, _, limit = argument.rpartition(" ")
            if self._core.record(path, float(limit)):
                self._wait(float(limit))
        elif self._wanted.application == "park":
            self._wait(3600.0)
        self._ended(cause, variables)

    def _failed(self, cause: str) -> str:
        self._ended(cause, self.profile.variables)
        return f"-ERR {cause}\n"

    def _ended(self, cause: str, variables: Mapping[str, str]) -> None:
        self.over()
        self._event("CHANNEL_HANGUP_COMPLETE", {"Hangup-Cause": cause}, variables)

    def _event(
        self, name: str, headers: Mapping[str, str], variables: Mapping[str, str] | None = None
    ) -> None:
        shown = self.profile.variables if variables is None else variables
        self._fire(
            name,
            {
                "Event-Date-Timestamp": str(round(time.time() * 1e6)),
                "Unique-ID": self.uuid,
                "Call-Direction": "outbound",
                "Caller-Caller-ID-Number": self.profile.caller_number,
                "Caller-Destination-Number": self.profile.destination,
                **headers,
                **{f"variable_{key}": value for key, value in shown.items()},
            },
        )
