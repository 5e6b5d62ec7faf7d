"""What is said in a call, by both sides: put in the call's queue, and written down in the order in which it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsflows.conversation.history import AgentResponse, Turn, UserInput, hide
from fsflows.conversation.speaking import Rendered

if TYPE_CHECKING:
    from fsflows.archive.record import RecordBuilder
    from fsflows.call.call import Call
    from fsflows.call.playing import Playback
    from fsflows.privacy import Redactor


class Talk:
    """See the module.

    Args:
        call: where it is heard.
        record: where it is noted.
        redactor: the call's private values.

    Attributes:
        history: for `conv.history`; nothing that the caller did not hear the beginning of.
    """

    __slots__ = ("_asides", "_call", "_queued", "_record", "_redactor", "history")

    def __init__(self, call: Call, record: RecordBuilder, redactor: Redactor) -> None:
        self.history: list[Turn] = []
        self._call = call
        self._record = record
        self._redactor = redactor
        self._asides: list[Turn] = []
        self._queued: dict[int, AgentResponse] = {}
        call.on_playback = self._played

    def speak(self, rendered: Rendered, *, aside: bool = False) -> None:
        """Queue something to be heard, and write it down. Doesn't wait.

        Args:
            rendered: it.
            aside: said while a function runs, whose `conv.history[-1]` stays what the caller said: in the history it
                follows when the function has returned.
        """
        if not rendered.sounds:
            return
        playback = self._call.play(*rendered.sounds)
        text = self._redactor.text(rendered.text)
        if text:
            ours = AgentResponse(text)
            (self._asides if aside else self.history).append(ours)
            self._queued[id(playback)] = ours
        self._record.said(text, self._call.clock.now())

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

    def _played(self, playback: Playback) -> None:
        """Something that was queued is over; what the caller never heard of it was not said."""
        queued = self._queued.pop(id(playback), None)
        if queued is not None and playback.begun is None:
            self.history = [turn for turn in self.history if turn is not queued]
            self._asides = [turn for turn in self._asides if turn is not queued]
            self._record.noted(f"not said after all: {queued.text}")
