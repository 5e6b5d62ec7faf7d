"""The read-back: every way to answer it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsflows import spoken
from fsflows.collect import (
    BargeIn,
    Collection,
    Confirm,
    Confirmation,
    Confirmer,
    Dialogue,
    Done,
    Escape,
    Ignored,
    Listen,
    Prompt,
    PromptKind,
    Speech,
    StopPrompt,
    TypeAhead,
    Validation,
    Why,
    read_back,
)
from fsflows.privacy import Pii

from .scenario import attempt, collector, play

SEVEN = Collection(
    min_digits=7,
    max_digits=7,
    clear_keys=frozenset("*"),
    end_keys=frozenset("#"),
    escape=Escape(keys=frozenset("0"), words=("operator",)),
    confirmation=Confirmation(when=Confirm.ALWAYS),
)


def confirmer(
    scenario: str, spec: Collection = SEVEN, *, prompt: bool = False, digits: str = "5551213"
) -> Confirmer:
    return play(Confirmer(spec, digits, opened_at=0.0, prompt_playing=prompt), scenario)


@pytest.mark.parametrize(
    ("scenario", "verdict"),
    [
        ("1.0 key 1", "yes"),
        ("1.0 key 2", "no"),
        ("1.0 key *", "no"),
        ("1.0 key 5", "correction"),
        ("1.0 key A\n2.0 key #", "silence"),
        ("1.0 key 0", "escaped"),
        ("1.0 final yes", "yes"),
        ("1.0 final yeah that's right", "yes"),
        ("1.0 final no", "no"),
        ("1.0 final nope that's wrong", "no"),
        ("1.0 final five five five one two one three", "yes"),
        ("1.0 final it's not five five five one two one three", "no"),
        ("1.0 final not five five five one two one three", "no"),
        ("1.0 final it's five five five one two one three please", "yes"),
        ("1.0 final five five five one two one three yes", "yes"),
        ("1.0 final five five five one two one five no three", "yes"),
        ("1.0 final five five five one two one three no", "no"),
        ("1.0 final five five five one two one three no that's wrong", "no"),
        ("1.0 final five five five one two one three is wrong", "unclear"),
        ("1.0 final five five five one two one three isn't right", "unclear"),
        ("1.0 final not sure five five five one two one three", "yes"),
        ("1.0 final five five five one two one two", "correction"),
        ("1.0 final no five five five one two one two", "correction"),
        ("1.0 final no five five", "correction"),
        ("1.0 final no it's five", "correction"),
        ("1.0 final no wait five", "correction"),
        ("1.0 final no wait five five", "correction"),
        ("1.0 final sorry five five", "correction"),
        ("1.0 final no one", "correction"),
        ("1.0 final sorry to", "unclear"),
        ("1.0 partial sorry for\n1.6 final sorry for the noise", "unclear"),
        ("1.0 final no to", "correction"),
        ("1.0 final not three four", "correction"),
        ("1.0 final not five five", "unclear"),
        ("1.0 final yes no wait no", "no"),
        ("1.0 final yes no wait", "unclear"),
        ("1.0 final yes no wait four eight", "correction"),
        ("1.0 final no i mean yes", "yes"),
        ("1.0 final hm | yes", "yes"),
        ("1.0 final what is this", "unclear"),
        ("1.0 final i want an operator", "escaped"),
        ("", "silence"),
        ("1.0 hangup", "hangup"),
        ("1.0 partial yes\n1.4 partial yes", "yes"),
        ("1.0 partial yes", "silence"),
        ("1.0 partial no\n1.1 speech lost", "no"),
    ],
)
def test_every_answer(scenario, verdict):
    assert verdict == confirmer(scenario).result.verdict


@pytest.mark.parametrize("language", spoken.languages())
@pytest.mark.parametrize(("key", "verdict"), [("1", "yes"), ("2", "no")])
def test_a_key_of_the_read_back_may_be_said(language, key, verdict):
    spec = replace(SEVEN, speech=Speech(language=language))
    word = spoken.digit_words(key, language)

    assert verdict == confirmer(f"1.0 final {word}", spec).result.verdict


@pytest.mark.parametrize(
    ("language", "said", "verdict"),
    [
        ("en-US", "press one", "yes"),
        ("en-US", "number two", "no"),
        ("en-US", "uh one please", "yes"),
        ("en-US", "that one", "unclear"),
        ("en-US", "won", "unclear"),
        ("en-US", "one two", "unclear"),
        ("de-DE", "drücke eins", "yes"),
        ("es-ES", "pulse uno", "yes"),
        ("es-MX", "oprima dos", "no"),
        ("fr-FR", "appuyez sur le deux", "no"),
        ("it-IT", "premi uno", "yes"),
        ("nl-NL", "druk op twee", "no"),
        ("pt-BR", "aperte um", "yes"),
        ("pt-PT", "prima dois", "no"),
    ],
)
def test_what_is_taken_for_a_key_that_was_said(language, said, verdict):
    spec = replace(SEVEN, speech=Speech(language=language))

    assert verdict == confirmer(f"1.0 final {said}", spec).result.verdict


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de-DE", "das ist nicht"),
        ("es-ES", "ese no es el"),
        ("fr-FR", "ce n'est pas"),
        ("it-IT", "non è"),
        ("nl-NL", "dat is niet"),
        ("pt-BR", "esse não é"),
    ],
)
def test_the_number_said_again_behind_a_not_is_no_assent(language, said):
    spec = replace(SEVEN, speech=Speech(language=language))
    number = spoken.digit_words("5551213", language)

    assert "yes" == confirmer(f"1.0 final {number}", spec).result.verdict
    assert "no" == confirmer(f"1.0 final {said} {number}", spec).result.verdict


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de-DE", "stimmt nicht"),
        ("es-ES", "no"),
        ("fr-FR", "c'est pas ça"),
        ("it-IT", "non è giusto"),
        ("nl-NL", "klopt niet"),
        ("pt-BR", "está errado"),
    ],
)
def test_nor_is_the_number_with_a_no_behind_it(language, said):
    spec = replace(SEVEN, speech=Speech(language=language))
    number = spoken.digit_words("5551213", language)

    assert "no" == confirmer(f"1.0 final {number} {said}", spec).result.verdict


@pytest.mark.parametrize(
    ("said", "verdict"), [("two", "correction"), ("five", "yes"), ("yes", "yes")]
)
def test_a_word_that_is_another_number_of_the_right_length_is_a_correction(said, verdict):
    spec = replace(SEVEN, min_digits=1, max_digits=1)

    assert verdict == confirmer(f"1.0 final {said}", spec, digits="5").result.verdict


def test_star_and_pound_are_keys_that_may_be_said():
    keys = Confirmation(when=Confirm.ALWAYS, accept_keys=frozenset("#"), refuse_keys=frozenset("*"))
    spec = replace(SEVEN, confirmation=keys, end_keys=frozenset(), clear_keys=frozenset())

    assert "yes" == confirmer("1.0 final pound", spec).result.verdict
    assert "no" == confirmer("1.0 final press star", spec).result.verdict
    assert "unclear" == confirmer("1.0 final one", spec).result.verdict


@pytest.mark.parametrize(
    ("scenario", "at"),
    [
        pytest.param("", 5.0, id="silence"),
        pytest.param("4.5 partial well", 6.5, id="held while the caller speaks"),
        pytest.param("1.0 final well", 5.0, id="a word does not cut it short"),
        pytest.param("1.0 partial yes\n1.4 partial yes", 3.4, id="a partial that was repeated"),
        pytest.param(
            "1.0 partial no\n1.5 partial no\n2.0 partial no five", 5.0, id="a no may go on"
        ),
    ],
)
def test_how_long_an_answer_is_waited_for(scenario, at):
    assert at == confirmer(scenario).result.ended_at


def test_an_answer_is_waited_for_from_the_end_of_the_read_back():
    listener = Confirmer(SEVEN, "5551213", opened_at=0.0, prompt_playing=True)

    assert listener.deadline is None
    assert 14.0 == play(listener, "9.0 prompt ends").result.ended_at


def test_a_key_and_a_word_interrupt_the_read_back():
    by_key = confirmer("1.0 key 1", prompt=True)
    by_word = confirmer("1.0 partial yes", prompt=True)

    assert [1.0] == [each.at for each in by_key.decisions() if isinstance(each, StopPrompt)]
    assert [1.0] == [each.at for each in by_word.decisions() if isinstance(each, StopPrompt)]


def test_keys_pressed_before_the_read_back_are_no_answer_to_it():
    dialogue = Dialogue(SEVEN)
    dialogue.next(0.0)
    play(dialogue.next(0.0, typed_ahead=[]).listener, "1.0 keys 5551213")
    asked = dialogue.next(2.0, typed_ahead=[_key("1")])
    listener = dialogue.next(2.0).listener

    assert PromptKind.CONFIRM is asked.kind
    assert listener.result is None
    assert [Ignored("1", Why.FLUSHED)] == listener.decisions()


def _key(key: str):
    from fsflows.collect import Key

    return Key(key, 1.9)


def test_keys_are_ignored_under_a_read_back_that_must_be_heard():
    spec = Collection(barge_in=BargeIn.IGNORE, confirmation=Confirmation(when=Confirm.ALWAYS))
    listener = confirmer("1.0 key 1\n3.0 prompt ends\n4.0 key 2", spec, prompt=True)

    assert "no" == listener.result.verdict


def drive(spec: Collection, *scenarios: str, attempts: int = 3):
    """The prompts of a dialogue and its result; each scenario is in seconds since its listener began."""
    dialogue = Dialogue(spec, attempts=attempts)
    prompts, rest, now = [], list(scenarios), 0.0
    while True:
        todo = dialogue.next(now)
        if isinstance(todo, Done):
            return prompts, todo.result
        if isinstance(todo, Prompt):
            prompts.append(str(todo.kind))
        if isinstance(todo, Listen) and todo.listener.result is None:
            lines = [line.strip() for line in rest.pop(0).splitlines() if line.strip()]
            play(
                todo.listener,
                "\n".join(
                    f"{now + float(line.split()[0])} {line.split(maxsplit=1)[1]}" for line in lines
                ),
            )
            now += 100.0


@pytest.mark.parametrize(
    ("scenarios", "prompts", "digits"),
    [
        pytest.param(
            ["1.0 keys 5551213", "1.0 final no five five five one two one two", "1.0 key 1"],
            ["first", "confirm", "confirm"],
            "5551212",
            id="the whole number again",
        ),
        pytest.param(
            [
                "1.0 keys 5551213",
                "1.0 final no five five five",
                "1.0 final one two one two",
                "1.0 key 1",
            ],
            ["first", "confirm", "confirm"],
            "5551212",
            id="in several pieces",
        ),
        pytest.param(
            [
                "1.0 keys 5551213",
                "1.0 final no five double",
                "1.0 final five one two one two",
                "1.0 key 1",
            ],
            ["first", "confirm", "confirm"],
            "5551212",
            id="in the middle of a double",
        ),
        pytest.param(
            ["1.0 keys 5551213", "1.0 final no wait two", "1.0 final yes"],
            ["first", "confirm", "confirm"],
            "5551212",
            id="the last digit mended",
        ),
        pytest.param(
            ["1.0 keys 5551213", "1.0 final no two", "1.0 final yes"],
            ["first", "confirm", "confirm"],
            "5551212",
            id="mended by a no alone",
        ),
        pytest.param(
            ["1.0 keys 5551213", "1.0 final no one", "1.0 final yes"],
            ["first", "confirm", "confirm"],
            "5551211",
            id="mended by one, which is not no one",
        ),
        pytest.param(
            ["1.0 keys 5551213", "1.0 final no not three two", "1.0 final yes"],
            ["first", "confirm", "confirm"],
            "5551212",
            id="mended by what it is not",
        ),
        pytest.param(
            [
                "1.0 keys 5551213",
                "1.0 final yes no wait five five",
                "1.0 final five one two one two",
                "1.0 key 1",
            ],
            ["first", "confirm", "confirm"],
            "5551212",
            id="begun anew in the same breath as a yes",
        ),
        pytest.param(
            [
                "1.0 keys 5551213",
                "1.0 final sorry five five",
                "1.0 final five one two one two",
                "1.0 key 1",
            ],
            ["first", "confirm", "confirm"],
            "5551212",
            id="begun anew without a no",
        ),
        pytest.param(
            [
                "1.0 keys 5551213",
                "1.0 final no",
                "1.0 final five\n2.0 final five five one two one two",
                "1.0 key 1",
            ],
            ["first", "confirm", "refused", "confirm"],
            "5551212",
            id="a no, and the number after a pause",
        ),
        pytest.param(
            ["1.0 keys 5551213", "1.0 key 2", "1.0 keys 5551212", "1.0 key 1"],
            ["first", "confirm", "refused", "confirm"],
            "5551212",
            id="refused by key",
        ),
        pytest.param(
            ["1.0 keys 5551213", "", "1.0 key 1"],
            ["first", "confirm", "confirm"],
            "5551213",
            id="silence is asked once more",
        ),
        pytest.param(
            ["1.0 keys 5551213", "1.0 final hm what", "1.0 key 1"],
            ["first", "confirm", "confirm"],
            "5551213",
            id="so is what can't be understood",
        ),
        pytest.param(
            ["1.0 keys 5551213", "1.0 key 5", "0.1 keys 551212", "1.0 key 1"],
            ["first", "confirm", "confirm"],
            "5551212",
            id="keyed anew over the read-back",
        ),
    ],
)
def test_a_confirmed_answer(scenarios, prompts, digits):
    played, result = drive(SEVEN, *scenarios)

    assert prompts == played
    assert ("complete", digits, True) == (result.outcome, result.digits, result.confirmed)


@pytest.mark.parametrize(
    ("scenarios", "expected"),
    [
        (["1.0 keys 5551213", "1.0 key 2"], ("no_match", "refused")),
        (["1.0 keys 5551213", "", ""], ("no_match", "unconfirmed")),
        (["1.0 keys 5551213", "1.0 final what", "1.0 final who"], ("no_match", "unconfirmed")),
        (["1.0 keys 5551213", "1.0 hangup"], ("hangup", "hangup")),
        (["1.0 keys 5551213", "1.0 key 0"], ("escaped", "escape_key")),
        (["1.0 keys 5551213", "1.0 final operator"], ("escaped", "escape_word")),
    ],
)
def test_an_answer_that_was_not_confirmed_is_no_success_and_kept(scenarios, expected):
    _, result = drive(SEVEN, *scenarios, attempts=1)

    assert (*expected, "5551213", "", False) == (
        result.outcome,
        result.how,
        result.digits,
        result.user_input,
        result.confirmed,
    )


def test_corrections_do_not_go_on_for_ever():
    said = "1.0 final five five five one two one {}"
    corrections = [said.format(word) for word in ("one", "two", "one", "two", "one", "two")]
    prompts, result = drive(SEVEN, "1.0 keys 5551213", *corrections, attempts=2)

    assert "complete" != result.outcome
    assert prompts.count("confirm") <= 6


@pytest.mark.parametrize(
    ("when", "more", "scenario", "asks"),
    [
        (Confirm.NEVER, {}, "1.0 final one two three four", False),
        (Confirm.ALWAYS, {}, "1.0 keys 1234", True),
        (Confirm.WHEN_UNSURE, {}, "1.0 keys 1234", False),
        (Confirm.WHEN_UNSURE, {}, "1.0 final one two three four @0.99", True),
        (
            Confirm.WHEN_UNSURE,
            {"spoken_is_unsure": False},
            "1.0 final one two three four @0.99",
            False,
        ),
        (
            Confirm.WHEN_UNSURE,
            {"spoken_is_unsure": False},
            "1.0 final one two three four @0.5",
            True,
        ),
        (Confirm.WHEN_UNSURE, {"spoken_is_unsure": False}, "1.0 final one two three four", True),
    ],
)
def test_when_the_digits_are_read_back(when, more, scenario, asks):
    spec = Collection(min_digits=4, max_digits=4, confirmation=Confirmation(when=when, **more))
    dialogue = Dialogue(spec)
    dialogue.next(0.0)
    play(dialogue.next(0.0).listener, scenario)

    assert asks == isinstance(dialogue.next(2.0), Prompt)


@pytest.mark.parametrize(
    ("scenario", "ended_at", "asks"),
    [
        pytest.param("1.5 final one two three four @0.95", 1.5, False, id="sure"),
        pytest.param("1.5 final one two three four @0.5", 1.5, True, id="unsure"),
        pytest.param("1.6 key #\n1.7 final one two three four @0.95", 1.7, False, id="end key"),
        pytest.param("", 3.4, True, id="no final result"),
    ],
)
def test_when_confidence_decides_the_final_result_is_waited_for(scenario, ended_at, asks):
    confirmation = Confirmation(when=Confirm.WHEN_UNSURE, spoken_is_unsure=False)
    spec = Collection(
        min_digits=4, max_digits=4, end_keys=frozenset("#"), confirmation=confirmation
    )
    dialogue = Dialogue(spec)
    dialogue.next(0.0)
    partials = "\n".join(f"{at} partial one two three four" for at in (1.0, 1.2, 1.4))
    listener = play(dialogue.next(0.0).listener, f"{partials}\n{scenario}")

    assert ended_at == pytest.approx(listener.result.ended_at)
    assert asks == isinstance(dialogue.next(4.0), Prompt)


@pytest.mark.parametrize(
    ("spec", "digits", "groups", "words"),
    [
        (Collection(), "1234567", ("123", "4567"), "one two three, four five six seven"),
        (
            Collection(confirmation=Confirmation(groups=(2, 2))),
            "1234",
            ("12", "34"),
            "one two, three four",
        ),
        (
            Collection(validation=Validation(phone_region="US")),
            "2125551234",
            ("212", "555", "1234"),
            "two one two, five five five, one two three four",
        ),
    ],
)
def test_digits_are_read_in_groups_that_suit_the_number(spec, digits, groups, words):
    found = read_back(spec, digits, "en-US")

    assert groups == found.groups
    assert words == found.words


def test_a_private_number_is_read_back_as_a_private_value():
    found = read_back(Collection(is_pii=True), Pii("1234567"), "en-US")

    assert ("123", "4567") == tuple(group.reveal() for group in found.groups)
    assert "one" not in repr(found)


def test_an_attempt_that_was_refused_says_so_in_the_log():
    _, result = drive(SEVEN, "1.0 keys 5551213", "1.0 key 2", "1.0 keys 5551212", "1.0 key 1")

    assert [("no_match", "refused", "5551213"), ("complete", "length", "5551212")] == [
        (each.outcome, each.how, each.digits) for each in result.attempts_log
    ]


def test_confidence_is_that_of_the_weakest_part():
    spec = Collection(min_digits=4, max_digits=4)

    assert (
        0.7 == attempt(spec, "1.0 key 1\n1.5 final two @0.9\n2.0 final three four @0.7").confidence
    )
    assert attempt(spec, "1.0 final one two three four").confidence is None


def test_a_read_back_without_speech_is_answered_by_keys_alone():
    spec = Collection(speech=None, confirmation=Confirmation(when=Confirm.ALWAYS))
    listener = confirmer("1.0 partial yes\n4.0 partial yes yes\n4.5 final yes", spec)

    assert ("silence", 5.0) == (listener.result.verdict, listener.result.ended_at)


def test_one_digit_that_mends_nothing_begins_a_new_number():
    spec = Collection(
        min_digits=4, max_digits=4, validation=Validation(values=frozenset({"1234", "9876"}))
    )
    reply = confirmer("1.0 final no nine", spec, digits="1234").result

    assert ("correction", False) == (reply.verdict, reply.edits)


def test_as_many_corrections_as_attempts():
    said = "1.0 final five five five one two one {}"
    corrections = [said.format(word) for word in ("one", "two", "one")]
    prompts, result = drive(SEVEN, "1.0 keys 5551213", *corrections, "1.0 hangup", attempts=2)

    assert ["first", "confirm", "confirm", "confirm", "refused"] == prompts
    assert ["refused", "refused", "refused", "hangup"] == [each.how for each in result.attempts_log]


def test_what_a_private_reply_holds_is_not_shown():
    reply = confirmer("1.0 final no five five five one two one two").result

    assert ["five five five one two one two"] == [each.text for each in reply.said]
    assert "five" not in repr(reply)


def test_a_number_keyed_anew_over_the_read_back_is_collected_whole_even_where_keys_ahead_are_flushed():
    spec = replace(SEVEN, type_ahead=TypeAhead.FLUSH)
    _, result = drive(spec, "1.0 keys 5551213", "1.0 key 5", "0.1 keys 551212", "1.0 key 1")

    assert ("complete", "5551212") == (result.outcome, result.digits)


@pytest.mark.parametrize(
    ("later", "key", "verdict"),
    [
        (0.2, "7", None),
        (0.6, "7", "correction"),
        (0.2, "1", None),
        (0.6, "1", "yes"),
        (0.2, "2", None),
        (0.6, "2", "no"),
    ],
)
def test_one_digit_too_many_is_no_answer_to_the_read_back(later, key, verdict):
    first = collector(SEVEN, "1.0 keys 5551213")
    ended = first.result.ended_at
    listener = Confirmer(
        SEVEN, "5551213", opened_at=ended, prompt_playing=True, trail=first.result.trail
    )
    play(listener, f"{ended + later} key {key}", to_the_end=False)

    assert verdict == (listener.result and listener.result.verdict)
    assert (verdict is None) == (Ignored(key, Why.TYPING_ON) in listener.decisions())
