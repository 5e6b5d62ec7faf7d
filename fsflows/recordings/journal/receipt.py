"""The receipt of a discard: what a compliance officer is shown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

GONE_NOW = ("deleted", "removed by FreeSWITCH")
"""How a file went that was there just before."""


SETTLED = "settled"
"""How a file went of which only an operator's word is known."""

WAS_GONE = "was already gone"
"""How a published file went that isn't in its archive any more, which is at hand: somebody has deleted it there."""


@dataclass(frozen=True, slots=True)
class DiscardCause:
    """Why a recording is discarded: the flow and step, the key or word that asked for it, and when (UTC)."""

    flow: str
    step: str
    key_or_word: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """How one file went.

    Attributes:
        path: as FreeSWITCH named it, or the name in the archive ("archive:...").
        how: "deleted"; "deleted earlier": listed for deletion in an attempt that was cut short, and gone since;
            "absent": it was there before, but somebody else took it away; "removed by FreeSWITCH": it was shorter
            than RECORD_MIN_SEC, or began when FreeSWITCH had been told to keep nothing; "never started";
            "was already gone": somebody had deleted it in the archive, which was at hand and bore its id;
            "settled": fsflows could not look at it, and somebody (`by`, `at`, `why`) said that it is dealt with.
        size: bytes when it was last seen; None: never known.
        also: other names of it (links) that went with it.
        late: it was deleted after the receipt was first written: somebody had recorded again.
    """

    path: str
    how: str
    size: int | None = None
    also: tuple[str, ...] = ()
    late: bool = False
    by: str = ""
    at: str = ""
    why: str = ""

    @property
    def word(self) -> tuple[str, str, str]:
        """Whose word it is, when it was given, and what it says."""
        return (self.by, self.at, self.why)


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a call's recordings are gone, and how.

    Attributes:
        completed_at: when the last check found no file and no recording.
        node: which process finished it.
        recovered: it was finished by another process than the one that was asked.
        call_over: whether the call had ended by then; if not, it is watched until it does.
        files: every file of the call. Empty: the call had not been recorded.
        ms: how long each step took, in milliseconds: intent, stop, delete, verify.
        revision: counts up when a recording started later and was discarded as well.
        complete: False while a recording that started later is not yet gone.
    """

    call_uuid: str
    cause: DiscardCause
    completed_at: datetime
    node: str
    recovered: bool = False
    call_over: bool = False
    files: tuple[FileReceipt, ...] = ()
    ms: dict[str, int] = field(default_factory=dict)
    revision: int = 1
    complete: bool = True

    def amended(self, later: Receipt) -> Receipt:
        """This receipt with what a later round has deleted; this very receipt when that is nothing."""
        files = {file.path: file for file in self.files}
        for file in later.files:
            known = files.get(file.path)
            again = file.how in GONE_NOW or (known is not None and known.word != file.word)
            if known is None or (again and not self.complete):
                files[file.path] = replace(file, late=True)
            elif file.how == "deleted" and known.how != "deleted":
                # Two finish the same discard: one has deleted it, the other, who was first, found it gone.
                files[file.path] = file
        if tuple(files.values()) == self.files and self.complete:
            return self
        return replace(
            self,
            completed_at=later.completed_at,
            node=later.node,
            call_over=later.call_over,
            files=tuple(files.values()),
            revision=self.revision + 1,
            complete=True,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        made = asdict(self)
        made["cause"]["at"] = self.cause.at.isoformat()
        made["completed_at"] = self.completed_at.isoformat()
        return made

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """The opposite of `to_json`."""
        made = json.loads(text)
        cause = made["cause"]
        made["cause"] = DiscardCause(**{**cause, "at": datetime.fromisoformat(cause["at"])})
        made["completed_at"] = datetime.fromisoformat(made["completed_at"])
        made["files"] = tuple(
            FileReceipt(**{**file, "also": tuple(file["also"])}) for file in made["files"]
        )
        return cls(**made)
