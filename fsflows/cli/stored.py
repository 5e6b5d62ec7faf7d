"""Where a server keeps its things, as the commands that look at them are told: settings, a directory, a database."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsflows.database import Database
    from fsflows.settings import Settings

_FILE = "fsflows.db"
_SQLITE = "sqlite:///"
_WHERE = "--data DIR (as `fsflows serve` has it), --config FILE or --database URL says where it is"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add --config, --data and --database."""
    parser.add_argument(
        "--config", metavar="FILE", help="the server's settings (default: $FSFLOWS_CONFIG)"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="the directory of `fsflows serve --data`, if it has one"
    )
    parser.add_argument(
        "--database", metavar="URL", help="the database (default: database.url of the settings)"
    )


def settings_of(args: argparse.Namespace, *, database: bool = True) -> Settings:
    """The settings that these options ask for.

    Args:
        args: the options of `add_options`.
        database: whether the directory must have one: an empty one made there would say that nothing is amiss.

    Raises:
        SettingsError: they make no sense.
        ValueError: there is no such directory, or no database in it.
    """
    from fsflows.settings import load

    settings = load(args.config or os.environ.get("FSFLOWS_CONFIG"))
    if args.data:
        if not Path(args.data).is_dir():
            raise ValueError(f"--data {args.data}: there is no such directory")
        if database and not args.database and not Path(args.data, _FILE).is_file():
            raise ValueError(f"--data {args.data}: no server has kept anything there ({_FILE})")
        settings = with_data(settings, args.data)
    if args.database:
        settings = replace(settings, database=replace(settings.database, url=args.database))
    return settings


def says_directories(args: argparse.Namespace) -> bool:
    """Whether somebody has said where the recordings are; else the settings' defaults are all there is."""
    environ = any(name.startswith("FSFLOWS_RECORDINGS__") for name in os.environ)
    return bool(args.config or args.data or os.environ.get("FSFLOWS_CONFIG") or environ)


def with_data(settings: Settings, directory: str) -> Settings:
    """Settings with database, recordings and spool below one directory."""
    base = Path(directory).resolve()
    return replace(
        settings,
        database=replace(
            settings.database, url=f"{_SQLITE}{base}/{_FILE}", spool=str(base / "spool")
        ),
        recordings=replace(
            settings.recordings, staging=str(base / "staging"), published=str(base / "recordings")
        ),
    )


def open_database(settings: Settings) -> Database:
    """Open the database; the caller closes it.

    Raises:
        DatabaseFailed: it can't be reached; of a file, which one, and what to do.
        ValueError: the URL can't be understood.
    """
    from fsflows.database import Database, DatabaseFailed

    url = settings.database.url
    file = url.removeprefix(_SQLITE).partition("?")[0] if url.startswith(_SQLITE) else ""
    try:
        return Database.open(url)
    except DatabaseFailed as error:
        if not file:
            raise
        raise DatabaseFailed(f"{file}: {error}; {_WHERE}") from error
