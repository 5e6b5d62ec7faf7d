"""What FreeSWITCH writes, as bytes: for the simulated switch and for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from fsflows.esl.event import Event

_UNSAFE = re.compile(rb"""[^ -~]|[ #%&+:;<=>?@\[\\\]^`{|}"]""")
_ESCAPED = re.compile(rb"%[0-9A-F]{2}")


def url_encode(value: str) -> bytes:
    """A value as the plain format writes it. What looks like an escape already is left alone, as FreeSWITCH does."""

    def encode(found: re.Match[bytes]) -> bytes:
        if found[0] == b"%" and _ESCAPED.match(found.string, found.start()):
            return b"%"
        return b"%%%02X" % found[0][0]

    return _UNSAFE.sub(encode, value.encode("utf-8", "replace")) or b"_undef_"


def _plain(headers: Mapping[str, str]) -> bytes:
    return b"".join(b"%s: %s\n" % (name.encode(), url_encode(headers[name])) for name in headers)


def event(event: Event, fmt: str = "plain") -> bytes:
    """An event as a frame."""
    body = event.body.encode("utf-8", "replace")
    if fmt == "json":
        values: dict[str, object] = {}
        for name, value in event.headers.items():
            values[name] = event.values(name) if value.startswith("ARRAY::") else value
        if body:
            values["Content-Length"] = str(len(body))
            values["_body"] = event.body
        payload = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )
    else:
        headers = {name: value for name, value in event.headers.items() if name != "Content-Length"}
        payload = _plain(headers)
        payload += b"Content-Length: %d\n\n%s" % (len(body), body) if body else b"\n"
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (
        len(payload),
        fmt.encode(),
        payload,
    )


def channel_data(channel: Event, *, mode: str = "async", control: str = "full") -> bytes:
    """The reply to `connect`."""
    headers = {
        **channel.headers,
        "Content-Type": "command/reply",
        "Reply-Text": "+OK\n",
        "Socket-Mode": mode,
        "Control": control,
    }
    return _plain(headers) + b"\n"


def reply(text: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The reply to any other command but `api`. Nothing in it is encoded."""
    lines = ["Content-Type: command/reply", f"Reply-Text: {text}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def api_response(text: str) -> bytes:
    """The reply to `api`."""
    body = text.encode("utf-8", "replace")
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body), body)


def linger_notice(uuid: str, channel_name: str, seconds: int) -> bytes:
    """The call is over; the connection stays for a while."""
    return (
        f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {uuid}\n"
        f"Content-Disposition: linger\nChannel-Name: {channel_name}\nLinger-Time: {seconds}\n"
        "Content-Length: 0\n\n"
    ).encode()


def disconnect_notice(uuid: str) -> bytes:
    """The connection is over; FreeSWITCH closes it behind this."""
    body = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
    return (
        f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {uuid}\n"
        f"Content-Disposition: disconnect\nContent-Length: {len(body)}\n\n{body}"
    ).encode()


def auth_request() -> bytes:
    """How an inbound event socket greets."""
    return b"Content-Type: auth/request\n\n"


def rude_rejection() -> bytes:
    """How an inbound event socket refuses an address."""
    return b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
