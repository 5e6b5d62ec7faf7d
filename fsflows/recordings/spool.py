"""Where a discard is written down when the database can't be: files, in one directory or better two.

One beside the audio goes the way of the audio, one on a disk survives a reboot. It counts as written when one of
them has it. The sweep brings it into the journal as soon as that can be written again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from fsflows.durable import make_directory, sync_directory
from fsflows.log import get_logger
from fsflows.recordings.entries import Entry
from fsflows.recordings.receipt import DiscardCause

log = get_logger("recordings")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A discard from the spool."""

    call_uuid: str
    switch: str
    cause: DiscardCause
    entries: tuple[Entry, ...]
    owner: str = ""
    over: bool = False


class IntentSpool:
    """Discards that are not in the journal yet.

    Args:
        directories: made when needed.
    """

    def __init__(self, directories: Sequence[str]) -> None:
        self._directories = [Path(directory) for directory in directories]

    def write(
        self,
        call_uuid: str,
        switch: str,
        cause: DiscardCause,
        entries: Iterable[Entry],
        *,
        owner: str = "",
        over: bool = False,
    ) -> None:
        """Write a discard down, in as many directories as possible; on disk when this returns.

        Recordings that an earlier process has written here of the same call stay.

        Args:
            call_uuid: the call.
            switch: the FreeSWITCH that has it.
            cause: why, and when.
            entries: its recordings, as far as they are known.
            owner: the process (`Node.id`) that has the call, and tries again itself until it is over.
            over: the call has ended: nobody need be asked whether it records any more.

        Raises:
            OSError: in none of them.
        """
        earlier = [spooled for _, spooled in self._readable(_name(call_uuid))]
        known = {entry.path: entry for spooled in earlier for entry in spooled.entries}
        known |= {entry.path: entry for entry in entries}
        text = json.dumps(
            {
                "call_uuid": call_uuid,
                "switch": switch,
                "cause": asdict(cause),
                "entries": [asdict(entry) for entry in known.values()],
                "owner": owner,
                "over": over,
            },
            default=lambda value: value.isoformat(),
        )
        failed: list[OSError] = []
        for directory in self._directories:
            try:
                _write(directory, _name(call_uuid), text)
            except OSError as error:
                failed.append(error)
        if len(failed) == len(self._directories):
            raise failed[0] if failed else OSError("there is no directory for it")

    def read(self) -> list[Spooled]:
        """All discards that wait here. One that can't be read is left, and said: its twin may be readable.

        Of twins that differ, since one directory took no more, what either has counts.
        """
        found: dict[str, Spooled] = {}
        for call_uuid, spooled in self._readable("*.json"):
            twin = found.setdefault(call_uuid, spooled)
            known = {entry.path for entry in twin.entries}
            more = [entry for entry in spooled.entries if entry.path not in known]
            over = twin.over and spooled.over
            found[call_uuid] = replace(twin, entries=(*twin.entries, *more), over=over)
        return list(found.values())

    def _readable(self, pattern: str) -> Iterator[tuple[str, Spooled]]:
        for directory in self._directories:
            for file in sorted(directory.glob(pattern)):
                try:
                    spooled = _parse(file.read_text(encoding="ascii"))
                except (OSError, ValueError, TypeError, KeyError) as error:
                    log.warning("spooled discard can't be read", file=str(file), why=str(error))
                else:
                    yield spooled.call_uuid, spooled

    def remove(self, call_uuid: str) -> None:
        """The journal has it now."""
        for directory in self._directories:
            for name in (_part(_name(call_uuid)), _name(call_uuid)):
                with suppress(OSError):
                    (directory / name).unlink()


def _name(call_uuid: str) -> str:
    # The channel's name can be anything that somebody put into origination_uuid.
    return hashlib.sha256(call_uuid.encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".json"


def _part(name: str) -> str:
    return f".{name}.part"


def _write(directory: Path, name: str, text: str) -> None:
    make_directory(directory, 0o700)
    part = directory / _part(name)
    with part.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.rename(directory / name)
    sync_directory(directory)


def _parse(text: str) -> Spooled:
    made = json.loads(text)
    cause = made["cause"]
    return Spooled(
        made["call_uuid"],
        made["switch"],
        DiscardCause(**{**cause, "at": datetime.fromisoformat(cause["at"])}),
        tuple(_entry(entry) for entry in made["entries"]),
        made.get("owner", ""),
        made.get("over", False),
    )


def _entry(values: dict[str, object]) -> Entry:
    times = {
        key: datetime.fromisoformat(str(values[key])) if values[key] else None
        for key in ("started_at", "stopped_at")
    }
    # Its row may be another by now: the path is what identifies it.
    return Entry(**{**values, **times, "id": 0})  # type: ignore[arg-type]
