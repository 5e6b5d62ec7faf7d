"""What a caller does, as a page to read: the script files of `fsflows call --script` and `fsflows test`.

One step a line; blank lines and lines that begin with ``#`` are skipped. A text in quotes may be followed by options;
a text without quotes goes to the end of its line. Times are seconds.

Who calls (before the first step)::

    from "Ann Example" 15551234567      the caller's name (may be left out) and number
    to 7001                             the number that is called
    header X-Account: 42                a SIP header of the caller's
    set language=en                     a channel variable, as the dialplan sets it

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

import math
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from fsflows.switch.caller import (
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
from fsflows.switch.profile import CallProfile
from fsflows.switch.script_words import EXPECTED, VERBS, instead, without_unit
from fsflows.switch.speech import MISHAPS

MAX_SECONDS = 600.0
"""The longest any time in a script may be: a larger number is milliseconds taken for seconds."""


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
        steps: what the caller does, `Expect`s among them.
    """

    name: str
    profile: CallProfile = field(default_factory=CallProfile)
    steps: tuple[Step, ...] = ()

    @property
    def expectations(self) -> tuple[Expect, ...]:
        """What must be so, in the order of the file."""
        return tuple(step for step in self.steps if isinstance(step, Expect))

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


class _Wrong(Exception):
    """What is wrong with a line."""


_Words = list[tuple[str, bool]]
"""The words of a line, each with whether it was quoted."""


class _Parser:
    def __init__(self, name: str, expectations: Collection[str] | None) -> None:
        self._name = name
        self._expectations = expectations
        self._profile: dict[str, str] = {}
        self._headers: dict[str, str] = {}
        self._variables: dict[str, str] = {}
        self._steps: list[Step] = []

    def parse(self, text: str) -> Script:
        problems = []
        for number, line in enumerate(text.splitlines(), 1):
            bare = line.strip()
            if not bare or bare.startswith("#"):
                continue
            try:
                self._line(bare, number)
            except _Wrong as wrong:
                problems.append(f"{self._name}:{number}: {wrong}")
        if problems:
            raise ScriptError(problems)
        profile = CallProfile(
            **self._profile,  # type: ignore[arg-type]
            sip_headers=self._headers,
            variables=self._variables,
        )
        return Script(name=self._name, profile=profile, steps=tuple(self._steps))

    def _line(self, line: str, number: int) -> None:
        verb, _, rest = line.partition(" ")
        rest = rest.strip()
        if verb in _ABOUT_THE_CALL:
            if self._steps:
                raise _Wrong(f"{verb!r} belongs before the first step")
            self._about_the_call(verb, rest)
            return
        read = _STEPS.get(verb)
        if read is None:
            known = (*_ABOUT_THE_CALL, *_STEPS)
            raise _Wrong(f"there is no step {verb!r}; {instead(verb, known, VERBS)}")
        step = read(rest, number)
        if isinstance(step, Expect):
            self._check(step)
        self._steps.append(step)

    def _check(self, step: Expect) -> None:
        kind = step.words[0]
        if self._expectations is not None and kind not in self._expectations:
            hint = instead(kind, sorted(self._expectations), EXPECTED)
            raise _Wrong(f"nothing is known of {kind!r} to expect; {hint}")

    def _about_the_call(self, verb: str, rest: str) -> None:
        words = _words(rest)
        if verb == "from":
            if not 1 <= len(words) <= 2:
                raise _Wrong('write: from "Ann Example" 15551234567')
            self._profile["caller_number"] = words[-1][0]
            if len(words) == 2:
                self._profile["caller_name"] = words[0][0]
        elif verb == "to":
            if len(words) != 1:
                raise _Wrong("write: to 7001")
            self._profile["destination"] = words[0][0]
        else:
            mark, into = (":", self._headers) if verb == "header" else ("=", self._variables)
            name, found, value = rest.partition(mark)
            if not found or not name.strip() or " " in name.strip():
                raise _Wrong(
                    "write: header X-Name: value" if mark == ":" else "write: set name=value"
                )
            into[name.strip()] = value.strip()


_ABOUT_THE_CALL = ("from", "to", "header", "set")


def _wait(rest: str, line: int) -> Step:
    words = _words(rest)
    if not words:
        raise _Wrong("how long? write: wait 1.5, wait start, wait end or wait quiet")
    kind = words[0][0]
    if kind == "start":
        return WaitForStart(line=line, **_options(words[1:], within=PATIENCE))
    if kind == "end":
        return WaitForEnd(line=line, **_options(words[1:], within=PATIENCE))
    if kind == "quiet":
        rest_of = words[1:]
        seconds = 0.5
        if rest_of and rest_of[0][0] != "within":
            seconds = _seconds(rest_of.pop(0)[0])
        return WaitForQuiet(line=line, seconds=seconds, **_options(rest_of, within=PATIENCE))
    if len(words) > 1:
        raise _Wrong("write: wait 1.5, wait start, wait end or wait quiet")
    return Wait(line=line, seconds=_seconds(kind))


def _hear(rest: str, line: int) -> Step:
    text, options = _text(rest, "hear what? write: hear press 1", "within")
    return Hear(line=line, text=text, **_options(options, within=PATIENCE))


def _press(rest: str, line: int) -> Step:
    words = [word for word, _ in _words(rest)]
    keys = ""
    while words and words[0] not in {"gap", "hold", "inband"}:
        keys += words.pop(0).upper()
    wrong = "".join(sorted(set(keys) - set(KEYS)))
    if not keys or wrong:
        what = f"{wrong!r} is no key" if wrong else "press what?"
        raise _Wrong(f"{what}; keys are 0-9, *, # and A-D")
    options = _options([(word, False) for word in words], gap=GAP, hold=HOLD, inband=-1.0)
    return Press(
        line=line,
        keys=keys,
        gap=options["gap"],
        hold=options["hold"],
        inband=None if options["inband"] < 0 else options["inband"],
    )


def _say(rest: str, line: int) -> Step:
    options = ("confidence", "word", "endpoint")
    text, words = _text(rest, "say what? write: say five five five", *options)
    guesses: list[Utterance] = []
    while True:
        confidence = 1.0
        if words and words[0][0] == "confidence":
            confidence = _number(words[1][0] if len(words) > 1 else "", "a confidence")
            if not 0 <= confidence <= 1:
                raise _Wrong(f"a confidence is between 0 and 1, not {confidence:g}")
            words = words[2:]
        guesses.append(Utterance(text=text, confidence=confidence))
        if not words or words[0][0] != "or":
            break
        if len(words) < 2 or not words[1][1]:
            raise _Wrong('another guess is in quotes: say "five" or "nine"')
        text, words = words[1][0], words[2:]
    times = _options(words, word=WORD, endpoint=ENDPOINT)
    return Say(line=line, heard_as=tuple(guesses), word=times["word"], endpoint=times["endpoint"])


def _meanwhile(rest: str, line: int) -> Step:
    verb, _, rest = rest.partition(" ")
    if verb not in {"press", "say"}:
        raise _Wrong("meanwhile what? write: meanwhile say one two, or meanwhile press 1")
    step = _STEPS[verb](rest.strip(), line)
    assert isinstance(step, Press | Say)
    return replace(step, meanwhile=True)


def _recogniser(rest: str, line: int) -> Step:
    if rest not in MISHAPS:
        raise _Wrong(f"what happens to it? write: recogniser {' or '.join(MISHAPS)}")
    return Mishap(line=line, what=rest)


def _hangup(rest: str, line: int) -> Step:
    if rest:
        raise _Wrong("hangup stands alone on its line")
    return HangUp(line=line)


def _expect(rest: str, line: int) -> Step:
    words = [word for word, _ in _words(rest)]
    negated = bool(words) and words[0] == "not"
    if negated:
        words.pop(0)
    if not words:
        raise _Wrong("expect what? write: expect digits 123")
    return Expect(line=line, words=tuple(words), negated=negated)


_STEPS: dict[str, Callable[[str, int], Step]] = {
    "wait": _wait,
    "hear": _hear,
    "press": _press,
    "say": _say,
    "meanwhile": _meanwhile,
    "recogniser": _recogniser,
    "hangup": _hangup,
    "expect": _expect,
}


def _words(text: str) -> _Words:
    return list(_split(text))


def _split(text: str) -> Iterator[tuple[str, bool]]:
    rest = text.strip()
    while rest:
        if rest[0] == '"':
            found = re.match(r'"((?:[^"\\]|\\.)*)"(?:\s+|$)', rest)
            if found is None:
                raise _Wrong('a quotation mark " has no end, or no blank behind its end')
            yield re.sub(r"\\(.)", r"\1", found[1]), True
            rest = rest[found.end() :]
        else:
            word, _, rest = rest.partition(" ")
            yield word, False
            rest = rest.lstrip()


def _text(rest: str, missing: str, *options: str) -> tuple[str, _Words]:
    """A text, and the options behind it when it is quoted."""
    if rest.startswith('"'):
        words = _words(rest)
        text, words = words[0][0], words[1:]
    else:
        text, words = rest, []
        found = re.search(rf"\s({'|'.join(options)})\s+[\d.]+$", text)
        if found is not None:
            # Without this, an option would quietly become part of the text.
            raise _Wrong(
                f'with {found[1]!r} behind it, the text goes in quotes: "{text[: found.start()]}"'
            )
    if not text.strip():
        raise _Wrong(missing)
    return text, words


def _options(words: _Words, **defaults: float) -> dict[str, float]:
    """`name seconds` pairs."""
    options = dict(defaults)
    for place in range(0, len(words), 2):
        name = words[place][0]
        if name not in defaults:
            known = " or ".join(defaults)
            raise _Wrong(f"{name!r} is not understood here; there may be {known} and seconds")
        options[name] = _seconds(words[place + 1][0] if place + 1 < len(words) else "")
    return options


def _seconds(text: str) -> float:
    number = _number(text, "a number of seconds")
    if not 0 <= number <= MAX_SECONDS:
        raise _Wrong(f"seconds are between 0 and {MAX_SECONDS:g}, not {number:g}")
    return number


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _Wrong(
            f"{text!r} is not {what}{without_unit(text)}" if text else f"{what} is missing"
        )
    return number
