import copy
import json
import pickle
import pprint
import traceback
from collections import OrderedDict
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.privacy import Pii, json_default, redact

CARD = "4111111111111111"


@dataclass
class Holder:
    card: Pii
    note: str = "x"


def leaks(value: str, text: str) -> bool:
    """Whether five characters of the value in a row (all of a shorter one) are in the text."""
    size = min(5, len(value))
    return any(value[at : at + size] in text for at in range(len(value) - size + 1))


WAYS_TO_WRITE = {
    "str": str,
    "repr": repr,
    "f-string": lambda pii: f"{pii}",
    "f-string with a conversion": lambda pii: f"{pii!r} {pii!s}",
    "f-string with a width": lambda pii: f"{pii:>40}",
    "format": "{}".format,
    "percent s": lambda pii: "%s" % pii,  # noqa: UP031
    "percent r": lambda pii: "%r" % (pii,),  # noqa: UP031
    "in a list": lambda pii: str([pii, {pii}, (pii,)]),
    "in a dict": lambda pii: repr({"pin": pii, pii: 1}),
    "in a dataclass": lambda pii: repr(Holder(pii)),
    "asdict": lambda pii: repr(asdict(Holder(pii))),
    "pprint": lambda pii: pprint.pformat(OrderedDict(a=pii)),
    "json with the hook": lambda pii: json.dumps({"a": [pii, Holder(pii)]}, default=json_default),
    "pickle": lambda pii: pickle.dumps(pii).decode("latin-1"),
    "pickle, oldest protocol": lambda pii: pickle.dumps(Holder(pii), 0).decode("latin-1"),
    "unpickled": lambda pii: pickle.loads(pickle.dumps([pii]))[0],
    "copies": lambda pii: f"{copy.copy(pii)} {copy.deepcopy({'a': pii})}",
    "redact": lambda pii: repr(redact({pii: [pii, (Holder(pii),)]})),
    "slots": lambda pii: "".join(repr(getattr(pii, name)) for name in type(pii).__slots__),
    "dir": lambda pii: "".join(dir(pii)),
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE)
@pytest.mark.parametrize("value", [CARD, "7391", "Jane Doe", "+44 20 7946 0000"])
def test_P13_no_way_of_writing_a_private_value_shows_it(way, value):
    assert not leaks(value, WAYS_TO_WRITE[way](Pii(value)))


WAYS_TO_TAKE_APART = {
    "iteration": list,
    "indexing": lambda pii: pii[0],
    "slicing": lambda pii: pii[-4:],
    "concatenation": lambda pii: "x" + pii,
    "concatenation, other side": lambda pii: pii + "x",
    "repetition": lambda pii: pii * 2,
    "join": "".join,
    "join of a list": lambda pii: " ".join([pii] * 2),
    "search": lambda pii: "4" in pii,
    "reversed": reversed,
    "unpacking": lambda pii: [*pii],
    "int": int,
    "float": float,
    "bytes": bytes,
    "percent d": lambda pii: "%d" % pii,  # noqa: UP031
    "ordering": lambda pii: pii < "5",
    "json": json.dumps,
    "json key": lambda pii: json.dumps({pii: 1}),
    "vars": vars,
    "state": lambda pii: pii.__getstate__(),
}


@pytest.mark.parametrize("way", WAYS_TO_TAKE_APART)
def test_P13_taking_a_private_value_apart_is_refused_without_showing_it(way):
    with pytest.raises(TypeError) as refused:
        WAYS_TO_TAKE_APART[way](Pii(CARD))
    assert not leaks(CARD, "".join(traceback.format_exception(refused.value)))


@pytest.mark.parametrize("way", ["iteration", "slicing", "concatenation", "search"])
def test_a_refusal_says_what_to_write_instead(way):
    with pytest.raises(TypeError, match=r"use reveal\(\)"):
        WAYS_TO_TAKE_APART[way](Pii(CARD))


def test_a_string_method_is_pointed_to_reveal():
    with pytest.raises(AttributeError, match=r"use reveal\(\)\.isdigit"):
        Pii(CARD).isdigit()


def test_P13_a_traceback_with_locals_shows_the_placeholder():
    def fails(card):
        raise RuntimeError("declined")

    try:
        fails(Pii(CARD))
    except RuntimeError as error:
        report = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert "card = [16 digits hidden]" in report
    assert not leaks(CARD, report)


def test_a_wrong_type_is_refused_without_being_shown():
    with pytest.raises(TypeError, match="must be a str, got int") as refused:
        Pii(4111)
    assert "4111" not in str(refused.value)


@given(st.text(max_size=40))
@settings(max_examples=60)
def test_reveal_gives_back_any_text(value):
    pii = Pii(value)
    assert (value, len(value), bool(value)) == (pii.reveal(), len(pii), bool(pii))
    assert pii == value
    assert hash(value) == hash(pii)
    assert Pii(pii) == pii


def test_it_works_as_a_key_and_in_sets():
    assert "1" == {"1": "1"}[Pii("1")]
    assert Pii("1234") in {"1234", "5"}
    assert Pii("1234") != "1235"
    assert Pii("1234") != 1234


def test_it_cannot_be_changed_or_extended():
    pii = Pii(CARD)
    for change in (
        lambda: setattr(pii, "_pad", b""),
        lambda: setattr(pii, "x", 1),
        lambda: delattr(pii, "_pad"),
    ):
        with pytest.raises(AttributeError, match="can't be changed"):
            change()
    assert pii.reveal() == CARD


@pytest.mark.parametrize(
    ("value", "count", "shown"),
    [
        (CARD, 4, "1111"),
        ("123456789", 4, "6789"),
        ("123456", 4, "456"),
        ("1234", 4, "34"),
        ("1234", 1, "4"),
        ("1", 4, ""),
        ("", 2, ""),
    ],
)
def test_last_never_shows_more_than_half(value, count, shown):
    assert shown == Pii(value).last(count)


@pytest.mark.parametrize("count", [0, 5, -1])
def test_last_shows_four_at_the_most(count):
    with pytest.raises(ValueError, match="between 1 and 4"):
        Pii(CARD).last(count)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1234", "[4 digits hidden]"),
        ("7", "[hidden]"),
        ("", "[hidden]"),
        ("12#", "[hidden]"),
        ("Jane", "[hidden]"),
    ],
)
def test_the_placeholder_counts_digits_only(value, shown):
    assert shown == str(Pii(value))


def test_redact_survives_loops_and_depth():
    loop = {"pin": Pii("1234")}
    loop["self"] = loop
    deep = Pii("1234")
    for _ in range(5000):
        deep = [deep]
    assert {"pin": "[4 digits hidden]", "self": "..."} == redact(loop)
    assert "..." in str(redact(deep))


def test_json_default_refuses_what_it_does_not_know():
    with pytest.raises(TypeError, match="object can't be written as JSON"):
        json.dumps(object(), default=json_default)
