"""Where a discard is written down when the database can't be: files, in one directory or better two.

One beside the audio goes the way of the audio, one on a disk survives a reboot. It counts as written when one of
them has it. The sweep brings it into the journal as soon as that can be written again.

Before the database is asked at all a discard is jotted down here: a database may take its time, and a process may be
killed meanwhile.
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
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.receipt import DiscardCause

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

        Recordings that an earlier process has written here of the same call stay. What was jotted down is part of it.

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
        names = (_name(call_uuid), _jotted(call_uuid))
        earlier = [spooled for name in names for _, spooled in self._readable(name)]
        known = {entry.path: entry for spooled in earlier for entry in spooled.entries}
        known |= {entry.path: entry for entry in entries}
        text = _text(call_uuid, switch, cause, known.values(), owner=owner, over=over)
        failed: list[OSError] = []
        for directory in self._directories:
            try:
                _write(directory, _name(call_uuid), text)
            except OSError as error:
                failed.append(error)
        if len(failed) == len(self._directories):
            raise failed[0] if failed else OSError("there is no directory for it")
        self.strike_out(call_uuid)

    def jot(
        self,
        call_uuid: str,
        switch: str,
        cause: DiscardCause,
        entries: Iterable[Entry],
        *,
        owner: str,
    ) -> None:
        """Jot a discard down, in the first directory that takes it; its process may be killed then, not the power go.

        `entries`: those that the journal does not have. Never raises.
        """
        text = _text(call_uuid, switch, cause, entries, owner=owner, over=False)
        for directory in self._directories:
            with suppress(OSError):
                _write(directory, _jotted(call_uuid), text, sync=False)
                return

    def read(self) -> list[Spooled]:
        """All discards that wait here. One that can't be read is left, and said: its twin may be readable.

        Of twins that differ, since one directory took no more, what either has counts.
        """
        return self._merged("*.json")

    def of(self, call_uuid: str) -> Spooled | None:
        """A call's discard, if one waits here; as `read` gives it."""
        found = self._merged(_name(call_uuid), _jotted(call_uuid))
        return found[0] if found else None

    def _merged(self, *patterns: str) -> list[Spooled]:
        found: dict[str, Spooled] = {}
        for call_uuid, spooled in (each for one in patterns for each in self._readable(one)):
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
                except FileNotFoundError:
                    continue  # struck out meanwhile
                except (OSError, ValueError, TypeError, KeyError) as error:
                    if file.name.endswith(_JOTTED) and not isinstance(error, OSError):
                        with suppress(OSError):
                            file.unlink()  # by a power loss: nobody had been promised anything
                        continue
                    log.warning("spooled discard can't be read", file=str(file), why=str(error))
                else:
                    yield spooled.call_uuid, spooled

    def has(self, call_uuid: str) -> bool:
        """Whether a discard of this call waits here."""
        names = (_name(call_uuid), _jotted(call_uuid))
        return any((each / name).exists() for each in self._directories for name in names)

    def remove(self, call_uuid: str) -> None:
        """The journal has it now, all of it."""
        self._remove(_name(call_uuid))
        self.strike_out(call_uuid)

    def strike_out(self, call_uuid: str) -> None:
        """The journal has what was jotted down."""
        self._remove(_jotted(call_uuid))

    def _remove(self, name: str) -> None:
        for directory in self._directories:
            for each in (_part(name), name):
                with suppress(OSError):
                    (directory / each).unlink()


_JOTTED = ".jotted.json"


def _name(call_uuid: str) -> str:
    # The channel's name can be anything that somebody put into origination_uuid.
    return hashlib.sha256(call_uuid.encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".json"


def _jotted(call_uuid: str) -> str:
    return _name(call_uuid).removesuffix(".json") + _JOTTED


def _text(
    call_uuid: str,
    switch: str,
    cause: DiscardCause,
    entries: Iterable[Entry],
    *,
    owner: str,
    over: bool,
) -> str:
    return json.dumps(
        {
            "call_uuid": call_uuid,
            "switch": switch,
            "cause": asdict(cause),
            "entries": [asdict(entry) for entry in entries],
            "owner": owner,
            "over": over,
        },
        default=lambda value: value.isoformat(),
    )


def _part(name: str) -> str:
    return f".{name}.part"


def _write(directory: Path, name: str, text: str, *, sync: bool = True) -> None:
    make_directory(directory, 0o700)
    part = directory / _part(name)
    try:
        with part.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        part.rename(directory / name)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
    if sync:
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
