"""schema.json: valid, described, in step with the model, and read the same way by us and by jsonschema."""

from __future__ import annotations

import json
from dataclasses import fields

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.collect.spec import Collection, Confirmation, Speech, Validation
from fsflows.flow.model import Flow, Recording, Retry
from fsflows.flow.reading.yaml_tree import tree_of
from fsflows.flow.schema.shape import DEFS, SCHEMA, UNDERSTOOD, check_for, definition, to_data

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def schemas(schema=SCHEMA, path=""):
    """Every schema inside the schema."""
    yield path, schema
    for key in ("properties", "patternProperties", "$defs"):
        for name, inner in schema.get(key, {}).items():
            yield from schemas(inner, f"{path}/{name}")
    for key in ("anyOf", "allOf"):
        for index, inner in enumerate(schema.get(key, ())):
            yield from schemas(inner, f"{path}/{key}{index}")
    for key in ("items", "not", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from schemas(schema[key], f"{path}/{key}")


def test_it_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_only_keywords_that_the_quick_check_knows():
    assert [] == [
        (path, set(schema) - UNDERSTOOD) for path, schema in schemas() if set(schema) - UNDERSTOOD
    ]


def test_a_reference_stands_alone_but_for_words():
    assert [] == [
        path
        for path, schema in schemas()
        if "$ref" in schema and set(schema) - {"$ref", "description", "default"}
    ]


def test_every_setting_is_described():
    bare = [
        f"{path}/{name}"
        for path, schema in schemas()
        for name, inner in schema.get("properties", {}).items()
        if not inner.get("description") and not definition(inner).get("description")
    ]
    assert [] == bare


def test_every_bound_has_words_of_its_own():
    bound = {
        "minimum",
        "maximum",
        "pattern",
        "minLength",
        "maxLength",
        "minItems",
        "anyOf",
        "const",
    }
    silent = [
        path
        for path, schema in schemas()
        if bound & set(schema)
        and "errorMessage" not in schema
        and "/anyOf" not in path
        and "/not" not in path
    ]
    assert [] == silent


@pytest.mark.parametrize(
    ("name", "model", "names"),
    [
        (
            "dtmf",
            Collection(),
            {"end_key": "end_keys", "finish_on_key": "end_keys", "clear_key": "clear_keys"},
        ),
        ("asr", Speech(), {}),
        ("confirm", Confirmation(), {"accept": "accept_keys", "refuse": "refuse_keys", "when": ""}),
        ("retry", Retry(), {}),
        ("validate", Validation(), {}),
        ("recording", Recording(), {}),
    ],
)
def test_its_defaults_are_those_of_the_model(name, model, names):
    known = {field.name for field in fields(model)}
    for key, schema in DEFS[name]["properties"].items():
        attribute = names.get(key, key)
        if "default" in schema and attribute in known:
            actual = getattr(model, attribute)
            if isinstance(actual, frozenset):
                actual = "".join(sorted(actual)) or "none"
            if isinstance(actual, tuple):
                actual = list(actual)
            assert (key, schema["default"]) == (key, actual)


def test_the_flows_own_defaults():
    flow = Flow(name="f", path=None, version="")
    assert SCHEMA["properties"]["language"]["default"] == flow.language
    assert SCHEMA["properties"]["function_timeout"]["default"] == flow.function_timeout
    assert SCHEMA["properties"]["delay"]["properties"]["after"]["default"] == flow.delay_after
    assert SCHEMA["properties"]["fallback"]["default"] == {"hangup": flow.fallback.hangup}


def test_every_setting_of_a_collection_can_be_written():
    written = set(DEFS["dtmf"]["properties"]) | {"end_keys", "clear_keys"}
    elsewhere = {"speech", "escape", "validation", "confirmation", "during_greeting"}
    assert set() == {field.name for field in fields(Collection)} - written - elsewhere
    assert {"language"} <= set(DEFS["asr"]["properties"])
    assert set() == {field.name for field in fields(Speech)} - set(DEFS["asr"]["properties"])
    assert {"phone_region"} == {field.name for field in fields(Validation)} - set(
        DEFS["validate"]["properties"]
    )
    assert {"accept_keys", "refuse_keys"} == {field.name for field in fields(Confirmation)} - set(
        DEFS["confirm"]["properties"]
    )


# --- the quick check and jsonschema ------------------------------------------------------------------------------

SCALARS = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        5,
        40,
        3000,
        0.5,
        "",
        "1",
        "#",
        "x",
        "answer",
        "none",
        "always",
        "interrupt",
        "merge",
        "US",
        "numeric",
    ]
)


def values(schema, depth=0):
    """Values that fit a schema, nearly fit it, or don't."""
    schema = definition(schema)
    options = [SCALARS]
    options += [values(branch, depth + 1) for branch in schema.get("anyOf", ())]
    if schema.get("enum"):
        options.append(st.sampled_from(schema["enum"]))
    if schema.get("type") == "array":
        options.append(st.lists(values(schema["items"], depth + 1), max_size=3))
    if schema.get("type") == "object":
        names = {
            name: values(inner, depth + 1) for name, inner in schema.get("properties", {}).items()
        }
        rest = schema.get("additionalProperties")
        if isinstance(rest, dict):
            names |= dict.fromkeys(("a", "b"), values(rest, depth + 1))
        names |= {
            "12" if "9" in key else "x-y": values(inner, depth + 1)
            for key, inner in schema.get("patternProperties", {}).items()
        }
        names["unknown"] = SCALARS
        options.append(
            st.lists(st.sampled_from(sorted(names)), max_size=4, unique=True).flatmap(
                lambda keys: st.fixed_dictionaries({key: names[key] for key in keys})
            )
        )
    return st.one_of(options[1:] * 3 + options[:1])


@settings(max_examples=60)
@given(
    data=st.sampled_from(
        ["step", "dtmf", "asr", "action_block", "retry", "confirm", "validate", "recording"]
    ).flatmap(lambda name: st.tuples(st.just(name), values(DEFS[name])))
)
def test_the_quick_check_agrees_with_jsonschema(data):
    name, value = data
    tree = tree_of(value)
    fits = check_for(name)(tree)
    schema = {"$ref": f"#/$defs/{name}", "$defs": DEFS}
    # Scalars have been read as what their place asks for by now.
    assert fits == jsonschema.Draft202012Validator(schema).is_valid(to_data(tree)), json.dumps(
        to_data(tree)
    )
