"""How long a sound is, without playing it: files, tones, silence, and speech from a synthesiser.

A name is what follows `playback`: a path (with an optional ``{var=x}`` in front), ``tone_stream://...``,
``silence_stream://ms``, ``file_string://a!b``, ``local_stream://...`` (endless). ``path@@8000`` begins at that sample.
"""

from __future__ import annotations

import math
import re
import wave
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fsflows.switch.transcript import Kind

SECONDS_PER_CHARACTER = 0.065
"""A synthesiser's pace: about 15 characters a second, 150-160 words a minute."""

FILE_STRING_LEAD = 0.25
"""`file_string://` begins with silence (s12_dtmf_apps: 250 ms before the first file)."""

_TONE = re.compile(r"%\(\s*(\d+)\s*,\s*(\d+)")
_LOOPS = re.compile(r"(?:loops|L)\s*=\s*(-?\d+)")


@dataclass(frozen=True, slots=True)
class Sound:
    """Something that can be played. `length` is in seconds, infinite for what only ends when it is stopped."""

    name: str
    what: str
    kind: Kind
    length: float


class Sounds:
    """The sounds of one simulated switch.

    Args:
        lengths: seconds by path or by file name; comes before everything else.
        default: the length of a file that is neither in `lengths` nor on disk; ``None``: there is no such file.
        missing: paths or file names that do not exist, whatever `default` says.
        prefix: the directory of relative paths (`sound_prefix`).
        pace: seconds that a synthesiser needs for a character.
    """

    def __init__(
        self,
        lengths: Mapping[str, float] | None = None,
        *,
        default: float | None = 2.0,
        missing: Iterable[str] = (),
        prefix: str = "",
        pace: float = SECONDS_PER_CHARACTER,
    ) -> None:
        self._lengths = dict(lengths or {})
        self._default = default
        self._missing = frozenset(missing)
        self._prefix = prefix
        self._pace = pace

    def find(self, name: str) -> Sound | None:
        """The sound of that name; ``None`` when there is none (FreeSWITCH: FILE NOT FOUND)."""
        bare = re.sub(r"^\{[^}]*\}", "", name).strip()
        if bare.startswith("tone_stream://"):
            return Sound(name, bare, Kind.TONE, _tone_length(bare.removeprefix("tone_stream://")))
        if bare.startswith("silence_stream://"):
            return Sound(name, bare, Kind.SILENCE, _silence_length(bare))
        if bare.startswith("local_stream://"):
            return Sound(name, bare, Kind.FILE, math.inf)
        if bare.startswith("file_string://"):
            parts = [self.find(part) for part in bare.removeprefix("file_string://").split("!")]
            lengths = [part.length for part in parts if part is not None]
            if not lengths:
                return None
            return Sound(name, bare, Kind.FILE, FILE_STRING_LEAD + sum(lengths))
        bare, _, offset = bare.partition("@@")
        length = self._file_length(bare)
        if length is None:
            return None
        if offset.isdecimal():
            length = max(0.0, length - int(offset) / 8000)
        return Sound(name, bare, Kind.FILE, length)

    def speech(self, text: str) -> Sound:
        """A text from the synthesiser."""
        return Sound(text, text, Kind.SPEECH, max(0.2, len(text) * self._pace))

    def _file_length(self, path: str) -> float | None:
        short = path.rsplit("/", 1)[-1]
        if not path or path in self._missing or short in self._missing:
            return None
        for key in (path, short):
            if key in self._lengths:
                return self._lengths[key]
        on_disk = Path(self._prefix, path)
        if on_disk.is_file():
            return _wav_length(on_disk) or self._default
        return self._default


def _tone_length(text: str) -> float:
    """Seconds of ``%(on,off,hz,...)`` sequences; `loops=-1` never ends."""
    once = sum(int(on) + int(off) for on, off in _TONE.findall(text)) / 1000
    loops = [int(count) for count in _LOOPS.findall(text)]
    if not loops:
        return once
    return math.inf if loops[0] < 0 else once * max(1, loops[0])


def _silence_length(text: str) -> float:
    found = re.match(r"silence_stream://(-?\d+)", text)
    if found is None:
        return 0.0
    length = int(found.group(1))
    return math.inf if length < 0 else length / 1000


def _wav_length(path: Path) -> float | None:
    try:
        with wave.open(str(path), "rb") as file:
            return file.getnframes() / file.getframerate()
    except (OSError, EOFError, wave.Error):
        return None


def spoken_text(argument: str, separator: str) -> str:
    """The text of ``engine|voice|text`` (`speak`) or ``engine:voice:text`` (`say:`); without an engine, all of it."""
    parts = argument.split(separator, 2)
    return parts[2] if len(parts) == 3 else argument
