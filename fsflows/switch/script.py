"""What a caller does, as a page to read: the script files of `fsflows call --script` and `fsflows test`.

One step a line; blank lines and lines that begin with ``#`` are skipped. A text in quotes may be followed by options;
a text without quotes goes to the end of its line. Times are seconds.

Who calls (before the first step; all may be left out)::

    from "Ann Example" 15551234567      the caller's name (may be left out) and number
    to 7001                             the number that is called
    header X-Account: 42                a SIP header of the caller's
    set language=en                     a channel variable, as the dialplan sets it

or, of a call that we make, whom we call::

    dialled +44 20 7946 0018            the number; whoever answers there is the script's caller
    state customer=4711                 what `--set` gives it: a first value of `conv.state`, a text
    from "Harbour Books" 442079460000   what is shown to them: dialling.caller_name, dialling.caller_number
    machine hang_up                     as dialling.machine: an answering machine is hung up on

What the caller does::

    wait 1.5                            do nothing for so long
    wait start                          until something is played
    wait end                            until what is played has ended (when nothing is, until the next has)
    wait quiet 0.5                      until nothing has been played for so long (default 0.5)
    hear press 1                        until these words have been spoken, or a file of such a name has begun
    hear "press 1" within 10            at most so long (default 30; so for `wait start`, `wait end`, `wait quiet`)
    press 123#                          press keys
    press 1234 gap 0.5 hold 0.2         pauses between them (default 0.2), each held for so long (default 0.1)
    press 5 inband 0.03                 each is reported by in-band detection as well, so much later
    say five five five one two          say something; the recogniser understands it
    say "yes" confidence 0.4            it is not so sure
    say "five" confidence 0.6 or "nine" confidence 0.4      its best guess, and its other guesses
    say "one two" word 0.5 endpoint 1   seconds for a word (0.2), and of silence until it takes it for finished (0.4)
    meanwhile say "one two"             begin to say (or press) it, and go on with the next line at once
    recogniser dies                     what happens to it: closes, dies, garbles (sends no JSON), down, up
    hangup                              hang up

What must be so (checked by whoever runs the script)::

    expect digits 5551234567
    expect not heard "goodbye"
    expect failed look_up               this function failed; without such a line, that fails the script

A script that waits in vain for something hangs up, and its line is what is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from fsflows.switch.profile import CallProfile
from fsflows.switch.script_call import ABOUT_THE_CALL, AboutTheCall, Dialled
from fsflows.switch.script_line import Wrong, number_of, options_of, seconds_of, text_of, words_of
from fsflows.switch.script_words import EXPECTED, VERBS, instead
from fsflows.switch.speech import MISHAPS
from fsflows.switch.steps import (
    ENDPOINT,
    GAP,
    HOLD,
    KEYS,
    PATIENCE,
    WORD,
    Expect,
    HangUp,
    Hear,
    Mishap,
    Press,
    Say,
    Step,
    Utterance,
    Wait,
    WaitForEnd,
    WaitForQuiet,
    WaitForStart,
)


class ScriptError(ValueError):
    """A script that cannot be understood.

    Attributes:
        problems: each as `file:line: what, and what to write instead`.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A caller's script.

    Attributes:
        name: the file's name, for messages.
        profile: who calls whom.
        dialled: whom we call, in a call that we make; None: it comes in.
        steps: what the caller does, `Expect`s among them.
    """

    name: str
    profile: CallProfile = field(default_factory=CallProfile)
    dialled: Dialled | None = None
    steps: tuple[Step, ...] = ()

    @property
    def expectations(self) -> tuple[Expect, ...]:
        """What must be so, in the order of the file."""
        return tuple(step for step in self.steps if isinstance(step, Expect))

    @property
    def has_scores(self) -> bool:
        """Whether it says how sure the recogniser is of something, or what else it may have been."""
        said = [step.heard_as for step in self.steps if isinstance(step, Say)]
        return any(len(each) > 1 or each[0].confidence is not None for each in said)

    def where(self, step: Step) -> str:
        """`file:line` of a step."""
        return f"{self.name}:{step.line}"


def parse_script(
    text: str, name: str = "script", expectations: Collection[str] | None = None
) -> Script:
    """Read a script.

    Args:
        text: the file's contents.
        name: the file's name, for messages.
        expectations: the words that may follow `expect`; ``None``: any.

    Raises:
        ScriptError: with everything that is wrong with it.
    """
    return _Parser(name, expectations).parse(text)


class _Parser:
    def __init__(self, name: str, expectations: Collection[str] | None) -> None:
        self._name = name
        self._expectations = expectations
        self._about = AboutTheCall()
        self._steps: list[Step] = []

    def parse(self, text: str) -> Script:
        problems: list[tuple[int, str]] = []
        for number, line in enumerate(text.splitlines(), 1):
            bare = line.strip()
            if not bare or bare.startswith("#"):
                continue
            try:
                self._line(bare, number)
            except Wrong as wrong:
                problems.append((number, str(wrong)))
        told = {line for line, _ in problems}
        problems += [each for each in self._about.contradictions() if each[0] not in told]
        if problems:
            raise ScriptError([f"{self._name}:{line}: {what}" for line, what in sorted(problems)])
        about = self._about
        return Script(
            name=self._name,
            profile=about.profile,
            dialled=about.dialled,
            steps=tuple(self._steps),
        )

    def _line(self, line: str, number: int) -> None:
        verb, _, rest = line.partition(" ")
        rest = rest.strip()
        if verb in ABOUT_THE_CALL:
            if self._steps:
                raise Wrong(f"{verb!r} belongs before the first step")
            self._about.take(verb, rest, number)
            return
        read = STEPS.get(verb)
        if read is None:
            known = (*ABOUT_THE_CALL, *STEPS)
            raise Wrong(f"there is no step {verb!r}; {instead(verb, known, VERBS)}")
        step = read(rest, number)
        if isinstance(step, Expect):
            self._check(step)
        self._steps.append(step)

    def _check(self, step: Expect) -> None:
        kind = step.words[0]
        if self._expectations is not None and kind not in self._expectations:
            hint = instead(kind, sorted(self._expectations), EXPECTED)
            raise Wrong(f"nothing is known of {kind!r} to expect; {hint}")


def _wait(rest: str, line: int) -> Step:
    words = words_of(rest)
    if not words:
        raise Wrong("how long? write: wait 1.5, wait start, wait end or wait quiet")
    kind = words[0][0]
    if kind == "start":
        return WaitForStart(line=line, **options_of(words[1:], within=PATIENCE))
    if kind == "end":
        return WaitForEnd(line=line, **options_of(words[1:], within=PATIENCE))
    if kind == "quiet":
        rest_of = words[1:]
        seconds = 0.5
        if rest_of and rest_of[0][0] != "within":
            seconds = seconds_of(rest_of.pop(0)[0])
        return WaitForQuiet(line=line, seconds=seconds, **options_of(rest_of, within=PATIENCE))
    if len(words) > 1:
        raise Wrong("write: wait 1.5, wait start, wait end or wait quiet")
    return Wait(line=line, seconds=seconds_of(kind))


def _hear(rest: str, line: int) -> Step:
    text, options = text_of(rest, "hear what? write: hear press 1", "within")
    return Hear(line=line, text=text, **options_of(options, within=PATIENCE))


def _press(rest: str, line: int) -> Step:
    words = [word for word, _ in words_of(rest)]
    keys = ""
    while words and words[0] not in {"gap", "hold", "inband"}:
        keys += words.pop(0).upper()
    wrong = "".join(sorted(set(keys) - set(KEYS)))
    if not keys or wrong:
        what = f"{wrong!r} is no key" if wrong else "press what?"
        raise Wrong(f"{what}; keys are 0-9, *, # and A-D")
    options = options_of([(word, False) for word in words], gap=GAP, hold=HOLD, inband=-1.0)
    return Press(
        line=line,
        keys=keys,
        gap=options["gap"],
        hold=options["hold"],
        inband=None if options["inband"] < 0 else options["inband"],
    )


def _say(rest: str, line: int) -> Step:
    options = ("confidence", "word", "endpoint")
    text, words = text_of(rest, "say what? write: say five five five", *options)
    guesses: list[Utterance] = []
    while True:
        confidence = None
        if words and words[0][0] == "confidence":
            confidence = number_of(words[1][0] if len(words) > 1 else "", "a confidence")
            if not 0 <= confidence <= 1:
                raise Wrong(f"a confidence is between 0 and 1, not {confidence:g}")
            words = words[2:]
        guesses.append(Utterance(text=text, confidence=confidence))
        if not words or words[0][0] != "or":
            break
        if len(words) < 2 or not words[1][1]:
            raise Wrong('another guess is in quotes: say "five" or "nine"')
        text, words = words[1][0], words[2:]
    times = options_of(words, word=WORD, endpoint=ENDPOINT)
    return Say(line=line, heard_as=tuple(guesses), word=times["word"], endpoint=times["endpoint"])


def _meanwhile(rest: str, line: int) -> Step:
    verb, _, rest = rest.partition(" ")
    if verb not in {"press", "say"}:
        raise Wrong("meanwhile what? write: meanwhile say one two, or meanwhile press 1")
    step = STEPS[verb](rest.strip(), line)
    assert isinstance(step, Press | Say)
    return replace(step, meanwhile=True)


def _recogniser(rest: str, line: int) -> Step:
    if rest not in MISHAPS:
        raise Wrong(f"what happens to it? write: recogniser {' or '.join(MISHAPS)}")
    return Mishap(line=line, what=rest)


def _hangup(rest: str, line: int) -> Step:
    if rest:
        raise Wrong("hangup stands alone on its line")
    return HangUp(line=line)


def _expect(rest: str, line: int) -> Step:
    words = [word for word, _ in words_of(rest)]
    negated = bool(words) and words[0] == "not"
    if negated:
        words.pop(0)
    if not words:
        raise Wrong("expect what? write: expect digits 123")
    return Expect(line=line, words=tuple(words), negated=negated)


STEPS: dict[str, Callable[[str, int], Step]] = {
    "wait": _wait,
    "hear": _hear,
    "press": _press,
    "say": _say,
    "meanwhile": _meanwhile,
    "recogniser": _recogniser,
    "hangup": _hangup,
    "expect": _expect,
}
