"""Who calls, whom, and with what: everything about a call that is settled before it reaches the socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProfile:
    """One call as it comes in. Every text may be as hostile as a caller can make it.

    Attributes:
        caller_name: the display name of the SIP From header.
        caller_number: the user part of the SIP From header.
        destination: the number that was dialled.
        sip_headers: the caller's own SIP headers by name ("X-Account"): variables `sip_h_X-Account`.
        variables: channel variables set by the dialplan before its `socket` action.
        uuid: the channel's; ``None`` makes one up.
        answered: whether the dialplan has answered already.
        context: the dialplan context.
        network_address: the caller's, from the network.
        host: the host part of the caller's SIP address.
    """

    caller_name: str = "Tester"
    caller_number: str = "1000"
    destination: str = "7001"
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    uuid: str | None = None
    answered: bool = False
    context: str = "public"
    network_address: str = "127.0.0.1"
    host: str = "127.0.0.1"

    @property
    def channel_name(self) -> str:
        return f"sofia/local/{self.caller_number}@{self.host}"


def outgoing(variables: Mapping[str, str], destination: str) -> CallProfile:
    """A call that FreeSWITCH makes, as it comes to the socket when somebody has answered.

    Args:
        variables: those that `originate` was told.
        destination: whom it calls.
    """
    return CallProfile(
        caller_name=variables.get("origination_caller_id_name", ""),
        caller_number=variables.get("origination_caller_id_number", "0000000000"),
        destination=destination,
        variables={**variables, "direction": "outbound", "is_outbound": "true"},
        uuid=variables.get("origination_uuid") or None,
        answered=True,
    )


_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 48404 RTP/AVP 0 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
)


def initial_variables(profile: CallProfile, uuid: str, created: int) -> dict[str, str]:
    """The channel variables of a SIP call that has just come in (s01_plain). `created`: microseconds since 1970."""
    number, host, called = profile.caller_number, profile.host, profile.destination
    made = {
        "direction": "inbound",
        "uuid": uuid,
        "session_id": "1",
        "sip_from_user": number,
        "sip_from_uri": f"{number}@{host}",
        "sip_from_host": host,
        "video_media_flow": "disabled",
        "text_media_flow": "disabled",
        "channel_name": profile.channel_name,
        "sip_call_id": f"{uuid[:16]}@t",
        "sip_local_network_addr": "127.0.0.1",
        "sip_network_ip": profile.network_address,
        "sip_network_port": "46408",
        "sip_invite_stamp": str(created),
        "sip_received_ip": profile.network_address,
        "sip_received_port": "46408",
        "sip_via_protocol": "udp",
        "sip_from_user_stripped": number,
        "sip_from_tag": uuid[:8],
        "sofia_profile_name": "local",
        "sofia_profile_url": "sip:mod_sofia@127.0.0.1:5060",
        "recovery_profile_name": "local",
        "sip_full_via": f"SIP/2.0/UDP {host}:46408;rport=46408;branch=z9hG4bK{uuid[:12]}",
        "sip_from_display": profile.caller_name,
        "sip_full_from": f'"{profile.caller_name}" <sip:{number}@{host}>;tag={uuid[:8]}',
        "sip_full_to": f"<sip:{called}@127.0.0.1>",
        "sip_req_user": called,
        "sip_req_port": "5060",
        "sip_req_uri": f"{called}@127.0.0.1:5060",
        "sip_req_host": "127.0.0.1",
        "sip_to_user": called,
        "sip_to_uri": f"{called}@127.0.0.1",
        "sip_to_host": "127.0.0.1",
        "sip_contact_user": "tester",
        "sip_contact_port": "46408",
        "sip_contact_uri": f"tester@{host}:46408",
        "sip_contact_host": host,
        "sip_via_host": host,
        "sip_via_port": "46408",
        "sip_via_rport": "46408",
        "max_forwards": "70",
        "switch_r_sdp": _SDP,
        "ep_codec_string": "CORE_PCM_MODULE.PCMU@8000h@20i@64000b",
        "rtp_use_codec_string": "PCMU,PCMA",
        "remote_video_media_flow": "inactive",
        "remote_text_media_flow": "inactive",
        "remote_audio_media_flow": "sendrecv",
        "audio_media_flow": "sendrecv",
        "remote_media_ip": "127.0.0.1",
        "remote_media_port": "48404",
        "rtp_audio_recv_pt": "0",
        "rtp_use_codec_name": "PCMU",
        "rtp_use_codec_rate": "8000",
        "rtp_use_codec_ptime": "20",
        "rtp_use_codec_channels": "1",
        "rtp_last_audio_codec_string": "PCMU@8000h@20i@1c",
        "read_codec": "PCMU",
        "original_read_codec": "PCMU",
        "read_rate": "8000",
        "original_read_rate": "8000",
        "write_codec": "PCMU",
        "write_rate": "8000",
        "dtmf_type": "rfc2833",
        "endpoint_disposition": "RECEIVED",
        "call_uuid": uuid,
    }
    made |= {f"sip_h_{name}": value for name, value in profile.sip_headers.items()}
    made |= profile.variables
    return made


def media_variables() -> dict[str, str]:
    """The variables that come with a media path, when a call is answered or gets early media."""
    return {
        "rtp_local_sdp_str": _SDP,
        "local_media_ip": "127.0.0.1",
        "local_media_port": "16722",
        "advertised_media_ip": "127.0.0.1",
        "rtp_use_timer_name": "soft",
        "rtp_use_pt": "0",
        "rtp_use_ssrc": "3540715277",
        "rtp_2833_send_payload": "101",
        "rtp_2833_recv_payload": "101",
    }
