"""Quoting, held to models of FreeSWITCH's readers: what they make of a quoted value is the value, and no more."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fsflows.esl import quoting
from fsflows.esl.quoting import UnsafeValue

# --- models ---------------------------------------------------------------------------------------------------------


class Expanded(AssertionError):
    """FreeSWITCH would have looked up a variable or run an api."""


def expand(text: str) -> str:
    """What FreeSWITCH's expansion of an argument makes of text without a live `${`: it only drops escapes.

    From its behaviour: nothing happens unless there is a `${` (backslashes between the two count as nothing) or one
    of the escapes; then `\\'` vanishes, `\\\\` becomes one, `\\$` loses the backslash and one `$` of two.
    """
    armed = any(escape in text for escape in ("\\\\", "\\n", "\\s", "\\t", "\\'"))
    if "${" not in text.replace("\\", "") and not armed:
        return text
    out, at = "", 0
    while at < len(text):
        here, after = text[at], text[at + 1 : at + 2]
        if here == "\\" and after == "$":
            at += 2 if text[at + 2 : at + 3] == "$" else 1
            out += "$"
        elif here == "\\" and after == "'":
            at += 1
        elif here == "\\" and after == "\\":
            out += "\\"
            at += 1
        elif here == "$" and text[at + 1 :].lstrip("$").startswith("{"):
            raise Expanded(text)
        else:
            out += here
        at += 1
    return out


def expand_all(text: str, rounds: int = 4) -> str:
    for _ in range(rounds):
        text = expand(text)
        if text[:1] == "%" and "[" in text[1:3]:
            raise Expanded(text)
    return text


def clean(part: str, delimiter: str) -> str:
    """One argument after splitting: quotes off, escapes resolved, blanks around it gone."""
    out, at, quoted, keep = "", 0, False, 0
    part = part.lstrip(" ")
    while at < len(part):
        here, after = part[at], part[at + 1 : at + 2]
        if here == "\\" and after and after in "'\"\\nrts" + delimiter.strip():
            out += {"n": "\n", "r": "\r", "t": "\t", "s": " "}.get(after, after)
            at += 1
            keep = len(out)
        elif here == "'" and (quoted or "'" in part[at + 1 :]):
            quoted = not quoted
            keep = len(out) if quoted else keep
        else:
            out += here
            if here != " " or quoted:
                keep = len(out)
        at += 1
    return out[:keep]


def split(text: str, delimiter: str, most: int = 99) -> list[str]:
    if text[:2] == "^^" and len(text) > 3:
        delimiter, text = text[2], text[3:]
    parts, at, quoted, start = [], 0, False, 0
    while at < len(text) and len(parts) + 1 < most:
        here = text[at]
        if here == "\\":
            at += 1
        elif here == "'" and (delimiter == " " or quoted or "'" in text[at + 1 :]):
            quoted = not quoted
        elif here == delimiter and not quoted:
            parts.append(text[start:at])
            while delimiter == " " and text[at + 1 : at + 2] == " ":
                at += 1
            start = at + 1
        at += 1
    if start < len(text):
        parts.append(text[start:])
    return [clean(part, delimiter) for part in parts]


# --- expansion ------------------------------------------------------------------------------------------------------

HOSTILE = [
    "${system(reboot)}",
    "$${x}",
    "$$${x}",
    "\\${x}",
    "\\$${x}",
    "$\\{x}",
    "$\\'{x}",
    "$\\'\\'{x}",
    "$\\\\'{x}",
    "\\'${x}",
    "$",
    "a$",
    "$'{x}",
    "%[a=b]",
    "%%[a=b]",
    "%|[a=b]",
    "$%[a=b]",
    "\\'%[a=b]",
    "%\\'[a=b]",
    "${${x}}",
    "${a}${b}",
]


@pytest.mark.parametrize(
    "text", ["${x}", "$${x}", "$$${x}", "\\$$${x}", "$\\'{x}", "$\\\\'{x}", "%[a=b]", "\\'%[a=b]"]
)
def test_the_model_finds_the_attacks(text):
    # No test with the model would be worth much if it let these through.
    with pytest.raises(Expanded):
        expand_all(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_callers_text_is_never_expanded(text):
    for value in (text, f"Ann {text}", f"{text}{{x}}"):
        assert "${" not in expand_all(quoting.inert(value))
        expand_all(quoting.argument(value))
        expand_all(quoting.speak_argument(value))
        expand_all(quoting.speak_argument(value, "flite", "slt"))
        expand_all(quoting.look_alike(value))


@settings(max_examples=500)
@given(st.text("$\\'{}()%[]|a5 x=", max_size=12))
@example("$\\'{x}")
def test_no_text_is_ever_expanded(text):
    expand_all(quoting.inert(text))
    expand_all(quoting.inert(text) + "{x}")
    expand_all(quoting.look_alike(text))
    expand_all(quoting.speak_argument(text, "flite", "slt"))


@pytest.mark.parametrize(
    "text", ["", "$5 and 50%", "100% {sure} [yes]", "Grüße – “x” \\ äöü", "a%[b]", "[%]"]
)
def test_harmless_text_stays_as_it_is(text):
    assert text == quoting.inert(text)
    assert text == expand_all(text)


# --- what a command needs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["a\nb", "a\r", "\0", "x\n\nexit\n\n"])
@pytest.mark.parametrize(
    "function",
    [
        quoting.line,
        quoting.word,
        quoting.uuid,
        quoting.dtmf,
        quoting.argument,
        quoting.variable_name,
        quoting.api_argument,
        quoting.playback_path,
        lambda value, _: quoting.variable_list({"pin": value}),
    ],
)
def test_a_line_break_is_refused_by_field_and_without_the_value(function, bad):
    with pytest.raises(UnsafeValue) as caught:
        function(f"4711{bad}", "the PIN")
    assert isinstance(caught.value, ValueError)
    assert caught.value.field in ("the PIN", "the value of pin")
    assert str(caught.value).startswith(caught.value.field)
    assert "4711" not in str(caught.value)
    assert "4711" not in repr(caught.value)


@pytest.mark.parametrize("bad", ["", " ", "a b", "a\tb", "it's", 'a"', "a\\b", "${x}", "$"])
def test_what_is_no_word(bad):
    with pytest.raises(UnsafeValue, match="the file"):
        quoting.word(bad, "the file")


def test_words():
    for good in ("NORMAL_CLEARING", "5551234", "sofia/gateway/x/1", "a,b", "7$5"):
        assert good == quoting.word(good)


def test_keys_and_ids():
    assert "12ww#*A@250" == quoting.dtmf("12ww#*A@250")
    assert "f14c4926-4780.x_1" == quoting.uuid("f14c4926-4780.x_1")
    for bad in ("", "E", "1 2", "1@", "@5"):
        with pytest.raises(UnsafeValue):
            quoting.dtmf(bad)
    for bad in ("", "-x", "a b", "a;b", "${x}"):
        with pytest.raises(UnsafeValue):
            quoting.uuid(bad)


def test_variables():
    assert "nolocal:x" == quoting.variable_name("nolocal:x")
    assert "x[2]" == quoting.variable_name("x[2]")
    for bad in ("", "a b", "a=b", "a,b", "${x}", "a[b]"):
        with pytest.raises(UnsafeValue):
            quoting.variable_name(bad)


# --- separators -----------------------------------------------------------------------------------------------------


def test_speech():
    assert "flite|slt|one two three" == quoting.speak_argument(" one|two\n\tthree ", "flite", "slt")
    assert "one two" == quoting.speak_argument("one|two")
    assert "(voice=kal}Ann" == quoting.speak_argument(" {voice=kal}Ann")
    assert "f|s|({a" == quoting.speak_argument("${{a", "f", "s")
    assert "set {a}" == quoting.speak_argument("set {a}")
    for engine, voice in (("a|b", "c"), ("a b", "c"), ("a", ""), ("a", "c|d")):
        with pytest.raises(UnsafeValue, match="the TTS"):
            quoting.speak_argument("x", engine, voice)
    with pytest.raises(UnsafeValue):
        quoting.speech_text("a\0")


def test_playback():
    assert "/p/a b's.wav" == quoting.playback_path("/p/a b's.wav")
    assert "tone_stream://%(3000,0,440)" == quoting.playback_path("tone_stream://%(3000,0,440)")
    for bad in ("", " ", "a.wav@@8000"):
        with pytest.raises(UnsafeValue):
            quoting.playback_path(bad)


ARGUMENT = st.text("ab ^'\"\\ntsr$\t{!,=|é", max_size=10)


@settings(max_examples=400)
@given(st.lists(ARGUMENT, min_size=1, max_size=4))
@example(["^^,a,b", "c"])
@example(["it's", "it's"])
@example(["", "a\\"])
@example(["a\\nb"])
def test_arguments_of_an_api_are_what_they_were(arguments):
    text = " ".join(quoting.api_argument(argument) for argument in arguments)
    assert arguments == split(text, " ")
    # Apis like uuid_setvar take the rest of the line as their last argument, and clean it in the same way.
    assert arguments == split(text, " ", most=len(arguments))


def test_simple_arguments_need_no_quotes():
    for plain in ("/rec/a.wav", "uuid-1", "a=b,c", "+1555", "ü"):
        assert plain == quoting.api_argument(plain)


def test_variables_in_front_of_a_dial_string():
    assert "" == quoting.variable_list({})
    assert "{a=1,b=x y}" == quoting.variable_list({"a": "1", "b": "x y"})
    for bad in ("it's", 'a"b', "a}b", "{a", "a[b", "a\\", "<sip:x>", "^^"):
        with pytest.raises(UnsafeValue):
            quoting.variable_list({"a": bad})


@settings(max_examples=300)
@given(
    st.lists(st.text("ab ,=$é5%{}[]<>^'\"\\|!\n", max_size=10).map(quoting.look_alike), max_size=3)
)
def test_look_alikes_fit_into_a_dial_string(values):
    variables = {f"v{n}": value for n, value in enumerate(values)}
    text = expand_all(quoting.variable_list(variables))
    found = {}
    for item in split(text[1:-1], ","):
        name, *value = split(item, "=", most=2)
        found[name] = value[0] if value else ""
    assert {name: value.strip() for name, value in variables.items()} == {
        name: value.strip() for name, value in found.items()
    }


def test_look_alikes():
    assert "O’Brien ”Bob” (x) 5/6" == quoting.look_alike('O\'Brien "Bob" <x> 5|6')
    assert "Ann" == quoting.look_alike("Ann")
