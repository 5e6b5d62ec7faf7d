"""An ended call is freed at once: the garbage collector, beside which no caller is answered, has nothing to find."""

import gc
from collections import Counter

import pytest
from server_peers import LONG, Server, wait_for

pytestmark = pytest.mark.process

FLOW = """
recording: RECORDED
steps:
  main:
    prompt: For an agent, press 1. To opt out, press 2. To be sorry, press 3.
    dtmf: {num_digits: 1, first_digit_timeout: 2}
    confirm: {when: when_unsure}
    retry: {attempts: 1, then: {say: Goodbye., hangup: true}}
    on:
      1: {handoff: agent}
      2: {discard_recording: true, goto: pin}
      3: {run: fails}
      4: {run: asks}
  pin:
    prompt: Your PIN.
    dtmf: {num_digits: 4, is_pii: true}
    asr: false
    next: {say: Goodbye., hangup: true}
handoffs:
  agent: {transfer: 5000 XML default}
"""
FUNCTIONS = """
from fsflows import GetDtmfTask

kept = []

def start_function(conv):
    conv.state.me = conv.id
    return {"utterance": "Hello."}

def fails(conv, flow):
    raise RuntimeError("on purpose")

def asks(conv, flow):
    kept.append(conv.id)
    GetDtmfTask(num_digits=2, extra_instructions="Two digits.").run(conv)
    return {"utterance": "Thank you.", "hangup": True}
"""
CALLERS = {
    "handed on": "hear opt out / press 1",
    "opts out": "hear opt out / press 2 / hear pin / press 1234 / wait 1",
    "a function fails": "hear opt out / press 3 / wait 1",
    "asked in a function": "hear opt out / press 4 / hear two digits / press 12 / wait 1",
    "speaks": "hear opt out / say two / hear press 1 / press 1 / hear pin / press 1234 / wait 1",
    "says nothing": "wait 10",
    "hangs up": "hear opt out / hangup",
    "hangs up in the middle": "hear opt out / press 2 / hear pin / press 12 / hangup",
    "hangs up in a function": "hear opt out / press 4 / hear two digits / press 1 / hangup",
}


@pytest.fixture
def server(tmp_path):
    texts = {name: FLOW.replace("RECORDED", name) for name in ("true", "false")}
    texts = {f"bank_{name}.yaml": text for name, text in texts.items()}
    server = Server(tmp_path, texts | {"bank_true.py": FUNCTIONS, "bank_false.py": FUNCTIONS})
    yield server
    server.stop()


def left_by(work):
    """Objects of ours that only the garbage collector would have freed, by type. The simulated FreeSWITCH's don't
    count.
    """
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        work()
        gc.collect()
        found = Counter(f"{type(each).__module__}.{type(each).__name__}" for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    return {
        name: count
        for name, count in found.items()
        if name.startswith("fsflows.") and not name.startswith("fsflows.switch.")
    }


@pytest.mark.parametrize(
    ("caller", "recorded"),
    [(caller, "true") for caller in CALLERS] + [("speaks", "false"), ("hangs up", "false")],
)
def test_a_call_leaves_nothing_to_the_garbage_collector(server, caller, recorded):
    def play():
        done = len(server.records)
        server.call(f"bank_{recorded}", CALLERS[caller]).wait(LONG)
        wait_for(lambda: len(server.records) > done)
        server.idle()

    play()  # what is made once for all calls
    assert {} == left_by(play)
