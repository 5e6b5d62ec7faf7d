"""A discard while it is worked on, and how it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fsflows.log import Logger
from fsflows.recordings.files.files import Files
from fsflows.recordings.freeswitch.control import RecordingControl
from fsflows.recordings.journal.entries import Entry, Settlement
from fsflows.recordings.journal.receipt import SETTLED, DiscardCause, FileReceipt

TOO_SHORT = "input-too-short"
"""FreeSWITCH's completion cause of a recording that it deleted itself (RECORD_MIN_SEC)."""

REMOVED = (TOO_SHORT, "empty-file")
"""All such causes."""

FORBIDDEN = "forbidden"
"""The error of a recording that began when FreeSWITCH had been told to delete what begins."""

NOT_STARTED = "not started"
"""How the error of a recording of ours begins that FreeSWITCH is not known to have started."""


ON_ITS_WAY = "discarded on its way into the archive"
"""The error of a recording that another process was publishing when its staged file was deleted."""


class DiscardFailed(Exception):
    """The recordings are not (known to be) gone. It is tried again until they are.

    Attributes:
        left: what is left, one sentence each.
    """

    def __init__(self, call_uuid: str, left: Sequence[str]) -> None:
        super().__init__(f"the recordings of call {call_uuid} are not all gone: {'; '.join(left)}")
        self.call_uuid = call_uuid
        self.left = tuple(left)


@dataclass(slots=True)
class Discard:
    """One call's discard, while it is worked on.

    Attributes:
        controls: ways to the FreeSWITCH that has the call, the best first.
        known: the call's recordings by path, as far as this process knows.
        left: what can't be done now.
        again: what was there once more, so that another round may help.
        done: how the files went, over all attempts of this process.
        recovered: it was asked of a process that is no more.
        settled: what operators said of its files.
        receipted: there has been a receipt.
        forbidden: FreeSWITCH has been told to delete what is recorded from then on.
        orders: files of the spool that say no more than what is known here.
    """

    call_uuid: str
    switch: str
    cause: DiscardCause
    files: Files
    log: Logger
    controls: Sequence[RecordingControl] = ()
    known: dict[str, Entry] = field(default_factory=dict)
    recovered: bool = False
    left: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    done: dict[str, FileReceipt] = field(default_factory=dict)
    ms: dict[str, int] = field(default_factory=dict)
    call_over: bool = False
    settled: dict[str, Settlement] = field(default_factory=dict)
    forbidden: bool = False
    receipted: bool = False
    orders: frozenset[str] = frozenset()

    def went(self, file: FileReceipt) -> None:
        """A file is gone, and how."""
        if file.how == "deleted" or file.path not in self.done:
            self.done[file.path] = file

    def settle(self, entry: Entry, line: str = "") -> None:
        """A file that we can't look at, and of which somebody said that it is dealt with: his word, not ours.

        `line`: what the receipt calls it, if not by its path.
        """
        word = self.settled[entry.path]
        at = word.at.isoformat()
        file = FileReceipt(line or entry.path, SETTLED, entry.size, by=word.by, at=at, why=word.why)
        self.went(file)
