"""The rules an answer is held to."""

from __future__ import annotations

import pytest

from fsflows.collect import Validation, check, check_digit_names
from fsflows.collect.validate import Validator


@pytest.mark.parametrize(
    ("validation", "right", "wrong"),
    [
        (Validation(), ["", "123"], []),
        (Validation(pattern=r"\d{3}"), ["123"], ["12", "1234"]),
        (Validation(values=frozenset({"10", "*"})), ["10", "*"], ["1", "100", ""]),
        (Validation(check="luhn"), ["4111111111111111", "79927398713"], ["4111111111111112", ""]),
        (Validation(check="us.ssn"), ["536904399"], ["000123456"]),
        (Validation(check="is.kennitala"), ["4504013150"], ["4504013250"]),
        (Validation(check="iso7064.mod_97_10"), ["999912345678901208"], ["999912345678901209"]),
        (Validation(phone_region="GB"), ["02079460018", "2079460018"], ["020794600", "1"]),
        (Validation(phone_region="US"), ["2125551234", "12125551234"], ["5551234", "0000000000"]),
        (Validation(kind="time"), ["0000", "2359"], ["2400", "1260", "123", "12*4"]),
        (
            Validation(kind="amount"),
            ["1", "0050", "999999999999"],
            ["0", "000", "", "1234567890123", "1*5"],
        ),
        (
            Validation(kind="date"),
            ["29022024", "31122026"],
            ["29022023", "00012026", "31042026", "32012026", "01132026", "0101202", "01010000"],
        ),
        (Validation(kind="date", date_format="MMDDYYYY"), ["12312026"], ["31122026"]),
        (Validation(kind="date", date_format="YYYYMMDD"), ["20261231"], ["31122026"]),
        (Validation(kind="date", date_format="DDMMYY"), ["290200", "290204"], ["290201", "310226"]),
        (Validation(kind="date", date_format="MMDDYY"), ["022900"], ["290200"]),
        (Validation(kind="date", date_format="YYMMDD"), ["000229"], ["010229"]),
        (Validation(kind="date", date_format="DDMM"), ["2902", "3112"], ["3002", "3113"]),
        (Validation(kind="date", date_format="MMDD"), ["0229"], ["2902"]),
        (Validation(pattern=r"4\d*", check="luhn"), ["4111111111111111"], ["5555555555554444"]),
    ],
)
def test_beyond_15_what_is_right_and_what_is_wrong(validation, right, wrong):
    assert [] == [digits for digits in right if check(validation, digits)]
    assert [] == [digits for digits in wrong if not check(validation, digits)]


@pytest.mark.parametrize(
    ("validation", "text"),
    [
        (
            Validation(check="lunh"),
            "'lunh' is not a check digit scheme of python-stdnum; did you mean 'luhn'",
        ),
        (Validation(check="us.snn"), "did you mean 'us.ssn'"),
        (Validation(check="os.path"), "'os.path' is not a check digit scheme"),
        (Validation(check="../luhn"), "is not a check digit scheme"),
        (Validation(check="util"), "'util' is not a check digit scheme"),
        (Validation(phone_region="UK"), "'UK' is not a region with phone numbers"),
        (Validation(phone_region="gb"), "did you mean 'GB'"),
        (Validation(kind="data"), "'data' is not a kind of answer; did you mean 'date'"),
        (Validation(kind="colour"), "one of date, time, amount"),
        (
            Validation(kind="date", date_format="DD-MM"),
            "'DD-MM' is not an order of the digits of a date",
        ),
        (Validation(pattern="("), "is not a regular expression"),
    ],
)
def test_beyond_15_a_rule_that_does_not_exist_is_found_at_once(validation, text):
    with pytest.raises(ValueError, match=text.replace(".", r"\.")):
        Validator(validation)


def test_every_scheme_that_is_offered_exists():
    names = check_digit_names()

    assert {"luhn", "verhoeff", "iban", "us.ssn", "in_.aadhaar"} <= set(names)
    assert not {"util", "exceptions", "us"} & set(names)


def test_a_failure_never_holds_the_digits():
    failure = check(Validation(pattern="1"), "7654321")

    assert "pattern" == failure.reason
    assert "7654321" not in repr(failure)
