"""What is said in a call, by both sides: put in the call's queue, and written down in the order in which it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsflows.conversation.history import AgentResponse, Turn, UserInput, hide
from fsflows.conversation.speaking import Rendered

if TYPE_CHECKING:
    from fsflows.archive.record import RecordBuilder
    from fsflows.call.call import Call
    from fsflows.call.playing import Playback
    from fsflows.conversation.recording import CallRecorder
    from fsflows.privacy import Redactor

SAID = "said"
"""Why recordings are masked: something private is said to the caller."""


class Talk:
    """See the module.

    Args:
        call: where it is heard.
        record: where it is noted.
        redactor: the call's private values.
        recordings: masked while something private is said.

    Attributes:
        history: for `conv.history`; nothing that the caller did not hear the beginning of.
    """

    __slots__ = (
        "_asides",
        "_call",
        "_masked",
        "_queued",
        "_record",
        "_recordings",
        "_redactor",
        "_told",
        "history",
    )

    def __init__(
        self, call: Call, record: RecordBuilder, redactor: Redactor, recordings: CallRecorder
    ) -> None:
        self.history: list[Turn] = []
        self._call = call
        self._record = record
        self._redactor = redactor
        self._recordings = recordings
        self._masked = False
        self._told: Playback | None = None
        self._asides: list[Turn] = []
        self._queued: dict[int, AgentResponse] = {}
        call.on_playback = self._played

    def speak(self, rendered: Rendered, *, aside: bool = False) -> None:
        """Queue something to be heard, and write it down. Doesn't wait.

        Args:
            rendered: it.
            aside: said while a function runs, whose `conv.history[-1]` stays what the caller said: in the history it
                follows when the function has returned.

        Raises:
            RecordingError: it is private, and a recording could not be masked.
        """
        if not rendered.sounds:
            return
        self._told = None
        text = self._redactor.text(rendered.text)
        # A function may have revealed it, or marked it only when it was kept as plain text already.
        if rendered.private or text != rendered.text:
            self._mask()
        playback = self._call.play(*rendered.sounds)
        if text:
            ours = AgentResponse(text)
            (self._asides if aside else self.history).append(ours)
            self._queued[id(playback)] = ours
        self._record.said(text, self._call.clock.now())

    def say_again(self, playback: Playback) -> None:
        """Have something heard anew, before all that is queued, that a key has stopped which does not count.

        Raises:
            RecordingError: it may be private, and a recording could not be masked.
        """
        if playback is self._told:
            self._mask()
        self._call.play_again(playback)

    def heard(self, said: UserInput) -> None:
        """The caller has answered."""
        self.history.append(said)

    def take_asides(self) -> None:
        """No function runs any more: what was said meanwhile is history."""
        hide(self._asides, self._redactor)  # some of it may have become private
        self.history += self._asides
        self._asides = []

    def hide(self) -> None:
        """Something has become private: in what was said before, too."""
        hide(self.history, self._redactor)

    def _mask(self) -> None:
        if not self._masked:
            self._recordings.mask(SAID)
            self._masked = True

    def _played(self, playback: Playback) -> None:
        """Something that was queued is over; what the caller never heard of it was not said."""
        if self._masked and not self._call.playing:
            # What is queued behind it is masked with it.
            self._masked = False
            self._told = playback
            self._recordings.unmask_later(SAID)
        queued = self._queued.pop(id(playback), None)
        if queued is not None and playback.begun is None:
            self.history = [turn for turn in self.history if turn is not queued]
            self._asides = [turn for turn in self._asides if turn is not queued]
            self._record.noted(f"not said after all: {queued.text}")
