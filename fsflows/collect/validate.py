"""Whether a collected answer is a right one: pattern, list of values, check digit, phone number, date, time, amount.

`check` is what a collection ends with; `Validator` is the same, compiled, and what a flow's loader makes once to find
out whether the names in a `validate:` block exist. A function of the flow (`Validation.function`) is called by the
conversation, after all of these.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from fsflows.advice import did_you_mean
from fsflows.collect import pattern
from fsflows.collect.spec import Validation

DATE_FORMATS: Final = (
    "DDMMYYYY",
    "MMDDYYYY",
    "YYYYMMDD",
    "DDMMYY",
    "MMDDYY",
    "YYMMDD",
    "DDMM",
    "MMDD",
)
KINDS: Final = ("date", "time", "amount")
MAX_AMOUNT_DIGITS: Final = 12


class Reason(StrEnum):
    """What was wrong with an answer; there are no others."""

    PATTERN = "pattern"
    VALUES = "values"
    CHECK = "check"
    PHONE = "phone"
    DATE = "date"
    TIME = "time"
    AMOUNT = "amount"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class Failure:
    """A wrong answer. `text` is for a log or, from a flow's function, for the caller; it never holds the digits."""

    reason: Reason
    text: str


Rule = Callable[[str], bool]


class Validator:
    """The rules of one `Validation`, compiled.

    Raises:
        ValueError: a rule that doesn't exist: a bad pattern, a check digit scheme, region, kind or date format that
            nobody knows. The text says what to write instead.
    """

    def __init__(self, validation: Validation) -> None:
        self._rules: list[tuple[Rule, Failure]] = []
        if validation.values is not None:
            self._add(validation.values.__contains__, Reason.VALUES, "not one of the values")
        if validation.pattern is not None:
            matches = pattern.compiled(validation.pattern).fullmatch
            self._add(matches, Reason.PATTERN, "does not match the pattern")
        if validation.check is not None:
            rule = check_digit_rule(validation.check)
            self._add(rule, Reason.CHECK, f"not a valid {validation.check} number")
        if validation.phone_region is not None:
            region = validation.phone_region
            self._add(
                phone_rule(region), Reason.PHONE, f"not a phone number as dialled in {region}"
            )
        if validation.kind is not None:
            self._add(*_kind_rule(validation.kind, validation.date_format))

    def _add(self, rule: Rule, reason: Reason, text: str) -> None:
        self._rules.append((rule, Failure(reason, text)))

    def check(self, digits: str) -> Failure | None:
        """The first rule that the answer breaks; None: it is right."""
        for rule, failure in self._rules:
            if not rule(digits):
                return failure
        return None


@lru_cache(maxsize=512)
def validator(validation: Validation) -> Validator:
    """The compiled rules, one object for all calls. Raises ValueError as `Validator` does."""
    return Validator(validation)


def check(validation: Validation, digits: str) -> Failure | None:
    """The first rule that an answer breaks; None: it is right."""
    return validator(validation).check(digits)


# --- the rules --------------------------------------------------------------------------------------------------


def check_digit_rule(name: str) -> Rule:
    """The rule of a check digit scheme by its python-stdnum name: "luhn", "isbn", "iso7064.mod_97_10", "us.ssn".

    Raises:
        ValueError: python-stdnum has no such module; near misses are named.
    """
    folder, _, last = name.rpartition(".")
    # python-stdnum's own spelling of what are Python's words.
    if folder in {"in", "is", "if", "do"}:
        folder += "_"
    path = f"{folder}.{last}" if folder else last
    if re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)?", path):
        try:
            module = importlib.import_module(f"stdnum.{path}")
        except ModuleNotFoundError:
            module = None
        is_valid: Rule | None = getattr(module, "is_valid", None)
        if is_valid is not None:
            return is_valid
    near = difflib.get_close_matches(name, check_digit_names(), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(f"{name!r} is not a check digit scheme of python-stdnum{hint}")


@lru_cache(maxsize=1)
def check_digit_names() -> tuple[str, ...]:
    """Every name that may stand in `check:`."""
    stdnum = importlib.import_module("stdnum")
    helpers = {"util", "exceptions", "numdb"}
    names = []
    for top in pkgutil.iter_modules(stdnum.__path__):
        if top.ispkg:
            package = importlib.import_module(f"stdnum.{top.name}")
            names += [f"{top.name}.{sub.name}" for sub in pkgutil.iter_modules(package.__path__)]
        elif top.name not in helpers:
            names.append(top.name)
    return tuple(sorted(names))


_COUNTRIES = {"UK": "GB", "USA": "US"}
"""What is written for a country that ISO 3166 calls otherwise."""


def phone_rule(region: str) -> Rule:
    """The rule of a possible and valid phone number as it is dialled in a region.

    Raises:
        ValueError: there is no such region.
    """
    import phonenumbers  # costs 50 ms to import: only for flows that ask for it

    if region not in phonenumbers.SUPPORTED_REGIONS:
        meant = _COUNTRIES.get(region.upper().replace(".", ""))
        near = (
            [meant]
            if meant
            else difflib.get_close_matches(
                region.upper(), sorted(phonenumbers.SUPPORTED_REGIONS), n=3
            )
        )
        known = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise ValueError(
            f"{region!r} is not a region with phone numbers (as 'US', 'GB', 'DE'){known}"
        )

    def rule(digits: str) -> bool:
        try:
            number = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            return False
        return phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)

    return rule


def _kind_rule(kind: str, date_format: str) -> tuple[Rule, Reason, str]:
    if kind == "date":
        if date_format not in DATE_FORMATS:
            raise ValueError(
                f"{date_format!r} is not an order of the digits of a date; one of {', '.join(DATE_FORMATS)}"
            )
        return lambda digits: is_date(digits, date_format), Reason.DATE, f"no date as {date_format}"
    if kind == "time":
        return is_time, Reason.TIME, "no time of day as HHMM"
    if kind == "amount":
        return is_amount, Reason.AMOUNT, "no amount"
    raise ValueError(f"{kind!r} is not a kind of answer; {did_you_mean(kind, KINDS, 'one of')}")


def is_date(digits: str, date_format: str) -> bool:
    """Whether the digits are a day of the calendar. A year of two digits may be of any century, a missing one any."""
    if not _plain(digits) or len(digits) != len(date_format):
        return False

    def part(letter: str) -> str:
        return "".join(d for d, f in zip(digits, date_format, strict=True) if f == letter)

    day, month, year = int(part("D")), int(part("M")), part("Y")
    if not 1 <= month <= 12:
        return False
    if len(year) == 4:
        return int(year) >= 1 and 1 <= day <= monthrange(int(year), month)[1]
    years = (1900 + int(year), 2000 + int(year)) if year else (2000,)
    return any(1 <= day <= monthrange(each, month)[1] for each in years)


def is_time(digits: str) -> bool:
    """Whether the digits are a time of day, HHMM, 0000 to 2359."""
    return _plain(digits) and len(digits) == 4 and digits[:2] < "24" and digits[2:] < "60"


def is_amount(digits: str) -> bool:
    """Whether the digits are an amount: a number above nought of at most twelve digits, in the flow's own unit."""
    return _plain(digits) and len(digits) <= MAX_AMOUNT_DIGITS and int(digits) > 0


def _plain(digits: str) -> bool:
    return digits.isascii() and digits.isdigit()
