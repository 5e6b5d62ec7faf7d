"""Phrases that are keys (`asr: words`), through whole conversations."""

import re
from dataclasses import asdict
from types import MappingProxyType

import pytest
from collecting_flows import ask, got, heard

from fsflows import GetDtmfTask
from fsflows.switch import Recogniser, Setup

WORDS = "{words: {1: [opening hours, hours], 2: sales, 3: [sales support, support]}}"


def menu(**more):
    return ask(dtmf="num_digits: 1", asr=WORDS, **more)


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('"could i have the opening hours please"', "complete 1 speech"),
        ('"sales"', "complete 2 speech"),
        ('"sales support"', "complete 3 speech"),
        ('"two"', "complete 2 speech"),
        ('"not sales support hours"', "no_match none"),
        ('"sails" or "sales"', "complete 2 speech"),
    ],
)
def test_what_is_said_is_a_key(play, said, expected, json):
    recogniser = Setup(recogniser=Recogniser(json=json))
    played = play(menu(), f"wait end\nsay {said}\n", setup=recogniser)

    if json or " or " not in said:  # plain text has no alternatives
        assert [expected] == got(played)


def test_the_words_that_follow_are_waited_for(play):
    """ "Sales" stands for longer than the settle time before "support" is said."""
    slow = 'wait end\nsay "sales support" word 0.9 endpoint 1\n'

    assert ["complete 3 speech"] == got(play(menu(), slow))


def test_a_partial_that_stays_ends_the_step(play):
    """The recogniser would take four seconds more to be sure that the caller has finished."""
    played = play(menu(), 'wait end\nsay "opening hours" endpoint 4\n')
    (said,) = [each for each in played.channel.transcript.did if "opening" in str(each)]

    assert ["complete 1 speech"] == got(played)
    assert played.channel.transcript.heard[-1].start - said.at < 1.0


def test_a_phrase_stops_the_prompt(play):
    prompt = "Please say what you want, and take all the time that you may need for it."
    played = play(menu(prompt=prompt), "hear please say\nsay opening hours\n")

    assert ["complete 1 speech"] == got(played)
    assert (prompt, "break") == heard(played)[0]


def test_it_is_read_back_and_corrected(play):
    played = play(
        menu(more="confirm: always"),
        "wait end\nsay sales\nhear is that right\nwait end\nsay no support\n"
        "hear is that right\nwait end\nsay support\n",
    )

    assert ["complete 3 speech"] == got(played)


OWN = "{prompt: 'You chose {phrase}, key {digits}. Is that right?'}"


@pytest.mark.parametrize(
    ("answer", "default", "own"),
    [
        ("say uh the opening hours", "I have opening hours.", "You chose opening hours, key one."),
        ('say "ours" or "hours"', "I have hours.", "You chose hours, key one."),
        ("press 1", "I have one.", "You chose one, key one."),
        ("say one", "I have one.", "You chose one, key one."),
    ],
)
@pytest.mark.parametrize("confirm", ["always", OWN])
def test_who_said_a_phrase_is_asked_about_it(play, answer, default, own, confirm):
    played = play(
        menu(more=f"confirm: {confirm}"),
        f"wait end\n{answer}\nhear is that right\nwait end\nsay yes\n",
        setup=Setup(recogniser=Recogniser(json=True)),
    )
    assert heard(played)[1][0].startswith(own if confirm == OWN else default)
    assert ["complete 1"] == [each.rpartition(" ")[0] for each in got(played)]


def test_a_correction_is_read_back_in_its_own_words(play):
    played = play(
        menu(more="confirm: always"),
        "wait end\nsay sales\nhear i have sales\nwait end\nsay no support\n"
        "hear i have support\nwait end\npress 1\n",
    )
    assert ["complete 3 speech"] == got(played)


def test_a_phrase_that_is_read_back_in_private_is_written_nowhere(play):
    played = play(
        ask(dtmf="num_digits: 1, is_pii: true", asr=WORDS, more="confirm: always"),
        "wait end\nsay opening hours\nhear i have opening hours\nwait end\nsay yes\n",
    )
    assert "opening hours" not in str(asdict(played.record)) + str(played.engine.history)


def test_it_is_asked_for_again(play):
    played = play(
        menu(retry="{attempts: 2, no_match: Once more please say what it is.}"),
        "wait end\nsay not sales\nhear once more\nwait end\nsay sales\n",
    )

    assert ["complete 2 speech"] == got(played)


def test_after_keys_only_no_phrase_counts(play):
    played = play(
        menu(retry="{attempts: 2, keys_only_after: 1, keys_only: Use the keys please.}"),
        "wait end\nsay what\nhear use the keys\nwait end\nsay sales\nwait 1\npress 1\n",
    )

    assert ["complete 1 keys"] == got(played)


@pytest.mark.parametrize("private", [False, True])
def test_what_is_said_in_private_stays_private(play, private):
    dtmf = f"num_digits: 1, is_pii: {str(private).lower()}"
    played = play(ask(dtmf=dtmf, asr=WORDS), "wait end\nsay opening hours\n")

    assert "complete" == played.record.collected[0].outcome
    assert private is ("opening hours" not in str(asdict(played.record)))


LISTENS = """
steps:
  ask: {prompt: Hello., run: ask, next: {hangup: true}}
"""
CODE = """
from fsflows import Conversation, Flow


def ask(conv: Conversation, flow: Flow):
    last = conv.history[-1]
    if last.role == "user":
        return {"utterance": f"You chose {last.text}.", "hangup": True}
    words = {1: ["opening hours"], 2: "agent"}
    return {"utterance": "What is it?", "listen": {"asr": {"words": words}}}
"""


def test_a_function_listens_for_them_and_reads_the_key(play):
    played = play(
        LISTENS,
        "hear what is it\nwait end\nsay an agent please\nhear you chose 2\n",
        functions=CODE,
    )

    assert [] == played.failures
    assert ["complete 2 speech"] == got(played)


def test_words_without_digits_are_what_the_caller_said(play):
    """For a function, and for the receipt of a discard; silence after them is neither."""
    played = play(
        """
        recording: true
        steps:
          one:
            prompt: Your number.
            dtmf: {num_digits: 4}
            retry: {attempts: 1}
            on: {otherwise: {goto: two}}
          two:
            prompt: Your number, please.
            dtmf: {num_digits: 4}
            retry: {attempts: 1}
            on: {otherwise: {discard_recording: true, hangup: true}}
        """,
        "wait end\nsay I have none\nwait quiet 8 within 30\nexpect discarded\n",
    )
    assert ["no_match none", "no_input none"] == got(played)
    said = [(turn.outcome, turn.text) for turn in played.engine.history if turn.role == "user"]
    assert [("no_match", "I have none"), ("no_input", "")] == said
    assert "I have none" == played.record.recording.receipt["cause"]["key_or_word"]


TASK = """
from fsflows import GetDtmfTask


def ask(conv, flow):
    task = GetDtmfTask(
        num_digits=1,
        words={1: ["opening hours", "hours"], "2": "agent"},
        ask_for_confirmation=True,
        extra_instructions="What is it?",
    )
    conv.write_metric("got", task.run(conv).user_input)
    return {"hangup": True}
"""


@pytest.mark.parametrize(
    ("answer", "key", "read"),
    [
        ("say an agent please", "2", "agent"),
        ("say the hours", "1", "hours"),
        ("press 2", "2", "two"),
    ],
)
def test_a_task_takes_them_as_a_step_does(play, answer, key, read):
    played = play(
        "steps: {ask: {run: ask}}",
        f"hear what is it\nwait end\n{answer}\nhear is that right\nwait end\nsay yes\n",
        functions=TASK,
    )
    assert {"got": key} == played.engine.metrics
    assert f"I have {read}." in played.heard


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            {"opening hours": 1},
            "'opening hours' is no key; the key comes first: 1: [opening hours]",
        ),
        (["opening hours"], "words must be a mapping from keys to what may be said for them"),
        ({1: "hours, opening hours"}, "words: 'hours, opening hours' is one phrase"),
        ({12: "opening hours"}, "words: '12' has 2 keys; the step takes 1 digit"),
        ({"*": "go back"}, "words: '*' can't be an answer: '*' is no digit; a task takes digits"),
        ({"#": "go back"}, "words: '#' can't be an answer: '#' is one of dtmf_stop_event"),
    ],
)
def test_a_task_says_at_once_what_is_wrong_with_them(words, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        GetDtmfTask(num_digits=1, words=words)
    with pytest.raises(ValueError, match="speech is off"):
        GetDtmfTask(num_digits=1, words={1: "hours"}, speech=False)


def test_what_a_phrase_of_a_task_means_already_depends_on_the_language():
    task = GetDtmfTask(num_digits=1, words=MappingProxyType({1: "ocho"}))
    assert (("1", ("ocho",)),) == task.collection("en-US").speech.words
    with pytest.raises(ValueError, match="words: 'ocho' is understood as 8; choose other words"):
        task.collection("es")
    yes = GetDtmfTask(num_digits=1, words={2: "yes"}, ask_for_confirmation=True)
    with pytest.raises(ValueError, match="is a yes, which is the answer to ask_for_confirmation;"):
        yes.collection("en-US")
