"""MISSION.md P13 once more, over TCP: the whole server at debug level, whose connection carries each key as FreeSWITCH sends it."""

import dataclasses
import io

import gevent
import pytest

from fsflows import log
from fsflows.server.worker.service import Service
from fsflows.settings import load
from fsflows.switch import Setup, Sounds, parse_script
from fsflows.switch.files import DiskFiles
from fsflows.switch.tcp import place_call

from .sweep import leaks

PIN = "7391"
FLOW = """
recording: true
steps:
  pin:
    prompt: Your PIN?
    dtmf: {num_digits: 4, is_pii: true, first_digit_timeout: 8, inter_digit_timeout: 4}
    on: {otherwise: done}
  done: {prompt: Goodbye., next: {hangup: true}}
"""

ACCOUNT = """
recording: true
steps:
  account:
    prompt: Your account?
    dtmf: {num_digits: 8, first_digit_timeout: 8, inter_digit_timeout: 4}
    run: mark
"""
MARKING = """
def mark(conv, flow):
    conv.pii(conv.history[-1].text)
    conv.discard_recording()
    conv.exit_flow()
"""

CARD = "4556737586899855"
TILL = """
recording: true
steps:
  card:
    prompt: Your card?
    dtmf: {num_digits: 16, is_pii: true, first_digit_timeout: 8, inter_digit_timeout: 4}
    confirm: {when: always}
    run: pay
  told: {prompt: "Charged to {card}.", run: boast}
handoffs:
  desk: {transfer: 5000 XML default}
"""
# What goes over the wire: read back, spoken in a prompt and in pairs, a reason for a hand-off, an error.
BOASTING = """
def pay(conv, flow):
    conv.state.card = conv.history[-1].text
    plain = conv.state.card.reveal()
    conv.say(" then ".join(plain[at:at + 2] for at in range(0, 16, 2)))
    flow.goto_step("told")

def boast(conv, flow):
    plain = conv.state.card.reveal()
    conv.log.info("pairs", pairs=[plain[at:at + 2] for at in range(0, 16, 2)])
    conv.call_handoff("desk", reason="card " + plain)

def end_function(conv):
    raise LookupError(conv.state.card.reveal())
"""


def settings_below(directory):
    """Everything in one directory, a free port, no console."""
    for name in ("flows", "staging", "published"):
        (directory / name).mkdir()
    (directory / "flows" / "pin.yaml").write_text(FLOW)
    (directory / "flows" / "account.yaml").write_text(ACCOUNT)
    (directory / "flows" / "account.py").write_text(MARKING)
    (directory / "flows" / "till.yaml").write_text(TILL)
    (directory / "flows" / "till.py").write_text(BOASTING)
    base = load(environ={})
    return dataclasses.replace(
        base,
        server=dataclasses.replace(base.server, listen="127.0.0.1:0"),
        flows=dataclasses.replace(base.flows, paths=(str(directory / "flows"),)),
        console=dataclasses.replace(base.console, listen=""),
        database=dataclasses.replace(
            base.database, url=f"sqlite:///{directory}/f.db", spool=str(directory / "spool")
        ),
        recordings=dataclasses.replace(
            base.recordings,
            staging=str(directory / "staging"),
            published=str(directory / "published"),
        ),
    )


@pytest.fixture
def lines():
    stream = io.StringIO()
    log.setup("debug", "json", stream)
    return stream


def play(directory, flow, script):
    """A call through a whole server; its record, and every file that is left behind, by name."""
    service = Service(settings_below(directory))
    records = []
    keep = service.runner.services.keep
    service.runner.services = dataclasses.replace(
        service.runner.services, keep=lambda record: (records.append(record), keep(record))
    )
    service.start(watch=False)
    try:
        host, port = service.listener.address
        call = place_call(
            f"{host}:{port}/{flow}",
            setup=Setup(files=DiskFiles(), sounds=Sounds(pace=0.005)),
            script=parse_script(script, "script"),
        )
        assert call.wait(30) is not None
        with gevent.Timeout(30):
            while not records:
                gevent.sleep(0.005)
    finally:
        service.stop()
    files = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix not in (".wav", ".yaml", ".py")
    }
    assert "f.db" in files
    (record,) = records
    return record, files


@pytest.mark.process
@pytest.mark.parametrize(
    "answer", [f"press {PIN}", "say seven three nine one"], ids=["keyed", "spoken"]
)
def test_P13_nothing_leaves_the_server_at_debug_level(tmp_path, lines, answer):
    record, files = play(tmp_path, "pin", f"hear your PIN\n{answer}\nhear Goodbye")
    assert [("pin", "complete", "[4 digits hidden]")] == [
        (e.step, e.outcome, e.digits) for e in record.collected
    ]
    assert record.call_id in lines.getvalue()
    assert [] == leaks(PIN, {"log": lines.getvalue(), **files})


@pytest.mark.process
@pytest.mark.parametrize(
    "answer",
    ["press 84210973", "say eight four two one oh nine seven three"],
    ids=["keyed", "spoken"],
)
def test_P13_what_a_function_marks_is_in_no_file(tmp_path, lines, answer):
    """Nor in the journal of the discard that it asks for, which names what the caller said."""
    record, files = play(tmp_path, "account", f"hear account\n{answer}")
    assert "discarded" == record.recording.state
    assert [] == leaks("84210973", files)


@pytest.mark.process
def test_P13_what_is_said_back_and_handed_on_is_in_no_file_and_no_line(tmp_path, lines):
    script = f"hear your card\npress {CARD}\nhear right\npress 1\nhear charged to\nwait 30"
    record, files = play(tmp_path, "till", script)
    assert ("handed_off", [True]) == (
        record.result,
        ["[16 digits hidden]" in each.error for each in record.functions if each.error],
    )
    assert [] == leaks(CARD, {"log": lines.getvalue(), **files})
