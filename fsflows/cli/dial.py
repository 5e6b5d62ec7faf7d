"""`fsflows dial`: have the server call a number, and watch the call."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fsflows.cli.api_client import Refused, Server, console_url
from fsflows.cli.values import values_of
from fsflows.printable import blanked

DESCRIPTION = """\
Has the running server call a number, and run a flow with whoever answers:

  fsflows dial +442079460018 --flow survey --set customer=4711

The server asks FreeSWITCH for the call (dialling.endpoint of the settings says how numbers are reached) and gets it as
soon as it is answered. What happens is shown line by line until the flow has ended; Ctrl-C hangs up.

A list is called with --file: a number a line, or CSV whose first line names its columns, number and first values of
conv.state. One line is shown for each call as it ends, and the server's limits hold.

  fsflows dial --file customers.csv --flow survey

With --journal, what has become of each number is kept in a file, and the same command goes on where it was ended, or
killed: nobody is called twice.
"""

EPILOG = """\
The server is found by the settings' console.listen, and told their console.token; --server is for one elsewhere.

exit status: 0 answered, 1 failed, 2 called wrongly, 3 busy, 4 no answer, 5 rejected, 6 unreachable, 7 an answering
machine, 130 hung up by Ctrl-C; of a list: 0 each call has an outcome, 1 some failed or were refused
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

RECORD = 10.0
"""Seconds for a call's record after its end."""

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
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument(
        "number",
        metavar="NUMBER",
        nargs="?",
        help="the number, digits with or without separators",
    )
    whom.add_argument("--file", metavar="FILE", help="a list of numbers; -: standard input")
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="with --file: keep there who was called, and go on with that",
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


def run(options: argparse.Namespace) -> int:
    """Dial; the exit status."""
    from fsflows import settings as config

    try:
        settings = config.load(options.config or os.environ.get("FSFLOWS_CONFIG"))
    except config.SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if options.journal and options.file is None:
        print("fsflows dial: --journal is of a list (--file)", file=sys.stderr)
        return 2
    wanted: dict[str, Any] = {"flow": options.flow}
    try:
        state = values_of(options.set)
    except ValueError as error:
        print(f"fsflows dial: {error}", file=sys.stderr)
        return 2
    wanted |= {"state": state} if state else {}
    wanted |= {"machine": options.machine} if options.machine else {}
    wanted |= {"ring_timeout": options.ring} if options.ring is not None else {}
    url = options.server or console_url(settings.console.listen)
    if not url:
        print(
            "fsflows dial: console.listen is empty; --server URL says where the server is",
            file=sys.stderr,
        )
        return 2
    server = Server(url, settings.console.token)
    try:
        if options.file is not None:
            return _dial_many(
                options.file, server, wanted, as_json=options.json, journal=options.journal
            )
        screen = _Screen(quiet=options.json)
        return _Call(server, screen).make({**wanted, "number": options.number})
    except Refused as error:
        print(f"fsflows dial: {error}", file=sys.stderr)
        return 1


def _dial_many(
    name: str, server: Server, wanted: Mapping[str, Any], *, as_json: bool, journal: str | None
) -> int:
    from fsflows.cli.dial_journal import BadJournal, Journal, NoJournal
    from fsflows.cli.dial_many import BadList, Campaign, read_rows

    try:
        if name == "-":
            rows = read_rows(sys.stdin, "standard input")
        else:
            with Path(name).open(encoding="utf-8-sig", newline="") as file:
                rows = read_rows(file, name)
        kept = Journal(journal, wanted["flow"]) if journal else NoJournal()
    except OSError as error:
        print(f"fsflows dial: {name}: {error.strerror}", file=sys.stderr)
        return 2
    except (BadList, BadJournal) as error:
        print(f"fsflows dial: {error}", file=sys.stderr)
        return 2
    try:
        return Campaign(server, wanted, sys.stdout, as_json=as_json, journal=kept).run(rows)
    except BadJournal as error:
        print(f"fsflows dial: {error}", file=sys.stderr)
        return 1
    finally:
        kept.close()


class _Call:
    """One call, watched."""

    def __init__(self, server: Server, screen: _Screen) -> None:
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
                    if call["record"] or time.monotonic() - over > RECORD:
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
        text = blanked(text)
        painted = f"\033[{code}m{text}\033[0m" if code and self._colour else text
        print(f"{time.monotonic() - self._began:7.2f}  {painted}", flush=True)
