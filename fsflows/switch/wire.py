"""What the simulated switch sends, as the bytes that FreeSWITCH sends."""

from __future__ import annotations

from fsflows.esl import serialize
from fsflows.esl.event import Event
from fsflows.switch.event import ApiReply, Closed, CommandReply, ConnectReply, Frame, Notice

_MADE_BY_SERIALIZE = ("Content-Type", "Reply-Text", "Socket-Mode", "Control")


def encode(frame: Frame, *, json: bool = False) -> bytes:
    """A frame as bytes; nothing for the end of the connection.

    Args:
        frame: what the channel put out.
        json: the form of events that the socket has asked for.
    """
    if isinstance(frame, CommandReply):
        return serialize.reply(frame.text, frame.headers)
    if isinstance(frame, ApiReply):
        return serialize.api_response(frame.body)
    if isinstance(frame, ConnectReply):
        headers = {k: v for k, v in frame.headers.items() if k not in _MADE_BY_SERIALIZE}
        return serialize.channel_data(
            Event.from_headers(headers),
            mode=frame.headers["Socket-Mode"],
            control=frame.headers["Control"],
        )
    if isinstance(frame, Notice):
        if frame.linger is None:
            return serialize.disconnect_notice(frame.channel_uuid)
        return serialize.linger_notice(frame.channel_uuid, frame.channel_name, frame.linger)
    if isinstance(frame, Closed):
        return b""
    event = Event.from_headers(frame.headers, frame.body)
    return serialize.event(event, "json" if json else "plain")
