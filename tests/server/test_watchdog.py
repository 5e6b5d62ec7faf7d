"""A function that computes for ever is ended, and the other calls go on."""

import signal
import time

import gevent
import pytest
from server_peers import LONG, Process, call, finished, wait_for, write_flows

from fsflows.clock import GeventClock
from fsflows.conversation.functions import FunctionBlocked, call_function
from fsflows.server.worker import watchdog as module
from fsflows.server.worker.watchdog import Watchdog

pytestmark = pytest.mark.process

FLOWS = {
    "work.yaml": """
        apology: I am sorry about this.
        function_timeout: 3
        steps:
          ask:
            prompt: Which?
            dtmf: {num_digits: 1}
            asr: false
            retry: {then: {hangup: true}}
            on:
              1: {run: spins}
              2: {run: catches_errors}
              3: {run: catches_everything}
              4: {run: computes_in_c}
              5: {run: talks}
              6: {run: is_quick_enough}
    """,
    "work.py": """
        def spins(conv, flow):
            while True:
                pass

        def catches_errors(conv, flow):
            while True:
                try:
                    len("")
                except Exception:
                    continue

        def catches_everything(conv, flow, depth=5):
            while True:
                try:
                    if depth:
                        catches_everything(conv, flow, depth - 1)
                except:
                    continue

        def computes_in_c(conv, flow):
            while True:
                sum(range(20_000_000))

        def talks(conv, flow):
            while True:
                conv.log.debug("still here")

        def is_quick_enough(conv, flow):
            import time
            until = time.monotonic() + 0.4
            while time.monotonic() < until:
                pass
            return {"utterance": "Done.", "hangup": True}
    """,
    "other.yaml": """
        steps:
          ask: {prompt: Hello?, dtmf: {num_digits: 3, inter_digit_timeout: 9}, asr: false, next: {hangup: true}}
    """,
}


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    base = tmp_path_factory.mktemp("watchdog")
    write_flows(base / "flows", FLOWS)
    made = Process(base, "--flows", "flows", "--data", "data", server__listen="127.0.0.1:0")
    yield made
    made.signal(signal.SIGTERM)
    try:
        assert 0 == made.ended(), "also with a function that was put aside"
    finally:
        made.kill()


@pytest.mark.parametrize(
    ("key", "name", "what"),
    [
        (1, "spins", "computed for more than 1 s and held up every call"),
        (2, "catches_errors", "computed for more than 1 s and held up every call"),
        (3, "catches_everything", "did not return within 3 s"),
        (4, "computes_in_c", "computed for more than 1 s and held up every call"),
        (5, "talks", "computed for more than 1 s and held up every call"),
    ],
)
def test_a_function_that_never_lets_go_is_ended_and_other_calls_go_on(process, key, name, what):
    address = process.address
    other = call(address, "other", "hear Hello / press 1 / wait 2 / press 23")
    wait_for(lambda: other.channel and other.channel.transcript.did)
    result = finished(call(address, "work", f"hear Which / press {key}"))
    assert ["Which?", "I am sorry about this."] == [sound.what for sound in result.transcript.heard]
    pressed = result.transcript.did[0].at
    assert 0.9 <= result.transcript.heard[1].start - pressed < LONG
    line = wait_for(lambda: failure(process, f"{name}()"))
    assert what in line["why"]
    assert "work.py:" in line["why"]
    assert None is finished(other).failure
    assert process.said("collected", step="ask", digits="123")


def failure(process, name):
    lines = [line for line in process.log if line["event"] == "function failed"]
    return next((line for line in lines if name in line["why"]), None)


def test_a_function_that_computes_for_a_moment_is_left_alone(process):
    result = finished(call(process.address, "work", "hear Which / press 6"))
    assert ["Which?", "Done."] == [sound.what for sound in result.transcript.heard]


def test_the_lag_is_measured_and_the_place_is_said_even_when_nothing_can_be_done(
    monkeypatch, capfd, log, nothing_is_left
):
    monkeypatch.setattr(module, "STUCK", 0.2)
    watchdog = Watchdog(limit=0.4)
    watchdog.start()
    gevent.sleep(0.01)

    def hold_up_the_process():
        busy(0.7)

    gevent.spawn(hold_up_the_process).join()
    gevent.sleep(0.01)
    watchdog.stop()
    assert watchdog.lag >= 0.5
    assert "hold_up_the_process" in capfd.readouterr().err
    [line] = log
    assert ("every call is held up", "server.watchdog") == (line["event"], line["part"])
    assert "test_watchdog.py" in line["where"]


def test_one_that_was_stopped_sets_no_alarm_again(monkeypatch, nothing_is_left):
    monkeypatch.setattr(module, "BEAT", 0)  # its turn has always come already when it is stopped
    watchdog = Watchdog()
    watchdog.start()
    gevent.sleep(0)
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    watchdog.stop()
    gevent.sleep(0)
    gevent.sleep(0)
    assert (0.0, 0.0) == signal.getitimer(signal.ITIMER_REAL)


def busy(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def test_after_one_was_ended_the_next_has_its_own_time(nothing_is_left):
    watchdog = Watchdog(limit=0.4)
    watchdog.start()
    gevent.sleep(0.01)
    clock = GeventClock()
    first = call_function(clock, "first", lambda: busy(LONG), (), timeout=LONG)
    second = call_function(clock, "second", lambda: busy(0.2), (), timeout=LONG)
    watchdog.stop()
    assert isinstance(first.failure.error, FunctionBlocked)
    assert None is second.failure
