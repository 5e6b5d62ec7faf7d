"""What a call looks like in the terminal: what the caller hears and does, and what the server makes of it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time

from fsflows.archive.describe import happened
from fsflows.archive.endings import RecordingState, Result
from fsflows.archive.entries import Entry, HandedOff, Ran, Recorded
from fsflows.archive.model import Record
from fsflows.switch.script import Script
from fsflows.switch.transcript import Did, Ending, Heard, Item, Kind, Signal

_COLOURS = {
    "hears": "36",
    "does": "1;33",
    "flow": "32",
    "recording": "35",
    "call": "2",
    "bad": "31",
}
_INDENT = " " * 9
_SIGNALS = {"183": "hears early media", "200": "answered", "BYE": "the server hangs up"}


class Screen:
    """Writes to standard output: in colour (unless NO_COLOR is set) and filled to its width when that is a terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._colour = self._terminal and not plain
        self._began = time.monotonic()
        self._handed_off = False
        self.who = "caller"
        """Whose telephone it is."""

    def intro(self, flow: str, script: Script, how: str) -> None:
        """Before the call."""
        called = script.dialled
        if called is None:
            text = f"Calling {flow} as {script.profile.caller_number}."
        else:
            ours = f" as {called.caller_number}" if called.caller_number else ""
            text = f"{flow} calls {called.number}{ours}."
        self._print(f"{text} {how}")
        print(flush=True)

    def begin(self) -> None:
        """The call starts now."""
        self._began = time.monotonic()
        self.line("call", "ringing" if self.who == "caller" else "answered")

    def seen(self, item: Item) -> None:
        """Something happened at the caller's end."""
        match item:
            case Heard(kind=Kind.SILENCE):
                pass
            case Heard(end=None):
                what = f'"{item.what}"' if item.kind is Kind.SPEECH else f"[{item.what}]"
                self.line("hears", f"{self.who} hears {what}")
            case Heard(ending=Ending.KEY):
                self.line("hears", "  ... stops at the key")
            case Heard(ending=Ending.BREAK):
                self.line("hears", "  ... stops")
            case Did(what="hangup"):
                self.line("does", f"{self.who} hangs up")
            case Did(what="key"):
                self.line("does", f"{self.who} presses {item.text}")
            case Did():
                self.line("does", f'{self.who} says "{item.text}"')
            case Signal(what="BYE") if self._handed_off:
                self.line("call", "the call is no longer ours; nobody plays the other side here")
            case Signal():
                self.line("call", _SIGNALS.get(item.what, f"refused with {item.what}"))
            case _:
                pass

    def noted(self, entry: Entry) -> None:
        """The server noted something about the call."""
        kind = "flow"
        match entry:
            case HandedOff():
                self._handed_off = True
            case Recorded():
                kind = "recording"
            case Ran() if entry.error:
                kind = "bad"
        if text := happened(entry):
            self.line(kind, text)

    def outro(self, record: Record | None, database: str | None) -> None:
        """After the call. `database`: of the records, when they are kept."""
        print()
        if record is None:
            self._print("The call never came to its end.", "bad")
            return
        ended = str(record.result).replace("_", " ")
        why = "" if str(record.reason) == str(record.result) else f" ({record.reason})"
        bad = record.result in (Result.FAILED, Result.REFUSED)
        self._print(
            f"Call {ended}{why} after {record.seconds:.1f} s, {record.hangup_cause or 'no cause'}.",
            "bad" if bad else "",
        )
        match record.recording.state:
            case RecordingState.DISCARDED:
                count = len(record.recording.receipt.get("files", []))
                files = "1 file" if count == 1 else f"{count} files"
                self._print(f"Recording discarded: {files} deleted, and checked to be gone.")
            case RecordingState.PENDING:
                self._print("Recording to be discarded: not finished, and tried again.", "bad")
            case RecordingState.PRESENT:
                self._print(
                    f"Recording kept{'.' if database else ' until now (--data DIR keeps it).'}"
                )
            case _:
                self._print("Not recorded.")
        if database:
            self._print(f"The record: fsflows records show {record.id} --database {database}")

    def failures(self, lines: list[str]) -> None:
        """What a script expected in vain."""
        for line in lines:
            self._print(line, "bad")

    def line(self, kind: str, text: str) -> None:
        """Something that happened now."""
        stamp = f"{time.monotonic() - self._began:7.2f}  "
        if self._terminal:
            width = max(40, shutil.get_terminal_size().columns - 1)
            text = textwrap.fill(text, width, initial_indent=stamp, subsequent_indent=_INDENT)
            text = text.removeprefix(stamp)
        print(stamp + self._painted(text, kind), flush=True)

    def _print(self, text: str, kind: str = "") -> None:
        print(self._painted(text, kind), flush=True)

    def _painted(self, text: str, kind: str) -> str:
        code = _COLOURS.get(kind)
        return f"\033[{code}m{text}\033[0m" if code and self._colour else text
