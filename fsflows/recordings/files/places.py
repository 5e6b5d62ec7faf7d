"""The directories that recordings lie in, as they are written in the settings.

A directory is an absolute path; `LOCAL=NAMED` where FreeSWITCH calls it by another name (a mount, a container). A root
with `{uuid}` in it, like `/var/rec/{uuid}*.wav`, says where a call's recordings may lie that nobody told us of: they
are looked for when the call is discarded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from fsflows.recordings.faults import NO_FAULTS, Faults
from fsflows.recordings.files.archive import Archive
from fsflows.recordings.files.directory_archive import DirectoryArchive
from fsflows.recordings.files.local import LocalFiles
from fsflows.recordings.files.object_store import S3Archive
from fsflows.recordings.files.paths import Root, Roots

_IN_MEMORY = ("tmpfs", "ramfs")


def local_files(
    staging: str, published: str, roots: Sequence[str], *, faults: Faults = NO_FAULTS
) -> LocalFiles:
    """File work on this host. A staging directory that is missing is made; all others must be there.

    Args:
        staging: where FreeSWITCH records to while a call runs.
        published: the archive: a directory, or s3://BUCKET/PREFIX.
        roots: further directories, and patterns.
        faults: for tests.

    Raises:
        ValueError: one of them can't be used.
    """
    stage = parse_root(staging)
    try:
        Path(stage.local).mkdir(mode=0o770, parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the staging directory {stage.local}: {error.strerror}") from error
    _must_not_be_a_strangers(Path(stage.local))
    stage = Root(stage.local, stage.switch, volatile=is_in_memory(stage.local))
    others = [parse_root(root) for root in roots]
    for root in others:
        if not Path(root.local).is_dir():
            raise ValueError(f"the recording directory {root.local} is missing (is it mounted?)")
    if not published.startswith("s3://"):
        _check_archive(stage, published)
    archive = archive_at(published, faults=faults)
    patterns = [root.rpartition("=")[2] for root in roots if "{uuid}" in root]
    return LocalFiles(
        Roots([stage, *others]), stage.local, archive, patterns=patterns, faults=faults
    )


def archive_at(published: str, *, faults: Faults = NO_FAULTS) -> Archive:
    """The archive: a directory, or s3://BUCKET/PREFIX.

    Raises:
        ValueError: an object store that can't be used.
    """
    if published.startswith("s3://"):
        return S3Archive(published, faults=faults)
    return DirectoryArchive(published, faults=faults)


def parse_root(text: str) -> Root:
    """A directory, `LOCAL=NAMED`, or the directory of a pattern.

    Raises:
        ValueError: it is none of them.
    """
    local, equals, named = text.partition("=")
    if not equals:
        return Root(_directory_of(local))
    return Root(local, _directory_of(named))


def is_in_memory(directory: str) -> bool:
    """Whether a directory lies in a file system that a reboot empties."""
    where = os.path.realpath(directory)
    best = ("", "")
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    for mount in mounts:
        fields, _, rest = mount.partition(" - ")
        point = fields.split()[4].replace("\\040", " ")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, rest.split()[0])
    return best[1] in _IN_MEMORY


def _directory_of(pattern: str) -> str:
    if not any(sign in pattern for sign in "{*?["):
        return pattern
    parts = pattern.split("/")
    fixed = next(i for i, part in enumerate(parts) if any(sign in part for sign in "{*?["))
    if "{uuid}" not in pattern:
        raise ValueError(f"a pattern of recordings needs {{uuid}}, got {pattern!r}")
    return "/".join(parts[:fixed])


def _must_not_be_a_strangers(directory: Path) -> None:
    """Refuse a directory that another user could have made before us: where everybody may, as in /dev/shm.

    Whose it is can read what is recorded there, and put other files in its place.

    Raises:
        ValueError: it, or one above it, is such a directory.
    """
    if os.geteuid() == 0:
        return  # who looks after it by hand; what the server may do is said by the server
    for path in (directory, *directory.parents[:-1]):
        above, found = path.parent.stat(), path.lstat()
        if above.st_mode & stat.S_IWOTH and not _is_trusted(found, above):
            raise ValueError(
                f"the staging directory {directory}: {path} is another user's (uid {found.st_uid}), who could read"
                " and change what is recorded there. If it is meant so, give it to our user, or to our group (chgrp)"
            )


def _is_trusted(found: os.stat_result, above: os.stat_result) -> bool:
    """Whether something, in a directory that everybody may write to, is of us, our group or the superuser."""
    if found.st_uid in (os.geteuid(), 0):
        return True
    if stat.S_ISLNK(found.st_mode):
        return False
    mounted = found.st_dev != above.st_dev  # which only the superuser can do
    # Nobody outside of a group can give it something.
    return mounted or found.st_gid in (os.getegid(), *os.getgroups())


def _check_archive(stage: Root, published: str) -> None:
    archive = Root(published)
    here, there = (Path(os.path.realpath(each.local)) for each in (stage, archive))
    if here == there or here in there.parents or there in here.parents:
        raise ValueError(
            f"staging ({stage.local}) and published ({published}) must not lie in one another"
        )
    if not there.is_dir():
        raise ValueError(f"the directory for published recordings, {published}, is missing")
