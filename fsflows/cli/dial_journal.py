"""What has become of each number of a list, on disk: with it a list can be gone on with, whoever was killed meanwhile.

JSON lines. That the server is asked for a call is there before it is asked, with the id that the call is to have:
whoever reads that later can ask again, and nobody is called twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

Row = dict[str, str]


class BadJournal(ValueError):
    """A file that can't be, or can't go on being, the journal of a list; the text says why."""


@dataclass(slots=True)
class Listed:
    """A row of a list.

    Attributes:
        row: as it was read.
        id: of its call.
        asked: whether the journal has that the server was asked for it, or is about to be.
        unsure: whether the server may have it, and has not said so.
    """

    row: Row
    id: str
    asked: bool = False
    unsure: bool = False

    @classmethod
    def new(cls, row: Row) -> Listed:
        """One that nobody was asked for."""
        return cls(row, str(uuid.uuid4()))


class Journal:
    """A list's journal.

    Args:
        path: the file; made if it is missing.
        flow: what the list is called for: with another flow the same numbers are others.

    Raises:
        BadJournal: it is something else, another process is at it, or it can't be used.

    Every other method raises `BadJournal` when it can't be written to.
    """

    def __init__(self, path: str, flow: str) -> None:
        self._path = path
        self._flow = flow
        self._ids: dict[str, str] = {}
        self._over: set[str] = set()
        self._keys: dict[str, str] = {}
        try:
            # Numbers, and what is known of them, are nobody else's business.
            own = partial(os.open, mode=0o600)
            self._file = open(path, "a+b", opener=own)  # noqa: SIM115 - held while the list is called
        except OSError as error:
            raise BadJournal(f"{path}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise BadJournal(f"{path}: another `fsflows dial` is at it") from None
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def resume(self, rows: Iterable[Row]) -> tuple[list[Listed], int]:
        """The rows that are still to be dealt with, in the list's order; and how many others there are."""
        seen: Counter[str] = Counter()
        left, done = [], 0
        for row in rows:
            plain = json.dumps([self._flow, row], sort_keys=True)
            seen[plain] += 1
            # The same row twice is two calls.
            key = f"{plain} {seen[plain]}"
            call_id = self._ids.get(key)
            if call_id in self._over:
                done += 1
                continue
            listed = Listed(row, call_id, asked=True, unsure=True) if call_id else Listed.new(row)
            self._keys[listed.id] = key
            left.append(listed)
        return left, done

    def asked(self, listed: Listed) -> None:
        """The server is about to be asked for its call."""
        if not listed.asked:
            listed.asked = True
            self._write({"key": self._keys[listed.id], "id": listed.id})

    def over(self, listed: Listed, call: Mapping[str, Any]) -> None:
        """Its call is over; there is no more to be done about it."""
        self._write({"id": listed.id, "outcome": call["outcome"], "cause": call["cause"]})

    def not_called(self, listed: Listed) -> Listed:
        """Its call was never made; the row, with a new id."""
        self._write({"id": listed.id, "called": False})
        again = Listed.new(listed.row)
        self._keys[again.id] = self._keys.pop(listed.id)
        return again

    def close(self) -> None:
        """Let somebody else have it."""
        self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        data = self._file.read()
        *lines, rest = data.split(b"\n")
        try:
            for line in lines:
                if line:
                    self._learn(json.loads(line))
        except (ValueError, TypeError, KeyError):
            raise BadJournal(f"{self._path}: is not the journal of a list") from None
        if rest:
            # Cut off, with who wrote it: the server was not yet asked.
            self._file.truncate(len(data) - len(rest))

    def _learn(self, said: Mapping[str, Any]) -> None:
        if "key" in said:
            self._ids[said["key"]] = said["id"]
        elif "outcome" in said:
            self._over.add(said["id"])
        elif not said["called"]:
            self._ids = {key: known for key, known in self._ids.items() if known != said["id"]}

    def _write(self, said: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise BadJournal(f"{self._path}: {error.strerror}") from None


class NoJournal:
    """A list that nothing is kept of."""

    def resume(self, rows: Iterable[Row]) -> tuple[list[Listed], int]:
        """As `Journal.resume`."""
        return [Listed.new(row) for row in rows], 0

    def asked(self, listed: Listed) -> None:
        """As `Journal.asked`."""
        listed.asked = True

    def over(self, listed: Listed, call: Mapping[str, Any]) -> None:
        """As `Journal.over`."""

    def not_called(self, listed: Listed) -> Listed:
        """As `Journal.not_called`."""
        return Listed.new(listed.row)

    def close(self) -> None:
        """As `Journal.close`."""
