"""What a collection does, written from the documentation alone: plain, and nothing shared with `fsflows.collect`.

A caller is a list of keys and of words, each with its time in seconds; what comes out is what was played, and how each
step ended. The recogniser is one that never errs: each word is a digit's name, or of a phrase that stands for keys, or
means nothing. Which results belong to the same speech is given, where the collector has to find out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TYPING = 0.3
LONG_AGO = -1000.0
DIGITS = "0123456789"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Confirm:
    accept: str = "1"
    refuse: str = "2"
    timeout: float = 5.0
    asks: int = 2


@dataclass(frozen=True)
class Asr:
    settle: float = 0.375
    patience: float = 2.0  # end_of_speech_timeout
    stall: float = 2.0  # partial_timeout
    hold: float = 15.0
    words: int | None = 1  # barge_in_words


@dataclass(frozen=True)
class Step:
    num: int | None = 4
    least: int = 4
    first: float = 5.0
    between: float = 2.0
    total: float | None = None
    end: str = ""
    clear: str = ""
    letters: bool = False
    barge_in: str = "interrupt"
    type_ahead: str = "keep"
    policy: str = "merge"
    window: float = 0.0625
    values: tuple[str, ...] = ()
    pattern: str | None = None
    escape: str = ""
    attempts: int = 3
    confirm: Confirm | None = None
    asr: Asr | None = None
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()  # keys, and the phrases that stand for them
    before: float = 0.0  # nobody listens, and nothing plays, for so long before it
    prompts: dict[str, float] = field(default_factory=dict)  # kind: seconds

    def collects(self, key: str) -> bool:
        return key in DIGITS + "ABCD" * self.letters or any(key in each for each in self.values)

    def is_right(self, digits: str) -> bool:
        return (
            self.least <= len(digits) <= (self.num or len(digits))
            and (not self.values or digits in self.values)
            and (not self.pattern or re.fullmatch(self.pattern, digits) is not None)
        )

    def names(self, words: list[str]) -> str | None:
        """The keys that phrases among the words stand for; "": they can't be known; None: there are no phrases."""
        found, rest, at = set(), [[]], 0
        known = [(each.split(), keys) for keys, phrases in self.words for each in phrases]
        known.sort(key=lambda each: -len(each[0]))
        while at < len(words):
            one = next((each for each in known if words[at : at + len(each[0])] == each[0]), None)
            if one:
                found.add(one[1])
                rest.append([])
            else:
                rest[-1].append(words[at])
            at += len(one[0]) if one else 1
        if not found:
            return None
        numbers = {said for each in rest if (said := as_digits(each))}
        return found.pop() if len(found) == 1 and numbers <= found else ""

    def means(self, words: list[str]) -> str:
        """The keys that are said."""
        named = self.names(words)
        return as_digits(words) if named is None else named

    def goes_on(self, words: list[str], keys: str) -> bool:
        """Whether the last words begin a longer phrase, of other keys."""
        longer = [
            each.split() for other, phrases in self.words if other != keys for each in phrases
        ]
        tails = [words[at:] for at in range(len(words))]
        return any(each != tail and each[: len(tail)] == tail for each in longer for tail in tails)

    def is_whole(self, digits: str) -> str:
        """How digits end their collection; empty: they don't."""
        if self.num and len(digits) >= self.num:
            return "length"
        longer = any(each != digits and each.startswith(digits) for each in self.values)
        only = digits in self.values and len(digits) >= self.least and not longer
        return "only_value" if only else ""

    def outcome(self, digits: str, how: str, *, spoke: bool) -> str:
        if not digits and how != "end_key":
            return "no_match" if spoke else "no_input"
        if len(digits) < self.least:
            return "too_short"
        if self.num and len(digits) > self.num:
            return "too_long"
        return "complete" if self.is_right(digits) else "no_match"


@dataclass(frozen=True)
class Key:
    time: float
    key: str
    source: str = "RTP"


@dataclass(frozen=True)
class Words:
    """A partial or a final result. `speech` is the same for all results of one utterance."""

    time: float
    text: str
    final: bool
    speech: int


Input = Key | Words
Ending = tuple[str, str, str]  # outcome, digits, how


class Ear:
    """The speech that goes on, and what of it was answered already: see "Between two collections"."""

    def __init__(self) -> None:
        self.forget()
        self.hush()

    def forget(self) -> None:
        self.answered: tuple[int, float, float] = (0, 0.0, LONG_AGO)  # speech, words, until

    def hush(self) -> None:
        """Nobody is speaking."""
        self.new: list[str] = []
        self.speech = self.count = 0
        self.seen_at = self.changed_at = LONG_AGO

    def hear(self, asr: Asr, words: Words) -> list[str]:
        """What is new in a result."""
        all_words = words.text.split()
        speech, count, until = self.answered
        if speech == words.speech and words.time <= until:
            new = all_words[int(min(count, len(all_words))) :]
            self.answered = (speech, count, words.time + asr.stall)
        else:
            new = all_words
            self.forget()
        if words.final:
            self.hush()
            self.forget()
        else:
            self.changed_at = words.time if new != self.new else self.changed_at
            self.seen_at = words.time if new else self.seen_at
            self.new, self.speech, self.count = new, words.speech, len(all_words)
        return new

    def miss(self, step: Step, words: Words) -> None:
        """A result that nobody listened to: the speech goes on, or is over, all the same."""
        self.hear(step.asr or Asr(), words)
        self.hush()

    def answer(self, asr: Asr, now: float, *, and_rest: bool = False) -> None:
        """What was heard so far is done with; the rest only of speech that still goes on."""
        if self.new and not (and_rest and now >= self.seen_at + asr.stall):
            self.answered = (self.speech, 1000 if and_rest else self.count, now + asr.stall)
            self.new = []

    def stood(self, asr: Asr) -> bool:
        """Whether the words were seen twice, far enough apart."""
        return self.seen_at >= self.changed_at + asr.settle


class Silence:
    """Whatever there is to be timed in a collection, or a read-back."""

    def __init__(self, first: float, between: float, asr: Asr, opened: float) -> None:
        self.limits = {"": first, "keys": between, "speech": asr.patience}
        self.asr = asr
        self.opened = opened
        self.progress, self.progress_at = "", LONG_AGO
        self.spoke, self.spoke_at = False, LONG_AGO
        self.digit_at = LONG_AGO  # the last new digit of a partial

    def goes_on(self, source: str, at: float) -> None:
        if at >= self.progress_at:
            self.progress, self.progress_at = source, at

    def talk(self, at: float) -> None:
        self.spoke, self.spoke_at = True, max(self.spoke_at, at)

    def ends(self, prompt_until: float, *, speaking: bool) -> float:
        start = max(self.opened, prompt_until, self.progress_at)
        silence = start + self.limits[self.progress]
        talk = max(start, self.digit_at) + self.asr.hold
        if speaking:
            return max(silence, talk)
        if self.spoke_at > self.progress_at:
            return max(silence, min(self.spoke_at + self.asr.patience, talk))
        return silence


class Reference:
    """One caller, through steps one after the other."""

    def __init__(self, steps: list[Step], inputs: list[Input]) -> None:
        self.inputs = sorted(inputs, key=lambda each: each.time)
        self.steps = steps
        self.now = 0.0
        self.ends: list[tuple[float, str, str, str]] = []
        self.played: list[list] = []  # [from, until, kind], in order
        self.presses: list[tuple[Key, set[str]]] = []  # each with who has reported it
        self.pause = 99.0  # between the last two
        self.heels = False  # an answer has just failed
        self.spare_end, self.spare_until = "", LONG_AGO  # end keys that may follow the last digit
        self.ear = Ear()

    def run(self) -> tuple[list[tuple], list[tuple]]:
        for step in self.steps:
            self.now += step.before
            self.step(step)
        return [tuple(each) for each in self.played], self.ends

    # --- a step ---

    def step(self, step: Step) -> None:
        kind, ending = "prompt", ("", "", "")
        self.corrections = 0
        self.begun = ""  # a digit that the next attempt begins with
        for attempt in range(step.attempts):
            ending = self.attempt(step, kind, attempt > 0)
            if ending[0] in ("complete", "escaped"):
                break
            kind = "no_input" if ending[0] == "no_input" else "no_match"
        self.ends.append((self.now, *ending))

    def attempt(self, step: Step, kind: str, again: bool) -> Ending:
        if (step.type_ahead == "flush" and not self.begun) or (again and self.heels):
            self.flush(step)
        self.play(step, kind)
        if self.begun:
            self.stop(step)
        begun, self.begun = self.begun, ""
        ending = Collecting(self, step, keyed=begun).run()
        self.heels = ending[0] not in ("complete", "escaped", "no_input")
        while ending[0] == "complete" and step.confirm:
            answer, said = self.confirm(step, ending[1])
            if answer == "yes":
                break
            if answer == "escaped":
                return "escaped", ending[1], "escape_key"
            if answer in ("keyed", "said") and self.corrections < step.attempts:
                self.corrections += 1
                more = {answer: said}
                ending = Collecting(self, step, **more).run()
                continue
            self.begun = said if answer == "keyed" else ""
            self.heels = answer == "nothing"
            return "no_match", ending[1], "unconfirmed" if answer == "nothing" else "refused"
        self.heels = ending[0] not in ("complete", "escaped", "no_input")
        return ending

    # --- reading back ---

    def confirm(self, step: Step, digits: str) -> tuple[str, str]:
        asr, confirm = step.asr or Asr(), step.confirm
        assert confirm is not None
        for ask in range(confirm.asks):
            self.flush(step)
            self.play(step, "again" if ask else "read_back")
            self.drop_words(step)
            silence = Silence(confirm.timeout, step.between, asr, self.now)
            typing = True
            self.ear.hush()
            while True:
                given = self.reply(step, digits, silence, typing)
                if isinstance(given, bool):
                    typing = given
                    continue
                self.ear.answer(asr, self.now, and_rest=True)
                if given is None:
                    break
                return given
        return "nothing", ""

    def reply(self, step, digits, silence, typing):
        """The next thing that happens: an answer; None: time is up; else whether the caller still types."""
        asr, ear = silence.asr, self.ear
        due = silence.ends(self.playing_until, speaking=bool(ear.new))
        stalls = ear.seen_at + asr.stall if ear.new else due + 1
        given = self.before(min(due, stalls))
        if given is None and stalls <= due:
            said, stood = ear.new, ear.stood(asr)
            if stood:
                ear.answer(asr, self.now)
                return self.spoken(step, digits, said, silence) or typing
            silence.spoke_at = max(silence.spoke_at, ear.seen_at)
            ear.hush()
            ear.forget()
            return typing
        if given is None:
            return None
        if isinstance(given, Words):
            if step.asr is None:
                return typing
            new = ear.hear(asr, given)
            if new:
                self.talk_over(step, given.text.split() if not given.final else new)
            return (given.final and new and self.spoken(step, digits, new, silence)) or typing
        if not self.is_new(step, given):
            return typing
        typing = typing and self.pause < TYPING
        if self.is_spare(given) or (self.playing() and step.barge_in == "ignore"):
            return typing
        key, confirm = given.key, step.confirm
        meanings = {
            "yes": confirm.accept,
            "refused": confirm.refuse + step.clear,
            "escaped": step.escape,
            "keyed": key if step.collects(key) else "",
        }
        answer = next((each for each, keys in meanings.items() if key in keys), None)
        if answer is None or (typing and key not in step.clear):
            return typing
        self.stop(None if answer == "escaped" else step)
        self.spare_end = ""
        if answer != "escaped" and key not in step.end:
            self.spare(step)
        return answer, key

    def spoken(self, step, digits, words, silence):
        named = step.names(words)
        said = as_digits(words) if named is None else named
        if step.is_right(said) and said:
            return ("yes", "") if said == digits else ("said", " ".join(words))
        if named is not None:
            silence.talk(self.now)
            return None
        if words == ["yes"] or (said and said == step.confirm.accept):
            return "yes", ""
        if words == ["incorrect"] or (said and said == step.confirm.refuse):
            return "refused", ""
        silence.talk(self.now)
        return None

    # --- the world ---

    def play(self, step: Step, kind: str) -> None:
        """Behind what plays already."""
        if length := step.prompts.get(kind, 0.0):
            begins = max(self.now, self.playing_until)
            self.played.append([begins, begins + length, kind])

    @property
    def playing_until(self) -> float:
        return self.played[-1][1] if self.played else LONG_AGO

    def playing(self) -> bool:
        return self.now < self.playing_until

    def stop(self, step: Step | None = None) -> None:
        """What plays, and all that waits behind it."""
        if step is None or step.barge_in == "interrupt":
            self.played = [each for each in self.played if each[0] < self.now]
            for each in self.played:
                each[1] = min(each[1], self.now)

    def talk_over(self, step: Step, words: list[str]) -> None:
        if step.asr and step.asr.words is not None and len(words) >= step.asr.words:
            self.stop()

    def flush(self, step: Step) -> None:
        while self.inputs and self.inputs[0].time <= self.now:
            given = self.inputs.pop(0)
            if isinstance(given, Key):
                self.is_new(step, given)
            else:
                self.ear.miss(step, given)

    def drop_words(self, step: Step) -> None:
        """Nobody has listened."""
        earlier = [each for each in self.inputs if each.time <= self.now]
        for each in earlier:
            if isinstance(each, Words):
                self.ear.miss(step, each)
        keys = [each for each in earlier if isinstance(each, Key)]
        self.inputs = keys + self.inputs[len(earlier) :]

    def before(self, deadline: float) -> Input | None:
        """What happens next, or None when the deadline comes first (it does when both come together)."""
        if not self.inputs or self.inputs[0].time >= max(deadline, self.now):
            if self.inputs and self.inputs[0].time <= self.now < deadline:
                return self.inputs.pop(0)
            self.now = max(self.now, deadline)
            return None
        given = self.inputs.pop(0)
        self.now = max(self.now, given.time)
        return given

    def is_new(self, step: Step, report: Key) -> bool:
        """Whether a report of a key is a press of its own, and not RTP's and in-band detection's of the same one."""
        for press, sources in self.presses:
            known = press.key == report.key and report.source not in sources
            if known and report.time - press.time <= step.window:
                sources.add(report.source)
                return False
        self.pause = report.time - self.presses[-1][0].time if self.presses else 99.0
        self.presses.append((report, {report.source}))
        return True

    def goes_on(self) -> bool:
        """Whether the last press still belongs to the answer that has just failed."""
        self.heels = self.heels and self.pause < TYPING
        return self.heels

    def spare(self, step: Step) -> None:
        self.spare_end, self.spare_until = step.end, self.now + step.between

    def is_spare(self, press: Key) -> bool:
        """Whether it is the end key of the answer before, still pressed though its last digit has ended that."""
        if press.key not in self.spare_end or press.time > self.spare_until:
            return False
        self.spare_end = ""
        return True


class Collecting:
    """One attempt at the digits."""

    def __init__(self, world: Reference, step: Step, keyed: str = "", said: str = "") -> None:
        self.world, self.step, self.asr = world, step, step.asr or Asr()
        self.opened = world.now
        self.silence = Silence(step.first, step.between, self.asr, self.opened)
        self.parts: list[str] = []
        self.first = ""  # what the first digit came from: "keys" or "speech"
        self.place: int | None = None  # where the digits that are being said will stand
        self.ended_by_key_at: float | None = None  # an end key, while the caller was speaking
        self.ending: Ending | None = None
        world.ear.hush()
        world.drop_words(step)
        if keyed:
            world.spare_end = ""
            self.count(keyed)
        if said:
            self.put(said.split(), world.now)
            self.end_if_whole(said.split())

    @property
    def digits(self) -> str:
        return "".join(self.parts)

    @property
    def listens(self) -> bool:
        return self.step.asr is not None and (self.step.policy == "merge" or self.first != "keys")

    @property
    def heard(self) -> list[str]:
        """What is being said, and counts."""
        return self.world.ear.new if self.listens else []

    def run(self) -> Ending:
        while self.ending is None:
            self.next()
        return self.ending

    def next(self) -> None:
        ear, asr, world = self.world.ear, self.asr, self.world
        timers = []
        if self.step.total is not None:
            timers.append((self.opened + self.step.total, 0, self.total))
        if self.heard and (self.ended_by_key_at is not None or self.would_be_whole()):
            if self.ended_by_key_at is None:
                settled = max(ear.changed_at, self.silence.progress_at) + asr.settle
            else:
                settled = max(ear.changed_at, self.ended_by_key_at) + asr.settle
                settled = min(settled, self.ended_by_key_at + asr.stall)
            if self.ended_by_key_at is None or self.means(self.heard):
                timers.append((settled, 1, self.settled))
        if self.heard:
            timers.append((ear.seen_at + asr.stall, 2, self.stalled))
        speaking = bool(self.heard)
        timers.append((self.silence.ends(world.playing_until, speaking=speaking), 3, self.silent))
        due, _, what = min(timers, key=lambda each: each[:2])
        given = world.before(due)
        if given is None:
            what()
        elif isinstance(given, Key):
            self.key(given)
        elif self.step.asr is not None:
            self.words(given)

    # --- time ---

    def total(self) -> None:
        self.believe(self.world.now)
        self.end("collection_timeout")

    def settled(self) -> None:
        self.believe(self.world.now)
        self.end("settled_partial" if self.ended_by_key_at is None else "end_key")

    def stalled(self) -> None:
        ear = self.world.ear
        if ear.stood(self.asr):
            words = self.heard
            self.believe(ear.seen_at)
            if self.ended_by_key_at is None:
                self.end_if_whole(words)
        else:
            self.silence.spoke_at = max(self.silence.spoke_at, ear.seen_at)
            ear.hush()
            ear.forget()
            self.place = None
        self.end_if_awaited()

    def silent(self) -> None:
        if self.heard:
            self.stalled()
            self.silence.spoke = True
        if self.ending is None:
            nothing = "end_of_speech" if self.silence.spoke else "first_digit_timeout"
            hows = {"": nothing, "keys": "inter_digit_timeout", "speech": "end_of_speech"}
            self.end(hows[self.silence.progress])

    # --- keys ---

    def key(self, given: Key) -> None:
        world, step, key = self.world, self.step, given.key
        if not world.is_new(step, given):
            return
        if self.ended_by_key_at is not None:
            world.inputs.insert(0, given)
            self.believe(world.now)
            self.end("end_key")
            return
        if world.playing() and step.barge_in == "ignore" and given.time > self.opened:
            return
        if world.goes_on():
            return
        if not self.digits and world.is_spare(given):
            return
        escapes = key in step.escape and not self.tentative()
        if not escapes and key not in step.end + step.clear and not step.collects(key):
            return
        named = key in step.end + step.clear
        if step.policy == "first_wins" and self.first == "speech" and not (escapes or named):
            return
        world.spare_end = ""
        world.stop(None if escapes else step)
        if escapes:
            self.end("escape_key")
        elif key in step.end:
            self.end_key()
        elif key in step.clear:
            self.cleared()
        else:
            self.count(key)

    def end_key(self) -> None:
        if not self.means(self.heard):
            self.end("end_key")
        elif self.would_be_whole():
            self.believe(self.world.now)
            self.end("end_key")
        else:
            self.ended_by_key_at = self.world.now

    def cleared(self) -> None:
        self.world.ear.answer(self.asr, self.world.now)
        self.parts, self.place = [], None
        if (self.step.policy, self.first) != ("keys_win", "keys"):
            self.first = ""
        self.silence.spoke = False
        self.silence.goes_on("", self.world.now)

    def count(self, key: str) -> None:
        if self.step.policy != "merge" and self.first != "keys":
            self.world.ear.answer(self.asr, self.world.now)
            self.parts, self.place = [], None
        self.first = self.first or "keys"
        if self.step.policy == "keys_win":
            self.first = "keys"
        self.parts.append(key)
        self.silence.goes_on("keys", self.world.now)
        self.end_if_whole()

    # --- speech ---

    def words(self, given: Words) -> None:
        ear, world = self.world.ear, self.world
        before = self.tentative() if self.means(self.heard) else ""
        new = ear.hear(self.asr, given)
        if not self.listens:
            return
        if new:
            world.talk_over(self.step, new)
        said = self.means(new)
        if not given.final:
            if said and self.place is None:
                self.place = len(self.parts)
            if new and (self.tentative() if said else "") != before:
                self.silence.digit_at = world.now
            return
        if said:
            self.put(new, world.now)
            if self.ended_by_key_at is None:
                self.end_if_whole(new)
        elif new:
            self.silence.talk(world.now)
        self.place = None
        self.end_if_awaited()

    def tentative(self) -> str:
        """The digits, if what is being said is to stand."""
        said = self.means(self.heard)
        return "".join(self.with_said(self.heard)) if said else self.digits

    def means(self, words: list[str]) -> str:
        return self.step.means(words)

    def would_be_whole(self) -> bool:
        exact = self.step.num is not None and self.step.num == self.step.least
        digits = self.tentative()
        whole = bool(self.means(self.heard)) and self.step.is_right(digits)
        return exact and whole and not self.step.goes_on(self.heard, digits)

    def with_said(self, words: list[str]) -> list[str]:
        said = self.means(words)
        place = len(self.parts) if self.place is None else self.place
        if self.step.names(words):  # a whole answer
            return [said, *self.parts[place:]]
        parts = [*self.parts[:place], said, *self.parts[place:]]
        too_long = self.step.num is not None and len(self.digits + said) > self.step.num
        again = self.digits and said.startswith(self.digits) and self.step.is_right(said)
        return [said] if too_long and again else parts

    def put(self, words: list[str], at: float) -> None:
        self.parts = self.with_said(words)
        self.place = None
        self.first = self.first or "speech"
        self.silence.goes_on("speech", at)

    def believe(self, at: float) -> None:
        """What is being said stands."""
        ear = self.world.ear
        if not self.heard:
            return
        words, said = self.heard, self.means(self.heard)
        ear.answer(self.asr, self.world.now)
        if said:
            self.put(words, at)
        else:
            self.silence.talk(at)

    # --- its end ---

    def end_if_whole(self, words: list[str] | None = None) -> None:
        """`words`: what was said last. A phrase is a whole answer, though the step could take more."""
        named = self.step.names(words or []) if self.step.num != self.step.least else None
        if named and named == self.digits:
            self.end("end_word")
        elif how := self.step.is_whole(self.digits):
            self.end(how)

    def end_if_awaited(self) -> None:
        if self.ending is None and self.ended_by_key_at is not None:
            self.end("end_key")

    def end(self, how: str) -> None:
        digits = self.digits
        outcome = self.step.outcome(digits, how, spoke=self.silence.spoke)
        self.ending = ("escaped" if how == "escape_key" else outcome, digits, how)
        self.world.ear.answer(self.asr, self.world.now, and_rest=True)
        if digits and how not in ("end_key", "escape_key"):
            self.world.spare(self.step)


def as_digits(words: list[str]) -> str:
    """Not of a sentence with a number in it."""
    numbers = [word for word in words if word in NAMES]
    others = len(words) - len(numbers)
    if others and len(numbers) < max(3, 2 * others):
        return ""
    return "".join(str(NAMES.index(word)) for word in numbers)
