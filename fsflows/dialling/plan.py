"""From a number and a flow to what FreeSWITCH's `originate` is told.

A number is hostile input: it comes from a web request or a file, and a dial string has separators and expansions of its
own. So it is digits and little else before anything is made of it, whatever the settings say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import phonenumbers

from fsflows.call import dialled
from fsflows.esl import quoting

# No blanks, quotes, commas, bars, brackets, dollars: nothing that makes several legs, variables or applications.
_TEMPLATE = re.compile(r"[A-Za-z0-9_./:@;=+*~\-]*\{number\}[A-Za-z0-9_./:@;=+*~\-]*")
_FLOW = re.compile(r"[A-Za-z0-9_\-]+")


class BadNumber(ValueError):
    """It can't be dialled; the text says why, without the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A call that somebody asks for.

    Attributes:
        number: as it was given.
        flow: the flow's name.
        state: first contents of the flow's `conv.state`.
        hang_up_on_machine: whether an answering machine is hung up on.
        ring_timeout: seconds to let it ring; None: the settings'.
        id: what the call is to be known by, a UUID; "": any.
    """

    number: str
    flow: str
    state: Mapping[str, Any] = field(default_factory=dict)
    hang_up_on_machine: bool | None = None
    ring_timeout: float | None = None
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How calls are made; the settings' section `dialling`, checked.

    Args:
        endpoint: the dial string, with `{number}` in it.
        socket: where FreeSWITCH finds us: HOST:PORT, or several with `|` between them.
        caller_number, caller_name: what the other side is shown.
        region: of numbers without a country code (GB); "": numbers are dialled as they are given.
        allow: beginnings of numbers that may be called; none: all.
        ring_timeout: seconds.
        hang_up_on_machine: unless a call asks for something else.

    Raises:
        ValueError: one of them can't be used.
    """

    endpoint: str
    socket: str
    caller_number: str = ""
    caller_name: str = ""
    region: str = ""
    allow: tuple[str, ...] = ()
    ring_timeout: float = 30.0
    hang_up_on_machine: bool = False

    def __post_init__(self) -> None:
        if not _TEMPLATE.fullmatch(self.endpoint):
            raise ValueError(
                "dialling.endpoint: must be one dial string with {number} in it, without blanks, commas, brackets and"
                f" quotes (sofia/gateway/NAME/{{number}}), got {self.endpoint!r}"
            )
        if not re.fullmatch(r"[A-Za-z0-9_.:|\[\]\-]+", self.socket):
            raise ValueError(f"dialling.socket: must be HOST:PORT, got {self.socket!r}")
        if self.region and self.region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"dialling.region: must be a country like GB, got {self.region!r}")
        if self.caller_number and not quoting.is_number(self.caller_number):
            raise ValueError(f"dialling.caller_number: must be digits, got {self.caller_number!r}")
        for prefix in self.allow:
            if not quoting.is_number(prefix):
                raise ValueError(f"dialling.allow: must be beginnings of numbers, got {prefix!r}")
        if not 1 <= self.ring_timeout <= 600:
            raise ValueError(
                f"dialling.ring_timeout: must be from 1 to 600 seconds, got {self.ring_timeout:g}"
            )

    def number(self, given: str) -> str:
        """A number as it is dialled: with a region, checked and in international form; else its digits.

        Raises:
            BadNumber: it is none, or none that may be called.
        """
        number = self._dialled(given)
        if self.allow and not number.startswith(self.allow):
            raise BadNumber("numbers that begin like this one may not be called (dialling.allow)")
        return number

    def _dialled(self, given: str) -> str:
        try:
            bare = quoting.number(given)
        except quoting.UnsafeValue as unsafe:
            raise BadNumber(str(unsafe)) from None
        if not self.region:
            return bare
        try:
            parsed = phonenumbers.parse(bare, self.region)
        except phonenumbers.NumberParseException:
            raise BadNumber(f"the number is none in {self.region}") from None
        if not phonenumbers.is_valid_number(parsed):
            raise BadNumber(f"the number is none in {self.region}, nor in the country of its code")
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

    def originate(self, call_id: str, number: str, wanted: Wanted) -> tuple[str, str]:
        """What `originate` is told: the leg that is called, and what is done with it.

        Raises:
            UnsafeValue: a value can't be sent.
            ValueError: the flow's name, or its first values, can't be.
        """
        if not _FLOW.fullmatch(wanted.flow):
            raise ValueError("a flow's name is letters, digits, '_' and '-'")
        hang_up = self.hang_up_on_machine
        if wanted.hang_up_on_machine is not None:
            hang_up = wanted.hang_up_on_machine
        seconds = self.ring_timeout if wanted.ring_timeout is None else wanted.ring_timeout
        variables = {
            "origination_uuid": quoting.uuid(call_id),
            # Or a call would count as answered at its first ringing tone.
            "ignore_early_media": "true",
            "originate_timeout": str(max(1, round(seconds))),
            "socket_resume": "true",
            # As in dialplan/fsflows.xml, which says why.
            "RECORD_USE_THREAD": "false",
            **dialled.variables(
                number,
                caller_number=self.caller_number,
                caller_name=self.caller_name,
                state=wanted.state,
                hang_up_on_machine=hang_up,
            ),
        }
        leg = quoting.variable_list(variables) + self.endpoint.replace("{number}", number)
        hosts = "|".join(f"{host}/{wanted.flow}" for host in self.socket.split("|"))
        return leg, f"&socket({hosts} async full)"
