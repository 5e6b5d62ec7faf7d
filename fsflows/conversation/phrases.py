"""What is said around a collection: the flow author's words, and where there are none the language's own sentences."""

from __future__ import annotations

from dataclasses import dataclass

from fsflows import spoken
from fsflows.collect import todo as ladder
from fsflows.collect.spec import Collection
from fsflows.flow.model import Prompt, Retry, Say, Step


@dataclass(frozen=True, slots=True)
class Question:
    """A collection, and what is said around it."""

    step: Step
    spec: Collection
    retry: Retry
    prompt: Prompt


def prompt_for(question: Question, todo: ladder.Prompt, language: str) -> Prompt:
    """The prompt that a dialogue asks for."""
    kinds = ladder.PromptKind
    if todo.kind is kinds.FIRST:
        return question.prompt
    if todo.kind is kinds.CONFIRM:
        return question.step.confirm_prompt or _confirm(question.spec, language)
    if todo.say:
        return (Say(literal(todo.say)),)
    if todo.kind is kinds.KEYS_ONLY:
        keypad = Say(spoken.phrases(language)["keypad"])
        return question.retry.keys_only or (keypad, *question.step.prompt)
    return _reprompt(question.step, todo.kind, todo.attempt, language)


def values(todo: ladder.Prompt) -> dict[str, object]:
    """The values of a prompt's placeholders that only the dialogue knows."""
    read = todo.read_back
    return {"digits": read.words, "phrase": read.phrase} if read is not None else {}


def _reprompt(step: Step, kind: str, attempt: int, language: str) -> Prompt:
    """What is said before the caller is asked again.

    The second attempt gets the first of the author's prompts, and the last of them serves for all further ones.
    Without any: a sentence of the language, and the step's own prompt (or the language's) again.
    """
    own = step.retry.no_input if kind == "no_input" else step.retry.no_match
    if own:
        said = own[min(attempt - 2, len(own) - 1)]
        return (*said, *step.prompt) if step.retry.repeat_prompt else said
    words = spoken.phrases(language)
    sorry = Say(words["no_input" if kind == "no_input" else "no_match"])
    return (sorry, *(step.prompt or (Say(words["ask"]),)))


def _confirm(spec: Collection, language: str) -> Prompt:
    words = spoken.phrases(language)
    keys = words["confirm_keys"].format(
        accept=min(spec.confirmation.accept_keys, default=""),
        refuse=min(spec.confirmation.refuse_keys, default=""),
    )
    return (Say(f"{words['confirm']} {keys}"),)


def literal(text: str) -> str:
    """A function's own words have no placeholders: the braces of `{name}` would ask for one."""
    return text.replace("{", "(").replace("}", ")")
