"""greenswitch's outbound server with the small application."""

from __future__ import annotations

import resource
import sys

from gevent import monkey

monkey.patch_all()

import gevent.event  # noqa: E402
from greenswitch import OutboundESLServer  # noqa: E402


class Application:
    def __init__(self, session) -> None:
        self.session = session
        self.digits = ""
        self.over = gevent.event.Event()

    def run(self) -> None:
        session = self.session
        session.myevents()
        session.linger(5)
        session.register_handle("DTMF", self.key)
        session.register_handle("DETECTED_SPEECH", self.heard)
        session.register_handle("CHANNEL_EXECUTE_COMPLETE", self.complete)
        session.register_handle("DISCONNECT", lambda event: self.over.set())
        session.answer()
        session.call_command("playback", "/sounds/menu.wav")
        self.over.wait()

    def key(self, event) -> None:
        key = event.headers["DTMF-Digit"]
        if key == "1":
            self.digits = ""
            self.session.call_command("playback", "/sounds/menu.wav")
        else:
            self.digits += key

    def heard(self, event) -> None:
        event.headers.get("Speech-Type")

    def complete(self, event) -> None:
        event.headers.get("Application-UUID")


_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
OutboundESLServer(
    bind_address="127.0.0.1",
    bind_port=int(sys.argv[1]),
    application=Application,
    max_connections=10_000,
).listen()
