"""`fsflows dial`: have the server call a number, and watch the call."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

DESCRIPTION = """\
Has the running server call a number, and run a flow with whoever answers:

  fsflows dial +442079460018 --flow survey --set customer=4711

The server asks FreeSWITCH for the call (dialling.endpoint of the settings says how numbers are reached) and gets it as
soon as it is answered. What happens is shown line by line until the flow has ended; Ctrl-C hangs up.
"""

EPILOG = """\
The server is found by the settings' console.listen, and told their console.token; --server is for one elsewhere.

exit status: 0 answered, 1 failed, 2 called wrongly, 3 busy, 4 no answer, 5 rejected, 6 unreachable, 7 an answering
machine, 130 hung up by Ctrl-C
"""

STATUS = {
    "answered": 0,
    "failed": 1,
    "busy": 3,
    "no_answer": 4,
    "rejected": 5,
    "unreachable": 6,
    "machine": 7,
}
INTERRUPTED = 130

WAIT = 20.0
"""Seconds that one request waits for news."""

PATIENCE = 10.0
"""Seconds for an answer beyond that, and for a call's record after its end."""

_COLOURS = {"answered": "32", "step": "36", "bad": "31"}
_PHASES = {
    "waiting": "waits for its turn",
    "dialling": "dialling",
    "ringing": "ringing",
    "answered": "answered",
}


def add_parser(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "dial",
        help="call a number, and run a flow with whoever answers",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument(
        "number", metavar="NUMBER", help="the number, digits with or without separators"
    )
    parser.add_argument(
        "--flow", metavar="NAME", required=True, help="the flow for whoever answers"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a first value of conv.state; may be given again",
    )
    parser.add_argument("--ring", metavar="SECONDS", type=float, help="how long to let it ring")
    parser.add_argument(
        "--machine",
        choices=("ignore", "hang_up"),
        metavar="WHAT",
        help="about an answering machine: ignore, hang_up",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the call's last state as JSON instead"
    )
    parser.add_argument(
        "--config", metavar="FILE", help="the server's settings (default: $FSFLOWS_CONFIG)"
    )
    parser.add_argument(
        "--server", metavar="URL", help="the server's console (default: console.listen)"
    )


class Refused(Exception):
    """The server would not; the text says why."""


def run(options: argparse.Namespace) -> int:
    """Dial; the exit status."""
    from fsflows import settings as config

    try:
        settings = config.load(options.config or os.environ.get("FSFLOWS_CONFIG"))
    except config.SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    wanted: dict[str, Any] = {"number": options.number, "flow": options.flow}
    state = {}
    for text in options.set:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            print(f"fsflows dial: --set is NAME=VALUE, got {text!r}", file=sys.stderr)
            return 2
        state[name] = value
    wanted |= {"state": state} if state else {}
    wanted |= {"machine": options.machine} if options.machine else {}
    wanted |= {"ring_timeout": options.ring} if options.ring is not None else {}
    url = options.server or _console(settings.console.listen)
    if not url:
        print(
            "fsflows dial: console.listen is empty; --server URL says where the server is",
            file=sys.stderr,
        )
        return 2
    try:
        return _Call(_Server(url, settings.console.token), _Screen(quiet=options.json)).make(wanted)
    except Refused as error:
        print(f"fsflows dial: {error}", file=sys.stderr)
        return 1


def _console(listen: str) -> str:
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - to connect to, not to bind
    return f"http://{host}:{port}" if host else ""


class _Server:
    """The server's API."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A request; its answer.

        Raises:
            Refused: the server is not there, or would not.
        """
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused(f"--server is a URL (http://127.0.0.1:8085), got {self._url!r}")
        secure = parts.scheme == "https"
        timeout = WAIT + PATIENCE
        connection: http.client.HTTPConnection
        try:
            if secure:
                context = ssl.create_default_context()
                connection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=timeout, context=context
                )
            else:
                connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            content = None if body is None else json.dumps(body)
            connection.request(method, parts.path + path, content, headers)
            response = connection.getresponse()
            data = response.read()
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Refused(f"no server answers at {self._url}: {why}") from None
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Refused(f"what answers at {self._url} is not a server of this version")
        if response.status >= 400:
            raise Refused(str(answer.get("error", response.reason)))
        return answer


class _Call:
    """One call, watched."""

    def __init__(self, server: _Server, screen: _Screen) -> None:
        self._server = server
        self._screen = screen
        self._hang_up = False
        self._hung_up = False

    def make(self, wanted: Mapping[str, Any]) -> int:
        """Make it and watch it; the exit status."""
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            call = self._server.ask("POST", "/api/calls", wanted)
            over = 0.0
            while True:
                self._screen.show(call)
                if self._hang_up and not self._hung_up:
                    self._hung_up = True
                    self._server.ask("DELETE", f"/api/calls/{call['id']}")
                if call["phase"] == "over":
                    over = over or time.monotonic()
                    if call["record"] or time.monotonic() - over > PATIENCE:
                        break
                elif call["record"]:
                    break  # the flow has ended; a transferred caller may go on elsewhere
                call = self._news(call)
        finally:
            signal.signal(signal.SIGINT, before)
        self._screen.outro(call)
        if self._hung_up:
            return INTERRUPTED
        return STATUS.get(call["outcome"] or "answered", 1)

    def _news(self, call: Mapping[str, Any]) -> dict[str, Any]:
        # A signal ends the waiting only between two requests: they are short once somebody wants to hang up.
        wait = 1.0 if not self._hung_up else 0.5
        return self._server.ask("GET", f"/api/calls/{call['id']}?wait={wait}&seen={call['news']}")

    def _interrupt(self, *_: object) -> None:
        if self._hang_up:
            raise KeyboardInterrupt
        self._hang_up = True


class _Screen:
    """The call in the terminal."""

    def __init__(self, *, quiet: bool) -> None:
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._colour = sys.stdout.isatty() and not plain
        self._quiet = quiet
        self._began = time.monotonic()
        self._phase = ""
        self._step = ""

    def show(self, call: Mapping[str, Any]) -> None:
        """What is new about it."""
        phase, step = str(call["phase"]), str(call["step"])
        if phase != self._phase:
            self._phase = phase
            if phase in _PHASES:
                self._line(_PHASES[phase], "answered" if phase == "answered" else "")
        if step and step != self._step:
            self._step = step
            self._line(f"in step {step}", "step")

    def outro(self, call: Mapping[str, Any]) -> None:
        """After its end."""
        if self._quiet:
            print(json.dumps(call, indent=2))
            return
        outcome = str(call["outcome"] or "answered").replace("_", " ")
        good = outcome == "answered"
        text = f"over: {outcome}"
        if good and call["result"]:
            text += f", {call['result']} ({call['reason']})".replace("_", " ")
        elif call["cause"]:
            text += f" ({call['cause']})"
        self._line(text, "answered" if good else "bad")
        if call["record"]:
            print(f"\nThe record: fsflows records show {call['record']}")

    def _line(self, text: str, kind: str) -> None:
        if self._quiet:
            return
        code = _COLOURS.get(kind)
        text = "".join(char if char.isprintable() else " " for char in text)
        painted = f"\033[{code}m{text}\033[0m" if code and self._colour else text
        print(f"{time.monotonic() - self._began:7.2f}  {painted}", flush=True)
