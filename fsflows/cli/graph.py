"""`fsflows graph`: draw a flow."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fsflows.flow.drawing.graph import FORMATS, graph_of, mermaid
from fsflows.flow.drawing.svg import svg
from fsflows.flow.errors import FlowErrors
from fsflows.flow.loader import load_flow

DESCRIPTION = """\
Draw a flow: its steps, and what leads from one to the next. What a function does is drawn as far as its text shows
it, with a dashed line.
"""

EPILOG = """\
examples:
  fsflows graph conf/flows/menu                          Mermaid text, for a Markdown file
  fsflows graph conf/flows/menu --format svg > menu.svg  a picture

exit status: 0 drawn, 1 the flow can't be used (its problems are printed), 2 called wrongly
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to a parser's subcommands."""
    parser = subparsers.add_parser(
        "graph",
        help="draw a flow",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("flow", metavar="FLOW", help="a flow's file, or its directory")
    parser.add_argument(
        "--format", choices=FORMATS, default="mermaid", help="what to print (default: mermaid)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit status."""
    try:
        graph = graph_of(load_flow(args.flow))
    except FlowErrors as errors:
        print(errors, file=sys.stderr)
        return 1
    sys.stdout.write(mermaid(graph) if args.format == "mermaid" else svg(graph))
    return 0
