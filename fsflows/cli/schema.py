"""`fsflows schema`: what may be in a settings file or a flow, for editors."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

DESCRIPTION = """\
Prints the JSON Schema of settings files or of flows. An editor with a YAML language server completes, explains and
checks a file while it is written, when the file's first line names its schema:

  # yaml-language-server: $schema=settings.schema.json
"""

EPILOG = """\
examples:
  fsflows schema settings > settings.schema.json
  fsflows schema flow > flow.schema.json

A schema knows names and types. What a setting is worth is looked at by `fsflows doctor`, what a flow does by
`fsflows check`.

exit status: 0
"""


def add_parser(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of settings or flows, for editors",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument(
        "what", metavar="settings|flow", choices=("settings", "flow"), help="of which kind of file"
    )


def run(options: argparse.Namespace) -> int:
    """Print it."""
    if options.what == "flow":
        from fsflows.flow.schema.shape import SCHEMA_FILE

        sys.stdout.write(SCHEMA_FILE.read_text(encoding="utf-8"))
        return 0
    from fsflows.settings.schema import settings_schema

    print(json.dumps(settings_schema(), indent=2, ensure_ascii=False))
    return 0
