"""Prompts: a text, a file, digits, silence, or several of them in a row."""

from __future__ import annotations

import re

from fsflows.flow.errors import Place, Problems, listing, show
from fsflows.flow.model import Play, Prompt, PromptPart, Say, SayDigits, Silence
from fsflows.flow.reading.yaml_tree import Items, Node, Scalar, Table

_AUDIO = re.compile(r"(\{[^{}]*\})?[a-z][a-z0-9_+.-]*://.*|\S+\.(wav|mp3|ogg|raw)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_FOREIGN = re.compile(r"\$\{(\w+)\}")
"""A variable as FreeSWITCH writes it, which is left as it is."""
_DOUBLED = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_KINDS = ("say", "play", "digits", "silence")
_BRACE = re.compile(r"[{}]")
_DIGITS = re.compile(r"[0-9*#A-D]*")


def is_audio(text: str) -> bool:
    """Whether a bare text is a file or a stream: it ends as an audio file does, or has a `scheme://`."""
    return _AUDIO.fullmatch(text) is not None


def check_placeholders(text: str, place: Place, problems: Problems) -> bool:
    """Whether the braces in a text are placeholders, `{name}`, in good form. Values are only known in a call."""
    doubled = _DOUBLED.search(text)
    if doubled is not None:
        what = f"{doubled.group(0)!r} has braces too many; write {{{doubled.group(1)}}}"
        problems.error(place, what)
        return False
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        what = f"{foreign.group(0)!r} is not filled in; write {{{foreign.group(1)}}}"
        problems.warn(place, what)
    rest = _PLACEHOLDER.sub("", text)
    odd = _BRACE.search(rest)
    if odd is None:
        return True
    inner = re.search(r"\{([^{}]*)\}", rest)
    if inner is not None:
        # Of Python's "{digits!r}", "{state.count}" and "{count:03}" only the name can be written.
        bare = re.sub(r"![rsa]$|:[^:]*$|^(conv\.)?state\.", "", inner.group(1).strip())
        name = re.sub(r"\W+", "_", bare) or "name"
        what = f"{inner.group(0)!r} is not a placeholder; write {{{name}}}"
    elif odd.group() == "{":
        what = "a '{' is never closed; write {name}, or leave the brace out"
    else:
        what = "a '}' has no '{' before it; write {name}, or leave the brace out"
    problems.error(place, what)
    return False


def prompt(node: Node | None, problems: Problems) -> Prompt:
    """A prompt of any form."""
    if node is None:
        return ()
    parts = node.items if isinstance(node, Items) else [node]
    return tuple(part for each in parts for part in _part(each, problems))


def prompts(node: Node | None, problems: Problems) -> tuple[Prompt, ...]:
    """Prompts for the 1st, 2nd, ... time: one, or a list."""
    if node is None:
        return ()
    if isinstance(node, Items):
        return tuple(prompt(each, problems) for each in node.items)
    return (prompt(node, problems),)


def _part(node: Node, problems: Problems) -> Prompt:
    if isinstance(node, Scalar):
        text = str(node.value)
        if is_audio(text):
            return (Play(text),)
        check_placeholders(text, node, problems)
        return (Say(text),) if text.strip() else ()
    assert isinstance(node, Table)
    return _block(node, problems)


def _block(table: Table, problems: Problems) -> Prompt:
    kinds = [kind for kind in _KINDS if kind in table.values]
    if not kinds and "text" in table.values:
        problems.error(table.keys["text"], "'text' goes with 'play:'; to speak a text write 'say:'")
    if len(kinds) > 1:
        what = f"{listing(kinds, 'and')} in one item; write a list with an item for each"
        problems.error(table.keys[kinds[1]], what)
    if not kinds:
        return ()
    kind = kinds[0]
    value = table.values[kind]
    assert isinstance(value, Scalar)
    if "text" in table.values and kind != "play":
        problems.error(table.keys["text"], f"'text' goes with 'play:', not with '{kind}:'")
    return _made(kind, value, table, problems)


def _made(kind: str, value: Scalar, table: Table, problems: Problems) -> Prompt:
    part: PromptPart
    if kind == "silence":
        assert isinstance(value.value, int | float)
        part = Silence(float(value.value))
    elif kind == "play":
        text = table.get("text")
        part = Play(str(value.value), text.text if isinstance(text, Scalar) else "")
    elif kind == "digits":
        part = SayDigits(_digits(value, problems))
    else:
        check_placeholders(str(value.value), value, problems)
        return (Say(str(value.value)),) if value.text.strip() else ()
    return (part,)


def _digits(value: Scalar, problems: Problems) -> str:
    text = re.sub(r"[\s-]", "", value.text)
    if check_placeholders(text, value, problems) and not _DIGITS.fullmatch(
        _PLACEHOLDER.sub("", text)
    ):
        what = 'must be digits or a placeholder such as "{digits}"'
        problems.error(value, f"digits {what}, got {show(value.text)}")
    return text
