"""What recordings are called: in the archive by a flow's template, in the staging directory flat."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def archive_name(
    template: str,
    extension: str,
    *,
    call_uuid: str,
    flow: str,
    now: datetime,
    taken: Collection[str | None],
) -> str:
    """A template ("{date}/{uuid}"; also `{flow}`) filled in: a relative path of letters, digits and "._-" only.

    The date is UTC's. A name that is `taken` gets a number.

    Raises:
        ValueError: the template has no `{uuid}`: two calls would record to one file.
    """
    if "{uuid}" not in template:
        raise ValueError(f"a recording's path needs {{uuid}}, got {template!r}")
    values = {"date": now.date().isoformat(), "uuid": call_uuid, "flow": flow}
    filled = template
    for key, value in values.items():
        filled = filled.replace(f"{{{key}}}", value.replace("/", "_"))
    stem = "/".join(plain(part) for part in filled.split("/") if part)
    extension = _UNSAFE.sub("", extension) or "wav"
    name = f"{stem}.{extension}"
    number = 1
    while name in taken:
        # FreeSWITCH empties a file that it is told to record to again.
        number += 1
        name = f"{stem}-{number}.{extension}"
    return name


def plain(text: str) -> str:
    """A name's part without anything that a path, a shell or a command could take for structure."""
    return _UNSAFE.sub("_", text).lstrip(".") or "_"


def staging_path(staging: str, name: str) -> str:
    """Where a recording lies while the call runs: flat, so that no directory has to be made or tidied up."""
    return f"{staging}/{name.replace('/', '_')}"
