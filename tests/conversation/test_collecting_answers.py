"""Right and wrong answers, and whether they are read back, through whole conversations."""

import pytest
from collecting_flows import ask, got, heard

# --- validation -----------------------------------------------------------------------------------------------------

RULES = [
    # (digits wanted, rule, a wrong answer, a right one)
    ("4", "pattern: '[2-9].*'", "1234", "2345"),
    ("4", "values: ['1111', '2222']", "1112", "2222"),
    ("16", "check: luhn", "4111111111111112", "4111111111111111"),
    ("9", "check: us.ssn", "000121234", "536904399"),
    ("10", "phone: US", "1111111111", "2125550123"),
    ("8", "{kind: date, date_format: DDMMYYYY}", "31022024", "29022024"),
    ("4", "{kind: date, date_format: MMDD}", "1301", "1231"),
    ("4", "kind: time", "2460", "2359"),
    ("5", "kind: amount", "00000", "01250"),
    ("4", "function: even", "1235", "1234"),
]


@pytest.mark.parametrize(("length", "rule", "wrong", "right"), RULES)
@pytest.mark.parametrize("source", ["keys", "speech"])
def test_beyond_15_a_wrong_answer_is_no_match_and_has_a_prompt_of_its_own(
    play, length, rule, wrong, right, source
):
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

    def answer(digits):
        if source == "keys":
            return f"press {digits} gap 0.05"
        return "say " + " ".join(names[int(digit)] for digit in digits)

    rule = rule if rule.startswith("{") else f"{{{rule}}}"
    played = play(
        ask(
            f"num_digits: {length}",
            more=f"validate: {rule}",
            retry="{attempts: 2, no_match: That is not right., no_input: Nothing heard.}",
        ),
        f"wait end\n{answer(wrong)}\nhear that is not right\nwait quiet\n{answer(right)}\n",
        "def even(conv, digits):\n    return int(digits) % 2 == 0\n",
    )
    assert [f"complete {right} {source}"] == got(played)
    assert 2 == played.record.collected[0].attempts
    assert "Nothing heard." not in played.heard


def test_beyond_15_at_the_cap_the_wrong_digits_reach_the_flow(play):
    played = play(
        ask(more="validate: {values: ['1111']}").replace("Thank you.", "'Not {digits}.'"),
        "wait end\npress 1234\nexpect heard Not 1234\n",
    )  # fmt: skip
    assert ["no_match 1234 keys"] == got(played)


def test_beyond_15_a_function_says_in_its_own_words_what_is_wrong(play):
    played = play(
        ask(more="validate: {function: known}", retry="{attempts: 3, no_match: Never said.}"),
        "wait end\npress 1234\nhear nobody has 1234\npress 1111\n",
        "def known(conv, digits):\n    return digits == '1111' or f'Nobody has {digits} {{here}}.'\n",
    )
    assert ["complete 1111 keys"] == got(played)
    assert "Never said." not in played.heard


@pytest.mark.parametrize("body", ["raise ValueError", "return 7", "conv._engine.clock.sleep(60)"])
def test_beyond_15_a_validation_that_cannot_be_used_is_apologised_for(play, body):
    played = play(
        ask(more="validate: {function: known}", top="apology: I am sorry about this."),
        "wait end\npress 1234\nexpect heard sorry about this\nexpect failed known\n",
        f"def known(conv, digits):\n    {body}\n",
    )
    assert "failed" == played.record.result
    assert ["no_match 1234 keys"] == got(played)
    assert ["1234"] == [turn.text for turn in played.engine.history if turn.role == "user"]


def test_what_a_validation_could_not_judge_is_kept_as_the_private_value_that_it_is(play):
    played = play(
        ask("num_digits: 4, is_pii: true", more="validate: {function: known}"),
        "wait end\npress 4071\nexpect failed known\n",
        "def known(conv, digits):\n    raise ValueError(digits.reveal())\n"
        "def end_function(conv):\n    conv.write_metric('last', conv.history[-2].text == '4071')\n",
    )
    assert ["no_match [4 digits hidden] keys"] == got(played)
    assert played.engine.metrics == {"last": True}
    assert "4071" not in repr(played.record) + repr(played.engine.history)


# --- confirmation ---------------------------------------------------------------------------------------------------


def confirmed(play, script, confirm="always", dtmf="num_digits: 4", **more):
    return play(ask(dtmf, more=f"confirm: {confirm}", **more), f"wait end\n{script}\n")


@pytest.mark.parametrize(
    ("dtmf", "more", "keyed", "read"),
    [
        ("num_digits: 7", "", "5551234", "five five five one two three four"),
        ("num_digits: 10", "validate: {phone: US}", "2125550123",
         "two one two five five five zero one two three"),
        ("num_digits: 6", "confirm: {groups: [2, 2, 2]}", "123456", "one two three four five six"),
    ],
)  # fmt: skip
def test_L4_the_digits_are_read_back_in_groups(play, dtmf, more, keyed, read):
    confirm = "" if "confirm" in more else "confirm: always"
    played = play(
        ask(dtmf, more="\n    ".join(filter(None, (confirm, more)))),
        f"wait end\npress {keyed} gap 0.05\nhear {read}\nwait end\npress 1\n",
    )
    assert [f"complete {keyed} keys"] == got(played)
    read_back = heard(played)[1][0]
    assert "," in read_back


@pytest.mark.parametrize(
    ("confirm", "script", "asked"),
    [
        ("when_unsure", "press 1234", False),
        ("when_unsure", "say one two three four", True),
        ("{when: when_unsure, spoken_is_unsure: false}", 'say "one two three four" confidence 0.95', False),
        ("{when: when_unsure, spoken_is_unsure: false}", 'say "one two three four" confidence 0.6', True),
        ("{when: when_unsure, spoken_is_unsure: false, sure: 0.5}", 'say "one two three four" confidence 0.6', False),
        ("never", "say one two three four", False),
        ("always", "press 1234", True),
    ],
)  # fmt: skip
def test_L4_it_is_asked_when_it_is_wanted(play, confirm, script, asked):
    from fsflows.switch import Recogniser, Setup

    played = play(
        ask(more=f"confirm: {confirm}"),
        f"wait end\n{script}\n" + ("hear is that right\npress 1\n" if asked else ""),
        setup=Setup(recogniser=Recogniser(json=True)),
    )
    assert asked is any("Is that right?" in what for what, _ in heard(played))
    assert "complete" == played.record.collected[0].outcome


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("press 1", "complete 1234 keys"),
        ("say yes", "complete 1234 keys"),
        ("say yeah that's right", "complete 1234 keys"),
        ("say one two three four", "complete 1234 keys"),
        ("press 2\nhear your number\nwait quiet\npress 5678\nwait end\npress 1", "complete 5678 keys"),
        ("say no\nhear your number\nwait quiet\nsay five six seven eight\nwait end\nsay yes", "complete 5678 speech"),
        ("say no five six seven eight\nhear five six seven eight\nwait quiet\nsay yes", "complete 5678 speech"),
        ("say no it's five six\nwait 1\nsay seven eight\nhear five six seven eight\nwait quiet\npress 1", "complete 5678 speech"),
        ("say no wait five\nhear one two three five\nwait quiet\npress 1", "complete 1235 both"),
        ("press 5\nwait 0.2\npress 678\nhear five six seven eight\nwait quiet\npress 1", "complete 5678 keys"),
        ("say hm hm hm\nhear is that right\nwait quiet\nsay yes", "complete 1234 keys"),
        ("press #\nwait 0.3\npress 1", "complete 1234 keys"),
        ("press 2\nhear your number\nwait quiet\npress 1234\nwait end\npress 2", "no_match 1234 keys"),
        ("wait quiet 30 within 90", "no_input none"),
    ],
)  # fmt: skip
def test_L4_what_the_caller_makes_of_the_read_back(play, answer, expected):
    played = confirmed(
        play,
        f"press 1234\nhear one two three four is that right\nwait quiet\n{answer}",
        retry="{attempts: 2}",
    )
    assert [expected] == got(played)


def test_L4_a_number_that_is_corrected_while_it_is_read(play):
    """The correction stops the read-back, and is read back itself."""
    played = confirmed(
        play, "press 1234\nhear two three\nsay no five six seven eight\nhear right\nsay yes"
    )
    assert ["complete 5678 speech"] == got(played)
    assert "break" == heard(played)[1][1]


def test_L4_keys_pressed_before_the_read_back_agree_to_nothing(play):
    played = confirmed(play, "press 12341\nwait quiet 40 within 90", retry="{attempts: 1}")
    assert ["no_match 1234 keys"] == got(played)


def test_L4_other_keys_and_a_prompt_of_the_author_s(play):
    confirm = (
        "{accept: '5', refuse: '9', prompt: 'You keyed {digits}, right?', asks: 1, timeout: 2}"
    )
    played = confirmed(play, "press 1234\nhear you keyed\nwait quiet\npress 5", confirm)
    assert ["complete 1234 keys"] == got(played)
    assert "You keyed one two three four, right?" == heard(played)[1][0]


def test_L4_in_another_language(play):
    played = confirmed(
        play, "press 1234\nwait quiet\nsay ja genau", top="language: de-DE", retry="{attempts: 1}"
    )
    assert ["complete 1234 keys"] == got(played)


def test_digits_of_an_earlier_step_are_not_said_as_those_of_one_that_got_none(play):
    played = play(
        """
        steps:
          room: {prompt: Your room., dtmf: {num_digits: 3}, next: wake}
          wake: {prompt: When., dtmf: {num_digits: 4}, retry: {attempts: 1}, next: {say: "At {digits}.", hangup: true}}
        """,
        "wait end\npress 412\n",
    )
    assert "At 412." not in played.heard
