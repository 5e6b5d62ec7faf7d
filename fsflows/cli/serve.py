"""`fsflows serve`: answer the calls that FreeSWITCH hands over."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from typing import Any, cast

DESCRIPTION = """\
Answers the calls that FreeSWITCH's socket application hands over, and runs them through YAML flows.

  fsflows serve --flows conf/flows --data data

In FreeSWITCH's dialplan, for every call that is to run a flow:

  <action application="socket" data="127.0.0.1:8084/recording_opt_out async full"/>

The name behind the port picks the flow. dialplan/fsflows.xml is a whole extension, with a second host and a fall-back.
"""

EPILOG = """\
Settings come from a YAML file (--config, or FSFLOWS_CONFIG), then from environment variables
(FSFLOWS_SERVER__LISTEN=0.0.0.0:8084), then from the options above. --print-config shows all of them with their
meaning, secrets left out, and makes a file to start from.

signals:
  SIGTERM   accept no more calls, let running ones finish (server.drain_timeout), then stop
  SIGINT    stop: calls are told that something went wrong; once more: not even that
  SIGHUP    read the flows again; running calls keep theirs. Of the settings, limits, server.allow,
            time limits of the server section and log levels are put in force; others that have
            changed are named in the log
  SIGUSR2   start the program anew (a new version, other settings) on the same sockets, then drain

exit status: 0 stopped as told, 1 flows, directories, the database or an address can't be used, 2 called wrongly or
settings that make no sense
"""


def add_parser(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "serve",
        help="answer the calls that FreeSWITCH hands over",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("--config", metavar="FILE", help="settings (YAML)")
    parser.add_argument(
        "--flows",
        metavar="PATH",
        action="append",
        help="a flow, or a directory of flows; may be given again",
    )
    parser.add_argument("--listen", metavar="HOST:PORT", help="where FreeSWITCH connects to")
    parser.add_argument("--default-flow", metavar="NAME", help="the flow of a call that names none")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="keep database, recordings and spool below one directory (to try it out)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        metavar="LEVEL",
        help="debug, info, warning or error",
    )
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="print all settings with their meaning, and stop",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from fsflows import settings as config
    from fsflows.log import get_logger
    from fsflows.settings.shown import as_yaml

    def read() -> config.Settings:
        path = options.config or os.environ.get("FSFLOWS_CONFIG")
        given = config.load(path, warn=get_logger("settings").warning)
        return cast("config.Settings", _with_options(given, options))

    try:
        settings = read()
    except config.SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if options.print_config:
        print(as_yaml(settings), end="")
        return 0

    # What is imported and loaded now stays: looking for garbage in it would be a fifth of the start.
    # See server.worker.tuning.
    gc.set_threshold(100_000, 50, 100)
    from fsflows.server.serve import serve

    return serve(settings, read)


def _with_options(settings: Any, options: argparse.Namespace) -> Any:
    from dataclasses import replace
    from pathlib import Path

    from fsflows.cli.stored import with_data
    from fsflows.durable import make_directory

    if options.data:
        settings = with_data(settings, options.data)
        for each in (
            settings.recordings.staging,
            settings.recordings.published,
            settings.database.spool,
        ):
            make_directory(Path(each), 0o770)
    if options.flows:
        settings = replace(settings, flows=replace(settings.flows, paths=tuple(options.flows)))
    if options.default_flow:
        settings = replace(settings, flows=replace(settings.flows, default=options.default_flow))
    if options.listen:
        settings = replace(settings, server=replace(settings.server, listen=options.listen))
    if options.log_level:
        settings = replace(settings, log=replace(settings.log, level=options.log_level))
    return settings
