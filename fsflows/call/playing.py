"""Playing sounds one after another, and stopping them for certain.

Three facts of FreeSWITCH shape this (see docs/barge-in.md for the measurements):

* a break that arrives before the application has started is lost, and the file plays whole; so a stop that comes too
  early is kept until CHANNEL_EXECUTE says that it has started;
* `uuid_break ... all` silently drops every queued execute, also those of others; so only one sound of ours is with
  FreeSWITCH at a time, and the queue is here. Others say it, too: a sound that does not begin may wait behind something
  of theirs, or have been dropped, and what is sent behind it tells which, since FreeSWITCH keeps the order;
* a key that is among the channel's `playback_terminators` stops the sound inside FreeSWITCH, two frames sooner than
  any command of ours could; so a key's stop sends nothing, unless the end doesn't follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from fsflows.call.audio import File, Silence, Sound, Speech
from fsflows.call.sent import LATE
from fsflows.esl.quoting import UnsafeValue
from fsflows.log import Logger, get_logger

TOO_FAST = 0.1
"""Seconds. Words that take less to be spoken were not spoken: FreeSWITCH has no such TTS engine, and only its own log
says so."""

BREAK_GUARD = 0.25
"""Seconds. A sound that a terminator should have stopped, and that is still not over after so long, gets a break."""

JUST_BEGUN = 0.04
"""Seconds. A key that comes sooner than that after a sound has begun may have come before it to FreeSWITCH, which stops
nothing then."""

_NEVER_SENT = "never-sent"
_FAILURES = ("FILE NOT FOUND", "PLAYBACK ERROR")


class Ending(StrEnum):
    """How a `Playback` ended."""

    PLAYED = "played"
    KEY = "key"
    """A terminator key stopped it."""
    STOPPED = "stopped"
    """We stopped it."""
    FAILED = "failed"
    """None of its sounds could be played."""


class Playback:
    """Some sounds played in one go.

    Attributes:
        sounds: all of them, in order.
        begun: when the first one started (the call's clock); None before.
        ending: how it ended; None while it has not.
        heard: how many sounds were begun.
        cut: whether a terminator key stopped it, and nobody here had asked for that.
    """

    __slots__ = ("begun", "cut", "ended_at", "ending", "failed", "heard", "sounds")

    def __init__(self, sounds: Sequence[Sound]) -> None:
        self.sounds = tuple(sounds)
        self.begun: float | None = None
        self.ended_at: float | None = None
        self.ending: Ending | None = None
        self.heard = 0
        self.failed = 0
        self.cut = False

    def __repr__(self) -> str:
        return f"<Playback of {len(self.sounds)} sounds, {self.ending or 'not ended'}>"


class Player:
    """The queue of playbacks of one call.

    Args:
        execute: sends the application that plays a sound, or for None one that does nothing; returns its Event-UUID.
        send_break: sends `uuid_break`.
        ended: told of each playback that is over, with the time.
        now: the time, for a prompt of no sounds.
        log: gives the call's logger.
    """

    __slots__ = (
        "_again",
        "_asked",
        "_break_wanted",
        "_ended",
        "_execute",
        "_log",
        "_next",
        "_now",
        "_patience",
        "_queue",
        "_said_no_voice",
        "_send_break",
        "_sound_began",
        "_started",
        "_stop",
        "_uuid",
        "guard",
    )

    def __init__(
        self,
        execute: Callable[[Sound | None], str],
        send_break: Callable[[], None],
        ended: Callable[[Playback, float], None],
        now: Callable[[], float],
        log: Callable[[], Logger] = lambda: get_logger("call"),
    ) -> None:
        self._execute = execute
        self._send_break = send_break
        self._ended = ended
        self._now = now
        self._log = log
        self._queue: list[Playback] = []
        self._next = 0
        self._uuid = ""
        self._started = False
        self._sound_began = 0.0
        self._said_no_voice = False
        self._break_wanted = False
        self._stop: Ending | None = None
        self._again = False
        self._asked = ""
        self._patience = LATE
        self.guard: float | None = None
        """When to break a sound that its terminator did not stop, or to ask about one that has not begun."""

    @property
    def playing(self) -> bool:
        """Whether anything is being played or waits to be."""
        return bool(self._queue)

    @property
    def stopping(self) -> bool:
        """Whether what is being played is to end, and has not yet."""
        return self._stop is not None

    def play(self, sounds: Sequence[Sound]) -> Playback:
        """Play some sounds after those that are already queued."""
        playback = Playback(sounds)
        self._queue.append(playback)
        if len(self._queue) == 1:
            self._begin(0)
        return playback

    def play_again(self, playback: Playback) -> None:
        """Play a playback that is over anew. What has begun behind it is broken off, and begins anew after it."""
        again = Playback(playback.sounds)
        if not self._queue:
            self.play(again.sounds)
        elif self._stop is None:
            self._queue.insert(0, again)
            self._again = True
            self._break()

    def stop(self, now: float, *, by_key: bool = False, since: float | None = None) -> None:
        """Stop what is being played and forget what is queued.

        Args:
            now: the time, for the guard.
            by_key: the key is among the channel's terminators, so FreeSWITCH is stopping the sound already.
            since: when the key was pressed; None: now.
        """
        if not self._queue:
            return
        ending = Ending.KEY if by_key else Ending.STOPPED
        # What waits behind the sound that is being stopped is over at once; what is queued from here on, while
        # FreeSWITCH has not yet said that the sound has ended, is not meant.
        while len(self._queue) > 1:
            self._end(ending, now, self._queue.pop())
        if self._stop is not None:
            return
        self._stop = ending
        if by_key:
            self.guard = now + BREAK_GUARD
        pressed = now if since is None else since
        if not (by_key and self._started and pressed >= self._sound_began + JUST_BEGUN):
            self._break()

    def check_guard(self, now: float) -> bool:
        """Break a sound that goes on, or ask about one that has not begun; says whether anything was due."""
        if self.guard is None or now < self.guard:
            return False
        self.guard = None
        if self._started:
            self._break()
        elif self._queue:
            self._asked = self._execute(None)
            self.guard = now + self._patience
            self._patience *= 2
        return True

    def others_ended(self, now: float) -> None:
        """Something that others had FreeSWITCH do is over: a sound that waits behind it begins now, or never."""
        if self._queue and not self._started:
            self._patience = LATE
            self.guard = now + LATE

    def started(self, uuid: str, at: float) -> None:
        """CHANNEL_EXECUTE came."""
        if not self._queue or self._started:
            return
        if self._asked and uuid == self._asked:
            self._dropped(at)
        if uuid != self._uuid:
            return
        self._started = True
        if self._stop is not Ending.KEY:
            self.guard = None
        self._sound_began = at
        playback = self._queue[0]
        if playback.begun is None:
            playback.begun = at
        if self._break_wanted:
            self._break()

    def finished(self, uuid: str, response: str, terminator: str, at: float) -> bool:
        """CHANNEL_EXECUTE_COMPLETE came; says whether it was a sound of ours."""
        if uuid != self._uuid or not self._queue:
            return False
        again, self._again = self._again, False
        if again and self._stop is None:
            self._begin(0)
            return True
        playback = self._queue[0]
        sound = playback.sounds[0 if again else self._next]
        self.guard = None
        if response in _FAILURES and self._stop is None:
            playback.failed += 1
            where = sound.path if isinstance(sound, File) else type(sound).__name__
            self._log().warning("sound could not be played", sound=where, response=response)
        if self._stop is None and not terminator and self._started:
            self._check_spoken(sound, at)
        if self._stop is None and terminator:
            self._stop = Ending.KEY
            playback.cut = True
        if self._stop is not None:
            ending, self._stop = self._stop, None
            self._end(ending, at)
            if self._queue:
                self._begin(0)
        elif self._next + 1 < len(playback.sounds):
            self._begin(self._next + 1)
        else:
            audible = [part for part in playback.sounds if not isinstance(part, Silence)]
            lost = bool(audible) and playback.failed >= len(audible)
            self._end(Ending.FAILED if lost else Ending.PLAYED, at)
            if self._queue:
                self._begin(0)
        return True

    def _dropped(self, at: float) -> None:
        """What was sent behind a sound has begun, and the sound has not: it never will."""
        self._log().warning("FreeSWITCH has dropped a sound (uuid_break all?)")
        self._uuid = self._asked = ""
        again, self._again = self._again, False
        if self._stop is not None:
            ending, self._stop = self._stop, None
            self._end(ending, at)
            if self._queue:
                self._begin(0)
        elif again:
            self._begin(0)
        else:
            self._queue[0].heard -= 1
            self._begin(self._next)

    def _check_spoken(self, sound: Sound, at: float) -> None:
        if (
            isinstance(sound, Speech)
            and len(sound.text) > 10
            and at - self._sound_began < TOO_FAST
            and not self._said_no_voice
        ):
            self._said_no_voice = True
            self._log().error(
                "text ended as soon as it began: does FreeSWITCH have the TTS engine of `voice.engine`?",
                characters=len(sound.text),
            )

    def abandon(self, at: float) -> None:
        """The call is over: nothing more will come."""
        while self._queue:
            self._end(Ending.STOPPED, at)
        self._stop = None
        self._again = False
        self.guard = None

    def close(self) -> None:
        """Let go of those that it was given; it plays nothing any more."""
        self._queue.clear()
        self.guard = None
        del self._execute, self._send_break, self._ended, self._now, self._log

    def _begin(self, index: int) -> None:
        playback = self._queue[0]
        if not playback.sounds:
            self._end(Ending.PLAYED, self._now())
            if self._queue:
                self._begin(0)
            return
        self._next = index
        self._started = False
        self._break_wanted = False
        # What was asked behind an earlier sound may come only now, before this one.
        self._asked = ""
        self._patience = LATE
        self.guard = self._now() + LATE
        playback.heard += 1
        try:
            self._uuid = self._execute(playback.sounds[index])
        except UnsafeValue as error:
            # Text made of what a caller sent. The rest of the prompt is played all the same.
            self._log().warning("sound could not be played", why=str(error))
            self._uuid = _NEVER_SENT
            self.finished(_NEVER_SENT, _FAILURES[0], "", self._now())

    def _break(self) -> None:
        if self._started:
            self._break_wanted = False
            self._send_break()
        else:
            self._break_wanted = True

    def _end(self, ending: Ending, at: float, playback: Playback | None = None) -> None:
        if playback is None:
            playback = self._queue.pop(0)
            self._uuid = ""
        playback.ending = ending
        playback.ended_at = at
        self._ended(playback, at)
