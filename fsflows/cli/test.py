"""`fsflows test`: scripted calls in virtual time."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsflows.conversation.judging import Rehearsal
    from fsflows.flow.model import Flow, FlowSet

DESCRIPTION = """\
Plays scripted calls through flows, with a simulated FreeSWITCH and caller, in virtual time: a call of minutes takes
milliseconds, and the same from run to run.

  fsflows test conf/flows                   every script: FLOW/tests/*.call
  fsflows test conf/flows/menu -v           with what the caller heard and did

A script is a page of lines:

  hear press 1              wait until these words are heard
  press 1                   press keys
  say five five five        say something
  wait 1.5                  do nothing for so long
  hangup
  expect digits 1           what must come of it
  expect heard "goodbye"

A function that fails fails the script, too, unless it has a line for it: expect failed look_up

docs/scripts.md lists all of them.
"""


def add_parser(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "test",
        help="play scripted calls through flows, in virtual time",
        description=DESCRIPTION,
        epilog="exit status: 0 every script passed, 1 one did not, 2 a script or flow can't be used",
    )
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="flows, directories of flows, or scripts (*.call)"
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show what was heard and done, of scripts that pass as well",
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how to print (default: text)"
    )


def run(options: argparse.Namespace) -> int:
    """Play the scripts."""
    from fsflows import log as logs
    from fsflows.cli.alarm import alarm
    from fsflows.conversation.judging import EXPECTATIONS
    from fsflows.conversation.rehearsal import profile_of, rehearse
    from fsflows.flow.errors import FlowErrors
    from fsflows.flow.loader import load_flows
    from fsflows.switch.script import ScriptError, parse_script

    logs.setup("error", "console")
    began = time.perf_counter()
    results: list[dict[str, Any]] = []
    broken = 0
    try:
        flows = load_flows(_flow_paths(options.paths))
        cases = list(_cases(options.paths, flows))
    except (FlowErrors, _NoScript) as error:
        print(error, file=sys.stderr)
        return 2
    if not cases:
        print("no scripts: put them beside a flow, as FLOW/tests/NAME.call", file=sys.stderr)
        return 2
    for flow, file in cases:
        try:
            script = parse_script(file.read_text(encoding="utf-8"), str(file), EXPECTATIONS)
            profile = profile_of(script)
        except ScriptError as error:
            problems = error.problems
        except OSError as error:
            problems = [f"{file}: {error.strerror}"]
        except UnicodeDecodeError as error:
            problems = [f"{file}: {error.reason} at byte {error.start}"]
        except ValueError as error:
            problems = [f"{file}: {error}"]
        else:
            problems = []
        if problems:
            broken += 1
            results.append(_not_played(flow, file, problems))
            print(*problems, sep="\n", file=sys.stderr)
            continue
        with alarm(max(each.function_timeout for each in flows.values())):
            played = rehearse(flow, flows, script, profile=profile)
        results.append(_result(flow, file, played))
        if options.format == "text":
            _show(flow, file, played, verbose=options.verbose)
    failed = sum(bool(result["failures"]) for result in results) - broken
    if options.format == "json":
        print(json.dumps(results, indent=2))
    else:
        spoken = sum(result["seconds"] for result in results)
        took = time.perf_counter() - began
        print(
            f"{len(results) - failed - broken} passed, {failed} failed"
            + (f", {broken} not played" if broken else "")
            + f"; {spoken:.0f} s of calls in {took:.1f} s"
        )
    return 2 if broken else 1 if failed else 0


class _NoScript(Exception):
    """There is nothing to play; the text says why."""


def _flow_paths(paths: list[str]) -> list[Path]:
    """The flows that scripts and directories belong to."""
    found = []
    for text in paths:
        path = Path(text)
        if path.suffix == ".call":
            path = path.resolve().parent
            path = path.parent if path.name == "tests" else path
        found.append(path)
    return found


def _cases(paths: list[str], flows: FlowSet) -> Iterator[tuple[Flow, Path]]:
    for text in paths:
        path = Path(text)
        if path.suffix == ".call" and not path.is_file():
            raise _NoScript(f"{path}: there is no such script")
        files = [path] if path.suffix == ".call" else sorted(_below(path))
        for file in files:
            flow = _flow_of(file, flows)
            if flow is None:
                raise _NoScript(
                    f"{file}: belongs to no flow; put it into the flow's tests/ directory"
                )
            yield flow, file


def _below(path: Path) -> Iterator[Path]:
    base = path if path.is_dir() else path.parent
    yield from base.rglob("tests/*.call")


def _flow_of(file: Path, flows: FlowSet) -> Flow | None:
    directory = file.resolve().parent.parent
    beside = [flow for flow in flows.values() if flow.path.resolve().parent == directory]
    named = [flow for flow in beside if file.name.startswith(f"{flow.name}.")]
    here = named or [each for each in beside if each.name == directory.name] or beside
    return here[0] if here else None


def _result(flow: Flow, file: Path, played: Rehearsal) -> dict[str, Any]:
    return {
        "flow": flow.name,
        "script": str(file),
        "failures": played.failures,
        "seconds": played.record.seconds,
        "result": str(played.record.result),
        "reason": str(played.record.reason),
    }


def _not_played(flow: Flow, file: Path, problems: list[str]) -> dict[str, Any]:
    return {
        "flow": flow.name,
        "script": str(file),
        "failures": problems,
        "seconds": 0.0,
        "result": "not_played",
        "reason": "",
    }


def _show(flow: Flow, file: Path, played: Rehearsal, *, verbose: bool) -> None:
    mark = "FAIL" if played.failures else "ok  "
    print(f"{mark} {flow.name}: {file.stem} ({played.record.seconds:.1f} s)")
    for failure in played.failures:
        print(f"     {failure}")
    if verbose or played.failures:
        for line in played.page.splitlines():
            print(f"     {line}")
