"""Random keys, speech and time: what holds whatever a caller, a recogniser and a network do."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fsflows.collect import (
    Alternative,
    Attempt,
    BargeIn,
    Collection,
    Collector,
    Confirm,
    Confirmation,
    Confirmer,
    Dialogue,
    Done,
    Escape,
    Listen,
    Outcome,
    Policy,
    Prompt,
    Speech,
    Validate,
    Validation,
)
from fsflows.privacy import json_default

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
Input = tuple[Any, ...]

examples = settings(max_examples=100)

# --- what may happen ----------------------------------------------------------------------------------------------

said = st.lists(
    st.sampled_from(
        (*WORDS, "double", "oh", "fifty", "pound", "no wait", "start over", "operator", "hello")
    )
    | st.sampled_from(WORDS),
    max_size=6,
).map(" ".join)
steps = st.sampled_from(
    [-0.05, 0.0, 0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.4, 1.0, 1.9, 2.0, 2.1, 5.0, 30.0]
)
events: st.SearchStrategy[Input] = st.one_of(
    st.tuples(
        st.just("key"),
        st.sampled_from([*"0123456789", "#", "*", "A", "d", "", "12", "?"]),
        st.sampled_from(["RTP", "RTP", "INBAND_AUDIO"]),
    ),
    st.tuples(st.just("partial"), said),
    st.tuples(st.just("final"), st.lists(said, max_size=3)),
    st.sampled_from([("prompt_ended",), ("speech_lost",)]),
)
timed = st.lists(st.tuples(steps, events), max_size=14)

specs = st.builds(
    Collection,
    min_digits=st.just(2),
    max_digits=st.sampled_from([2, 4, 7, None]),
    collection_timeout=st.sampled_from([None, 10.0]),
    end_keys=st.sampled_from([frozenset(), frozenset("#")]),
    clear_keys=st.sampled_from([frozenset(), frozenset("*")]),
    allow_letters=st.booleans(),
    barge_in=st.sampled_from(BargeIn),
    policy=st.sampled_from(Policy),
    speech=st.sampled_from([Speech(), Speech(barge_in_words=None, settle_time=0.0), None]),
    escape=st.sampled_from([Escape(), Escape(keys=frozenset("0"), words=("operator",))]),
    validation=st.sampled_from(
        [Validation(), Validation(check="luhn"), Validation(values=frozenset({"12", "1234", "99"}))]
    ),
    is_pii=st.booleans(),
)


def at_times(inputs: list[tuple[float, Input]]) -> list[tuple[float, Input]]:
    now, found = 0.0, []
    for step, event in inputs:
        now += step
        found.append((now, event))
    return found


def give(listener: Any, at: float, event: Input) -> None:
    match event:
        case ("key", key, source):
            listener.key(key, at, source)
        case ("partial", text):
            listener.partial(text, at)
        case ("final", texts):
            listener.final([Alternative(text, 0.5) for text in texts], at)
        case (name,):
            getattr(listener, name)(at)


def run(spec: Collection, inputs: list[tuple[float, Input]], *, prompt: bool = False) -> Collector:
    listener = Collector(spec, opened_at=0.0, prompt_playing=prompt)
    for at, event in inputs:
        give(listener, at, event)
    return listener


def to_the_end(listener: Any, after: float) -> int:
    """Let the prompt end and time pass; how many deadlines it took."""
    listener.prompt_ended(after)
    for count in range(100):
        deadline = listener.deadline
        if deadline is None:
            return count
        listener.advance(deadline)
    return 100


# --- what holds ---------------------------------------------------------------------------------------------------


@examples
@given(specs, timed, st.booleans())
def test_there_is_always_an_outcome_by_the_last_deadline(spec, inputs, prompt):
    moments = at_times(inputs)
    listener = run(spec, moments, prompt=prompt)
    deadlines = to_the_end(listener, moments[-1][0] if moments else 0.0)

    assert isinstance(listener.result, Attempt)
    assert deadlines <= 3
    assert listener.deadline is None


@examples
@given(specs, timed, timed)
def test_there_are_never_two_outcomes(spec, inputs, afterwards):
    moments = at_times(inputs)
    last = moments[-1][0] if moments else 0.0
    listener = run(spec, moments)
    to_the_end(listener, last)
    first = listener.result
    for at, event in at_times(afterwards):
        give(listener, last + at, event)
    listener.hangup(last + 1000)
    listener.advance(last + 2000)

    assert first is listener.result


@examples
@given(specs, timed, st.booleans())
def test_the_same_inputs_give_the_same_outcome(spec, inputs, prompt):
    moments = at_times(inputs)
    ends = []
    for _ in range(2):
        listener = run(spec, moments, prompt=prompt)
        to_the_end(listener, 200.0)
        ends.append((listener.result, listener.decisions()))

    assert ends[0] == ends[1]


@examples
@given(specs, timed, st.booleans(), st.data())
def test_any_chunking_gives_the_same_outcome(spec, inputs, prompt, data):
    """Whether time is looked at between two inputs, before or after one, once or often, changes nothing."""
    moments = at_times(inputs)
    straight = run(spec, moments, prompt=prompt)
    chunked = Collector(spec, opened_at=0.0, prompt_playing=prompt)
    latest = 0.0
    for at, event in moments:
        if data.draw(st.booleans(), "look at the time before"):
            chunked.advance(latest + data.draw(st.floats(0, 1)) * max(0.0, at - latest))
            chunked.advance(at)
        give(chunked, at, event)
        latest = max(latest, at)
        if data.draw(st.booleans(), "look at the time after"):
            chunked.advance(latest)
            chunked.decisions() if data.draw(st.booleans()) else None
    to_the_end(straight, 200.0)
    to_the_end(chunked, 200.0)

    assert straight.result == chunked.result
    assert straight.left_over == chunked.left_over


digit_keys = st.lists(
    st.tuples(st.sampled_from([0.0, 0.05, 0.3, 1.9]), st.sampled_from("0123456789")), max_size=40
)


@examples
@given(digit_keys, st.sampled_from([4, 16, None]))
def test_no_key_is_lost_or_doubled(presses, most):
    spec = Collection(min_digits=1, max_digits=most)
    now, listener = 0.0, Collector(spec, opened_at=0.0, prompt_playing=False)
    for step, key in presses:
        now += step
        listener.key(key, now)
    to_the_end(listener, now)
    pressed = "".join(key for _, key in presses)
    after = "".join(press.key for press in listener.left_over)

    assert pressed == listener.result.digits + after
    assert listener.result.keys_pressed == len(pressed) - len(after)


@examples
@given(st.lists(st.tuples(st.sampled_from("0123456789"), st.floats(0.0, 0.05)), max_size=20))
def test_beyond_11_a_press_reported_twice_counts_once_whatever_the_order(presses):
    """Each press is 0.08 s after the one before; in-band detection reports it up to 0.05 s later than RTP."""
    reports = []
    for place, (key, delay) in enumerate(presses):
        reports += [(place * 0.08, key, "RTP"), (place * 0.08 + delay, key, "INBAND_AUDIO")]
    listener = Collector(Collection(max_digits=None), opened_at=0.0, prompt_playing=False)
    for at, key, source in sorted(reports, key=lambda report: report[0]):
        listener.key(key, at, source)
    to_the_end(listener, 2.0)

    assert "".join(key for key, _ in presses) == listener.result.digits


utterances = st.lists(
    st.one_of(
        st.tuples(st.just("key"), st.sampled_from("123456789")),
        st.tuples(
            st.just("speech"),
            st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
            st.integers(0, 4),
        ),
    ),
    max_size=8,
)


@examples
@given(utterances)
def test_no_spoken_digit_is_lost_or_doubled(spoken):
    """Each utterance comes as growing partials, some repeated, and then a final; keys come between them."""
    listener = Collector(Collection(max_digits=None), opened_at=0.0, prompt_playing=False)
    now, expected = 0.0, ""
    for each in spoken:
        now += 0.3
        if each[0] == "key":
            listener.key(each[1], now)
            expected += each[1]
            continue
        _, words, repeats = each
        for count in [*range(1, len(words) + 1), *[len(words)] * repeats]:
            now += 0.2
            listener.partial(" ".join(words[:count]), now)
        listener.final([Alternative(" ".join(words))], now + 0.1)
        expected += "".join(str((WORDS.index(word) + 1) % 10) for word in words)
    to_the_end(listener, now + 0.1)

    assert expected == listener.result.digits


@examples
@given(specs, timed)
def test_a_complete_outcome_is_a_right_answer_and_no_other_is(spec, inputs):
    listener = run(spec, at_times(inputs))
    to_the_end(listener, 200.0)
    result = listener.result
    digits = result.digits.reveal() if spec.is_pii else result.digits
    lengths = spec.lengths or range(spec.min_digits, 1000)

    if result.outcome is Outcome.COMPLETE:
        assert len(digits) in lengths
        assert spec.validation.values is None or digits in spec.validation.values
    if result.outcome is Outcome.TOO_SHORT:
        assert len(digits) < spec.min_digits
    if result.outcome is Outcome.TOO_LONG:
        assert len(digits) > spec.max_digits
    if result.outcome is Outcome.NO_INPUT:
        assert digits == ""


@examples
@given(specs, timed, st.sampled_from(["123456", "987650"]))
def test_beyond_12_a_private_collection_never_shows_what_was_keyed_or_said(spec, inputs, keyed):
    spec = replace(
        spec, is_pii=True, max_digits=32, barge_in=BargeIn.COLLECT, validation=Validation()
    )
    spec = replace(spec, escape=Escape(words=("operator",)))
    listener = Collector(spec, opened_at=0.0, prompt_playing=True)
    shown = [repr(listener)]
    for place, key in enumerate(keyed):
        listener.key(key, 0.1 * place)
    listener.final([Alternative("seven seven eight eight"), Alternative("eleven eight eight")], 1.0)
    for at, event in at_times(inputs):
        give(listener, 1.0 + at, event)
        shown += [repr(listener), repr(listener.decisions())]
    listener.hangup(300.0)
    result = listener.result
    shown += [repr(result), str(result), json.dumps(result, default=json_default)]
    shown += [repr(pickle.loads(pickle.dumps(result))), repr(vars(listener))]
    shown = [re.sub(r"0x[0-9a-f]+", "", text) for text in shown]  # an address may have any digits

    assert isinstance(result, Attempt)
    for text in shown:
        for secret in (keyed, keyed[:4], "7788", "seven", "eleven"):
            assert secret not in text


@examples
@given(specs, st.lists(timed, max_size=8), st.booleans())
def test_a_dialogue_always_ends_and_every_attempt_is_kept(spec, attempts, ok):
    spec = replace(spec, confirmation=Confirmation(when=Confirm.WHEN_UNSURE))
    spec = replace(spec, validation=replace(spec.validation, function="check"))
    dialogue = Dialogue(spec, attempts=3, keys_only_after=2)
    now, asked, heard = 0.0, 0, iter(attempts)
    for _ in range(80):
        now += 0.5
        match dialogue.next(now):
            case Done(result):
                break
            case Prompt():
                asked += 1
            case Validate():
                dialogue.validated(ok)
            case Listen(listener):
                for at, event in at_times(next(heard, [])):
                    give(listener, now + max(0.0, at), event)
                now += 100
                to_the_end(listener, now)
                now += 100
    else:
        raise AssertionError("it goes on for ever")

    assert result.attempts == len(result.attempts_log) >= 1
    assert asked <= 3 + 3 * 2 * spec.confirmation.asks
    assert (result.outcome is Outcome.COMPLETE) == bool(result.user_input)


@examples
@given(timed)
def test_a_read_back_always_ends_and_silence_is_never_a_yes(inputs):
    spec = Collection(min_digits=4, max_digits=4)
    listener = Confirmer(spec, "1234", opened_at=0.0, prompt_playing=True)
    for at, event in at_times(inputs):
        give(listener, max(0.0, at), event)
    to_the_end(listener, 200.0)

    assert listener.result is not None
    if not any(event[0] in ("key", "final", "partial") for _, event in inputs):
        assert listener.result.verdict == "silence"
