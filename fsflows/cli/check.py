"""`fsflows check`: read flows and report everything that is wrong with them."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from fsflows.flow.errors import Problem
from fsflows.flow.loader import Reading, read_flows
from fsflows.flow.model import Flow

DESCRIPTION = """\
Read flows and report everything that is wrong with them, one problem a line:

  front_desk.yaml:14:9: num_digits must be between 1 and 32 (or -1 for no limit), got 40

A PATH is a flow file, or a directory that is searched for flows (*.yaml, *.yml; "tests" and hidden directories are
left out). Names of flows are looked up among all that are given, so give a server's flows together.
"""

EPILOG = """\
examples:
  fsflows check conf/flows                   every flow of a directory
  fsflows check conf/flows --strict          warnings fail, too (for CI)
  fsflows check menu.yaml --format json      for other programs
  fsflows check --print-schema > flow.schema.json

An editor with a YAML language server completes and checks flows while they are written, when their first line is
  # yaml-language-server: $schema=flow.schema.json

exit status: 0 nothing wrong, 1 problems, 2 called wrongly (no such file)
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to a parser's subcommands."""
    parser = subparsers.add_parser(
        "check",
        help="read flows and report everything that is wrong with them",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", help="a flow file or a directory of flows"
    )
    parser.add_argument("--strict", action="store_true", help="count warnings as problems")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how to print (default: text)"
    )
    parser.add_argument(
        "--print-schema",
        action="store_true",
        help="print the JSON Schema of flows and do nothing else",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit status."""
    if args.print_schema:
        from fsflows.flow.schema.shape import SCHEMA_FILE

        sys.stdout.write(SCHEMA_FILE.read_text(encoding="utf-8"))
        return 0
    if not args.paths:
        print(
            "fsflows check: give a flow file or a directory (--help shows examples)",
            file=sys.stderr,
        )
        return 2
    reading = read_flows(args.paths)
    if reading.missing:
        for problem in reading.missing:
            print(f"fsflows check: {problem.path}: {problem.text}", file=sys.stderr)
        return 2
    failing = reading.problems if args.strict else reading.errors
    if args.format == "json":
        print(json.dumps(_data(reading, ok=not failing), indent=2))
    else:
        _print(reading)
    return 1 if failing else 0


def _print(reading: Reading) -> None:
    for problem in reading.problems:
        print(problem)
    for flow in reading.flows.values():
        print(f"{flow.path}: ok: {counts(flow)}")
    errors, warnings = len(reading.errors), len(reading.problems) - len(reading.errors)
    if reading.problems:
        flows = _plural(len(reading.files), "flow")
        print(
            f"{flows}: {_plural(errors, 'error')}, {_plural(warnings, 'warning')}", file=sys.stderr
        )


def _data(reading: Reading, *, ok: bool) -> dict[str, Any]:
    return {
        "ok": ok,
        "problems": [_problem(problem) for problem in reading.problems],
        "flows": [
            {
                "name": flow.name,
                "path": str(flow.path),
                "version": flow.version,
                "steps": len(flow.steps),
                "functions": len(flow.functions),
                "handoffs": len(flow.handoffs),
            }
            for flow in reading.flows.values()
        ],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "level": "warning" if problem.warning else "error",
        "text": problem.text,
    }


def counts(flow: Flow) -> str:
    """A flow in numbers: "3 steps, 2 hand-offs"."""
    parts = [_plural(len(flow.steps), "step")]
    parts += [_plural(len(flow.functions), "function")] if flow.functions else []
    parts += [_plural(len(flow.handoffs), "hand-off")] if flow.handoffs else []
    return ", ".join(parts)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
