"""`fsflows`: the commands, found by name and imported when they are used (a start takes no longer than it must)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from fsflows import __version__
from fsflows.cli.output import NO_ROOM, drop
from fsflows.cli.parser import Parser

COMMANDS = {
    "serve": "answer the calls that FreeSWITCH hands over",
    "call": "call a flow from this terminal: you are the caller, no FreeSWITCH needed",
    "check": "read flows and report everything that is wrong with them",
    "test": "play scripted calls through flows, in virtual time",
    "graph": "draw a flow",
    "dial": "call a number, and run a flow with whoever answers",
    "doctor": "look at whether server, FreeSWITCH and machine fit together",
    "schema": "print the JSON Schema of settings or flows, for editors",
    "records": "look up, export and purge conversation records",
    "recordings": "list, verify and sweep recordings; run the agent beside a FreeSWITCH on another host",
}

DESCRIPTION = """\
Call flows for FreeSWITCH, written in YAML: digits keyed or spoken, and recordings that can be discarded for good.

Call a flow from this terminal, without a FreeSWITCH:

  fsflows call conf/flows/recording_opt_out

Answer real calls:

  fsflows serve --flows conf/flows --data data
"""

EPILOG = """\
fsflows COMMAND --help tells more. dialplan/fsflows.xml is the extension that makes FreeSWITCH hand its calls over.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status (0 well, 1 found something wrong, 2 was called wrongly)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = Parser(prog="fsflows", description=DESCRIPTION, epilog=EPILOG, add_help=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    group = parser.add_argument_group("options")
    group.add_argument("-h", "--help", action="help", help="show this")
    group.add_argument(
        "--version", action="version", version=f"fsflows {__version__}", help="print the version"
    )
    # Only the module of the command that was named is imported; the others are known by their line of help.
    named = next((word for word in given if word in COMMANDS), None)
    run = None
    for name, text in COMMANDS.items():
        if name == named:
            module = importlib.import_module(f"fsflows.cli.{name}")
            module.add_parser(commands)
            run = module.run
        else:
            commands.add_parser(name, help=text)
    options = parser.parse_args(given)
    if options.command is None or run is None:
        parser.print_help()
        return 2
    try:
        status = int(run(options) or 0)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # `fsflows ... | head`: nobody reads on.
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        sys.stderr.write(f"fsflows {options.command}: {error.strerror}\n")
        drop()
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
