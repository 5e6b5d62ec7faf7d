"""What `/metrics` says after real calls: what they were, how fast they were answered, and nothing about who called."""

import os
import re
import signal
import urllib.request
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families
from random_text import without_random
from server_peers import LONG, call, finished, wait_for, write_flows

from fsflows import metrics
from fsflows.archive.endings import Reason, Result
from fsflows.call.subscription import EVENTS
from fsflows.collect.spec import Outcome, Source
from fsflows.dialling.attempt import Outcome as Dialled
from fsflows.esl.metrics import VERBS
from fsflows.server.metrics import REASONS

pytestmark = pytest.mark.process

CALLER = "15557654321"
NAME = "Eve Example"
PIN = "86420"
RECORDINGS_RESULTS = ["done", "failed", "recovered", "published", "kept", "discarded", "lost"]
FLOWS = {
    "ask.yaml": """
        steps:
          number:
            prompt: Two digits please, those of your area, which are on the letter that we sent to you.
            dtmf: {num_digits: 2, first_digit_timeout: 0.3}
            asr: false
            next: pin
          pin:
            prompt: Now the code, which nobody but you may know, so please do not say it aloud.
            dtmf: {num_digits: 5, is_pii: true}
            asr: false
            next: {say: Thank you., hangup: true}
    """,
    "speech.yaml": """
        recording: true
        steps:
          ask:
            prompt: Please say the three digits of your order, and take all the time that you need for it.
            dtmf: {num_digits: 3}
            on: {otherwise: {discard_recording: true, hangup: true}}
    """,
    "work.yaml": """
        start_function: start_function
        steps:
          ask: {prompt: One digit., dtmf: {num_digits: 1}, run: work}
    """,
    "work.py": """
        def start_function(conv):
            pass

        def work(conv, flow):
            conv.write_metric(f"secret_{conv.history[-1].text}", 1)
            raise ValueError(conv.history[-1].text)
    """,
}


def scrape():
    """What Prometheus would read: {name: {labels as a sorted tuple: value}}."""
    body, _ = metrics.render()
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


class Since:
    """What has been counted since it was made: all tests of a process count into the same metrics."""

    def __init__(self):
        self.before = scrape()

    def __call__(self, name, **labels):
        """How much was added to all series of a name with these labels."""
        after = scrape()

        def total(found):
            wanted = labels.items()
            return sum(
                value for key, value in found.get(name, {}).items() if wanted <= dict(key).items()
            )

        return total(after) - total(self.before)


@pytest.fixture
def called(serve):
    """A server after some calls, and what they have counted."""
    since = Since()
    server = serve(FLOWS)
    who = f'from "{NAME}" {CALLER}'
    calls = [
        server.call(
            "ask", f"{who} / wait start / wait 0.1 / press 12 / hear code / press {PIN}", pace=0.05
        ),
        # The first time, nothing: asked once more.
        server.call(
            "ask",
            f"{who} / hear sent to you / wait end / wait start / press 34 / hear aloud / hangup",
        ),
        server.call("speech", f"{who} / hear order / say five oh nine", pace=0.1),
        server.call("work", f"{who} / hear One digit / press 7"),
        server.call(f"flow_of_{CALLER}", who, then=[("hangup", "USER_BUSY")]),
    ]
    for each in calls:
        result = finished(each)
        assert None is result.failure, result.lines
    server.idle()
    wait_for(lambda: since("fsflows_records_written_total") == len(calls))
    return server, since, [each.channel.uuid for each in calls]


def test_what_calls_leave_in_the_metrics(called):
    check_calls_and_what_came_of_them(called)
    check_how_fast_a_caller_is_answered(called)
    check_the_event_socket(called)
    check_nobody_can_be_found_in_it(called)


def check_calls_and_what_came_of_them(called):
    _, since, _ = called
    ended = [
        ("ask", "completed", "flow_ended"),
        ("ask", "abandoned", "caller_hung_up"),
        ("speech", "completed", "flow_ended"),
        ("work", "failed", "function_failed"),
        ("", "refused", "unknown_flow"),
    ]
    for flow, result, reason in ended:
        assert 1 == since("fsflows_calls_total", flow=flow, result=result, reason=reason)
    assert 5 == since("fsflows_calls_total")
    assert 4 == since("fsflows_call_duration_seconds_count")
    assert 0 == since("fsflows_calls_active")

    collected = [
        ("ask", "number", "complete", "keys", "1", 1),
        ("ask", "number", "complete", "keys", "2", 1),
        ("ask", "pin", "complete", "keys", "1", 1),
        ("ask", "pin", "hangup", "none", "1", 1),
        ("speech", "ask", "complete", "speech", "1", 1),
    ]
    for flow, step, outcome, source, attempt, count in collected:
        labels = {"flow": flow, "step": step, "outcome": outcome, "source": source}
        assert count == since("fsflows_collections_total", **labels, attempt=attempt), labels
    assert 6 == since("fsflows_collections_total")

    assert 1 == since("fsflows_function_errors_total", flow="work", function="work")
    assert 0 == since("fsflows_function_errors_total", function="start_function")
    assert 2 == since("fsflows_function_duration_seconds_count", flow="work")
    assert 1 == since("fsflows_discards_total", result="done")
    assert 1 == since("fsflows_discard_seconds_count")
    assert 5 == since("fsflows_records_spooled_total")
    assert 0 == since("fsflows_records_lost_total")


def check_how_fast_a_caller_is_answered(called):
    _, since, _ = called
    # Two keys of the first call surely stopped a prompt; the one of the second, if it was quick.
    assert 2 <= since("fsflows_barge_in_seconds_count", by="key") <= 4
    assert 1 == since("fsflows_barge_in_seconds_count", by="speech")
    assert 1 == since("fsflows_speech_answer_seconds_count")
    # A command follows the last key of each complete answer, and few others: keys of one number need none.
    assert 4 <= since("fsflows_key_to_command_seconds_count") <= 6
    for name in (
        "fsflows_barge_in_seconds",
        "fsflows_speech_answer_seconds",
        "fsflows_key_to_command_seconds",
        "fsflows_esl_event_lag_seconds",
    ):
        assert 0 <= since(f"{name}_sum") < 30


def check_the_event_socket(called):
    server, since, _ = called
    assert 4 == since("fsflows_esl_events_total", event="CHANNEL_HANGUP_COMPLETE")
    assert 2 + 5 + 2 + 1 == since("fsflows_esl_events_total", event="DTMF")
    assert since("fsflows_esl_event_lag_seconds_count") == since("fsflows_esl_events_total")
    assert 5 == since("fsflows_esl_commands_total", command="connect")
    assert 0 < since("fsflows_esl_commands_total", command="sendmsg")
    assert 5 * 5000 < since("fsflows_esl_received_bytes_total")
    assert 5 * 100 < since("fsflows_esl_sent_bytes_total")
    assert 5 == server.service.listener.accepted


def check_nobody_can_be_found_in_it(called):
    *_, uuids = called
    text = metrics.render()[0].decode()
    for secret in (CALLER, NAME, *uuids):
        assert secret not in text
    assert PIN not in without_random(text)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text), "a uuid"
    closed = {
        "result": {*map(str, Result), *RECORDINGS_RESULTS},
        "reason": {*map(str, Reason), *REASONS},
        "outcome": {*map(str, Outcome), *map(str, Dialled), "delivered", "failed", "given_up"},
        "source": {*map(str, Source)},
        "attempt": {"0", "1", "2", "3", "4", "5+"},
        "event": {*EVENTS, "other"},
        "command": {*VERBS},
        "by": {"key", "speech"},
        "phase": {"waiting", "under way"},
    }
    ours = {name: series for name, series in scrape().items() if name.startswith("fsflows_")}
    flows = {"ask", "speech", "work"}
    for name, series in ours.items():
        for labels in series:
            for label, value in labels:
                if label in closed:
                    assert value in closed[label], (name, labels)
                assert label in {
                    *closed,
                    *[
                        "flow",
                        "step",
                        "function",
                        "why",
                        "version",
                        "python",
                        "le",
                        "pid",
                        "address",
                    ],
                }
    told = {dict(labels)["flow"] for labels in ours["fsflows_calls_active"] if labels}
    assert flows <= told
    assert not [flow for flow in told if "flow_of" in flow]


def test_what_the_listener_lets_in(serve):
    since = Since()
    server = serve(FLOWS, allow=("10.0.0.0/8",), max_calls=7)
    peer = server.peer()
    assert None is peer.command()  # closed
    peer.close()
    wait_for(lambda: since("fsflows_connections_refused_total", reason="not_allowed") == 1)
    assert 0 == since("fsflows_connections_accepted_total")
    found = scrape()
    assert {(): 1} == found["fsflows_accepting"]
    assert {(): 7} == found["fsflows_calls_limit"]
    [build] = found["fsflows_build_info"]
    assert {"version", "python"} == set(dict(build))
    server.service.listener.close()
    wait_for(lambda: scrape()["fsflows_accepting"] == {(): 0})


# --- several workers ------------------------------------------------------------------------------------------------


def test_several_workers_are_one(run, tmp_path):
    """As Prometheus sees them: one server, whoever of them took which call, and also when one has died."""
    write_flows(tmp_path / "flows", FLOWS)
    process = run(
        *("--flows", "flows", "--data", "data"),
        server__listen="127.0.0.1:0",
        server__workers=2,
        server__max_calls=10,
        console__listen="127.0.0.1:0",
    )
    console = process.said("console")["address"]

    def scraped(name, **labels):
        with urllib.request.urlopen(f"{console}/metrics", timeout=LONG) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        found = [sample for family in families for sample in family.samples]
        assert not [sample for sample in found if "pid" in sample.labels]
        return sum(
            sample.value
            for sample in found
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    who = f'from "{NAME}" {CALLER}'
    calls = [
        call(process.address, "work", f"{who} / hear One digit / wait end within 120")
        for _ in range(8)
    ]
    wait_for(lambda: scraped("fsflows_calls_active") == 8)
    wait_for(lambda: scraped("fsflows_accepting") == 2)
    assert 20 == scraped("fsflows_calls_limit")
    assert 1 == scraped("fsflows_build_info")
    # A worker is killed: its calls are no longer active, and what it had counted is not forgotten.
    took = Counter(line["worker"] for line in process.log if line["event"] == "call")
    [(worker, lost)] = took.most_common(1)
    pid = process.said("a worker is started", worker=worker)["pid"]
    before = scraped("fsflows_esl_events_total")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: scraped("fsflows_worker_restarts") == 1)
    wait_for(lambda: scraped("fsflows_accepting") == 2)
    left = 8 - lost
    assert left == scraped("fsflows_calls_active")
    assert before <= scraped("fsflows_esl_events_total")
    for each in calls:
        each.press("7")
    for each in calls:
        each.hang_up()
        finished(each)
    wait_for(lambda: scraped("fsflows_calls_active") == 0)
    ended = scraped("fsflows_calls_total", flow="work")
    assert left == ended
    assert ended == scraped("fsflows_call_duration_seconds_count")
    assert scraped("fsflows_hub_lag_seconds_count") > 10
