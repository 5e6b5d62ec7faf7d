"""What a collection that ended leaves behind for the next one.

A collection ends at once when its digits are complete, and the world isn't done with them: the other report of the
last key comes some tens of milliseconds later, the caller still presses the `#` that the prompt asked for, and the
recogniser still has to send the final result of words that were believed while they were a partial. None of these is
an answer to the next question.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from fsflows.privacy import Pii

TYPING = 0.3
"""Seconds. Nobody hears a prompt begin, understands it and presses a key for it sooner than that after the last key."""


TYPING_ON = 1.0
"""Seconds. Digits that follow a private one sooner than that are private, whichever step gets them."""


SOONEST = (0.2, 0.1)
"""Seconds, and seconds a word: between the beginning of speech and the first that a recogniser says of it (it hears
0.2 s at a time), at the least."""

LATEST = (1.0, 0.5)
"""The same, at the most, for a partial result."""

SILENCE = 1.0
"""Seconds. So much later comes a final result that no partial went before."""


REMEMBERED = 8
"""Presses of which another report may still come: no caller types so many in the time that one takes."""


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a key, and who has reported it so far ("RTP", "INBAND_AUDIO").

    `held`: the seconds before `at` in which the key was down, as far as that is known.
    """

    key: str | Pii
    at: float
    sources: frozenset[str]
    held: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What the next collection passes over.

    Attributes:
        heard_until: when the last collection ended that listened to speech.
        presses: the last presses; another report of one of them is no new press.
        end_keys: one of these, pressed first and until `end_keys_until`, still belongs to the answer before.
        words: the words of the speech that goes on that are answered already, ...
        words_until: ... and until when: after a longer silence, it is another speech.
        words_and_rest: whether the rest of that speech is answered, too: the answer was keyed while it was being said.
        private_until: when the last private collection ended, if somebody may have begun to speak by then of whom the
            recogniser had said nothing yet.
        failed: whether the answer was none (by more than silence), which the caller is only now being told: keys on the
            heels of the last one still belong to it.
    """

    heard_until: float = float("-inf")
    presses: tuple[Press, ...] = field(default=(), repr=False)
    end_keys: frozenset[str] = frozenset()
    end_keys_until: float = float("-inf")
    words: str | Pii = field(default="", repr=False)
    words_until: float = float("-inf")
    words_and_rest: bool = False
    private_until: float = float("-inf")
    failed: bool = False

    def after_speech(self, ended_at: float, goes_on_until: float) -> Trail:
        """The same, knowing what the recogniser said while nobody listened.

        Args:
            ended_at: when somebody last stopped speaking: nobody goes on with what was said before that.
            goes_on_until: until when a speech that was heard since may still go on.
        """
        if not self.words:
            return self
        if ended_at >= self.heard_until:
            return replace(self, words="", words_until=float("-inf"), words_and_rest=False)
        return replace(self, words_until=max(self.words_until, goes_on_until))

    def speaking(self, at: float) -> bool:
        """Whether speech that began before may still go on."""
        return bool(self.words) and at <= self.words_until


@lru_cache(maxsize=32)
def _only(source: str) -> frozenset[str]:
    return frozenset({source})


_TICK = 1e-6
"""Seconds; of FreeSWITCH's time stamps. As floats they differ by a little more than they do: 0.06 is within 0.06."""


class Presses:
    """Tells a second report of a press from a second press.

    RFC 2833, in-band detection and SIP INFO may all report a key: RFC 2833 at its release, the others while it is down,
    or some tens of milliseconds later. Reports of one key from different sources, from while it was down or closer to
    that than the window, are one press, and each source reports a press once: "5" twice from RTP is
    always two presses, and if in-band detection reports both again, each report finds its own press.
    """

    def __init__(self, window: float, earlier: Iterable[Press] = (), *, is_pii: bool) -> None:
        self._window = window + _TICK
        self._is_pii = is_pii
        self._recent = list(earlier)
        reporting = {press.sources for press in self._recent}
        self._only_source = reporting.pop() if len(reporting) == 1 else None
        self._any_private = is_pii or Pii in {type(press.key) for press in self._recent}

    def is_new(self, key: str, at: float, source: str, held: float = 0.0) -> bool:
        """Whether a report is a press of its own."""
        recent = self._recent
        alone = _only(source)
        if self._only_source != alone:  # else nobody else has reported anything: no need to look
            for index, press in enumerate(recent):
                if (
                    source not in press.sources
                    and press.key == key
                    and self._is_near(press, at, held)
                ):
                    recent[index] = replace(press, sources=press.sources | alone)
                    self._only_source = None
                    return False
            self._only_source = None if recent else alone
        recent.append(Press(Pii(key) if self._is_pii else key, at, alone, held))
        if len(recent) > REMEMBERED:
            del recent[0]
        return True

    def is_private_again(self, key: str, at: float, source: str, held: float = 0.0) -> bool:
        """Whether a report is another one of a private press."""
        return self._any_private and any(
            isinstance(press.key, Pii)
            and source not in press.sources
            and press.key == key
            and self._is_near(press, at, held)
            for press in self._recent
        )

    def _is_near(self, press: Press, at: float, held: float) -> bool:
        """Whether another source's report of its key belongs to a press."""
        return at - held - self._window <= press.at and press.at - press.held - self._window <= at

    @property
    def gap(self) -> float:
        """Seconds between the last two presses; infinite when there was but one."""
        return self._recent[-1].at - self._recent[-2].at if len(self._recent) > 1 else float("inf")

    @property
    def go_on_privately(self) -> bool:
        """Whether the last press follows close behind a private one."""
        if not self._any_private:
            return False
        return self.gap < TYPING_ON and isinstance(self._recent[-2].key, Pii)

    def hide(self) -> None:
        """The last press, and those to come, are private."""
        self._is_pii = self._any_private = True
        last = self._recent[-1]
        self._recent[-1] = replace(last, key=Pii(last.key))

    @property
    def recent(self) -> tuple[Press, ...]:
        return tuple(self._recent)
