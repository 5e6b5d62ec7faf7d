"""`fsflows doctor`: whether the server, its FreeSWITCH and the machine fit together."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from fsflows.printable import blanked

if TYPE_CHECKING:
    from fsflows.doctor import Finding

DESCRIPTION = """\
Looks at everything that a call needs, and says what to do about what is missing: the settings, flows, database,
directories and limits here; and FreeSWITCH, over its own event socket: modules, text to speech, the vosk server, the
dialplan's socket action, whether both see the same recordings, clocks, limits.

Nothing is changed. For a moment a file is written into the recording directories, and FreeSWITCH records a second of
nothing there. Run it as the server's user.
"""

EPILOG = """\
examples:
  fsflows doctor --config /etc/fsflows/fsflows.yaml
  fsflows doctor --config fsflows.yaml --json | jq '.findings[] | select(.state == "problem")'

FreeSWITCH's event socket is freeswitch.addresses and freeswitch.password of the settings. docs/doctor.md tells more.

exit status: 0 all is well, or there are warnings only; 1 there are problems; 2 called wrongly, or settings that can't
be read
"""

COLOURS = {"ok": "32", "warning": "33", "problem": "1;31"}
WIDEST = 120


def add_parser(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "doctor",
        help="look at whether server, FreeSWITCH and machine fit together",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument(
        "--config", metavar="FILE", help="the server's settings (default: $FSFLOWS_CONFIG)"
    )
    parser.add_argument(
        "--vosk",
        metavar="URL",
        default="",
        help="the vosk server, if not the one of FreeSWITCH's vosk.conf",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Examine; the exit status."""
    from gevent import monkey

    from fsflows import settings as config

    warnings: list[str] = []
    try:
        settings = config.load(
            options.config or os.environ.get("FSFLOWS_CONFIG"), warn=warnings.append
        )
    except config.SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    monkey.patch_all()

    from fsflows.doctor import State, examine, worst
    from fsflows.doctor.finding import warning

    screen = None if options.json else _Screen()
    findings = [warning("secrets", *text.split("; ", 1)) for text in warnings]
    if screen is not None:
        for finding in findings:
            screen.show(finding)
    for finding in examine(settings, options.vosk):
        findings.append(finding)
        if screen is not None:
            screen.show(finding)
    state = worst(findings)
    if screen is not None:
        screen.sum_up(findings)
    else:
        shown = {"state": state.value, "findings": [each.as_json() for each in findings]}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    return 1 if state is State.PROBLEM else 0


class _Screen:
    """For people: a line a finding, as it comes, and what to do below it."""

    def __init__(self) -> None:
        terminal = sys.stdout.isatty()
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._colour = terminal and not plain
        self._width = min(WIDEST, shutil.get_terminal_size().columns) if terminal else 10_000

    def show(self, finding: Finding) -> None:
        """One finding."""
        state = finding.state.value
        painted = f"\033[{COLOURS[state]}m{state:8}\033[0m" if self._colour else f"{state:8}"
        print(f"{painted} {self._filled(f'{finding.about}: {blanked(finding.text)}')}")
        if finding.advice:
            print(f"         {self._filled(f'-> {blanked(finding.advice)}')}", flush=True)

    def sum_up(self, findings: list[Finding]) -> None:
        """At the end."""
        count = {
            state: sum(finding.state.value == state for finding in findings) for state in COLOURS
        }
        problems, warnings = count["problem"], count["warning"]
        print(
            f"\n{count['ok']} well, {warnings} warning{'s' * (warnings != 1)},"
            f" {problems} problem{'s' * (problems != 1)}"
        )

    def _filled(self, text: str) -> str:
        return textwrap.fill(
            text,
            self._width,
            initial_indent=" " * 9,
            subsequent_indent=" " * 9,
            break_long_words=False,
            break_on_hyphens=False,
        ).lstrip()
