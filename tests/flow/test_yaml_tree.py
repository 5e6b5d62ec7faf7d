"""YAML text -> tree: places, YAML 1.1's traps, hostile files."""

from __future__ import annotations

import pytest

from fsflows.flow.errors import FlowErrors, Mark, Problems
from fsflows.flow.reading.yaml_text import MAX_BYTES
from fsflows.flow.reading.yaml_tree import Scalar, Table, read_tree, tree_of
from fsflows.flow.schema.shape import to_data


def tree(text: str | bytes) -> tuple[Table, list[str]]:
    problems = Problems("f.yaml")
    raw = text if isinstance(text, bytes) else text.encode()
    return read_tree(raw, problems), [str(problem) for problem in problems]


def data(text: str) -> object:
    found, problems = tree(text)
    assert [] == problems
    return to_data(found)


def fatal(text: str | bytes) -> str:
    with pytest.raises(FlowErrors) as caught:
        tree(text)
    return str(caught.value)


def test_every_key_and_value_has_its_place():
    found, _ = tree("a: 1\nb:\n  - x\n  - c: {d: e}\n")
    assert Mark(1, 1) == found.keys["a"]
    value = found.values["a"]
    assert (1, 4) == (value.line, value.column)
    inner = found.values["b"].items[1].values["c"]
    assert Mark(4, 9) == inner.keys["d"]
    assert (4, 12) == (inner.values["d"].line, inner.values["d"].column)


@pytest.mark.parametrize(
    "key",
    ["on", "off", "yes", "no", "y", "n", "true", "null", "1", "01", "0123", "1.5", "12:30", "~x"],
)
def test_a_key_is_the_text_that_was_written(key):
    assert {key: "v"} == data(f"{key}: v")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0123", "0123"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ("on", "on"),
        ("2024-01-01", "2024-01-01"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("=", "="),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("5", 5),
        ("-1", -1),
        ("0", 0),
        ("1.5", 1.5),
        ("3.", 3.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
    ],
)
def test_values_mean_what_they_look_like(text, value):
    found = data(f"a: {text}")["a"]
    assert (type(value), value) == (type(found), found)


def test_the_text_of_a_number_is_kept():
    found, _ = tree("a: 1.50")
    assert isinstance(found.values["a"], Scalar)
    assert "1.50" == found.values["a"].text


def test_merge_keys_and_anchors():
    text = "base: &b {a: 1, b: 2}\none: {<<: *b, b: 3}\ntwo:\n  <<: [*b, {c: 4}]\n"
    assert {
        "base": {"a": 1, "b": 2},
        "one": {"a": 1, "b": 3},
        "two": {"a": 1, "b": 2, "c": 4},
    } == data(text)


def test_uses_of_an_anchor_are_copies():
    found, _ = tree("a: &x {k: 1}\nb: *x\n")
    assert found.values["a"] is not found.values["b"]
    assert Mark(1, 8) == found.values["b"].keys["k"]


def test_a_quoted_double_arrow_is_a_key():
    assert {"<<": 1} == data('"<<": 1')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f.yaml:3:1: 'a' is given twice, first in line 1; keep one"]),
        ("1: a\n'1': b\n", ["f.yaml:2:1: '1' is given twice, first in line 1; keep one"]),
        ("? [a]\n: b\n", ["f.yaml:1:3: a key must be a plain text"]),
        ("'': b\n", ["f.yaml:1:1: the key before ':' is empty"]),
        ("<<: 5\n", ["f.yaml:1:5: '<<' takes a mapping, such as '*name'"]),
        (
            "a: !!python/object/apply:os.system [x]\n",
            [
                "f.yaml:1:4: the tag '!!python/object/apply:os.system' means nothing in a flow; drop it"
            ],
        ),
        ("a: !secret x\n", ["f.yaml:1:4: the tag '!secret' means nothing in a flow; drop it"]),
    ],
)
def test_odd_keys_and_tags(text, said):
    assert said == tree(text)[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml:1:1: the file is empty; a flow needs at least 'steps:'"),
        ("# only a comment\n", "f.yaml:1:1: the file is empty; a flow needs at least 'steps:'"),
        ("- a\n", "f.yaml:1:1: a flow is a mapping of keys to values; begin with 'steps:'"),
        ("just text", "f.yaml:1:1: a flow is a mapping of keys to values; begin with 'steps:'"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: one file, one flow: a second '---' begins here"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: a tab can't be used here; indent with spaces"),
        ("a: @x\n", "f.yaml:1:4: a text can't begin with '@'; put it in quotes"),
        ("a: `x`\n", "f.yaml:1:4: a text can't begin with '`'; put it in quotes"),
        (
            "say: For sales: press 1\n",
            "f.yaml:1:15: no ':' here; quote a text that has ': ' in it, or mend the indentation",
        ),
        (
            "*: main\n",
            "f.yaml:1:2: a plain '*' refers to an anchor in YAML; for the star key write \"*\" in quotes",
        ),
        ("a: 'never closed\n", "f.yaml:1:4: this quote is never closed"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2:2: ',' or ']' is missing"),
        ("a: {b: 1\n", "f.yaml:2:1: ',' or '}' is missing"),
        (
            "a:\n  - b\n - c\n",
            "f.yaml:3:2: not indented like the lines above, or a quote or bracket above is not closed",
        ),
        ("a:\n  b: {c} d\n", "f.yaml:2:6: a text can't begin with '{'; put it in quotes"),
        ("a:\n  - {c}, d\n", "f.yaml:2:5: a text can't begin with '{'; put it in quotes"),
        ("a:\n  b: [c] d\n", "f.yaml:2:6: a text can't begin with '['; put it in quotes"),
        ("a: - b\n", "f.yaml:1:4: a list begins on a line of its own: put '- ' on the next line"),
        (
            'a: "\\q"\n',
            "f.yaml:1:5: unknown escape; write \\\\ for a backslash, or use single quotes",
        ),
        ("a: *nope\n", "f.yaml:1:4: '*nope' has no '&nope' above it"),
        ("a: &x [*x]\n", "f.yaml:1:8: '*x' stands inside '&x' itself"),
        ("a: b\x00c", "f.yaml:1:5: the character U+0000 is not allowed; delete it"),
        (b"a: caf\xe9\n", "f.yaml:1:7: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "f.yaml:1:1: the file is UTF-16; save it as UTF-8"),
        (b"a" * (MAX_BYTES + 1), "f.yaml:1:1: larger than 512 kB, which no flow is"),
    ],
)
def test_what_is_no_yaml_is_said_in_plain_words(text, said):
    assert said == fatal(text)


def test_a_byte_order_mark_moves_nothing():
    found, problems = tree(b"\xef\xbb\xbfa: 1\nb: 2\n")
    assert [] == problems
    assert Mark(1, 1) == found.keys["a"]


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "? " * 50_000])
def test_deep_nesting_is_refused_at_once(text):
    # yaml.compose ends the process with a segmentation fault on the first of these.
    assert "nested more than 40 deep" in fatal(text)


def test_an_alias_bomb_is_refused():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [{', '.join(['*' + a] * 9)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert "more than 50000 keys and values" in fatal("\n".join(lines))


def test_many_values_are_refused():
    assert "more than 50000 keys and values" in fatal("a:\n" + "- b\n" * 60_000)


def test_many_problems_are_cut_off():
    _, said = tree("{" + "a, " * 5000 + "}")
    assert 101 == len(said)
    assert "f.yaml:1:1: and more problems than can be shown; mend these first" == said[-1]


def test_plain_data_becomes_a_tree():
    settings = {"dtmf": {"num_digits": 4, "end_key": None}, "asr": False, "words": ("a", "b")}
    assert {"dtmf": {"num_digits": 4}, "asr": False, "words": ["a", "b"]} == to_data(
        tree_of(settings)
    )
