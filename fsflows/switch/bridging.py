"""Handing the call on: bridge, transfer, and REFER."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsflows.switch.clockwork import FRAME, Wait
from fsflows.switch.setup import Leg
from fsflows.switch.transcript import Ending, Heard, Kind

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel

ACCEPTED = 202
REFERRING = 10.0
"""Seconds that FreeSWITCH waits for what comes of a REFER."""


@dataclass(slots=True)
class Party:
    """The other end of a bridge, while there is one."""

    uuid: str
    dialled: str
    leg: Leg
    ended: bool = False
    cause: str = ""

    def hang_up(self, cause: str) -> None:
        if not self.ended:
            self.ended = True
            self.cause = cause


def bridge(channel: Channel, data: str) -> Wait:
    """`bridge DIAL_STRING`. What happens is for `Setup.dial` to say."""
    leg = channel.setup.dial(data)
    party = Party(channel.new_uuid(), data, leg)
    channel.party = party
    channel.call_state("RING_WAIT")
    answered_at = channel.now + leg.after
    while channel.ready and channel.now < answered_at and not party.ended:
        channel.take_digit()
        yield channel.sooner(answered_at, channel.now + FRAME if channel.digits else None)
    bridged = leg.answers or leg.announces > 0
    if bridged and channel.ready and not party.ended:
        channel.other_leg(party.uuid, data, _number(data), answered=leg.answers)
    channel.call_state("ACTIVE")
    if not channel.ready:
        channel.party = None
        return
    if not bridged or party.ended:
        yield from _failed(channel, leg.cause if not leg.answers else party.cause)
        return
    yield from _talk(channel, party)


def _failed(channel: Channel, cause: str) -> Wait:
    channel.party = None
    for name in ("originate_disposition", "DIALSTATUS", "originate_failed_cause"):
        channel.set_variable(name, cause)
    channel.set_variable("last_bridge_hangup_cause", cause)
    _go_on_or_not(channel, cause)
    yield from ()


def _go_on_or_not(channel: Channel, cause: str) -> None:
    wanted = channel.variables.get("continue_on_fail", "")
    if wanted != "true" and cause not in wanted.split(","):
        channel.hang_up(cause)


def _talk(channel: Channel, party: Party) -> Wait:
    number = _number(party.dialled)
    for name, value in (
        ("originate_disposition", "SUCCESS"),
        ("DIALSTATUS", "SUCCESS"),
        ("signal_bond", party.uuid),
    ):
        channel.set_variable(name, value)
    ids = {"Bridge-A-Unique-ID": channel.uuid, "Bridge-B-Unique-ID": party.uuid}
    channel.fire("CHANNEL_BRIDGE", extra=ids)
    for name, value in (
        ("last_bridge_to", party.uuid),
        ("bridge_channel", party.dialled),
        ("bridge_uuid", party.uuid),
    ):
        channel.set_variable(name, value)
    updated = {
        "Direction": "SEND",
        "Sent-Callee-ID-Name": number,
        "Sent-Callee-ID-Number": number,
        "Bridged-To": party.uuid,
    }

    def update() -> None:
        if channel.party is party:
            channel.fire("CALL_UPDATE", extra=updated)

    channel.at(channel.now + FRAME, update)
    lasts = party.leg.talks if party.leg.answers else party.leg.announces
    heard = Heard(channel.now, party.dialled, Kind.PARTY, lasts or math.inf)
    channel.transcript.started(heard)
    ends_at = None if lasts is None else channel.now + lasts
    while channel.ready and not party.ended:
        if ends_at is not None and channel.now >= ends_at:
            party.hang_up(party.leg.cause)
            break
        channel.take_digit()
        channel.detector.queued.clear()
        yield channel.sooner(ends_at, channel.now + FRAME if channel.digits else None)
    ending = Ending.DONE if party.ended else Ending.HANGUP
    channel.transcript.ended(heard, channel.now, ending)
    cause = party.cause or channel.hangup_cause or "NORMAL_CLEARING"
    channel.set_variable("last_bridge_hangup_cause", cause)
    channel.set_variable("bridge_hangup_cause", cause)
    channel.fire("CHANNEL_UNBRIDGE", extra=ids)
    channel.party = None
    if not party.ended:
        return
    if not party.leg.answers:
        _go_on_or_not(channel, cause)
    elif channel.variables.get("hangup_after_bridge") == "true":
        channel.hang_up(party.cause)


def _number(dialled: str) -> str:
    """The number in a dial string: "sofia/local/7102@host" is 7102."""
    return re.split(r"[/@]", dialled.rpartition("@")[0] or dialled)[-1]


def transfer(channel: Channel, data: str) -> None:
    """`transfer EXTENSION [DIALPLAN [CONTEXT]]`: what runs ends, and the extension's dialplan begins."""
    channel.transfer((data.split() or [""])[0])


def refer(channel: Channel, data: str) -> Wait:
    """`deflect URI`: the caller's telephone is told to call another (REFER), and hung up on, whatever it says."""
    channel.referred_to = data
    told = channel.setup.telephone
    yield channel.now + FRAME
    channel.set_variable("sip_refer_status_code", str(told.accepts))
    if told.accepts == ACCEPTED:
        yield channel.now + 4 * FRAME
        if channel.ready:
            channel.set_variable("sip_refer_target_status_code", str(told.reached))
    else:
        # It waits for news that never comes.
        until = channel.now + REFERRING
        while channel.ready and channel.now < until:
            yield until
    channel.hang_up("BLIND_TRANSFER")


def redirect(channel: Channel, data: str) -> None:
    """`redirect URI` (302): the caller's telephone is told to call another, and hangs up."""
    channel.referred_to = data
    channel.at(channel.now + 5 * FRAME, lambda: channel.far_end_hangs_up("NORMAL_CLEARING"))
