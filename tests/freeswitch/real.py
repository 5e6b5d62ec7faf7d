"""Calls through a real FreeSWITCH."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .caller import Caller
from .eventsocket import EventSocket, Seen
from .rtp import Sound
from .serving import Serving
from .signalling import Ended
from .sip import Address
from .vosk import VoskServer, sentence
from .world import TOUCHED

SPEAKERS = {"speak", "playback", "say", "phrase"}
"""FreeSWITCH's applications that are heard."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where the FreeSWITCH is, from the environment; see README.md."""

    event_socket: Address
    password: str
    sip: Address
    app: Address
    vosk: Address

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Peer | None:
        """The one that the environment names; None when it names none.

        Raises:
            ValueError: it names one that cannot be.
        """
        given = environ.get("FSFLOWS_FREESWITCH", "")
        if not given:
            return None
        event_socket = _address("FSFLOWS_FREESWITCH", given)
        sip = environ.get("FSFLOWS_FREESWITCH_SIP") or f"{event_socket[0]}:5060"
        app = environ.get("FSFLOWS_FREESWITCH_APP_PORT") or "8084"
        vosk = environ.get("FSFLOWS_FREESWITCH_VOSK") or "127.0.0.1:2700"
        return cls(
            event_socket,
            environ.get("FSFLOWS_FREESWITCH_PASSWORD") or "ClueCon",
            _address("FSFLOWS_FREESWITCH_SIP", sip),
            _address("FSFLOWS_FREESWITCH_APP_PORT", f"127.0.0.1:{app}"),
            _address("FSFLOWS_FREESWITCH_VOSK", vosk),
        )


def _address(name: str, text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdigit()):
        raise ValueError(f"{name}: must be host:port, got {text!r}")
    return host, int(port)


class RealPhone:
    """A call over SIP; FreeSWITCH's own view of it comes from its event socket."""

    def __init__(self, caller: Caller, world: RealWorld) -> None:
        self._caller = caller
        self._world = world
        self._uuid = ""
        self.press = caller.press
        self.talk = caller.talk
        self.cancel = caller.cancel
        self.hang_up = caller.hang_up
        self.wait_answered = caller.wait_answered
        self.wait_heard = caller.wait_heard
        self.wait_silence = caller.wait_silence

    @property
    def uuid(self) -> str:
        if not self._uuid:
            mine = self._caller.call_id
            seen = self._world.events.wait(
                lambda seen: seen.headers.get("variable_sip_call_id") == mine, "the call"
            )
            self._uuid = seen.headers["Unique-ID"]
        return self._uuid

    @property
    def referred_to(self) -> str:
        return self._caller.call.referred_to

    def say(self, text: str, confidence: float = 1.0) -> float:
        self._world.vosk.wait_listened_to()
        return self._world.vosk.say(sentence(text, confidence))

    def wait_said(self, text: str, *, since: float = 0.0, timeout: float = 10.0) -> float:
        uuid = self.uuid

        def said(seen: Seen) -> bool:
            return (
                seen.name == "CHANNEL_EXECUTE"
                and seen.at >= since
                and seen.headers.get("Unique-ID") == uuid
                and seen.headers.get("Application") in SPEAKERS
                and text in seen.headers.get("Application-Data", "")
            )

        return self._world.events.wait(said, f"saying {text!r}", timeout).at

    def keys_shown(self) -> str:
        keys = (seen for seen in self._world.events.events(self.uuid) if seen.name == "DTMF")
        return "".join(seen.headers["DTMF-Digit"] for seen in keys)

    def wait_ended(self, timeout: float = 10.0) -> Ended:
        return self._caller.wait_ended(timeout)

    def sounds(self, since: float = 0.0) -> Sequence[Sound]:
        return self._caller.ear.sounds(since)

    def hangup_cause(self) -> str:
        uuid = self.uuid
        over = self._world.events.wait(
            lambda seen: (
                seen.name == "CHANNEL_HANGUP_COMPLETE" and seen.headers.get("Unique-ID") == uuid
            ),
            "the hangup in FreeSWITCH",
        )
        return over.headers["Hangup-Cause"]


class RealWorld:
    """FreeSWITCH, `fsflows serve` and a vosk server of ours; the last two live as long as this.

    Raises:
        Refused: FreeSWITCH is not there.
        AssertionError: the server does not start.
    """

    name = "freeswitch"
    records_sound = True

    def __init__(self, peer: Peer, flows: Sequence[Path], directory: Path) -> None:
        self._peer = peer
        self._logged = 0
        with ExitStack() as building:
            self.events = building.enter_context(EventSocket(peer.event_socket, peer.password))
            self.vosk = building.enter_context(VoskServer(*peer.vosk))
            self.serving = building.enter_context(
                Serving(peer.app, flows, directory, (peer.event_socket, peer.password))
            )
            self._stack = building.pop_all()

    def close(self) -> None:
        self._stack.close()

    def run(self, body: Callable[[], None]) -> None:
        self.vosk.reset()
        Path(TOUCHED).unlink(missing_ok=True)
        self.events.forget()
        self._logged = len(self.serving.text())
        body()
        assert self.serving.up, f"fsflows serve has ended:\n{self.server_log()[-3000:]}"

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        threading.Event().wait(seconds)

    @contextmanager
    def call(
        self,
        flow: str,
        *,
        user: str = "1000",
        name: str = "",
        headers: Iterable[tuple[str, str]] = (),
        recorded: bool = False,
        ending: str = ".wav",
    ) -> Iterator[RealPhone]:
        how = ("recorded-" if ending else "native-") if recorded else ""
        number = f"fsflows-{how}{flow}"
        with Caller(self._peer.sip, number, user=user, name=name, headers=headers) as caller:
            caller.dial()
            yield RealPhone(caller, self)

    def take_away(self, uuid: str) -> None:
        # Without this FreeSWITCH (1.10.12) sometimes runs the actions behind `socket` instead; see dialplan/README.md.
        self.events.api(f"uuid_setvar {uuid} socket_resume false")
        assert self.events.api(f"uuid_transfer {uuid} fsflows-desk").startswith("+OK")

    def announce(self, uuid: str, hertz: int) -> None:
        tone = f"tone_stream://%(10000,0,{hertz})"
        assert self.events.api(f"uuid_broadcast {uuid} {tone} aleg").startswith("+OK")

    def break_all(self, uuid: str) -> None:
        assert self.events.api(f"uuid_break {uuid} all").startswith("+OK")

    def recordings(self, uuid: str) -> Sequence[bytes]:
        return [path.read_bytes() for path in self.serving.recordings(uuid)]

    def wait_recordings(self, uuid: str, count: int, timeout: float = 10.0) -> None:
        deadline = time.monotonic() + timeout
        while len(files := self.serving.recordings(uuid)) != count:
            assert time.monotonic() < deadline, f"{count} recordings wanted, there are {files}"
            self.wait(0.05)

    def speech(self, up: bool) -> None:
        if up:
            self.vosk.start()
        else:
            self.vosk.stop()

    def speech_dies(self) -> None:
        self.vosk.die()

    def speech_garbles(self) -> None:
        self.vosk.say(['{"partial": "one'])

    def server_log(self) -> str:
        return self.serving.text()[self._logged :]

    def ran(self) -> Sequence[str]:
        return [TOUCHED] if Path(TOUCHED).exists() else []
