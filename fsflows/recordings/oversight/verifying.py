"""Comparing the journal with what is on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.files import Files
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.listing import Listing


def lasting(look: Callable[[], Iterable[str]], wait: Callable[[], None]) -> list[str]:
    """What differs, and still does after a while: not what was only under way when it was looked at."""
    found = list(look())
    if not found:
        return []
    wait()
    still = set(look())
    return [line for line in found if line in still]


def differences(listing: Listing, files: Files, now: datetime) -> Iterator[str]:
    """What the journal says and the disk does not, or the other way round; one line each, the same at each look.

    Raises:
        FileWorkFailed: the disk can't be looked at.
    """
    known = listing.archive()
    if known is not None and known.id != files.identity():
        yield f"the archive at hand is not {known.id}, which recordings are published to: is it mounted?"
    staged = [file.path for file in files.staged(now.timestamp())]
    archived = set(files.archived())
    known_paths, known_names = set(), set()
    for entry in listing.every_recording():
        known_paths.add(entry.file)
        if entry.archived and entry.name:
            known_names.add(entry.name)
        for line in _entry_differences(entry, files, archived):
            yield f"call {entry.call_uuid}: {line}"
    for path in staged:
        if path not in known_paths:
            yield f"{path}: in the staging directory, but of no known call"
    for name in sorted(archived - known_names):
        yield f"{name}: in the archive, but not in the journal"
    for intent in listing.open_discards():
        asked = intent.cause.at.isoformat(timespec="seconds")
        why = f": {intent.error}" if intent.error else ""
        yield f"call {intent.call_uuid}: discard of {asked} is not finished{why}"


def _entry_differences(entry: Entry, files: Files, archived: set[str]) -> Iterator[str]:
    if entry.state == "published":
        found = files.published(entry.name or "")
        if found is None:
            yield f"published as {entry.location}, but it is not there"
        elif found.size != entry.size:
            yield f"{entry.location} has {found.size} bytes, the journal says {entry.size}"
        if _is_there(entry, files):
            yield f"published, but {entry.path} is still staged"
    elif entry.state == "discarded":
        if _is_there(entry, files):
            yield f"discarded, but {entry.path} is there"
        if entry.archived and entry.name in archived:
            yield f"discarded, but {entry.name} is in the archive"
    elif entry.state == "settled":
        if _is_there(entry, files):
            yield f"an operator said that {entry.path} is dealt with, but it is there"
        if entry.archived and entry.name in archived:
            yield f"an operator said that {entry.path} is dealt with, but {entry.name} is in the archive"
    elif entry.state == "kept":
        if not _is_there(entry, files):
            yield f"kept at {entry.path}, but it is not there"
    elif entry.state in ("staged", "publishing"):
        published = entry.state == "publishing" and entry.name in archived
        staged = _is_there(entry, files)
        if not published and not staged:
            yield f"{entry.state}, but {entry.path} is not there"
        elif published and staged:
            yield f"{entry.path} is staged, and {entry.name} is in the archive: of an earlier call with this id?"


def _is_there(entry: Entry, files: Files) -> bool:
    try:
        return files.look(entry.path) is not None
    except FileWorkFailed:
        # Outside of our directories; that was said when it was met.
        return False
