"""How a call leaves its application: into another extension, or for good."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel

Q850 = {
    "NO_ROUTE_DESTINATION": "3",
    "NORMAL_CLEARING": "16",
    "USER_BUSY": "17",
    "NO_USER_RESPONSE": "18",
    "NO_ANSWER": "19",
    "CALL_REJECTED": "21",
    "DESTINATION_OUT_OF_ORDER": "27",
    "NORMAL_UNSPECIFIED": "31",
    "NORMAL_TEMPORARY_FAILURE": "41",
    "ORIGINATOR_CANCEL": "16",
}
"""`hangup_cause_q850` of the commoner causes; 0 stands for the others."""

SIP_STATUS = {"USER_BUSY": "486", "CALL_REJECTED": "603", "NO_ROUTE_DESTINATION": "404"}
"""What a caller is told whose call was not answered; 480 otherwise."""


def route(channel: Channel, extension: str) -> tuple[tuple[str, str], ...]:
    """Enter another extension (s12_transfer_app); its actions, none when there is no such extension."""
    channel.transferring = None
    channel.enter_state("CS_ROUTING")
    channel.call_state("RINGING")
    channel.channel_state("CS_ROUTING")
    channel.enter_state("CS_EXECUTE")
    channel.call_state("ACTIVE" if channel.answered else "RINGING")
    channel.channel_state("CS_EXECUTE")
    actions = channel.setup.extension(extension)
    if actions is None:
        channel.hang_up("NO_ROUTE_DESTINATION")
    return actions or ()


def end(channel: Channel) -> None:
    """The last events of a call, all at once (s01, s04, s05)."""
    channel.note_hangup()
    cause = channel.hangup_cause
    if channel.disposition == "send_bye":
        channel.transcript.signal(channel.now, "BYE", cause)
    elif channel.disposition == "send_refuse":
        channel.transcript.signal(channel.now, SIP_STATUS.get(cause, "480"), cause)
    channel.channel_state("CS_HANGUP")
    channel.recorder.stop_all("success-silence")
    channel.detector.stop()
    channel.call_state("HANGUP")
    channel.set_variable("hangup_cause", cause)
    channel.set_variable("hangup_cause_q850", Q850.get(cause, "0"))
    if channel.variables.get("api_hangup_hook"):
        # The hook's event has everything but an Event-Name.
        shot = channel.snapshot()
        prefixed = {f"variable_{name}": value for name, value in channel.variables.items()}
        channel.inject(
            {
                **channel.variables,
                **shot.headers(),
                **prefixed,
            }
        )
    channel.channel_state("CS_REPORTING")
    for name, value in _report(channel).items():
        channel.set_variable(name, value)
    channel.fire("CHANNEL_HANGUP_COMPLETE")
    channel.ended = True
    channel.socket.call_over()


def _report(channel: Channel) -> dict[str, str]:
    """The variables that FreeSWITCH adds for the call's detail record."""
    shot = channel.snapshot()
    variables = channel.variables
    made = {
        "digits_dialed": channel.digits_dialled or "none",
        "last_app": variables.get("current_application", ""),
        "last_arg": variables.get("current_application_data", ""),
        "caller_id": f'"{channel.profile.caller_name}" <{channel.profile.caller_number}>',
        "sip_hangup_disposition": channel.disposition,
    }
    for name, moment in (("start", shot.created), ("answer", shot.answered), ("end", shot.hungup)):
        if moment:
            made[f"{name}_stamp"] = time.strftime(
                "%Y-%m-%d %H:%M:%S", time.gmtime(moment // 1_000_000)
            )
        made[f"{name}_epoch"] = str(moment // 1_000_000)
        made[f"{name}_uepoch"] = str(moment)
    whole = shot.hungup - shot.created
    billed = shot.hungup - shot.answered if shot.answered else 0
    for prefix, length in (("duration", whole), ("billsec", billed)):
        bare = prefix.removesuffix("sec")
        made[prefix] = str(round(length / 1_000_000))
        made[f"{bare}msec" if bare == "bill" else f"m{bare}"] = str(length // 1000)
        made[f"{bare}usec" if bare == "bill" else f"u{bare}"] = str(length)
    return made
