"""Hears of every recording on the FreeSWITCHes within reach, and acts on those of discarded calls at once.

A call that was handed on has no connection to us any more, and a recording can begin and end between two sweeps. What
happened while a FreeSWITCH could not be heard is looked for with the next sweep, which a new connection brings about.

What is heard of other calls is written down for a day: such a call may come to us, or come back, and its caller opt out
of what was recorded before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsflows.clock import Clock, Mailbox, Task
from fsflows.database import DatabaseFailed
from fsflows.esl.event import Event
from fsflows.esl.supervised import FreeSwitches
from fsflows.log import get_logger
from fsflows.recordings.recovery.sweep import Sweeper

EVENTS = ("RECORD_START", "RECORD_STOP")

BATCH = 500
"""News written down in one go."""

MOST = 50_000
"""News kept while the database is away. What is more is left to FreeSWITCH, which deletes it, and to the sweep."""

RETRY = 1.0
"""Seconds until a database that is away is asked again."""

log = get_logger("recordings")


@dataclass(frozen=True, slots=True)
class News:
    """A recording has begun, or has ended (`cause`: why)."""

    call_uuid: str
    path: str
    cause: str | None


class Watch:
    """Listens, from `start` to `stop`. In one process of a node.

    Args:
        sweeper: acts.
        switches: who is listened to.
    """

    def __init__(self, sweeper: Sweeper, switches: FreeSwitches, clock: Clock) -> None:
        self._sweeper = sweeper
        self._switches = switches
        self._clock = clock
        self._news: Mailbox[News] = clock.mailbox()
        self._listening: list[Callable[[], None]] = []
        self._task: Task | None = None

    def start(self) -> None:
        """Listen."""
        self._task = self._clock.spawn(self._run)
        self._listening = [
            switch.listen(EVENTS, self._heard, self._sweeper.hurry) for switch in self._switches
        ]

    def wait(self, seconds: float) -> bool:
        """Wait until all FreeSWITCHes are connected, or that time has passed; whether they are."""
        return self._switches.wait(seconds)

    def stop(self) -> None:
        """Listen no more. May be called twice."""
        for end in self._listening:
            end()
        self._listening = []
        if self._task is not None:
            self._task.kill()

    def _heard(self, event: Event) -> None:
        path = event.get("Record-File-Path")
        if event.uuid and path and len(self._news) < MOST:
            ended = event.name == "RECORD_STOP"
            cause = (event.get("Record-Completion-Cause") or "") if ended else None
            self._news.put(News(event.uuid, path, cause))

    def _run(self) -> None:
        while True:
            batch = [self._news.get()]
            while len(self._news) and len(batch) < BATCH:
                batch.append(self._news.get())
            news = [each for each in batch if each is not None]
            while not self._take(news):
                self._clock.sleep(RETRY)

    def _take(self, batch: list[News]) -> bool:
        """Write it down, and act on it; False: it can't be known what to act on."""
        try:
            concerned = self._sweeper.hear([(news.call_uuid, news.path) for news in batch])
        except DatabaseFailed as error:
            log.debug("the journal can't be read", why=str(error))
            return False
        except Exception:
            # Whatever it is, later news must not be lost with these: the sweep looks for them.
            log.exception("recordings heard of")
            self._sweeper.hurry()
            return True
        for news in batch:
            if news.call_uuid in concerned:
                self._clock.spawn(self._act, news)
        return True

    def _act(self, news: News) -> None:
        try:
            self._sweeper.noticed(news.call_uuid, news.path, news.cause)
        except DatabaseFailed as error:
            log.warning("recording of a discarded call: left to the sweep", why=str(error))
            self._sweeper.hurry()
        except Exception:
            log.exception("recording of a discarded call", path=news.path)
            self._sweeper.hurry()
