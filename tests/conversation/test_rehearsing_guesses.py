"""What a script says of its recogniser's doubts reaches the flow, with nothing else to set."""

import pytest
from collecting_flows import ask

from fsflows.conversation.rehearsal import setup_of
from fsflows.switch import parse_script

MENU = """
    steps:
      menu:
        prompt: Hours, or sales.
        dtmf: {num_digits: 1}
        asr: {words: {1: [hours], 2: [sales]}}
        on: {1: {hangup: true}, 2: {hangup: true}}
        next: {hangup: true}
"""


def test_another_guess_of_the_recogniser_s_is_looked_at(play):
    played = play(MENU, 'say "sails" confidence 0.6 or "sales" confidence 0.4\nexpect digits 2\n')
    assert 0.4 == played.record.collected[0].confidence


@pytest.mark.parametrize(
    ("confidence", "asked"), [("", True), (" confidence 0.95", False), (" confidence 0.6", True)]
)
def test_a_confidence_counts_and_without_one_there_is_none(play, confidence, asked):
    played = play(
        ask(more="confirm: {when: when_unsure, spoken_is_unsure: false}"),
        f'wait end\nsay "one two three four"{confidence}\n'
        + ("hear is that right\npress 1\n" if asked else ""),
    )
    (given,) = played.record.collected
    assert ("complete", bool(confidence)) == (given.outcome, given.confidence is not None)


@pytest.mark.parametrize(
    ("line", "scored"),
    [
        ("say sales", False),
        ('say "sales" confidence 1', True),
        ('say "sales" or "sails"', True),
        ('meanwhile say "sales" confidence 0.5', True),
    ],
)
def test_the_recogniser_sends_scores_where_a_script_has_some(line, scored):
    assert scored is setup_of(parse_script(f"wait 1\n{line}\npress 1\n")).recogniser.json
