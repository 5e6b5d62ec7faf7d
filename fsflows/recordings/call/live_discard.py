"""The discard of a call that this process has: asked for once, tried until done, begun anew by what comes later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from fsflows.log import Logger
from fsflows.recordings import metrics
from fsflows.recordings.discarding.discard import Discard, DiscardFailed
from fsflows.recordings.faults import LATE_POINT
from fsflows.recordings.files.files import Files
from fsflows.recordings.files.paths import UNTOLD
from fsflows.recordings.freeswitch.control import RecordingControl
from fsflows.recordings.freeswitch.reach import LazyControl
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.receipt import DiscardCause, Receipt
from fsflows.recordings.tools import Tools


class LiveDiscard:
    """One call's discard, or that there is none. Not a lock: whoever has the call's lock may use it.

    Args:
        control: to the FreeSWITCH that has the call, over the call's own connection.
        tools: what all calls share.
        files: the files of that FreeSWITCH, whose name is `switch`.
        known: the call's recordings, as the call keeps them.
        changed: called each time that something else has become of the recordings.

    Attributes:
        receipt: of the discard; not complete while something that was recorded later is there.
        untold: FreeSWITCH did not say what it recorded already when the call came in.
    """

    def __init__(
        self,
        control: RecordingControl,
        tools: Tools,
        files: Files,
        known: dict[str, Entry],
        changed: Callable[[], None],
        *,
        switch: str,
        log: Logger,
    ) -> None:
        self.receipt: Receipt | None = None
        self.untold = False
        self._control = control
        self._tools = tools
        self._files = files
        self._known = known
        self._changed = changed
        self._switch = switch
        self._log = log
        self._discard: Discard | None = None

    @property
    def asked(self) -> bool:
        """Whether it was asked for."""
        return self._discard is not None

    @property
    def done(self) -> bool:
        """Whether all is gone, as far as is known."""
        return self.receipt is not None and self.receipt.complete

    @property
    def left(self) -> Sequence[str]:
        """What the last attempt has left."""
        return self._discard.left if self._discard is not None else ()

    def ask(self, cause: DiscardCause, receipt: Receipt | None = None) -> None:
        """It is asked for, unless it was. `receipt`: that there is already."""
        self.receipt = receipt or self.receipt
        if self._discard is not None:
            return
        # A private value must not get into the journal by being what somebody keyed.
        cause = DiscardCause(str(cause.flow), str(cause.step), str(cause.key_or_word), cause.at)
        call_uuid = self._control.call_uuid
        self._discard = Discard(
            call_uuid,
            self._switch,
            cause,
            self._files,
            self._log,
            controls=(
                self._control,
                LazyControl(self._tools.reach, self._switch, call_uuid),
            ),
            known=self._known,
            receipted=self.receipt is not None,
        )

    def jot(self) -> None:
        """Jot down that it is asked for, unless all is gone. Doesn't wait for long."""
        if not self.done and self._discard is not None:
            self._tools.discarder.jot(self._discard)

    def reword(self, clean: Callable[[str], str]) -> None:
        """Some of what it was asked for with may have become private: `clean` says what is left of it.

        Raises:
            DatabaseFailed: the journal can't be written.
        """
        assert self._discard is not None
        cause = self._discard.cause
        word = clean(cause.key_or_word)
        if word != cause.key_or_word:
            self._discard.cause = cause = replace(cause, key_or_word=word)
            if self.receipt is not None:
                self.receipt = replace(self.receipt, cause=cause)
            self._tools.journal.reword(self._control.call_uuid, word)

    def let_go(self) -> None:
        """Nobody is told any more of what changes."""
        self._changed = _nothing

    def run(self) -> Receipt:
        """Discard, unless all is gone.

        Raises:
            DiscardFailed: something is left.
        """
        if self.receipt is None or not self.receipt.complete:
            assert self._discard is not None
            self._changed()
            try:
                if self.untold:
                    self._ask_once_more(self._discard)
                self.receipt = self._tools.discarder.run(self._discard)
            finally:
                self._changed()
        return self.receipt

    def _ask_once_more(self, discard: Discard) -> None:
        """What is recorded if FreeSWITCH says it now. If it never does, nobody may ever say that all of it is gone."""
        for control in discard.controls:
            with suppress(Exception):
                control.active()
                self.untold = False
                return
        # Over an event socket we hear of all calls' recordings, this one's too.
        heard = self._tools.reach.control(self._switch, discard.call_uuid) is not None
        if not heard and UNTOLD not in discard.known:
            self._tools.lookout.note(discard, [UNTOLD])

    def late(self, path: str, cause: str | None = None) -> None:
        """FreeSWITCH told of a recording after the discard was asked for; `cause`: why it has ended, if it has."""
        discard = self._discard
        assert discard is not None
        if not self._tools.lookout.is_news(discard, path, cause):
            return
        self._tools.faults.at(LATE_POINT)
        metrics.LATE_RECORDINGS.inc()
        self._log.warning("recording started after the discard", path=path)
        self._reopen()
        self._tools.lookout.note(discard, [path], late=True, cause=cause)
        self._run_quietly()

    def confirm(self, *, call_over: bool) -> None:
        """The last look at a discarded call: all of it must be gone."""
        discard = self._discard
        assert discard is not None
        if self.receipt is not None and self._tools.lookout.reopen_if_there(discard):
            self._reopen()
        self._run_quietly()
        discard.call_over |= call_over
        if discard.call_over:
            self._tools.lookout.over(discard)

    def _run_quietly(self) -> None:
        try:
            self.run()
        except DiscardFailed:
            return  # it is in the log, and open in the journal

    def _reopen(self) -> None:
        if self.receipt is not None:
            self.receipt = replace(self.receipt, complete=False)
            self._changed()


def _nothing() -> None:
    pass
