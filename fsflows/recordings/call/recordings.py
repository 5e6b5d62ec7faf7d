"""The recordings of one call, from its first to its last moment, whoever starts them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from fsflows.database import DatabaseFailed
from fsflows.log import Logger
from fsflows.recordings.call.book import Book
from fsflows.recordings.call.ending import Ending
from fsflows.recordings.call.live_discard import LiveDiscard
from fsflows.recordings.call.masking import Masking
from fsflows.recordings.call.summary import RecordingsClosed, Summary, of_entries
from fsflows.recordings.discarding.discard import DiscardFailed
from fsflows.recordings.files.failures import FileWorkFailed
from fsflows.recordings.freeswitch.control import RecordingControl, RecordingError
from fsflows.recordings.journal.entries import CallFile, Entry
from fsflows.recordings.journal.receipt import DiscardCause, Receipt
from fsflows.recordings.tools import Tools


class CallRecordings:
    """One call's recordings.

    Args:
        control: to the FreeSWITCH that has the call, over the call's own connection.
        tools: what all calls share.
        flow: the flow's name, for the journal and for path templates.
        switch: FreeSWITCH's name (`FreeSWITCH-Switchname`): who finishes a discard must know whose call it was.
        log: the call's logger.

    Methods may be called from several tasks; they wait for one another. `noticed_start` and `noticed_stop` never
    raise, and may be called while another method waits for FreeSWITCH; but not by the task that reads the call's
    connection, since they may have a command to send.

    Attributes:
        on_change: called with what has become of the recordings, each time that this is something else once a discard
            was asked for: done, not done, begun anew. It must not wait, nor raise.
    """

    def __init__(
        self, control: RecordingControl, tools: Tools, *, flow: str, switch: str, log: Logger
    ) -> None:
        self.call_uuid = control.call_uuid
        self.closed = False
        self.on_change: Callable[[Summary], None] = _nobody
        self._control = control
        self._tools = tools
        self._log = log
        self._files = tools.reach.files(switch)
        self._book = Book(self.call_uuid, tools, self._files, flow=flow, switch=switch, log=log)
        self._stop = partial(_stop, control, self._book)
        self._masking = Masking(control, self._stop, log)
        self._ending = Ending(control, tools, self._files, self._book, log)
        self._discard = LiveDiscard(
            control,
            tools,
            self._files,
            self._book.known,
            lambda: self.on_change(self.summary()),
            switch=switch,
            log=log,
        )
        self._own: dict[str, tuple[str, str, bool]] = {}
        self._paused: list[tuple[str, str, bool]] | None = None
        self._holding = False
        self._notices: deque[tuple[str, str, str]] = deque()

    # --- recording ----------------------------------------------------------------------------------------------

    @property
    def discarded(self) -> bool:
        """Whether a discard was asked for: from then on nothing can be recorded in this call."""
        return self._discard.asked

    @property
    def receipt(self) -> Receipt | None:
        """Of the discard; not complete while something that was recorded later is there."""
        return self._discard.receipt

    @property
    def recording(self) -> tuple[str, ...]:
        """The paths that are recorded to now."""
        return self._book.running

    def begin(self) -> None:
        """The call has come in: what is recorded already (by the dialplan) is written down as the call's.

        Nobody tells us of a recording that started earlier. Asked for now, it is known whatever happens to us. It costs
        one command; the journal is only asked when there is one.
        """
        try:
            active = self._control.active()
        except Exception as error:
            self._log.warning("FreeSWITCH does not say what it records", why=str(error))
            self._discard.untold = self._goes_on()
            return
        if active:
            with self._hold():
                self._adopt(active)

    def start(
        self, template: str = "{date}/{uuid}", *, audio_format: str = "wav", stereo: bool = False
    ) -> str:
        """Start recording, into the staging directory.

        Args:
            template: what it will be published as, without extension: `{date}`, `{uuid}` (required), `{flow}`.
            audio_format: the extension, which FreeSWITCH takes the format from.
            stereo: the caller on the left, our audio on the right.

        Returns:
            The path, as FreeSWITCH names it.

        Raises:
            RecordingError: FreeSWITCH refused, the recording could not be written down or its file not be found
                (what can't be discarded is not recorded), or the call's recordings were discarded.
            RecordingsClosed: the call is over.
        """
        with self._hold(load=False):
            return self._start(template, audio_format, stereo)

    def pause(self) -> None:
        """Stop the recordings that we started until `resume`; those of others are masked, for the reason "pause"."""
        with self._hold():
            if self._paused is not None or self.discarded:
                return
            own = [path for path in self.recording if path in self._own]
            self._paused = [self._own[path] for path in own]
            for path in own:
                self._stop(path)
            self._mask("pause")

    def resume(self) -> None:
        """Go on recording what `pause` stopped, in new files. All stay masked until `unmask("pause")`.

        Raises:
            RecordingError: as `start`.
        """
        with self._hold():
            if self._paused is None:
                return
            paused, self._paused = self._paused, None
            for each in paused:
                if not self.discarded:
                    self._start(*each)

    def mask(self, reason: str = "pii") -> None:
        """Record silence in all recordings of the call, and in those that start meanwhile.

        Calls nest: what was masked twice for a reason, or for two reasons, is unmasked by the last `unmask`. A
        recording that can't be masked is stopped instead.

        Raises:
            RecordingError: a recording could be neither masked nor stopped, or FreeSWITCH does not say what it
                records. Nothing private may be asked for now.
        """
        with self._hold():
            self._mask(reason)

    def unmask(self, reason: str = "pii") -> None:
        """Take back one `mask` of that reason. Without one, nothing happens."""
        with self._hold():
            self._masking.drop(reason, self.recording)

    def noticed_start(self, path: str, at: float) -> None:
        """FreeSWITCH said RECORD_START: by us or by anybody. After a discard it is stopped and deleted."""
        self._notice("start", path, "")

    def noticed_stop(self, path: str, at: float, cause: str = "") -> None:
        """FreeSWITCH said RECORD_STOP, with its `Record-Completion-Cause`."""
        self._notice("stop", path, cause)

    def noticed_elsewhere(self, path: str, cause: str | None) -> None:
        """The same, over another connection than the call's, which may have ended. `cause`: of the end, or None.

        Before a discard the call's own connection tells of everything; what comes here could be out of order.
        """
        if self.discarded:
            self._notice("start" if cause is None else "stop", path, cause or "")

    # --- the end of them ----------------------------------------------------------------------------------------

    def discard(self, cause: DiscardCause) -> Receipt:
        """Discard all recordings of the call, for good. The second time it only returns the receipt.

        When this returns nothing records, every file is gone, and the receipt is on disk.

        Raises:
            DiscardFailed: with what is left. Nothing will be published or recorded all the same, and it is tried
                again until all is gone.
            RecordingsClosed: the call is over.
        """
        if self.closed:
            raise RecordingsClosed("the call is over: its recordings can't be discarded any more")
        # Before any waiting: from here on nothing starts, whatever becomes of this task, and of this process.
        self._discard.ask(cause)
        self._discard.jot()
        with self._hold():
            self._discard.run()
        # What was recorded while we were at it has been worked off with the lock.
        if self.receipt is None or not self.receipt.complete:
            raise DiscardFailed(self.call_uuid, self._discard.left)
        return self.receipt

    def retry(self) -> bool:
        """Try again a discard that has failed; whether it is finished now and was not before.

        Raises:
            DiscardFailed: it has failed again.
        """
        if not self.discarded or self.closed or self._discard.done:
            return False
        with self._hold():
            before = self.receipt
            return self._discard.run() is not before

    def close(self) -> None:
        """From now on `discard` and `start` are errors: the end function is about to run."""
        self.closed = True
        self._ending.close()

    def finish(
        self,
        *,
        call_over: bool = True,
        keep_running: bool = False,
        clean: Callable[[str], str] = str,
    ) -> Summary:
        """Settle what becomes of the recordings: publish them, or make sure that what was discarded is gone.

        What fails is in the log, and the sweep goes on with it.

        Args:
            call_over: whether the channel is gone. If it was handed on, our recordings are stopped, and a discarded
                call is watched by the sweep from now on.
            keep_running: let our recordings run on in a call that was handed on; the sweep publishes them.
            clean: what is left of a text without all that is private by now.
        """
        self.close()
        ready: list[Entry] = []
        try:
            with self._hold():
                self._see_earlier_order()
                if self.discarded:
                    self._discard.confirm(call_over=call_over)
                    self._discard.reword(clean)
                else:
                    ready = self._ending.settle(call_over=call_over, keep_running=keep_running)
            with self._tools.under_way.all_of(self.call_uuid):
                # From here on sweep and watch may see to its discard, which others may ask for meanwhile.
                self._leave()
                self._ending.publish(ready, self._know)
        except (DatabaseFailed, FileWorkFailed) as error:
            self._log.warning("recordings are left to the sweep", why=str(error))
            if isinstance(error, DatabaseFailed) and not self.discarded:
                self._tools.settled[self.call_uuid] = self._ending.ours(call_over=call_over)
        finally:
            self._leave()
        return self.summary()

    def let_go(self) -> None:
        """Nobody is told any more of what changes (`on_change`)."""
        self.on_change = _nobody
        self._discard.let_go()

    def summary(self) -> Summary:
        """What became of the recordings so far."""
        if self.discarded:
            state = "discarded" if self._discard.done else "pending"
            return Summary(state, (), self.receipt)
        return of_entries(self._book.known.values())

    def _goes_on(self) -> bool:
        """Whether the call is not known to be over."""
        try:
            return self._control.alive()
        except Exception:
            return True

    # --- inside, with the lock held -----------------------------------------------------------------------------

    @contextmanager
    def _hold(self, *, load: bool = True) -> Iterator[None]:
        before = self._tools.live.get(self.call_uuid)
        if not self.closed and (before is None or before.closed):
            self._tools.live[self.call_uuid] = self
        with self._tools.locks.hold(self.call_uuid):
            self._holding = True
            try:
                if load:
                    self._know(self._book.load())
                yield
            finally:
                try:
                    self._work_off()
                finally:
                    self._holding = False

    def _notice(self, what: str, path: str, cause: str) -> None:
        self._notices.append((what, path, cause))
        if not self._holding:  # else whoever holds the lock works it off before letting go
            with self._hold():
                pass

    def _work_off(self) -> None:
        while self._notices:
            what, path, cause = self._notices.popleft()
            try:
                if what == "stop":
                    if not self.discarded and path not in self._book.known:
                        self._book.started(path)  # before we had the call, and nobody told us
                    self._book.stopped(path, cause)
                    if self.discarded:
                        self._discard.late(path, cause)
                elif self.discarded:
                    self._discard.late(path)
                else:
                    self._started(path)
            except Exception:
                self._log.exception("recording", what=what, path=path)

    def _know(self, call: CallFile | None) -> None:
        if call is not None and call.intent is not None:
            self._discard.ask(call.intent.cause, call.receipt)

    def _see_earlier_order(self) -> None:
        """A process that had the call before may have been killed before the journal had its order."""
        if self._book.known and not self.discarded:
            cause = self._tools.lookout.earlier_order(self.call_uuid)
            if cause is not None:
                self._discard.ask(cause)
                self._discard.jot()

    def _prepare(self, template: str, audio_format: str) -> str:
        self._may_record()
        entry, call = self._book.prepare_first(template, audio_format)
        if entry is None:
            self._know(call)
            self._may_record()
            entry = self._book.prepare(template, audio_format)
        return entry.path

    def _may_record(self) -> None:
        if self.closed:
            raise RecordingsClosed("the call is over: nothing can be recorded any more")
        if self.discarded:
            raise RecordingError(
                "the call's recordings were discarded: none can start again in this call"
            )

    def _start(self, template: str, audio_format: str, stereo: bool) -> str:
        path = self._prepare(template, audio_format)
        started = False
        try:
            self._control.start(path, stereo=stereo)
            started = True
            self._masking.mask_at_once(path)
            self._find(path)
        except Exception as error:
            self._book.failed(path, str(error), started=started)
            raise RecordingError(f"not recorded: {error}") from error
        self._own[path] = (template, audio_format, stereo)
        self._masking.see_to(path)
        return path

    def _find(self, path: str) -> None:
        """See the file of a recording that we have started. One that is out of our reach must not go on."""
        try:
            if not self._book.find(path):
                raise RecordingError(
                    f"FreeSWITCH records to {path}, but no such file is here: it could never be deleted"
                )
        except Exception:
            self._control.stop(path)
            raise

    def _started(self, path: str) -> None:
        if path not in self.recording:
            self._masking.mask_at_once(path)  # looking for its file may take a while
        if self._book.started(path):
            self._masking.see_to(path)

    def _mask(self, reason: str) -> None:
        if not self.discarded:
            self._adopt(self._control.active())
            self._masking.add(reason, self.recording)

    def _adopt(self, active: list[str]) -> None:
        for path in active:
            if self.discarded:
                self._discard.late(path)
            else:
                self._started(path)

    def _leave(self) -> None:
        if self._tools.live.get(self.call_uuid) is self:
            del self._tools.live[self.call_uuid]


def _stop(control: RecordingControl, book: Book, path: str) -> None:
    control.stop(path)
    book.stopped(path)


def _nobody(_: Summary) -> None:
    pass
