"""The headers that every event of a channel carries, in FreeSWITCH's order, from a picture of the channel."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fsflows.switch.profile import CallProfile

STATE_NUMBERS = {
    "CS_INIT": "2",
    "CS_ROUTING": "2",
    "CS_EXECUTE": "4",
    "CS_HANGUP": "10",
    "CS_REPORTING": "11",
}
"""Channel-State-Number, as the traces show it (a channel in CS_INIT already runs towards CS_ROUTING)."""

CALL_STATE_NUMBERS = {
    "DOWN": "0",
    "RINGING": "2",
    "EARLY": "3",
    "ACTIVE": "4",
    "RING_WAIT": "6",
    "HANGUP": "7",
}


@dataclass(frozen=True, slots=True)
class OtherLeg:
    """The leg that the channel is bridged to; when it was answered, in microseconds since 1970, 0: not yet."""

    uuid: str
    name: str
    number: str
    answered: int


@dataclass(slots=True)
class Snapshot:
    """A channel as it was: never changed. Times are microseconds since 1970; 0 for what has not happened."""

    profile: CallProfile
    uuid: str
    destination: str
    state: str
    state_number: str
    call_state: str
    answer_state: str
    hangup_cause: str
    profile_index: int
    profile_created: int
    created: int
    answered: int
    progress_media: int
    hungup: int
    transferred: int
    bridged: int
    callee: str
    rdnis: str
    transfer_source: str
    other_leg: OtherLeg | None
    _headers: dict[str, str] | None = None

    def headers(self) -> dict[str, str]:
        """What every event of the channel says about it. Many events share a snapshot: it is spelled out once."""
        if self._headers is None:
            self._headers = channel_headers(self) | caller_headers(self, "Caller-")
        return self._headers


def core_headers(
    name: str, stamp: float, source: tuple[str, str, str], sequence: int
) -> dict[str, str]:
    """What the core puts at the top of every event. `stamp`: seconds since 1970 (the switch lives in UTC)."""
    moment = time.gmtime(stamp)
    return {
        "Event-Name": name,
        "Core-UUID": CORE_UUID,
        "FreeSWITCH-Hostname": "simulated",
        "FreeSWITCH-Switchname": "simulated",
        "FreeSWITCH-IPv4": "192.0.2.2",
        "FreeSWITCH-IPv6": "fd00::2",
        "Event-Date-Local": time.strftime("%Y-%m-%d %H:%M:%S", moment),
        "Event-Date-GMT": time.strftime("%a, %d %b %Y %H:%M:%S GMT", moment),
        "Event-Date-Timestamp": str(round(stamp * 1_000_000)),
        "Event-Calling-File": source[0],
        "Event-Calling-Function": source[1],
        "Event-Calling-Line-Number": source[2],
        "Event-Sequence": str(sequence),
    }


CORE_UUID = "5f5f1f00-0000-4000-8000-000000000001"


def channel_headers(shot: Snapshot) -> dict[str, str]:
    """Where the channel is and what it is doing."""
    profile = shot.profile
    made = {
        "Channel-State": shot.state,
        "Channel-Call-State": shot.call_state,
        "Channel-State-Number": shot.state_number,
        "Channel-Name": profile.channel_name,
        "Unique-ID": shot.uuid,
        "Call-Direction": "inbound",
        "Presence-Call-Direction": "inbound",
        "Channel-HIT-Dialplan": "true",
        "Channel-Call-UUID": shot.uuid,
        "Answer-State": shot.answer_state,
    }
    if shot.hangup_cause:
        made["Hangup-Cause"] = shot.hangup_cause
    for side in ("Read", "Write"):
        made[f"Channel-{side}-Codec-Name"] = "PCMU"
        made[f"Channel-{side}-Codec-Rate"] = "8000"
        made[f"Channel-{side}-Codec-Bit-Rate"] = "64000"
    return made


def caller_headers(shot: Snapshot, prefix: str) -> dict[str, str]:
    """Who calls whom, and since when. CHANNEL_DATA has it twice: as `Channel-*` and as `Caller-*`."""
    profile = shot.profile
    made = {
        "Direction": "inbound",
        "Logical-Direction": "inbound",
        "Username": profile.caller_number,
        "Dialplan": "XML",
        "Caller-ID-Name": profile.caller_name,
        "Caller-ID-Number": profile.caller_number,
        "Orig-Caller-ID-Name": profile.caller_name,
        "Orig-Caller-ID-Number": profile.caller_number,
    }
    if shot.callee:
        made["Callee-ID-Name"] = shot.callee
        made["Callee-ID-Number"] = shot.callee
    made |= {
        "Network-Addr": profile.network_address,
        "ANI": profile.caller_number,
        "Destination-Number": shot.destination,
        "Unique-ID": shot.uuid,
        "Source": "mod_sofia",
        "Context": profile.context,
    }
    if shot.rdnis:
        made["RDNIS"] = shot.rdnis
    made["Channel-Name"] = profile.channel_name
    if shot.transfer_source:
        made["Transfer-Source"] = shot.transfer_source
    made |= {
        "Profile-Index": str(shot.profile_index),
        "Profile-Created-Time": str(shot.profile_created),
        "Channel-Created-Time": str(shot.created),
        "Channel-Answered-Time": str(shot.answered),
        "Channel-Progress-Time": "0",
        "Channel-Progress-Media-Time": str(shot.progress_media),
        "Channel-Hangup-Time": str(shot.hungup),
        "Channel-Transfer-Time": str(shot.transferred),
        "Channel-Resurrect-Time": "0",
        "Channel-Bridged-Time": str(shot.bridged),
        "Channel-Last-Hold": "0",
        "Channel-Hold-Accum": "0",
        "Screen-Bit": "true",
        "Privacy-Hide-Name": "false",
        "Privacy-Hide-Number": "false",
    }
    headers = {f"{prefix}{name}": value for name, value in made.items()}
    if prefix == "Caller-" and shot.other_leg is not None:
        headers |= _other_leg_headers(shot.other_leg, shot)
    return headers


def _other_leg_headers(leg: OtherLeg, shot: Snapshot) -> dict[str, str]:
    profile = shot.profile
    return {
        "Other-Type": "originatee",
        "Other-Leg-Direction": "outbound",
        "Other-Leg-Logical-Direction": "inbound",
        "Other-Leg-Username": profile.caller_number,
        "Other-Leg-Dialplan": "XML",
        "Other-Leg-Caller-ID-Name": profile.caller_name,
        "Other-Leg-Caller-ID-Number": profile.caller_number,
        "Other-Leg-Callee-ID-Name": leg.number,
        "Other-Leg-Callee-ID-Number": leg.number,
        "Other-Leg-ANI": profile.caller_number,
        "Other-Leg-Destination-Number": leg.number,
        "Other-Leg-Unique-ID": leg.uuid,
        "Other-Leg-Source": "mod_sofia",
        "Other-Leg-Context": profile.context,
        "Other-Leg-Channel-Name": leg.name,
        "Other-Leg-Channel-Answered-Time": str(leg.answered),
    }
