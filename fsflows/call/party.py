"""Who is on a call: its numbers and names, as FreeSWITCH has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fsflows.call import dialled

if TYPE_CHECKING:
    from fsflows.esl.link import Link

_NONE: Mapping[str, Any] = MappingProxyType({})


class Party:
    """The other side of a channel.

    Args:
        link: the connection to it.

    Attributes:
        uuid: the channel's.
        dialled: the number that we called, on a call that we made; "" on one that came in.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.uuid = link.channel.uuid
        self.dialled = link.channel.variable(dialled.NUMBER) or ""

    @property
    def caller_number(self) -> str:
        """The caller's number as FreeSWITCH has it; empty when withheld. On a call that we made: ours."""
        if self.dialled:
            # FreeSWITCH has the other side's there, from the answer on.
            return self.link.channel.variable("origination_caller_id_number") or ""
        return self.link.channel.get("Caller-Caller-ID-Number") or ""

    @property
    def caller_name(self) -> str:
        """The caller's name: hostile text, chosen by whoever calls."""
        if self.dialled:
            return self.link.channel.variable("origination_caller_id_name") or ""
        return self.link.channel.get("Caller-Caller-ID-Name") or ""

    @property
    def callee_number(self) -> str:
        """The number that was dialled."""
        return self.dialled or self.link.channel.get("Caller-Destination-Number") or ""

    @property
    def dialled_record(self) -> str:
        """The id that the record of a call that we made was noted under, when the call comes here for the first time;
        else "".
        """
        if not self.dialled or self.link.channel.variable(dialled.STATE):
            return ""
        return dialled.record_of(self.uuid)

    @property
    def first_values(self) -> Mapping[str, Any]:
        """What `conv.state` holds when a call that we made begins; nothing on one that came in."""
        if not self.dialled:
            return _NONE  # not one for each call
        return dialled.unpack(self.link.channel.variable(dialled.VALUES) or "")

    @property
    def hangs_up_on_machine(self) -> bool:
        """Whether an answering machine is to be hung up on."""
        wanted = self.link.channel.variable(dialled.ON_MACHINE)
        return bool(self.dialled) and wanted == dialled.HANG_UP

    @property
    def sip_headers(self) -> dict[str, str]:
        """The INVITE's own headers that FreeSWITCH kept (X- and P- headers and what the profile names), by name."""
        prefix = "variable_sip_h_"
        return {
            name[len(prefix) :]: value
            for name, value in self.link.channel.headers.items()
            if name.startswith(prefix)
        }
