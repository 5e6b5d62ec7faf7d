"""`fsflows recordings`: what is staged, published and discarded; and the agent beside a FreeSWITCH on another host."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsflows.cli.output import GONE
from fsflows.cli.recordings_shown import call_as_json, call_lines, plain, shown, where
from fsflows.cli.stored import add_options, open_database, settings_of

if TYPE_CHECKING:
    from fsflows.database import Database
    from fsflows.recordings.files.files import Files
    from fsflows.recordings.publishing.identity import Archives
    from fsflows.settings import Settings

CONNECTING = 10.0
"""Seconds that the FreeSWITCHes of the settings get to answer, before a sweep does without them."""

SHOW_HELP = "one call: its recordings, why they were discarded, the receipt, each step"
VERIFY_HELP = (
    "compare the journal with the disk and with the conversation records; exit 1 when they differ"
)
SWEEP_HELP = "finish what is unfinished: discards, publications; exit 1 when something stays open"
DISCARDS_HELP = "discards that are not finished: since when, of which call, and what is left"
SETTLE_HELP = (
    "say that a file of a discard is dealt with that fsflows may not or can not look at;"
    " your word goes onto the receipt"
)
ARCHIVE_HELP = (
    "whether the archive at hand is the one that recordings are published to; exit 1 when it isn't"
)
ADOPT_HELP = (
    "publish to the archive that is at hand from now on: it was moved or made anew, on purpose"
)
LOST_HELP = "with --adopt: what isn't found in it went with the earlier archive; your word goes onto the receipts"
AGENT_HELP = (
    "do the file work beside a FreeSWITCH on another host, for servers that know the secret"
)


def add_parser(subparsers: Any) -> None:
    """Add the command and its subcommands."""
    parser = subparsers.add_parser(
        "recordings",
        help="list, verify and sweep recordings; run the agent beside a FreeSWITCH on another host",
        description="What is staged, published and discarded; and the agent beside another host's FreeSWITCH.",
    )
    commands = parser.add_subparsers(dest="recordings_command", metavar="WHAT", required=True)
    common = argparse.ArgumentParser(add_help=False)
    add_options(common)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common]
        )
        return added

    listed = add("list", "recordings, the newest first")
    listed.add_argument(
        "--state", metavar="STATE", default="", help="only those that are ... (published)"
    )
    listed.add_argument("--call", metavar="UUID", default="", help="only those of a call")
    listed.add_argument("--limit", metavar="N", type=int, default=100, help="at most so many (100)")
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    shown = add("show", SHOW_HELP)
    shown.add_argument("call", metavar="UUID")
    shown.add_argument("--json", action="store_true", help="one JSON object")
    add("discards", DISCARDS_HELP)
    settled = add("settle", SETTLE_HELP)
    settled.add_argument("call", metavar="UUID")
    settled.add_argument("path", metavar="PATH", help="as `fsflows recordings discards` shows it")
    settled.add_argument("--by", metavar="NAME", required=True, help="who says so")
    settled.add_argument(
        "--why", metavar="TEXT", required=True, help="what was done with the file, or what it was"
    )
    archive = add("archive", ARCHIVE_HELP)
    archive.add_argument("--adopt", action="store_true", help=ADOPT_HELP)
    archive.add_argument("--lost", action="store_true", help=LOST_HELP)
    archive.add_argument("--by", metavar="NAME", default="", help="with --lost: who says so")
    archive.add_argument(
        "--why", metavar="TEXT", default="", help="with --lost: what became of the earlier archive"
    )
    verified = add("verify", VERIFY_HELP)
    verified.add_argument(
        "--grace",
        metavar="SECONDS",
        type=float,
        default=5.0,
        help="what differs is looked at again after this, and counts if it still does (5)",
    )
    swept = add("sweep", SWEEP_HELP)
    swept.add_argument(
        "--calls-ended",
        action="store_true",
        help="calls whose FreeSWITCH can't be asked are known to be over",
    )
    swept.add_argument(
        "--discard-orphans",
        action="store_true",
        help="discard, not publish, the recordings of calls whose server was lost before they ended",
    )
    agent = add("agent", AGENT_HELP)
    agent.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8086")
    agent.add_argument("--cert", metavar="FILE", help="a certificate: serve https")
    agent.add_argument("--key", metavar="FILE", help="its key")


def run(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit status."""
    from fsflows.database import DatabaseFailed
    from fsflows.recordings.files.failures import FileWorkFailed
    from fsflows.settings import SettingsError

    commands: dict[str, Callable[[argparse.Namespace, Settings], int]] = {
        "list": _list,
        "show": _show,
        "discards": _discards,
        "settle": _settle,
        "archive": _archive,
        "verify": _verify,
        "sweep": _sweep,
        "agent": _agent,
    }
    try:
        command = args.recordings_command
        return commands[command](args, settings_of(args, database=command != "agent"))
    except (SettingsError, ValueError, DatabaseFailed, FileWorkFailed, OSError) as error:
        if getattr(error, "errno", None) in GONE:
            raise  # of what is printed
        print(f"fsflows recordings: {error}", file=sys.stderr)
        return 2


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def _list(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows.recordings.journal.entries import STATES
    from fsflows.recordings.journal.listing import Listing

    if args.state and args.state not in STATES:
        raise ValueError(f"a recording is {', '.join(STATES)}; not {args.state!r}")
    if args.limit < 1:
        raise ValueError(f"--limit must be 1 or more, got {args.limit}")
    with _database(settings) as database:
        found = Listing(database).recordings(
            state=args.state, call_uuid=args.call, limit=args.limit + 1
        )
    if not found and not args.json:
        print("no recordings")
    for entry in found[: args.limit]:
        if args.json:
            print(json.dumps(plain(entry)))
        else:
            size = "-" if entry.size is None else str(entry.size)
            started = entry.started_at.isoformat(timespec="seconds")
            print(f"{started}  {entry.state:10}  {size:>10}  {entry.call_uuid}  {where(entry)}")
    if len(found) > args.limit:
        print(f"these are the {args.limit} newest; --limit shows more", file=sys.stderr)
    return 0


def _show(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows.clock import GeventClock
    from fsflows.recordings.journal.entries import Node
    from fsflows.recordings.journal.journal import Journal
    from fsflows.recordings.journal.listing import Listing

    with _database(settings) as database:
        call = Journal(database, GeventClock(), Node.make()).load(args.call)
        steps = Listing(database).steps(args.call)
    if not call.entries and call.intent is None:
        print(f"fsflows recordings: nothing is known of call {args.call}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(call_as_json(args.call, call, steps)))
    else:
        for line in call_lines(call, steps):
            print(line)
    return 0


def _discards(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows.clock import GeventClock
    from fsflows.recordings.journal.listing import Listing

    now = GeventClock().utcnow()
    with _database(settings) as database:
        found = Listing(database).open_discards()
    for intent in found:
        age = (now - intent.cause.at).total_seconds()
        left = shown(intent.error or "under way")
        tried = f", the last {intent.tried_at:%Y-%m-%d %H:%M:%S}" if intent.tried_at else ""
        print(f"{age:8.0f} s  {intent.call_uuid}  {intent.attempts} attempt(s){tried}: {left}")
    if not found:
        print("every discard is finished")
    return 1 if found else 0


def _settle(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows.clock import GeventClock
    from fsflows.recordings.journal.entries import Node
    from fsflows.recordings.journal.journal import Journal
    from fsflows.recordings.oversight.settling import settle
    from fsflows.recordings.service import make_files

    clock = GeventClock()
    with _database(settings) as database:
        journal = Journal(database, clock, Node.make())
        settle(journal, make_files(settings), clock, args.call, args.path, by=args.by, why=args.why)
    print(
        "written down; the server's next sweep finishes the discard, if this was all that was left"
    )
    return 0


def _archive(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows.clock import GeventClock
    from fsflows.recordings.journal.entries import Node
    from fsflows.recordings.publishing.identity import Archives
    from fsflows.recordings.service import make_files

    if args.lost and not (args.adopt and args.by.strip() and args.why.strip()):
        raise ValueError(
            "--lost belongs to --adopt, and needs --by NAME and --why TEXT: they go onto the receipts"
        )
    files = make_files(settings)
    with _database(settings) as database:
        archives = Archives(database, GeventClock(), Node.make())
        if args.adopt:
            return _adopt(args, archives, files)
        known, here = archives.known(), files.identity()
    if known is None:
        print("known: none yet; the server takes the one that it first publishes to")
    else:
        since = known.adopted_at.isoformat(timespec="seconds")
        print(f"known: {known.id}, since {since}, written down by {shown(known.node)}")
    print(f"here:  {here or 'none: not mounted, or never used'}")
    if known is None or known.id == here:
        return 0
    print(
        "the archive is not at hand: nothing is published, and what isn't found is not called gone"
    )
    return 1


def _adopt(args: argparse.Namespace, archives: Archives, files: Files) -> int:
    adopted = archives.adopt(files)
    print(f"adopted: {adopted.archive.id}; recordings from elsewhere found in it: {adopted.found}")
    missing, broken_off = adopted.missing, adopted.broken_off
    if not missing and not broken_off:
        return 0
    if args.lost:
        archives.settle_missing([*missing, *broken_off], by=args.by.strip(), why=args.why.strip())
        print(f"{len(missing)} are not in it; what you say of them is written down")
        if broken_off:
            print(f"so it is of {len(broken_off)} that may have been in another one as well")
        return 0
    for entry in (*missing, *broken_off):
        print(f"  {entry.call_uuid}  {where(entry)}")
    if missing:
        print(
            f"{len(missing)} are not in it, and are never called gone for that. Bring them here and adopt it again"
        )
    if broken_off:
        print(
            f"{len(broken_off)} may lie in another archive as well: publishing them to it was begun"
        )
    print("If those archives are no more: --adopt --lost --by NAME --why TEXT")
    return 1


def _verify(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows.archive.store import RecordStore
    from fsflows.clock import GeventClock
    from fsflows.recordings.journal.listing import Listing
    from fsflows.recordings.oversight.verifying import differences, lasting
    from fsflows.recordings.service import make_files
    from fsflows.server.office.verifying import record_differences

    clock = GeventClock()
    with _database(settings) as database:
        listing, files, store = Listing(database), make_files(settings), RecordStore(database)

        def look() -> Iterator[str]:
            yield from differences(listing, files, clock.utcnow())
            yield from record_differences(store, listing, clock.utcnow())

        found = lasting(look, lambda: clock.sleep(args.grace))
    for line in found:
        print(shown(line))
    print(f"{len(found)} difference(s)" if found else "journal, disk and records agree")
    return 1 if found else 0


def _sweep(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows.clock import GeventClock
    from fsflows.esl.supervised import FreeSwitches
    from fsflows.recordings.files.failures import FileWorkFailed
    from fsflows.recordings.oversight.returned import reopen_returned
    from fsflows.recordings.service import Recordings, make_files

    clock = GeventClock()
    chosen = settings.freeswitch
    switches = FreeSwitches.at(chosen.addresses, chosen.password, clock)
    with _database(settings) as database, closing(switches):
        recordings = Recordings.open(
            settings,
            database,
            clock,
            switches=switches,
            threaded=False,
            also=settings.recordings.switches,
            discard_orphans=args.discard_orphans,
            calls_ended=args.calls_ended,
        )
        try:
            switches.start()
            switches.wait(CONNECTING)
            try:
                returned = reopen_returned(database, recordings.tools.journal, make_files(settings))
            except FileWorkFailed as error:
                returned = 0
                print(f"the archive can't be looked through: {shown(str(error))}")
            report = recordings.sweeper.sweep()
        finally:
            recordings.close()
    for line in report.failed:
        print(shown(line))
    if returned:
        print(f"calls with discarded recordings that were in the archive again: {returned}")
    print(
        f"discards finished: {report.discarded}, open: {len(report.failed)};"
        f" recordings published: {report.published}, of calls still up: {report.waiting};"
        f" unknown staged files: {report.unknown}"
    )
    for name, calls in sorted(report.stranded.items()):
        print(
            f"left to node {shown(name)}, which does not run, and whose FreeSWITCH is not in reach: {calls} call(s);"
            f" if this is that node, under another name, give its host the old one"
        )
    if report.no_archive:
        print(f"nothing is published: {shown(report.no_archive)}")
    return 1 if report.failed or report.no_archive else 0


def _agent(args: argparse.Namespace, settings: Settings) -> int:
    from fsflows import log
    from fsflows.recordings.agent.server import serve
    from fsflows.recordings.files.places import local_files

    chosen = settings.recordings
    if bool(args.cert) != bool(args.key):
        raise ValueError("--cert and --key belong together")
    for file in (args.cert, args.key):
        if file and not Path(file).is_file():
            raise ValueError(f"{file}: there is no such file")
    log.setup(settings.log.level, settings.log.format)
    files = local_files(chosen.staging, chosen.published, chosen.roots)
    serve(files, chosen.agent_secret, args.listen, cert=args.cert, key=args.key)
    return 0
