"""`fsflows records`: look up, export and purge conversation records."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fsflows.archive.describe import describe, length
from fsflows.archive.endings import DIRECTIONS, Reason, RecordingState, Result
from fsflows.archive.export import write
from fsflows.archive.retention import HOLD, purge, without_record
from fsflows.archive.search import MAX_PAGE, BadSearch, Page, Search, Summary
from fsflows.archive.store import RecordStore
from fsflows.cli.stored import add_options, open_database, says_directories, settings_of
from fsflows.database import Database, DatabaseFailed
from fsflows.printable import escaped, escaped_json
from fsflows.settings import SettingsError

if TYPE_CHECKING:
    from fsflows.recordings.journal.journal import Journal
    from fsflows.recordings.oversight.expiry import Expiry

DESCRIPTION = """\
Conversation records: one a call, with what was said, what was collected, how it ended and what became of its
recording. Private values are hidden in them, here as everywhere.
"""

EPILOG = """\
examples:
  fsflows records list --since 24h --result abandoned
  fsflows records list --direction outbound --reason busy
  fsflows records list --text "020 7946 0018"
  fsflows records show 0f8fad5b-d9cb-469f-a165-70867728950e
  fsflows records export --since 30d --flow front_desk > calls.jsonl
  fsflows records export --format csv --output calls.csv
  fsflows records purge --older-than 90d --dry-run
  fsflows records list --data data

A time is a date (2026-03-01), a date and time (2026-03-01T14:30, in UTC unless it says otherwise), or an age (90m,
24h, 7d).

exit status: 0 well, 1 no such record or the database can't be read, 2 called wrongly
"""

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Problem(Exception):
    """Something to say to the one who called; nothing went wrong in here."""


def a_time(text: str) -> datetime:
    """An argument that is a time, or an age.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    age = _AGE.fullmatch(text.strip().lower())
    try:
        if age:
            return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: float(age[1])})
        at = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write 2026-03-01, 2026-03-01T14:30, or an age: 90m, 24h, 7d, 2w"
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to a parser's subcommands."""
    shape: dict[str, Any] = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "epilog": EPILOG,
    }
    parser = subparsers.add_parser(
        "records",
        help="look up, export and purge conversation records",
        description=DESCRIPTION,
        **shape,
    )
    commands = parser.add_subparsers(dest="records_command", metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    add_options(common)

    listing = commands.add_parser(
        "list", parents=[common], help="list records, the latest first", **shape
    )
    _filters(listing)
    listing.add_argument(
        "--limit", type=int, default=20, help=f"how many, up to {MAX_PAGE} (default: 20)"
    )
    listing.add_argument(
        "--older-than", metavar="CURSOR", help="go on behind a page: the cursor printed below it"
    )
    listing.add_argument("--json", action="store_true", help="JSON lines, for other programs")

    showing = commands.add_parser(
        "show", parents=[common], help="show one call as a time line", **shape
    )
    showing.add_argument(
        "id", help="a record's id, a call's id, or the first eight characters of one"
    )
    showing.add_argument("--json", action="store_true", help="the record as JSON")

    exporting = commands.add_parser(
        "export", parents=[common], help="write records out, all that match", **shape
    )
    _filters(exporting)
    exporting.add_argument(
        "--format", choices=("jsonl", "csv"), default="jsonl", help="JSON lines (default) or CSV"
    )
    exporting.add_argument("--output", metavar="FILE", help="where to (default: standard output)")

    purging = commands.add_parser(
        "purge", parents=[common], help="delete old records, with their recordings", **shape
    )
    purging.add_argument(
        "--older-than", metavar="TIME", type=a_time, required=True, help="calls before this"
    )
    purging.add_argument("--dry-run", action="store_true", help="say what would be deleted")
    purging.add_argument("--keep-recordings", action="store_true", help="delete the records only")


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--text",
        default="",
        help="part of a number, of the caller's name or of the flow's; or an id",
    )
    for name in ("caller", "callee", "flow", "step", "node"):
        parser.add_argument(f"--{name}", default="", help="exactly this")
    closed = {
        "direction": list(DIRECTIONS),
        "result": [each.value for each in Result],
        "reason": [each.value for each in Reason],
        "recording": [each.value for each in RecordingState],
    }
    for name, words in closed.items():
        parser.add_argument(
            f"--{name}", default="", choices=words, metavar=name.upper(), help=", ".join(words)
        )
    parser.add_argument(
        "--since", type=a_time, metavar="TIME", help="calls that came in then or later"
    )
    parser.add_argument("--until", type=a_time, metavar="TIME", help="calls that came in before")


def run(args: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    commands = {"list": _list, "show": _show, "export": _export, "purge": _purge}
    try:
        with _opened(args) as database:
            commands[args.records_command](args, RecordStore(database), database)
    except (Problem, BadSearch, DatabaseFailed, SettingsError) as problem:
        print(f"fsflows records: {problem}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _opened(args: argparse.Namespace) -> Iterator[Database]:
    try:
        database = open_database(settings_of(args))
    except ValueError as error:
        raise Problem(str(error)) from error
    try:
        yield database
    finally:
        database.close()


def _search(args: argparse.Namespace) -> Search:
    names = (
        "text",
        "caller",
        "direction",
        "callee",
        "flow",
        "step",
        "node",
        "result",
        "reason",
        "recording",
        "since",
        "until",
    )
    return Search(**{name: getattr(args, name) for name in names})


# --- list -------------------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace, store: RecordStore, _: Database) -> None:
    page = store.search(_search(args), limit=args.limit, older_than=args.older_than)
    if args.json:
        for row in page.rows:
            print(escaped_json(json.dumps(_as_json(row), ensure_ascii=False)))
        return
    if not page.rows:
        print("no records")
        return
    head = (
        "started (UTC)",
        "length",
        "direction",
        "caller",
        "called",
        "flow",
        "result",
        "reason",
        "last step",
        "recording",
        "record",
    )
    _table([head, *(_line(row) for row in page.rows)])
    print(_below(page))


def _as_json(row: Summary) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__} | {
        "started_at": row.started_at.isoformat()
    }


def _line(row: Summary) -> tuple[str, ...]:
    return (
        f"{row.started_at:%Y-%m-%d %H:%M:%S}",
        "-" if row.reason == Reason.SERVER_LOST else length(row.seconds),
        row.direction,
        escaped(row.caller) or "withheld",
        escaped(row.callee) or "-",
        escaped(row.flow),
        row.result,
        row.reason,
        escaped(row.last_step),
        row.recording,
        row.id[:8],
    )


def _below(page: Page) -> str:
    shown = f"{len(page.rows)} of {'more than ' if page.more else ''}{page.total}"
    return f"{shown}; the next: --older-than {page.older}" if page.older else shown


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


# --- show -------------------------------------------------------------------------------------------------------


def _show(args: argparse.Namespace, store: RecordStore, _: Database) -> None:
    wanted = args.id.strip().lower()
    found = store.get(wanted)
    records = [found] if found else []
    if not records and len(wanted) >= 8:
        records = list(store.each(Search(id=wanted)))
    if not records:
        raise Problem(f"no record with the id {args.id!r}")
    if len({record.call_id for record in records}) > 1:
        ids = ", ".join(record.id for record in records[:5])
        raise Problem(f"{args.id!r} is the beginning of several ids: {ids}")
    for record in reversed(records):  # a call that came back: its records in the order of time
        print(
            escaped_json(json.dumps(record.as_json(), ensure_ascii=False, indent=2))
            if args.json
            else describe(record)
        )


# --- export -----------------------------------------------------------------------------------------------------


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _export(args: argparse.Namespace, store: RecordStore, _: Database) -> None:
    records = store.each(_search(args))
    if args.output is None:
        count = write(records, args.format, sys.stdout)
    else:
        try:
            # For the owner's eyes; "x": an earlier export is not overwritten by accident.
            with open(args.output, "x", encoding="utf-8", newline="", opener=_for_us_alone) as file:
                count = write(records, args.format, file)
        except OSError as error:
            raise Problem(f"{args.output}: {error.strerror}") from error
    print(f"{count} records", file=sys.stderr)


# --- purge ------------------------------------------------------------------------------------------------------


def _purge(args: argparse.Namespace, store: RecordStore, database: Database) -> None:
    from fsflows.clock import GeventClock
    from fsflows.recordings.journal.entries import Node
    from fsflows.recordings.journal.journal import Journal
    from fsflows.recordings.oversight.expiry import NoExpiry

    cutoff = args.older_than
    journal = Journal(database, GeventClock(), Node.make())
    if args.dry_run:
        _say_what_would_go(args, store, journal)
        return
    with ExitStack() as stack:
        if args.keep_recordings:
            purged = purge(store, cutoff, NoExpiry(journal))
        else:
            purged = purge(store, cutoff, _expiry(args, database, stack))
    print(f"{purged.records} records and the recordings of {purged.recordings} calls deleted")
    if purged.held:
        print(
            f"{purged.held} records are kept until the webhook has sent them, {HOLD.days} days longer at the most"
        )
    if purged.kept:
        raise Problem(
            f"{purged.kept} records are kept, since their recordings can't be deleted, or their discard is not"
            " finished; see the log"
        )


def _say_what_would_go(args: argparse.Namespace, store: RecordStore, journal: Journal) -> None:
    cutoff = args.older_than
    going_on = set(journal.open_calls())
    count = kept = held = 0
    for record in store.each(Search(until=cutoff)):
        if record.recording.state is RecordingState.PENDING or record.call_id in going_on:
            kept += 1
        elif record.started_at >= cutoff - HOLD and store.undelivered([record.id]):
            held += 1
        else:
            count += 1
    print(f"{count} records of calls before {cutoff:%Y-%m-%d %H:%M} UTC would be deleted")
    if kept:
        print(f"{kept} would be kept: the discard of their recordings is not finished")
    if held:
        print(f"{held} would be kept until the webhook has sent them")
    if not args.keep_recordings:
        alone = sum(1 for _ in without_record(store, cutoff, journal.recorded_before))
        if alone:
            print(f"the recordings of {alone} calls that have no record would be deleted")


def _expiry(args: argparse.Namespace, database: Database, stack: ExitStack) -> Expiry:
    from fsflows.clock import GeventClock
    from fsflows.recordings.oversight.expiry import Expiry
    from fsflows.recordings.service import Recordings

    if args.database and not says_directories(args):
        raise Problem(
            "--database doesn't say where the recordings are, which are to be deleted as well: give the server's"
            " --config FILE or --data DIR, or use --keep-recordings"
        )
    try:
        recordings = Recordings.open(settings_of(args), database, GeventClock(), threaded=False)
    except ValueError as error:
        raise Problem(f"{error}; or use --keep-recordings") from error
    stack.callback(recordings.close)
    return Expiry(recordings.tools)
