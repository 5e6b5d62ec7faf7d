"""Listening for speech through `detect_speech` and mod_vosk.

What is measured of mod_vosk, and what follows from it:

* with `divert_events on` each result comes once, parked and during a prompt (`fire_asr_events=true` alone brings it
  twice while the channel is parked, and later). Where the dialplan has set `fire_asr_events=true` as well, it comes
  twice: the same event, with the same Event-Sequence. Keys are diverted, too, for as long as the channel lives: nobody
  else is told of them until `divert_events off`;
* the start queues behind a running playback, so detection is started once and kept running, and `on` and `off` decide
  here what is passed on;
* a recogniser that died says `closed`, and a new start is a silent no-op until a `stop`.
"""

from __future__ import annotations

import json
from typing import Any

from fsflows.call.happenings import Heard, SpeechLost

RESTARTS = 2
"""How often a recogniser that closed is started again in one call, before the call goes on with keys alone."""

TAKEN_BACK = 2.0
"""Seconds without another partial result after which the next one is of another speech: mod_vosk repeats them five
times a second, and says nothing when it takes one back."""

Text = tuple[str, float | None, tuple[tuple[str, float | None], ...]]


class Listener:
    """What the recogniser says, each thing once.

    Words that a partial has already given to a step come again in the final; `fsflows.collect` knows which they are.
    """

    __slots__ = ("_last_sequence", "ended_at", "on", "partial_at", "restarts", "running")

    def __init__(self) -> None:
        self.running = False
        self.on = False
        self.restarts = 0
        self.ended_at = float("-inf")
        """When speech last ended, reported or not: with a final result, or taken back without a word."""
        self.partial_at = float("-inf")
        """The last partial result, reported or not: somebody was speaking."""
        self._last_sequence: int | None = None

    def event(
        self, kind: str, body: str, sequence: int | None, at: float
    ) -> Heard | SpeechLost | None:
        """Take a DETECTED_SPEECH event.

        Args:
            kind: its Speech-Type.
            body: its body: plain text, or JSON where vosk's return-json is on.
            sequence: its Event-Sequence.
            at: when it happened.

        Returns:
            What to report; None when there is nothing new in it or nobody listens.
        """
        if sequence is not None and sequence == self._last_sequence:
            return None
        self._last_sequence = sequence
        if kind == "closed":
            if not self.running:
                return None
            self.running = False
            return SpeechLost(at, "the recogniser closed")
        if kind not in ("detected-partial-speech", "detected-speech"):
            return None
        if kind == "detected-speech":
            self.ended_at = at
        else:
            if at > self.partial_at + TAKEN_BACK:
                self.ended_at = max(self.ended_at, self.partial_at + TAKEN_BACK)
            self.partial_at = at
        texts = read_body(body)
        if not self.on or not texts:
            return None
        return Heard(texts, kind == "detected-speech", at)


def read_body(body: str) -> tuple[Text, ...]:
    """The alternatives of a result, best first. Anything that is not vosk's JSON is taken as the text itself."""
    body = body.strip()
    if not body.startswith("{"):
        return ((body, None, ()),) if body else ()
    try:
        data = json.loads(body)
    except ValueError:
        return ()
    if not isinstance(data, dict):
        return ()
    found = data.get("alternatives")
    entries = found if isinstance(found, list) else [data]
    texts = [
        text for text in (_entry(entry) for entry in entries if isinstance(entry, dict)) if text
    ]
    return _scaled(texts)


def _entry(entry: dict[str, Any]) -> Text | None:
    text = entry.get("text", entry.get("partial", ""))
    if not isinstance(text, str) or not text.strip():
        return None
    words = tuple(
        (word["word"], _number(word.get("conf")))
        for word in entry.get("result") or ()
        if isinstance(word, dict) and isinstance(word.get("word"), str)
    )
    confidence = _number(entry.get("confidence"))
    scores = [score for _, score in words if score is not None]
    if confidence is None and scores:
        confidence = sum(scores) / len(scores)
    return text.strip(), confidence, words


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - NaN


def _scaled(texts: list[Text]) -> tuple[Text, ...]:
    """vosk's n-best gives unbounded scores (some 200-300), its word results 0 to 1: bring the former into 0 to 1."""
    scores = [score for _, score, _ in texts if score is not None]
    if not scores or max(scores) <= 1.0:
        return tuple(texts)
    best = max(scores)
    return tuple(
        (text, None if score is None else max(0.0, 1.0 - (best - score) / best), words)
        for text, score, words in texts
    )
