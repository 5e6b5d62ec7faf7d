"""The archive of recordings: whether what is at hand is the one that they are published to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from fsflows.database import Database, DatabaseFailed
from fsflows.doctor.finding import Finding, ok, problem
from fsflows.recordings.agent.files import AgentFiles
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.files.places import archive_at
from fsflows.recordings.journal.known_archive import KnownArchive, known_archive
from fsflows.settings import Settings

ABOUT = "archive"


def identity(settings: Settings) -> Iterator[Finding]:
    """Whether the archive bears the id that the database knows. Nothing is written, to neither."""
    known = _known(settings)
    if known is None:
        return
    chosen = settings.recordings
    try:
        if chosen.agent_url:
            with closing(AgentFiles(chosen.agent_url, chosen.agent_secret)) as agent:
                here = agent.identity()
        else:
            here = archive_at(chosen.published).identity()
    except (ValueError, OSError, FileWorkFailed) as error:
        yield problem(ABOUT, f"can't be looked at: {error}", "fsflows recordings archive")
        return
    if here == known.id:
        yield ok(ABOUT, "is the one that recordings are published to")
        return
    yield problem(
        ABOUT,
        "is not the one that recordings are published to: nothing is published, and some discards can't be finished",
        f"mount the right one as {chosen.published}; `fsflows recordings archive` says more",
    )


def _known(settings: Settings) -> KnownArchive | None:
    """None: there is none yet, or the database can't say; that is a finding of its own."""
    try:
        opened = Database(settings.database.url)
    except ValueError:
        return None
    try:
        path = opened.url.database
        if opened.url.get_backend_name() == "sqlite" and not Path(str(path)).is_file():
            return None  # asking would make it
        return opened.read(known_archive)
    except DatabaseFailed:
        return None
    finally:
        opened.close()
