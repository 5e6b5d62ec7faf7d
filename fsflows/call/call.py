"""One call: what can be done with a caller's leg.

The conversation above has no callbacks and no timers of its own: it does something, and asks `wait` for the next
thing that happens, until a deadline. The same code runs on a real connection and, in virtual time, on the simulated
switch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from fsflows.call.audio import Sound
from fsflows.call.ended import (
    LINK_LOST,
    REFERRED,
    TRANSFERRED,
    CallEnded,
    CallFailed,
    Interrupted,
)
from fsflows.call.leg import Leg
from fsflows.call.playing import Playback
from fsflows.call.reading import was_answered, was_referred
from fsflows.esl import commands, quoting

NO_ROUTE = "NO_ROUTE_DESTINATION"
"""FreeSWITCH's cause when no extension of the dialplan takes a call."""

ROUTED = 0.5
"""Seconds in which a transferred call has got to its extension. It takes a millisecond."""

ANSWERING = 1.0
"""Seconds that FreeSWITCH gets to begin to answer, before it is asked whether it ever will. It takes some 20 ms."""

AT_ONCE = 1.0
"""Seconds in which the application `hangup` has hung up. It takes some 20 milliseconds."""

RING_TIMEOUT = 60
"""Seconds that the other leg of a `bridge` may ring."""

HANGING_UP = 5.0
"""Seconds that FreeSWITCH gets to say that it has hung up. It takes milliseconds."""


class Call(Leg):
    """A call and its verbs.

    Every verb raises `CallEnded` when the call is over, and `CallFailed` when FreeSWITCH refuses.
    """

    # --- verbs ----------------------------------------------------------------------------------------------

    def begin_answering(self) -> None:
        """Have the call answered, and don't wait for it; `answer` does."""
        if not self._answered and not self._answering:
            self._answering = self.begin("answer", more=True)

    def answer(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Answer; nothing when it is answered already.

        Args:
            meanwhile: what else is to be done before the caller is spoken to. It is called once, when FreeSWITCH has
                begun to answer, which takes it some 20 ms more (measured); and also when it doesn't.
        """
        try:
            if not self._answered:
                self.begin_answering()
                self._read(self.clock.now() + ANSWERING)
        finally:
            meanwhile()
        if not self._answered:
            self.finish(self._answering, "answer")
            self._answered = True

    def play(self, *sounds: Sound) -> Playback:
        """Play sounds one after another, after what is being played already. Doesn't wait: see `PlaybackEnded`."""
        self._alive()
        return self._player.play(sounds)

    def play_again(self, playback: Playback) -> None:
        """Play again, before all that is queued, what a key has stopped that does not count."""
        self._alive()
        self._player.play_again(playback)

    def finish_playing(self) -> None:
        """Wait until all that was queued has been heard, or was stopped. What happens meanwhile is kept for `wait`."""
        while self._player.playing:
            self._alive()
            self._read(None)

    @property
    def playing(self) -> bool:
        """Whether something is being played, or waits to be."""
        return self._player.playing

    def stop_playing(self, key: str | None = None, *, since: float | None = None) -> None:
        """Stop what is being played and drop what is queued to be played (and nothing else that is queued).

        Args:
            key: the key that asks for it; when FreeSWITCH itself stops on that key, nothing is sent.
            since: when the caller pressed it, or said what asks for it: the time until silence is measured.
        """
        by_key = key is not None and self._terminators.stop_at(key)
        if since is not None and self._player.playing and not self._player.stopping:
            self._barge_in.asked("speech" if key is None else "key", since)
        self._player.stop(self.clock.now(), by_key=by_key, since=since)

    def stop_on_keys(self, keys: str) -> None:
        """Let FreeSWITCH itself stop what is played when one of these keys is pressed; empty: none does."""
        if not self._terminators.want(keys):
            return
        self._alive()
        if self._player.playing:
            self._set_terminators()  # else with what is played next: often, others are wanted by then

    def prepare_speech(self) -> None:
        """Start the recogniser, unheard for now. To be done before anything is played: it queues behind a playback."""
        self._open()
        self._report(self._recogniser.prepare())

    def listen(self) -> None:
        """Report speech from now on (as `Heard`)."""
        self._open()
        self._report(self._recogniser.prepare())
        self._recogniser.hear(True)

    def stop_listening(self) -> None:
        """Report no more speech. The recogniser goes on, so that listening again does not wait for a prompt."""
        self._recogniser.hear(False)

    @property
    def speech_ended_at(self) -> float:
        """When somebody last stopped speaking, whether anybody listened or not; minus infinity: not yet."""
        return self._recogniser.ended_at

    @property
    def spoke_at(self) -> float:
        """When somebody was last heard speaking, in the middle of it, whether anybody listened or not."""
        return self._recogniser.partial_at

    def dismiss_recogniser(self) -> None:
        """Stop the recogniser itself (before a hand-off, or for good)."""
        self._open()
        self._recogniser.dismiss()

    def send_dtmf(self, keys: str) -> None:
        """Send keys to the caller's side."""
        self.run("send_dtmf", quoting.dtmf(keys), timeout=5.0 + len(keys))

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable at once, ahead of anything that is queued. An empty value takes it away."""
        self._alive()
        self._set(name, value)

    def sleep(self, seconds: float) -> None:
        """Let time pass; what happens meanwhile is kept for `wait`.

        Raises:
            CallEnded: at once when the call ends.
        """
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            self._alive()
            self._read(until)

    def hang_up(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up, at once, whatever is being played; nothing when the call is over already."""
        if self._ended is not None:
            return
        self._ending = True
        try:
            if not self._player.playing:
                self.execute("hangup", quoting.word(cause))
                self._wait_for_the_end(AT_ONCE)
            # An execute queues behind what is played, also by others, who may even have it dropped.
            self.post(commands.api("uuid_kill", self.uuid, quoting.word(cause)))
            self._wait_for_the_end(HANGING_UP)
        except CallEnded:
            return
        self._over(cause)

    def _wait_for_the_end(self, seconds: float) -> None:
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            with suppress(Interrupted):  # the call is being ended already
                self.sleep(until - self.clock.now())

    # --- handing off ----------------------------------------------------------------------------------------

    def transfer(self, target: str) -> None:
        """Send the caller to an extension: "5000", "5000 XML default". The call is no longer ours afterwards.

        Raises:
            CallFailed: there is no such extension; FreeSWITCH has hung up on the caller.
        """
        self._ending = True
        self.dismiss_recogniser()
        self._let_go()
        self._elsewhere = False
        self.run("transfer", quoting.argument(target))
        # FreeSWITCH accepts any transfer. The extension's first action says that there is one, or the hang-up that not.
        self._take(lambda: self._elsewhere or self._ended is not None, ROUTED)
        if self._ended is not None and self._ended.cause == NO_ROUTE:
            raise CallFailed("transfer", f"the dialplan has no extension {target!r}")
        self._complete = True
        self._over(TRANSFERRED)

    def bridge(self, target: str) -> None:
        """Connect the caller to another leg, and stay until one of them hangs up: the call is over then.

        From the first ring on the two don't need us: when the server stops, or dies, they go on by themselves.

        Args:
            target: a dial string ("user/1000", "sofia/gateway/pstn/4420...").

        Raises:
            CallEnded: the caller has hung up before anybody answered; or the connection was lost.
            CallFailed: nobody answered; the caller is still there.
            Interrupted: before anybody answered; the call is no longer ours.
        """
        self.dismiss_recogniser()
        self._set_terminators()  # somebody else may play something to the caller meanwhile
        theirs = self.link.channel.variable("socket_resume") or ""
        self.set_variable("hangup_after_bridge", "true")
        self.set_variable("continue_on_fail", "true")
        self.set_variable("call_timeout", str(RING_TIMEOUT))
        # Else the end of our connection would tear the caller out of the conversation (measured).
        self.set_variable("socket_resume", "false")
        self._bridged = False
        try:
            self.run("bridge", quoting.argument(target), timeout=24 * 3600.0)
        except Interrupted:
            # Also who still hears it ring: the dialplan goes on with him if nobody answers.
            self._complete = True
            self._over(TRANSFERRED)
            if not self._bridged:
                raise
            return
        except CallEnded as ended:
            if ended.cause == LINK_LOST or not self._talked():
                raise
            return
        if not self._talked():
            self.set_variable("socket_resume", theirs)
            raise CallFailed("bridge", self._failure() or "no answer")

    def _talked(self) -> bool:
        """Whether the caller has been connected to somebody who had answered."""
        taken = self.passed_on
        return self._bridged and (taken or was_answered(self._parting))

    def _failure(self) -> str:
        """Why nobody answered."""
        names = ("bridge_hangup_cause", "originate_disposition")
        if self._parting is None:
            return ""
        return next((why for name in names if (why := self._parting.variable(name))), "")

    def refer(self, uri: str) -> None:
        """Ask the caller's own switch to call somewhere else (SIP REFER; 302 when not answered yet).

        Raises:
            CallEnded: the caller has hung up before.
            CallFailed: it would not, or nobody answered there; FreeSWITCH has hung up on the caller.
        """
        self._ending = True
        self.dismiss_recogniser()
        application = "deflect" if self._answered else "redirect"
        try:
            self.run(application, quoting.argument(uri), timeout=30.0)
        except CallEnded:
            referred = was_referred(self._parting)
            if referred is None:
                raise
            if not referred:
                raise CallFailed("refer", "the caller's telephone did not get there") from None
            return
        self._complete = True
        self._over(REFERRED)
