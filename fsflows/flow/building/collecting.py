"""A step's `dtmf:`, `asr:`, `validate:` and `confirm:` blocks -> one `Collection`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, overload

from fsflows.collect.problems import problems as spec_problems
from fsflows.collect.spec import (
    BargeIn,
    Collection,
    Confirm,
    Confirmation,
    Escape,
    Policy,
    Speech,
    TypeAhead,
    Validation,
)
from fsflows.flow.errors import Place, Problems
from fsflows.flow.reading.yaml_tree import Items, Node, Scalar, Table, tree_of
from fsflows.flow.schema.explain import check_shape
from fsflows.spoken import Names

T = TypeVar("T", str, int, float, bool)
_NONE = Table(1, 1)


@overload
def value(table: Table, key: str, default: None) -> Any: ...
@overload
def value(table: Table, key: str, default: T) -> T: ...
def value(table: Table, key: str, default: Any) -> Any:
    """A plain setting, or its default."""
    node = table.get(key)
    found: Any = node.value if isinstance(node, Scalar) else None
    return default if found is None else found


def texts(node: Node | None) -> tuple[str, ...]:
    """A list of texts."""
    items = node.items if isinstance(node, Items) else []
    return tuple(item.text for item in items if isinstance(item, Scalar))


def keys(node: Node | None) -> frozenset[str]:
    """Keys of the telephone: "none", "#", "#*", ["#", "*"]."""
    if isinstance(node, Scalar):
        return frozenset() if node.text == "none" else frozenset(node.text)
    return frozenset(texts(node))


def block(table: Table, key: str) -> Table | None:
    """A setting that is a mapping."""
    node = table.get(key)
    return node if isinstance(node, Table) else None


def collecting(
    step: Table,
    *,
    language: str,
    escape: Escape,
    at: Place,
    problems: Problems,
    language_at: Place | None = None,
    rows: frozenset[str] | None = None,
) -> Collection | None:
    """What a step collects; None: nothing.

    Args:
        step: the step; its shape has been checked.
        language: the flow's.
        escape: the flow's.
        at: the step's own place.
        problems: where contradictions go.
        language_at: where the flow's language stands.
        rows: the step's choices, when it takes nothing else.
    """
    dtmf = block(step, "dtmf")
    speech = _speech(step, language, dtmf is not None, problems)
    if dtmf is None and speech is None:
        return None
    places = _places(step, at)
    if language_at is not None:
        places.setdefault("speech.language", language_at)
    dtmf = dtmf or _NONE
    least, most = _lengths(dtmf, speech, problems)
    barge_in, during_greeting = _barge_in(dtmf, problems)
    spec = Collection(
        min_digits=least,
        max_digits=most,
        first_digit_timeout=float(value(dtmf, "first_digit_timeout", 5.0)),
        inter_digit_timeout=float(value(dtmf, "inter_digit_timeout", 2.0)),
        collection_timeout=_seconds(dtmf, "collection_timeout"),
        end_keys=keys(_either(dtmf, ("end_key", "finish_on_key"), problems)),
        clear_keys=keys(dtmf.get("clear_key")),
        allow_letters=value(dtmf, "allow_letters", False),
        barge_in=barge_in,
        during_greeting=during_greeting,
        type_ahead=TypeAhead(value(dtmf, "type_ahead", "keep")),
        same_press_window=float(value(dtmf, "same_press_window", 0.06)),
        policy=Policy(value(dtmf, "policy", "merge")),
        speech=speech,
        escape=escape if value(step, "escape", True) else Escape(),
        validation=_validation(block(step, "validate"), problems),
        confirmation=_confirmation(step),
        is_pii=value(dtmf, "is_pii", False),
    )
    for field_name, text in spec_problems(spec, rows):
        place = places.get(field_name) or places.get(field_name.partition(".")[0]) or places[""]
        problems.error(place, _in_yaml(field_name, text))
    return spec


_YAML_NAMES = {
    "max_digits": "num_digits",
    "end_keys": "end_key",
    "clear_keys": "clear_key",
    "phone_region": "phone",
    "accept_keys": "accept",
    "refuse_keys": "refuse",
}
_YAML_WORDS = re.compile(r"\b(?:confirmation\.)?(" + "|".join(_YAML_NAMES) + r")\b")


def _in_yaml(field_name: str, text: str) -> str:
    """A problem of a spec, with the names that the settings have in YAML."""
    last = field_name.rpartition(".")[2]
    name = "escape" if field_name == "escape.keys" else _YAML_NAMES.get(last, last)
    name = "words" if field_name.startswith("speech.words.") else name
    words = _YAML_WORDS.sub(lambda found: _YAML_NAMES[found.group(1)], text)
    return f"{name} {words}" if words.startswith(("must ", "can't ")) else f"{name}: {words}"


_FIELDS: Mapping[str, tuple[str, ...]] = {
    "max_digits": ("dtmf/num_digits", "dtmf/max_digits"),
    "min_digits": ("dtmf/min_digits", "dtmf/num_digits", "dtmf/max_digits"),
    "end_keys": ("dtmf/end_key", "dtmf/finish_on_key"),
    "clear_keys": ("dtmf/clear_key",),
    "validation.phone_region": ("validate/phone",),
    "confirmation.accept_keys": ("confirm/accept",),
    "confirmation.refuse_keys": ("confirm/refuse", "confirm/accept"),
}
"""Fields of `Collection` that are called otherwise in YAML."""


def _places(step: Table, at: Place) -> dict[str, Place]:
    places: dict[str, Place] = {"": step.keys.get("dtmf") or step.keys.get("asr") or at}
    prefixes = {"dtmf": "", "asr": "speech.", "validate": "validation.", "confirm": "confirmation."}
    for name, prefix in prefixes.items():
        if name in step.keys and prefix:
            places[prefix.rstrip(".")] = step.keys[name]
        table = block(step, name)
        for key, node in table.values.items() if table else ():
            places[prefix + key] = _start(node, table, key)
    places |= _phrase_places(step)
    for name, paths in _FIELDS.items():
        for path in paths:
            owner, key = path.split("/")
            table = block(step, owner)
            if table is not None and key in table.values:
                places.setdefault(name, _start(table.values[key], table, key))
    return places


def _phrase_places(step: Table) -> dict[str, Place]:
    asr = block(step, "asr")
    words = block(asr, "words") if asr else None
    places: dict[str, Place] = {}
    for key, node in words.values.items() if words else ():
        assert words is not None
        places[f"speech.words.{key}"] = words.keys[key]
        for index, item in enumerate(node.items if isinstance(node, Items) else [node]):
            places[f"speech.words.{key}.{index}"] = item
    return places


def _start(node: Node, table: Table | None, key: str) -> Place:
    return node if isinstance(node, Scalar) or table is None else table.keys[key]


def _either(table: Table, names: tuple[str, str], problems: Problems) -> Node | None:
    """A setting that goes by two names."""
    one, other = (table.get(name) for name in names)
    if one is None or other is None:
        return one or other
    same = keys(one) == keys(other)
    if isinstance(one, Scalar) and isinstance(other, Scalar) and not isinstance(one.value, str):
        same = one.value == other.value
    if not same:
        what = f"{names[1]} is another name for {names[0]}, and they disagree; keep one of the two"
        problems.error(table.keys[names[1]], what)
    return one


def _seconds(table: Table, key: str) -> float | None:
    found = value(table, key, None)
    return None if found is None else float(found)


def _lengths(dtmf: Table, speech: Speech | None, problems: Problems) -> tuple[int, int | None]:
    node = _either(dtmf, ("num_digits", "max_digits"), problems)
    if not isinstance(node, Scalar):
        menu = speech is not None and (speech.preset == "yes_no" or bool(speech.words))
        return (1, 1) if menu else (1, None)
    assert isinstance(node.value, int | float)
    most = int(node.value)
    least = value(dtmf, "min_digits", None)
    if most < 0:
        return int(least or 1), None
    return int(least or most), most


def _barge_in(dtmf: Table, problems: Problems) -> tuple[BargeIn, bool]:
    """The policy for keys during a prompt, and whether they count during the greeting."""
    names = ("collect_while_agent_speaking", "early_listening")
    node = _either(dtmf, names, problems)
    explicit = value(dtmf, "barge_in", None)
    barge_in = BargeIn(explicit or BargeIn.INTERRUPT)
    if not isinstance(node, Scalar):
        return barge_in, explicit is not None and barge_in is not BargeIn.IGNORE
    collect = bool(node.value)
    if explicit is None:
        return (BargeIn.COLLECT if collect else BargeIn.IGNORE), collect
    if collect is (barge_in is BargeIn.IGNORE):
        name = next(name for name in names if name in dtmf.keys)
        said = "true" if collect else "false"
        what = f"barge_in: {explicit} contradicts {name}: {said}; keep one of the two"
        problems.error(dtmf.values["barge_in"], what)
    return barge_in, collect


def _speech(step: Table, language: str, has_dtmf: bool, problems: Problems) -> Speech | None:
    node = step.get("asr")
    if isinstance(node, Scalar):
        return Speech(language=language) if node.value else None
    if node is None:
        return Speech(language=language) if has_dtmf else None
    assert isinstance(node, Table)
    if not value(node, "enabled", True):
        if "words" in node.keys:
            what = "words can't be said: speech is off in this step (enabled: false)"
            problems.error(node.keys["words"], what)
        return None
    words = value(node, "barge_in_words", 1)
    return Speech(
        language=value(node, "language", language),
        preset=value(node, "preset", "numeric"),
        keywords=texts(node.get("keywords")),
        words=_words(block(node, "words"), problems),
        barge_in_words=int(words) if words else None,
        settle_time=float(value(node, "settle_time", 0.4)),
        end_of_speech_timeout=float(value(node, "end_of_speech_timeout", 2.0)),
        alternatives=int(value(node, "alternatives", 10)),
        partial_timeout=float(value(node, "partial_timeout", 2.0)),
        hold_limit=float(value(node, "hold_limit", 15.0)),
    )


def words_from(data: object) -> Names:
    """`words` from plain data, in the form that they have in YAML: {1: ["opening hours", "hours"], "2": "agent"}.

    Raises:
        ValueError: they have another form; the text says which they must have.
    """
    problems = Problems("")
    tree = tree_of({"words": dict(data) if isinstance(data, Mapping) else data})
    assert isinstance(tree, Table)
    check_shape(tree, problems, "asr")
    found = _words(block(tree, "words"), problems)
    for problem in problems:
        raise ValueError(problem.text)
    return found


def _words(table: Table | None, problems: Problems) -> Names:
    """Keys, each with one phrase or a list of them."""
    found = []
    for key, node in table.values.items() if table else ():
        phrases = texts(node)
        if isinstance(node, Scalar):
            phrases = (node.text,)
            if "," in node.text:
                what = f"words: {node.text!r} is one phrase; for several write [{node.text}]"
                problems.error(node, what)
        found.append((key, phrases))
    return tuple(found)


def _validation(table: Table | None, problems: Problems) -> Validation:
    if table is None:
        return Validation()
    if "date_format" in table.keys and value(table, "kind", "") != "date":
        problems.error(table.keys["date_format"], "date_format goes with 'kind: date'; add it")
    values = texts(table.get("values"))
    return Validation(
        pattern=value(table, "pattern", None),
        values=frozenset(values) if values else None,
        check=value(table, "check", None),
        phone_region=value(table, "phone", None),
        kind=value(table, "kind", None),
        date_format=value(table, "date_format", "DDMMYYYY"),
        function=value(table, "function", None),
    )


_CONFIRM = {False: Confirm.NEVER, True: Confirm.ALWAYS}


def _confirmation(step: Table) -> Confirmation:
    node = step.get("confirm")
    if isinstance(node, Scalar):
        when = node.value
        return Confirmation(when=_CONFIRM[when] if isinstance(when, bool) else Confirm(str(when)))
    if not isinstance(node, Table):
        return Confirmation()
    accept, refuse = node.get("accept"), node.get("refuse")
    groups = node.get("groups")
    items = groups.items if isinstance(groups, Items) else []
    return Confirmation(
        when=Confirm(value(node, "when", "always")),
        accept_keys=frozenset("1") if accept is None else keys(accept),
        refuse_keys=frozenset("2") if refuse is None else keys(refuse),
        groups=tuple(int(float(str(item.value))) for item in items if isinstance(item, Scalar)),
        sure=float(value(node, "sure", 0.85)),
        spoken_is_unsure=value(node, "spoken_is_unsure", True),
        timeout=float(value(node, "timeout", 5.0)),
        asks=int(value(node, "asks", 2)),
    )
