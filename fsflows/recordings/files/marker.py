"""What tells an archive from every other: a file in its root with an id, so that one that isn't mounted is noticed.

What is not found in the archive that bears the right id is not in it; anywhere else nothing can be said.
"""

from __future__ import annotations

import re
import secrets
import string

from fsflows.recordings.files.failures import WrongArchive

MARKER = ".fsflows-archive"
"""The name of the file, in an archive's root, that tells it from every other: with an id that no other archive has."""

LETTERS = 24

_ID = re.compile(rf"[a-z]{{{LETTERS}}}")


class MarkerDamaged(WrongArchive):
    """There is a marker, and no id in it."""


def new_id() -> str:
    """An id that no archive has. Letters only: nothing that somebody may take for what a caller has keyed."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(LETTERS))


def marker_text(identity: str) -> bytes:
    """What is in the marker."""
    return f"{identity}\nThis is an archive of fsflows, and this file tells it from others. Leave it here.\n".encode()


def identity_in(marker: bytes) -> str:
    """The id in a marker.

    Raises:
        MarkerDamaged: there is none.
    """
    first = marker.partition(b"\n")[0].decode("ascii", "replace").strip()
    if not _ID.fullmatch(first):
        raise MarkerDamaged(
            f"the archive's {MARKER} is damaged: it holds no id."
            " If this is the right archive, delete that file and run `fsflows recordings archive --adopt`"
        )
    return first


def must_be(wanted: str, found: str | None, where: str) -> None:
    """Check the id of the archive at hand.

    Raises:
        WrongArchive: it is another one.
    """
    if found == wanted:
        return
    bears = f"it bears the id {found}" if found else f"there is no {MARKER} in it"
    raise WrongArchive(
        f"{where} is not the archive {wanted} that recordings are published to: {bears}."
        " Is it mounted? See `fsflows recordings archive`"
    )
