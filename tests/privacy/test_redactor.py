import json
import pickle
import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.privacy import Pii, Redactor
from fsflows.redaction import pieces as redaction_pieces
from fsflows.redaction import words as redaction_words
from fsflows.redaction.codes import encoded, unescaped

from .sweep import in_words, leaks

CARD = "4556737586899855"
PIN = "7391"


@pytest.fixture
def redactor():
    it = Redactor()
    for value in (CARD, PIN, "Jane O'Dell"):
        it.add(value)
    return it


@pytest.mark.parametrize(
    "written",
    [
        CARD,
        "4556 7375 8689 9855",
        "4556-7375-8689-9855",
        "4556.7375/8689_9855",
        ", ".join(CARD),
        repr(list(CARD)),
        '["' + '", "'.join(CARD) + '"]',
        "4556\n7375\n86899855",
        "x" + CARD + "y",
        "0" + CARD + "0",
        CARD[:6],
        CARD[-5:],
        CARD[4:11],
        "".join(chr(ord(digit) - ord("0") + 0x0660) for digit in CARD),  # Arabic-Indic digits
        "".join(chr(ord(digit) - ord("0") + 0xFF10) for digit in CARD),  # full-width digits
        "four five five six seven three seven five",
        "Four, FIVE five six; seven",
        "four double five six seven three",
        "forty-five fifty-six seventy-three",
        "4 five 5 six 73",
        "um four five uh five six then seven",
    ],
)
def test_P13_a_long_number_is_found_however_it_is_written(redactor, written):
    cleaned = redactor.text(f"the card {written} was keyed")
    assert "hidden]" in cleaned
    assert not any(CARD[at : at + 5] in cleaned for at in range(12))
    digits_left = sum(char.isdigit() for char in cleaned.split("the card", 1)[1])
    assert digits_left <= 4, cleaned
    assert sum(word in cleaned for word in ("four", "five", "six", "seven", "forty", "fifty")) <= 2


@pytest.mark.parametrize(
    "written",
    [
        "7391",
        "7-3-9-1",
        "7 3 9 1",
        "7, 3, 9, 1",
        "seven three nine one",
        "seventy-three ninety-one",
        "PIN=7391;",
        "(7391)",
    ],
)
def test_P13_a_pin_is_found_by_itself(redactor, written):
    assert redactor.text(f"<{written}>") in {
        "<[hidden]>",
        "<[4 digits hidden]>",
        "<([4 digits hidden])>",
        "<PIN=[4 digits hidden];>",
    }


@pytest.mark.parametrize(
    "said",
    [
        "sieben drei neun eins",
        "dreiundsiebzig einundneunzig",
        "siebentausenddreihunderteinundneunzig",
        "siete tres nueve uno",
        "sept trois neuf un",
        "soixante-treize quatre-vingt-onze",
        "sette tre nove uno",
        "zeven drie negen een",
        "sete três nove um",
        "seven thousand three hundred and ninety one",
        "seven three nein won",
        "7 three 91",
    ],
)
def test_P13_a_pin_is_found_in_every_language(redactor, said):
    cleaned = redactor.text(f"the caller said: {said}, then hung up")
    assert "the caller said: [hidden], then hung up" == cleaned


def escapes(value, written):
    return "".join(written.format(code=ord(char)) for char in value)


ENCODINGS = {
    "in an address": lambda value: quote_plus(" ".join(value)),
    "a query": lambda value: quote_plus(f"{value} "),
    "percent": lambda value: escapes(value, "%{code:02x}"),
    "percent, twice": lambda value: quote(escapes(value, "%{code:02x}")),
    "JSON": lambda value: json.dumps("\n".join(value)),
    "JSON, escaped": lambda value: escapes(value, "\\u{code:04x}"),
    "Python": lambda value: escapes(value, "\\x{code:02x}"),
    "octal": lambda value: escapes(value, "\\{code:03o}"),
    "HTML": lambda value: escapes(value, "&#{code};"),
    "HTML, hexadecimal": lambda value: escapes(value, "&#x{code:x};"),
    "e-mail": lambda value: escapes(value, "={code:02X}"),
    "Base64": lambda value: b64encode(value.encode()).decode(),
    "Base64 without its end": lambda value: b64encode(value.encode()).decode().rstrip("="),
    "Base64 behind a path": lambda value: "/a/" + b64encode(value.encode()).decode(),
    "Base64 of JSON": lambda value: urlsafe_b64encode(json.dumps({"x": value}).encode()).decode(),
    "Base64, with spaces": lambda value: b64encode(" ".join(value).encode()).decode(),
    "Base64 of what comes before": lambda value: b64encode(b"ab " + value.encode()).decode(),
    "Base64 of bytes": lambda value: b64encode(b"\xff\x00" + value.encode() + b"\xfe").decode(),
    "hexadecimal": lambda value: value.encode().hex(),
    "hexadecimal behind a figure": lambda value: "a" + value.encode().hex(),
    "a dump": lambda value: value.encode().hex(" "),
    "a dump, in pairs": lambda value: value.encode().hex(" ", 2),
    "a dump, with 0x": lambda value: ", ".join(f"0x{code:x}" for code in value.encode()),
    "byte values": lambda value: str(list(value.encode())),
}


@pytest.mark.parametrize("value", [CARD, PIN])
@pytest.mark.parametrize("how", ENCODINGS)
def test_P13_a_number_is_found_encoded(redactor, how, value):
    written = ENCODINGS[how](value)
    cleaned = redactor.text(f"before <{written}> after")
    assert "hidden]" in cleaned
    assert cleaned.startswith("before <")
    assert cleaned.endswith("> after")
    assert not any(char.isdigit() for char in re.sub(r"\[\d+ digits hidden\]", "", cleaned))


@pytest.mark.parametrize("how", ["in an address", "JSON, escaped", "Base64", "hexadecimal"])
def test_P13_a_name_is_found_encoded(redactor, how):
    assert "hidden]" in redactor.text(f"<{ENCODINGS[how]('Jane O Dell')}>")
    redactor.add("Jürgen Größe")
    assert "<[hidden]>" == redactor.text("<JÜRGEN GRÖSSE>")
    assert "<[hidden]>" == redactor.text(f"<{quote('Jürgen Größe')}>")


@pytest.mark.parametrize("how", ["a query", "percent", "Base64"])
def test_P13_a_number_in_words_is_found_encoded(redactor, how):
    assert "hidden]" in redactor.text(f"<{ENCODINGS[how]('four five five six seven')}>")


def test_P13_only_the_escaped_number_goes(redactor):
    assert "key: [4 digits hidden]; b=%20" == redactor.text("key: %37%33%39%31; b=%20")


def test_P13_a_number_is_found_in_a_very_long_row_of_words(redactor):
    row = "one two " * 200 + "four five five six seven " + "one two " * 200
    assert "five five" not in redactor.text(row)


@pytest.mark.parametrize("written", ["jane o'dell", "JANE ODELL", "Jane  O Dell", "J-a-n-e O'Dell"])
def test_P13_a_name_is_found_whatever_its_case_and_spacing(redactor, written):
    assert "<[hidden]>" == redactor.text(f"<{written}>")


@pytest.mark.parametrize(
    "harmless",
    [
        "",
        "ends in 9855",
        "first four 4556",
        "17391",
        "73910",
        "0.73912",
        "Janet O'Dellington",
        "seven of us were three short of nine, which one?",
        "call 20 7946 0000 at 12:34",
        "nobody knows",
        "%41%42 \\u0041 \\n &#65; =41 and %zz \\uqqqq &#99999999; \\U00110000",
        "QWxsIGlzIHdlbGw= VGhlIGVuZA /usr/lib/Python3/site-packages",
        "616c6c2069732077656c6c 31323334 31:32:33:34 49, 50, 51",
    ],
)
def test_what_is_not_private_is_left_alone(redactor, harmless):
    assert harmless == redactor.text(harmless)


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ('{"a":4556,"b":7375,"c":8689,"d":9855}', '{"a":_,"b":_,"c":_,"d":9855}'),
        ("4556 then 9855", "_ then 9855"),
        ("455 x 673 y 758 z 689", "_ x _ y _ z _"),
        ("4556 x 7375", "_ x _"),
        ("first 4556, once more 4556", "first 4556, once more 4556"),
        ("8689 x 7375 y 4556", "8689 x 7375 y 4556"),
        ("line 7375 of 2026, port 8084", "line 7375 of 2026, port 8084"),
        ("x 4556 y 17375", "x 4556 y 17375"),
    ],
)
def test_P13_two_groups_of_a_number_hide_each_other(redactor, written, cleaned):
    assert cleaned == re.sub(r"\[\d digits hidden\]", "_", redactor.text(written))


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("45-ab-56-cd-73", "_-ab-_-cd-_"),
        ("x45y56z737", "x_y_z_"),
        ("4a5b5c6d7 and 8", "_a_b_c_d_ and 8"),
        ("forty five x fifty six y seventy three", "_ x _ y _"),
        ("45 to begin with, fifty-six, and lastly 7375", "_ to begin with, _, and lastly _"),
        ("one: forty five, two: fifty six, three: seventy three", "one: _, two: _, three: _"),
        # A word beside a number joins it: "one forty five" is read as 145.
        ("one forty five x two fifty six x three seventy three", "_ x _ x _"),
        ("fünfundvierzig x sechsundfünfzig x dreiundsiebzig", "_ x _ x _"),
        ("1 of 8: 45, 2 of 8: 56, 3 of 8: 73", "1 of 8: _, 2 of 8: _, 3 of 8: _"),
        ("4556 then, much later, 86 and also 89", "_ then, much later, _ and also _"),
        ("86 x 89 y 98 z 55", "_ x _ y 98 z 55"),
        ("8689 x 9855", "_ x 9855"),
        # of a PIN: all of it
        ("73 then 91", "_ then _"),
        ("seventy three x ninety one", "_ x _"),
        ("%37%33-then-%39%31", "_-then-_"),
        # four digits may be shown, in whatever they are written
        ("45 x 56", "45 x 56"),
        ("forty five x fifty six", "forty five x fifty six"),
        ("7 of 3, 9 of 1", "7 of 3, 9 of 1"),
        ("91 then 73", "91 then 73"),
        ("45 x 73 y 86", "45 x 73 y 86"),
        ("145 x 56 y 73", "145 x 56 y 73"),
        ("4a5b5c6 of 10", "4a5b5c6 of 10"),
        ("45560f8f-737b-4a69-a165-70867728950e", "45560f8f-737b-4a69-a165-70867728950e"),
    ],
)
def test_P13_pieces_of_a_number_hide_each_other(redactor, written, cleaned):
    assert cleaned == re.sub(r"\[(\d digits )?hidden\]", "_", redactor.text(written))


BETWEEN = st.sampled_from(
    [" x ", "-ab-", " then ", '", "next": ', " and after that came ", "\n", " é "]
)


@st.composite
def written_in_pieces(draw):
    """A number, and how it is written in pieces of two to four digits, in figures and words."""
    number = draw(st.text(alphabet="0123456789", min_size=4, max_size=19))
    text, at = "", 0
    while left := len(number) - at:
        size = 2 if left in (2, 4) else 3 if left == 3 else draw(st.integers(2, min(4, left - 2)))
        piece = number[at : at + size]
        words = size == 2 and draw(st.booleans())
        text += (draw(BETWEEN) if at else "") + (in_words(piece) if words else piece)
        at += size
    return number, text


@given(written_in_pieces(), st.sampled_from(["", "the number is ", "10:45 "]))
@settings(max_examples=300)
def test_P13_no_more_than_four_digits_can_be_read_in_pieces(given_number, before):
    number, text = given_number
    redactor = Redactor()
    redactor.add(number)
    cleaned = re.sub(r"\[(\d+ digits )?hidden\]", "_", redactor.text(before + text))
    assert leaks(number, {"written": text})
    assert [] == leaks(number, {"cleaned": cleaned})


@pytest.mark.parametrize("piece", ["0 x ", "00 x ", "00 ", "zero x "])
def test_a_number_of_zeros_costs_no_more_than_another(piece, monkeypatch):
    steps = []
    count = redaction_pieces.Pieces._steps
    monkeypatch.setattr(
        redaction_pieces.Pieces,
        "_steps",
        lambda *given: (steps.append(each) or each for each in count(*given)),
    )
    it = Redactor()
    it.add("0" * 32)
    assert "hidden]" in it.text(piece * 200)
    assert len(steps) <= 200 * (redaction_pieces.SKIPPED + 1) * 32


def test_groups_of_two_numbers_are_not_of_one():
    it = Redactor()
    it.add("4556111122223333")
    it.add("9999888877776666")
    assert "4556 then 8888" == it.text("4556 then 8888")


def test_only_what_is_private_is_taken_out(redactor):
    text = "at 10:15 card 4556 7375 8689 9855, amount 120.50"
    assert "at 10:15 card [16 digits hidden], amount 120.50" == redactor.text(text)


def test_short_values_are_left_to_the_type():
    redactor = Redactor()
    redactor.add("1")
    redactor.add("42")
    assert "1 of 42" == redactor.text("1 of 42")
    assert not redactor


def test_structures_are_walked_with_numbers_and_bytes(redactor):
    pii = redactor.add(Pii(PIN))
    dirty = {
        "a": [CARD, 4556737586899855, 4556, True, None],
        CARD: (b"\x00" + CARD.encode(), pii),
        "f": 45567.375,
    }
    assert {
        "a": ["[16 digits hidden]", "[16 digits hidden]", 4556, True, None],
        "[16 digits hidden]": ("\x00[16 digits hidden]", "[4 digits hidden]"),
        "f": "[8 digits hidden]",
    } == redactor.redact(dirty)


PAIRS = [CARD[at : at + 2] for at in range(0, 16, 2)]


@pytest.mark.parametrize(
    "parts",
    [
        list(CARD),
        list(map(int, CARD)),
        tuple(PAIRS),
        [{"part": int(part)} for part in PAIRS[:4]],
        dict(zip("abcdefgh", PAIRS, strict=True)),
        dict.fromkeys(PAIRS),
        [["a", "4556"], ["b", "7375"]],
        list(PIN),
        ["73", "91"],
        ["seventy three", "ninety one"],
    ],
)
def test_P13_values_that_show_a_number_together_are_hidden_together(redactor, parts):
    assert {"a": "[hidden]", "b": [1, "x"]} == redactor.redact(
        {"a": parts, "b": (1, "x")} | {"b": [1, "x"]}
    )
    assert "[hidden]" == redactor.together(redactor.redact(parts))
    assert ["[hidden]", 5] == redactor.redact([parts, 5])


def test_values_that_show_nothing_together_are_left_alone(redactor):
    harmless = {"a": [1, 2, 3, "44"], "b": {"c": 56, "d": (7.5, None, True)}, "at": "10:45"}
    assert harmless == redactor.redact(harmless) == redactor.together(harmless)


def test_the_register_keeps_no_value(redactor):
    import gc

    strings = []
    seen = set()
    todo = [redactor]
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, type):
            continue
        seen.add(id(each))
        if isinstance(each, str):
            strings.append(each)
        elif not hasattr(each, "__globals__"):
            todo += gc.get_referents(each)
    assert not any(part in text for text in strings for part in ("45567", PIN, "jane"))
    with pytest.raises(TypeError, match="stays in its call"):
        pickle.dumps(redactor)


@given(
    st.text(alphabet="0123456789", min_size=5, max_size=20),
    st.text(max_size=30),
    st.text(max_size=30),
)
@settings(max_examples=80)
def test_P13_a_number_never_survives_in_any_surroundings(number, before, after):
    redactor = Redactor()
    redactor.add(number)
    cleaned = redactor.text(f"{before} {number} {after}")
    assert number not in cleaned
    assert "hidden]" in cleaned


@given(st.text(max_size=200))
@settings(max_examples=60)
def test_cleaning_twice_is_cleaning_once(text):
    redactor = Redactor()
    redactor.add("12345678")
    redactor.add("abc")
    once = redactor.text(text)
    assert once == redactor.text(once)


def test_what_is_remembered_of_texts_is_too_short_to_be_private(redactor, monkeypatch):
    """Prompts are read once, not in each call; nothing that could be anybody's value is kept for it."""
    monkeypatch.setattr(redaction_words, "_short", {})
    prompt = "Press one, or key a ten-digit number"
    assert prompt == redactor.text(prompt)
    for said in (
        "seven three nine one",
        "dreiundsiebzig einundneunzig",
        "four five five six seven",
    ):
        assert "[hidden]" == redactor.text(said) == redactor.text(said)
    remembered = {text for text, _ in redaction_words._short}
    assert {"one", "ten", "a"} == {word for text in remembered for word in text.split()}


@pytest.mark.parametrize("unit", ["3435", "34", "NDU1", "%34", "0x34,", "52, ", "A==", "&#5"])
def test_a_long_text_costs_no_more_than_its_length(unit):
    """A caller's name may be long, and all calls wait meanwhile: what goes through it once more from each of its
    characters would take minutes for these.
    """
    written = unit * (500_000 // len(unit))
    assert all(piece.end <= len(written) for piece in encoded(written))
    assert all(len(view.text) <= len(written) for view in unescaped(written))


@pytest.mark.parametrize(("pin", "number"), [("0471", 471), ("004711", 4711), ("000471", 471)])
def test_P13_a_pin_is_found_as_a_number_without_its_zeros(pin, number):
    redactor = Redactor()
    redactor.add(pin)
    assert str(number) not in str(redactor.redact({"pin": number, "of": [number, float(number)]}))
    assert str(number) not in redactor.text(f"it is {number}.")
    assert "14712" == redactor.text("14712")
