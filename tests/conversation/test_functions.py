"""A flow author's function: bounded in time, named with file and line when it fails."""

import pytest

from fsflows.call.ended import CallEnded
from fsflows.clock import VirtualClock
from fsflows.conversation.functions import Limit, arity, call_function


def run(function, *arguments, **options):
    clock = VirtualClock(start=0.0)
    options.setdefault("timeout", 10.0)
    given = tuple(clock if argument == "clock" else argument for argument in arguments)
    return clock.run(lambda: call_function(clock, "look_up", function, given, **options)), clock


def test_a_function_that_returns():
    ran, _ = run(lambda conv: conv * 2, 21)
    assert (42, None, 0.0) == (ran.value, ran.failure, ran.seconds)


def test_a_function_that_takes_less_is_given_less():
    assert "c" == run(lambda conv: conv, "c", "f")[0].value
    assert ("c", "f") == run(lambda *both: both, "c", "f")[0].value
    assert 1 == run(lambda: 1, "c", "f")[0].value


def test_a_function_that_raises_is_named_with_file_and_line():
    def look_up(conv):
        raise ValueError("no such account")

    ran, _ = run(look_up, "c")
    line = look_up.__code__.co_firstlineno + 1
    assert f"test_functions.py:{line}: look_up() raised ValueError: no such account" == str(
        ran.failure
    )


def test_what_an_error_came_through_and_goes_on_is_left_alone():
    """A client of the author's that serves all calls, and hands each its error (a coroutine in a thread of its own)."""

    def client():
        answer = None
        while True:
            asked = yield answer
            try:
                answer = asked()
            except ValueError as error:
                answer = error

    shared = client()
    next(shared)

    def look_up():
        raise shared.send(lambda: int("no number"))

    assert run(look_up)[0].failure.error is not None
    assert 42 == shared.send(lambda: 42)


def test_a_function_that_hangs_is_given_up_and_named_with_the_line_where_it_waits():
    def look_up(clock):
        clock.sleep(3600.0)

    ran, clock = run(look_up, "clock")
    line = look_up.__code__.co_firstlineno + 1
    assert f"test_functions.py:{line}: look_up() did not return within 10 s" == str(ran.failure)
    assert 10.0 == clock.now()


def test_the_end_of_the_call_is_not_the_functions_failure():
    def look_up(conv):
        raise CallEnded("NORMAL_CLEARING")

    with pytest.raises(CallEnded):
        run(look_up, "c", passing=(CallEnded,))


def test_delay_phrases_are_said_while_a_slow_function_runs():
    said = []

    def waiting(waited):
        if waited:
            said.append(waited)
        return waited + 2.0

    ran, _ = run(lambda clock: clock.sleep(5.0), "clock", waiting=waiting)
    assert ([2.0, 4.0], None, 5.0) == (said, ran.failure, ran.seconds)


def test_time_spent_with_the_caller_is_not_the_functions():
    limits: list[Limit] = []

    def look_up(clock):
        clock.sleep(6.0)
        limits[0].suspend()
        clock.sleep(100.0)
        limits[0].resume()
        clock.sleep(3.0)
        return "done"

    ran, clock = run(look_up, "clock", on_limit=limits.append)
    assert ("done", 109.0) == (ran.value, clock.now())


def test_the_limit_goes_on_counting_after_the_caller():
    limits: list[Limit] = []

    def look_up(clock):
        clock.sleep(6.0)
        limits[0].suspend()
        clock.sleep(100.0)
        limits[0].resume()
        clock.sleep(30.0)

    ran, clock = run(look_up, "clock", on_limit=limits.append)
    assert "did not return within 10 s" == ran.failure.what
    assert 110.0 == clock.now()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda: 0, 0),
        (lambda conv: 0, 1),
        (lambda conv, flow, extra=1: 0, 2),
        (lambda *a: 0, 2),
        (print, 2),
    ],
)
def test_arity(function, expected):
    assert expected == arity(function, 2)


@pytest.mark.parametrize(
    ("listen", "shown"),
    [
        ('{"dtmf": {"num_digits": 6}}', False),
        ('{"asr": {"words": {735194: "whatever"}}, "dtmf": {"num_digits": 6}}', False),
        ('{"dtmf": {"num_digits": 6, "is_pii": True}}', False),
        ('{"dtmf": {"num_digits": 6, "is_pii": False}}', True),
    ],
)
def test_what_a_function_listens_for_in_a_private_step_is_private(play, listen, shown):
    played = play(
        """
        steps:
          pin: {prompt: Your PIN., dtmf: {num_digits: 4, is_pii: true}, run: more}
        """,
        "hear pin\npress 1234\nhear your code\nwait end\npress 735194\nexpect ended completed\n",
        f"""
        def more(conv, flow):
            if conv.state.asked:
                return {{"hangup": True}}
            conv.state.asked = True
            return {{"utterance": "Your code.", "listen": {listen}}}
        """,
    )
    assert shown is ("735194" in repr(played.record))
    assert 2 == len(played.record.collected)
