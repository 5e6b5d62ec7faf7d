"""What speaks and what listens: FreeSWITCH's TTS engine, its `say` module, mod_vosk and the vosk server behind it."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import gevent
from gevent import socket

from fsflows.conversation.engine import uses_speech
from fsflows.doctor.finding import Finding, ok, problem, warning
from fsflows.doctor.switch import Switch, is_our_address
from fsflows.flow.loader import read_flows
from fsflows.settings import Settings

DEFAULT_VOSK = "ws://127.0.0.1:2700"
"""Where vosk.conf.xml as it is shipped points to."""

WAIT = 5.0
"""Seconds for the vosk server."""

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SAMPLE_RATE = "the server must expect 8000 Hz (VOSK_SAMPLE_RATE=8000)"


def text_to_speech(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """Whether prompts that are texts can be heard."""
    flows = read_flows(settings.flows.paths).flows.values()
    offered = switch.interfaces()
    engines = {settings.voice.engine, *(flow.voice.get("engine", "") for flow in flows)} - {""}
    for engine in sorted(engines):
        if ("speech", engine) in offered:
            yield ok("text to speech", engine)
        else:
            known = sorted(name for kind, name in offered if kind == "speech")
            yield problem(
                "text to speech",
                f"FreeSWITCH has no engine {engine!r}: prompts that are texts are silence",
                f"`load mod_{engine}`, or voice.engine: {' or '.join(known) or 'another'}",
            )
    says = {settings.voice.say, *(flow.voice.get("say", "") for flow in flows)} - {""}
    for say in sorted(says):
        if ("say", say) in offered:
            yield ok("say", say)
        else:
            yield problem(
                "say",
                f"FreeSWITCH has no say module {say!r}",
                f"`load mod_say_{say}`, or an empty voice.say",
            )


def recogniser(switch: Switch, settings: Settings, url: str = "") -> Iterator[Finding]:
    """Whether speech is understood. Without it flows go on with keys.

    Args:
        switch: FreeSWITCH.
        settings: which flows there are.
        url: of the vosk server; "": what FreeSWITCH's vosk.conf says.
    """
    flows = read_flows(settings.flows.paths).flows.values()
    listening = sorted(flow.name for flow in flows if uses_speech(flow))
    if ("asr", "vosk") not in switch.interfaces():
        if listening:
            yield warning(
                "speech",
                f"mod_vosk is not loaded, and {', '.join(listening)} would listen: callers have their keys",
                "`load mod_vosk`, and into modules.conf.xml; or `asr: {enabled: false}` in the flows",
            )
        else:
            yield ok("speech", "no flow listens, and mod_vosk is not loaded")
        return
    configured = switch.configuration("vosk.conf").get("server-url", "")
    wanted = url or configured or DEFAULT_VOSK
    host = urlsplit(wanted).hostname or ""
    if not url and not switch.local and is_our_address(host):
        yield warning(
            "speech",
            f"vosk.conf names {wanted}, which is FreeSWITCH's host and can't be seen from here",
            "`fsflows doctor --vosk URL` with an address that leads there",
        )
        return
    yield handshake(wanted, needed=bool(listening))


def handshake(url: str, *, needed: bool) -> Finding:
    """Open a WebSocket as mod_vosk does, and close it.

    Args:
        url: of the vosk server.
        needed: whether any flow listens.
    """
    report = problem if needed else warning
    try:
        with gevent.Timeout(WAIT, TimeoutError(f"no answer within {WAIT:g} s")):
            _open(url)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return report(
            "speech",
            f"the vosk server at {url} does not answer: {why}",
            f"start it, or correct server-url of vosk.conf.xml; {_SAMPLE_RATE}",
        )
    return ok("speech", f"mod_vosk, and the vosk server at {url} answers; {_SAMPLE_RATE}")


def _open(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("a WebSocket's URL is ws://HOST:PORT")
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    request = (
        f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.hostname}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, port), WAIT) as plain:
        sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
            if secure
            else plain
        )
        sock.sendall(request.encode())
        answer = b""
        # Whatever else listens there may greet us, and then wait for ever.
        while b"\r\n\r\n" not in answer and answer[:5] in (b"", b"HTTP/") and len(answer) < 65536:
            data = sock.recv(4096)
            if not data:
                break
            answer += data
        accept = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest())  # noqa: S324 - the protocol's
        if not answer.startswith(b"HTTP/1.1 101") or accept not in answer:
            raise ValueError("it is no WebSocket server")
        sock.sendall(b"\x88\x82" + bytes(4) + b"\x03\xe8")  # close, normally
