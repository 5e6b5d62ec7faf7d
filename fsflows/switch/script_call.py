"""The lines of a script in front of its first step: who calls whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from fsflows.esl import quoting
from fsflows.switch.profile import CallProfile
from fsflows.switch.script_line import Wrong, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """Whom we call.

    Attributes:
        number: digits, and `+`, `*` and `#`.
        caller_number, caller_name: ours, as they are shown there; "": none.
        state: first contents of `conv.state`.
        hang_up_on_machine: whether an answering machine is hung up on.
    """

    number: str
    caller_number: str = ""
    caller_name: str = ""
    state: Mapping[str, str] = field(default_factory=dict)
    hang_up_on_machine: bool = False


_ANOTHER = re.compile(r"(?<=\s)[^\W\d]\w*=\S+")
"""What looks like a second value in the same line."""


class AboutTheCall:
    """These lines, taken together."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, int]] = []
        self._from: dict[str, str] = {}
        self._to: dict[str, str] = {}
        self._headers: dict[str, str] = {}
        self._variables: dict[str, str] = {}
        self._number = ""
        self._state: dict[str, str] = {}
        self._machine = False

    def take(self, verb: str, rest: str, line: int) -> None:
        """One of them.

        Raises:
            Wrong: it can't be understood.
        """
        self._lines.append((verb, line))
        _READERS[verb](self, rest)

    def contradictions(self) -> Iterator[tuple[int, str]]:
        """Lines that don't go together, each with what to do about it."""
        dialled = [line for verb, line in self._lines if verb == "dialled"]
        others = _OF_A_CALL_THAT_COMES_IN if dialled else _OF_A_CALL_THAT_WE_MAKE
        yield from ((line, others[verb]) for verb, line in self._lines if verb in others)
        yield from ((line, f"whom we call is in line {dialled[0]} already") for line in dialled[1:])
        ours = self._from.get("caller_number", "")
        if dialled and ours and not quoting.is_number(ours):
            line = max(line for verb, line in self._lines if verb == "from")
            yield line, f"of a call that we make, this is our own number: digits, not {ours!r}"

    @property
    def profile(self) -> CallProfile:
        """Of a call that comes in."""
        return CallProfile(
            **self._from,  # type: ignore[arg-type]
            **self._to,  # type: ignore[arg-type]
            sip_headers=self._headers,
            variables=self._variables,
        )

    @property
    def dialled(self) -> Dialled | None:
        """Of a call that we make."""
        if not self._number:
            return None
        return Dialled(
            number=self._number,
            **self._from,
            state=self._state,
            hang_up_on_machine=self._machine,
        )

    def _take_from(self, rest: str) -> None:
        words = words_of(rest)
        if not 1 <= len(words) <= 2:
            raise Wrong('write: from "Ann Example" 15551234567')
        self._from["caller_number"] = words[-1][0]
        if len(words) == 2:
            self._from["caller_name"] = words[0][0]

    def _take_to(self, rest: str) -> None:
        words = words_of(rest)
        if len(words) != 1:
            raise Wrong("write: to 7001")
        self._to["destination"] = words[0][0]

    def _take_header(self, rest: str) -> None:
        name, value = _pair(rest, ":", "header X-Name: value")
        self._headers[name] = value

    def _take_set(self, rest: str) -> None:
        name, value = _pair(rest, "=", "set name=value")
        self._variables[name] = value

    def _take_dialled(self, rest: str) -> None:
        try:
            self._number = quoting.number(" ".join(word for word, _ in words_of(rest)))
        except quoting.UnsafeValue as unsafe:
            more = "; what --set gives has a line of its own: state customer=4711"
            raise Wrong(
                f"{unsafe}; write: dialled +44 20 7946 0018{more if '=' in rest else ''}"
            ) from None

    def _take_state(self, rest: str) -> None:
        name, value = _pair(rest, "=", "state customer=4711")
        if not name.isidentifier():
            raise Wrong(f"{name!r} is no name that conv.state can have; write: state customer=4711")
        words = words_of(value) if value.startswith('"') else []
        if len(words) != 1 and (another := _ANOTHER.search(value)):
            raise Wrong(
                f"one value a line; write {another.group()!r} in a line of its own, or all of the value in quotes"
            )
        self._state[name] = words[0][0] if len(words) == 1 else value

    def _take_machine(self, rest: str) -> None:
        if rest != "hang_up":
            raise Wrong(
                "write: machine hang_up; without this line, a machine that answers gets the flow"
            )
        self._machine = True


_READERS: Mapping[str, Callable[[AboutTheCall, str], None]] = {
    "from": AboutTheCall._take_from,
    "to": AboutTheCall._take_to,
    "header": AboutTheCall._take_header,
    "set": AboutTheCall._take_set,
    "dialled": AboutTheCall._take_dialled,
    "state": AboutTheCall._take_state,
    "machine": AboutTheCall._take_machine,
}
ABOUT_THE_CALL = tuple(_READERS)

_OF_A_CALL_THAT_COMES_IN = {
    "to": "whom we call is in the line 'dialled'; leave this one out",
    "header": "nobody sends us a header in a call that we make; leave it out, or the line 'dialled'",
    "set": "no dialplan sets variables of a call that we make; what --set gives is written: state customer=4711",
}
_OF_A_CALL_THAT_WE_MAKE = {
    "state": "only a call that we make has first values; write whom we call, too: dialled +44 20 7946 0018",
    "machine": "only a call that we make is answered by one; write whom we call, too: dialled +44 20 7946 0018",
}


def _pair(rest: str, mark: str, example: str) -> tuple[str, str]:
    name, found, value = rest.partition(mark)
    if not found or not name.strip() or " " in name.strip():
        raise Wrong(f"write: {example}")
    return name.strip(), value.strip()
