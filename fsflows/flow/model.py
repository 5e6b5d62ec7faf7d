"""A flow as the rest of the program sees it: typed, checked, immutable, shared by every call that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from fsflows import spoken
from fsflows.collect.spec import Collection, Escape
from fsflows.flow.code import Code

# --- what is heard ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Text for the TTS engine. `{name}` is filled in from `conv.state` (and `{digits}`, `{caller_number}`)."""

    text: str


@dataclass(frozen=True, slots=True)
class Play:
    """A file or a stream that FreeSWITCH's `playback` understands ("tone_stream://...", "welcome.wav").

    `text` is what the file says, for the transcript, the console and the simulated phone.
    """

    path: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class SayDigits:
    """Digits, read one by one; `{name}` as in `Say`."""

    digits: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing to be heard, for a time."""

    seconds: float


PromptPart = Say | Play | SayDigits | Silence
Prompt = tuple[PromptPart, ...]
"""What is played in one go; empty: nothing."""

# --- what happens next ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What to do on an outcome, in this order; at most one of `goto`, `flow`, `handoff`, `hangup`, `exit`."""

    discard_recording: bool = False
    set: Mapping[str, Any] = field(default_factory=dict)
    metric: tuple[str, Any] | None = None
    run: str | None = None
    say: Prompt = ()
    goto: str | None = None
    flow: str | None = None
    handoff: str | None = None
    hangup: str | None = None
    """A hangup cause ("NORMAL_CLEARING"); None: no hang-up."""
    exit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A destination of `handoff`.

    `method`: "transfer" ("5000 XML default"), "bridge" (a dial string) or "refer" (a SIP URI).
    """

    name: str
    method: str
    target: str
    say: Prompt = ()


# --- steps ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The re-prompt ladder.

    Attributes:
        attempts: how often the caller is asked, the first time included.
        no_input, no_match: what is said before the 2nd, 3rd, ... attempt; the last one serves for all that follow.
        repeat_prompt: whether the step's own prompt follows `no_input` and `no_match`.
        keys_only_after: after so many failures, speech is no longer listened to; None: never.
        keys_only: said once when that happens.
        then: what happens when the attempts are used up; None: the outcome's row of `on`, else the step's `next`.
    """

    attempts: int = 3
    no_input: tuple[Prompt, ...] = ()
    no_match: tuple[Prompt, ...] = ()
    repeat_prompt: bool = False
    keys_only_after: int | None = None
    keys_only: Prompt = ()
    then: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        prompt: what is played first.
        collect: what is collected; None: the step only speaks.
        retry: how the caller is asked again.
        confirm_prompt: read back with `{digits}`, or with `{phrase}`: the phrase that was said for them, if it was one;
            empty: the language's own sentence.
        run: transition function, called with every outcome when no row of `on` matches it.
        on: outcome or digits -> action. Digits come before outcomes, exact digits before "complete".
        next: what happens when nothing else said.
        line: where the step stands in its file.
    """

    name: str
    prompt: Prompt = ()
    collect: Collection | None = None
    retry: Retry = field(default_factory=Retry)
    confirm_prompt: Prompt = ()
    run: str | None = None
    on: Mapping[str, Action] = field(default_factory=dict)
    next: Action | None = None
    line: int = 0


# --- a flow -----------------------------------------------------------------------------------------------------

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Whether and how a flow records.

    `start`: "answer", or "step:NAME"; `path`: a template with {uuid}, {flow}, {date}.
    """

    start: str = "answer"
    format: str = "wav"
    stereo: bool = False
    path: str = "{date}/{uuid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A whole flow.

    Attributes:
        name: its name, unique in a flow set.
        version: hash of the YAML and of the functions file.
        functions: the functions of the Python file beside it, by name.
        fallback: what happens after the apology: a hand-off or a hang-up.
        delay: what is said while a function takes longer than `delay_after` seconds, in turn.
        function_timeout: seconds that a function may take.
        on_exit: what `conv.exit_flow()` leads to; None: the call is hung up.
        code: what the text of the functions shows, by name: where they lead.
    """

    name: str
    path: Path
    version: str
    language: str = "en-US"
    voice: Mapping[str, str] = field(default_factory=dict)
    greeting: Prompt = ()
    first_step: str = ""
    steps: Mapping[str, Step] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    start_function: str | None = None
    end_function: str | None = None
    handoffs: Mapping[str, Handoff] = field(default_factory=dict)
    escape: Escape = field(default_factory=Escape)
    escape_action: Action | None = None
    apology: Prompt = ()
    fallback: Action = field(default_factory=lambda: Action(hangup="NORMAL_TEMPORARY_FAILURE"))
    delay: tuple[Prompt, ...] = ()
    delay_after: float = 2.0
    function_timeout: float = 10.0
    recording: Recording | None = None
    on_exit: Action | None = None
    code: Mapping[str, Code] = field(default_factory=dict, repr=False)

    @property
    def sentences(self) -> str:
        """The language of what the flow leaves to us (sentences, digits): its own, or English if it has no grammar."""
        return _sentences(self.language)


@lru_cache(maxsize=64)
def _sentences(language: str) -> str:
    try:
        return spoken.resolve(language)
    except ValueError:
        return "en-US"


FlowSet = Mapping[str, Flow]
"""All flows of a server, by name; `goto_flow` looks here."""
