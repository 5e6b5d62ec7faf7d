"""What is said when the flow author wrote nothing for it: the language's own sentences."""

from __future__ import annotations

from fsflows import spoken
from fsflows.flow.model import Prompt, Say, Step


def reprompt(step: Step, kind: str, attempt: int, language: str) -> Prompt:
    """What is said before the caller is asked again.

    Args:
        step: whose `retry` may have prompts of its own; the last one serves for all further attempts.
        kind: why: "no_input", or anything else for "no_match".
        attempt: the attempt that follows, counted from 1; the second one gets the first of the prompts.
        language: for the default: a sentence of the language, and the step's own prompt (or the language's) again.
    """
    own = step.retry.no_input if kind == "no_input" else step.retry.no_match
    if own:
        said = own[min(attempt - 2, len(own) - 1)]
        return (*said, *step.prompt) if step.retry.repeat_prompt else said
    words = spoken.phrases(language)
    sorry = Say(words["no_input" if kind == "no_input" else "no_match"])
    return (sorry, *(step.prompt or (Say(words["ask"]),)))
