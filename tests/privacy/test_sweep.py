"""MISSION.md P13: known card numbers and PINs, keyed and spoken, through whole calls; then every output is searched."""

import dataclasses
import io
import json
import pickle
import textwrap
import traceback
from base64 import b64encode
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import prometheus_client
import pytest

from fsflows import log
from fsflows.archive.describe import describe
from fsflows.archive.export import write
from fsflows.archive.live import LiveCalls
from fsflows.archive.live_merged import LiveNews, time_line
from fsflows.archive.spool import Spool
from fsflows.archive.store import RecordStore
from fsflows.console.app import create_app
from fsflows.console.sources import Sources
from fsflows.conversation import rehearsal as rehearsal_module
from fsflows.conversation.conversation import Conversation
from fsflows.conversation.judging import EXPECTATIONS
from fsflows.conversation.rehearsal import rehearse
from fsflows.database import Database
from fsflows.flow.loader import load_flows
from fsflows.privacy import json_default
from fsflows.switch.script import parse_script

from .sweep import doubled, leaks

EXAMPLES = Path(__file__).parents[2] / "conf" / "flows"
CARD = "4556737586899855"  # passes Luhn's check
PIN = "7391"

CARD_FLOW = """
recording: true
greeting: Welcome to the till.
steps:
  card:
    prompt: Key or say your card number.
    dtmf: {num_digits: 16, end_key: "#", is_pii: true, first_digit_timeout: 8, inter_digit_timeout: 6}
    validate: {check: luhn}
    confirm: {when: always}
    retry: {attempts: 2, then: {handoff: desk}}
    run: pay
  pin:
    prompt: And your PIN.
    dtmf: {num_digits: 4, is_pii: true, first_digit_timeout: 8, inter_digit_timeout: 4}
    run: check
  done:
    prompt: "Charged to {card}. Goodbye."
    next: {hangup: true}
handoffs:
  desk: {transfer: 5000 XML default}
"""

# A flow's author who does everything wrong that can be done with a private value.
CARELESS = """
import json
from base64 import b64encode
from urllib.parse import quote

def tell(conv, digits):
    plain = digits.reveal()
    conv.state.last = plain
    conv.log.debug("got " + plain, value=plain, number=int(plain), nested={"a": [plain]}, hidden=digits)
    conv.log.error(f"value {digits} is %s", plain)
    conv.write_metric("value", plain)
    conv.write_metric(f"of {plain}", int(plain))
    conv.log.info("at /pay?card=" + quote(" ".join(plain)), raw=b64encode(plain.encode()))
    conv.log.info(str(list(plain.encode())), dump=plain.encode().hex(), body=json.dumps({"v": b64encode(plain.encode()).decode()}))
    pairs = [plain[at:at + 2] for at in range(0, len(plain), 2)]
    conv.log.info("pieces", pairs=pairs, keys=list(plain), nested={"a": [{"b": int(each)} for each in pairs]})
    conv.log.info("fields", **{f"part_{place}": each for place, each in zip("abcdefgh", pairs)})
    conv.write_metric("pairs", pairs)
    conv.write_metric("by name", dict(zip("abcdefgh", pairs)))
    conv.write_metric("keys", list(map(int, plain)))
    conv.say(", and then ".join(pairs))
    conv.write_metric("encoded", "%".join(["", *(f"{ord(digit):x}" for digit in plain)]))
    conv.say(f"You gave {plain}.")
    conv.say(digits)

def pay(conv, flow):
    conv.state.card = conv.history[-1].text
    tell(conv, conv.history[-1].text)
    flow.goto_step("pin")
    return {"utterance": "Card " + "-".join(conv.state.last)}

def check(conv, flow):
    digits = conv.history[-1].text
    tell(conv, digits)
    flow.goto_step("done")

def end_function(conv):
    card, last = conv.state.card, conv.state.last
    try:
        [][int(last)]
    except IndexError:
        conv.log.exception("no " + last)
    raise ValueError(f"{card.reveal()} and {last} were declined")
"""


def outputs_of(directory, flow, flows, script):
    """Plays a call and collects everything that comes out of it, by where it comes out."""
    live = []
    services = rehearsal_module.Services

    def watched(**given):
        made = services(**given)
        add = made.live.add
        made.live.add = lambda builder: (add(builder), live.append(builder))
        return made

    parsed = parse_script(textwrap.dedent(script), "script", EXPECTATIONS)
    out, err, lines = io.StringIO(), io.StringIO(), io.StringIO()
    log.setup("debug", "json", lines)
    before = metric_values()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(rehearsal_module, "Services", watched)
        played = rehearse(flow, flows, parsed, recordings=directory / "recordings")
    assert [] == played.failures, played.page
    engine, record = played.engine, played.record
    outputs = {"log": lines.getvalue(), "stdout": out.getvalue(), "stderr": err.getvalue()}
    assert outputs["log"], "there is nothing to be searched"
    outputs |= _of_record(directory, record)
    after = metric_values()
    outputs |= {
        "history": repr(engine.history),
        "history as JSON": json.dumps(engine.history, default=json_default),
        "history, pickled": pickle.dumps(engine.history, 0),
        "what other processes are told of live calls": json.dumps([_told(each) for each in live]),
        "live": repr([builder.entries for builder in live])
        + repr([builder.latest for builder in live]),
        "names and labels of metrics": "\n".join(map(repr, after)),
        "what metrics rose by": " rose by ".join(
            str(after[key] - before.get(key, 0)) for key in after
        ),
        "a traceback with locals": _crash(engine),
    }
    return played, outputs


def metric_values():
    """The values of whole numbers, by name and labels. Times and the interpreter's own are anything at all."""
    return {
        (sample.name, *sample.labels.items()): int(sample.value)
        for metric in prometheus_client.REGISTRY.collect()
        for sample in metric.samples
        if sample.value % 1 == 0 and not sample.name.startswith(("python_", "process_"))
    }


def _told(builder):
    calls = LiveCalls()
    calls.add(builder)
    begun = json.loads(builder.begun().dumps())
    return LiveNews(calls).next(), time_line(calls, builder.id), begun


def _of_record(directory, record):
    database = Database.open(f"sqlite:///{directory}/records.db")
    store = RecordStore(database, webhook=True)
    store.insert([record])
    spool = Spool(directory / "spool")
    spool.append([record.dumps().encode()])
    spool.close()
    exported = {form: io.StringIO() for form in ("csv", "jsonl")}
    for form, file in exported.items():
        write([record], form, file)
    client = create_app(Sources(database=database)).test_client()
    pages = {
        path: client.get(path).text
        for path in ("/", "/records", f"/records/{record.id}", f"/records/{record.id}.json")
    }
    assert record.caller[-4:] in pages["/records"].replace(" ", "")
    database.close()
    files = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".wav"
    }
    assert any(name.startswith("records.db") for name in files)
    assert any(name.startswith("spool/") for name in files)
    texts = {f"export {form}": file.getvalue() for form, file in exported.items()}
    return {**pages, **files, **texts, "described": describe(record), "repr": repr(record)}


def _crash(engine):
    def crashes(conv, history, redactor, record):
        newest = [turn.text for turn in history][-5:]
        raise RuntimeError(f"crashed with {newest}")

    try:
        crashes(Conversation(engine), engine.history, engine.redactor, engine.record)
    except RuntimeError as error:
        return "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )


SPOKEN_CARD = "four five five six seven three seven five eight six eight nine nine eight five five"


@pytest.mark.parametrize(
    "card",
    [
        f"press {CARD}#",
        f"say {SPOKEN_CARD}",
        f"say {doubled(CARD)}",
        f"press {CARD[:6]}\nsay {doubled(CARD[6:])}",
    ],
    ids=["keyed", "spoken", "spoken with doubles", "both"],
)
@pytest.mark.parametrize(
    "pin",
    [f"press {PIN}", "say seven three nine one", "say seventy three ninety one"],
    ids=["keyed", "spoken", "spoken in tens"],
)
def test_P13_nothing_leaves_a_call_even_with_careless_functions(tmp_path, card, pin):
    (tmp_path / "till.yaml").write_text(CARD_FLOW)
    (tmp_path / "till.py").write_text(CARELESS)
    flows = load_flows([tmp_path / "till.yaml"])
    (tmp_path / "till.py").unlink()  # so that the directory has nothing but what came out
    (tmp_path / "till.yaml").unlink()
    script = f"hear card number\nwait end\n{card}\nhear right\nwait end\npress 1\nhear your PIN\nwait end\n{pin}\nhear Goodbye\nexpect failed end_function\n"
    played, outputs = outputs_of(tmp_path, flows["till"], flows, script)
    assert [("card", "complete"), ("pin", "complete")] == [
        (entry.step, entry.outcome) for entry in played.record.collected
    ]
    assert CARD in "".join(filter(str.isdigit, played.heard)), (
        "the caller heard it, so it went through the call"
    )
    assert [] == leaks(CARD, outputs)
    assert [] == leaks(PIN, outputs)
    assert "[16 digits hidden]" in outputs["log"]


ACCOUNT_FLOW = """
recording: true
steps:
  account:
    prompt: Say your account number.
    dtmf: {num_digits: 8, first_digit_timeout: 8, inter_digit_timeout: 4}
    run: mark
  done:
    prompt: Goodbye.
    next: {hangup: true}
"""
MARKING = """
def mark(conv, flow):
    conv.pii(conv.history[-1].text)
    conv.discard_recording()
    conv.exit_flow()
"""


@pytest.mark.parametrize(
    "answer",
    ["press 84210973", "say eight four two one oh nine seven three"],
    ids=["keyed", "spoken"],
)
def test_P13_what_a_function_marks_is_taken_out_of_all_that_is_kept(tmp_path, answer):
    """Also of the discard's receipt, which names what the caller said. The log was written before it was private."""
    (tmp_path / "account.yaml").write_text(ACCOUNT_FLOW)
    (tmp_path / "account.py").write_text(MARKING)
    flows = load_flows([tmp_path / "account.yaml"])
    (tmp_path / "account.py").unlink()
    script = f"hear account number\nwait end\n{answer}\n"
    played, outputs = outputs_of(tmp_path, flows["account"], flows, script)
    assert "discarded" == played.record.recording.state
    assert "[" in played.record.recording.receipt["cause"]["key_or_word"]
    kept = {name: each for name, each in outputs.items() if name not in ("log", "stdout", "stderr")}
    assert [] == leaks("84210973", kept)


def private_everywhere(flow):
    """The flow with each of its collections marked as private."""
    steps = {
        name: dataclasses.replace(step, collect=dataclasses.replace(step.collect, is_pii=True))
        if step.collect
        else step
        for name, step in flow.steps.items()
    }
    return dataclasses.replace(flow, steps=steps)


ANSWERS = {
    "pin_entry": {
        "right": ("hear PIN\nwait end\npress 2468#\nhear balance", "2468"),
        "wrong, then right": (
            "hear PIN\nwait end\npress 9753#\nhear not right\nwait end\npress 2468#\nhear balance",
            "9753",
        ),
        "said aloud to nobody": (
            "hear PIN\nwait quiet\nsay two four six eight\nhear i didn't get any keys\nhear put you through",
            "2468",
        ),
        "too short": (
            "hear PIN\npress 975#\nhear not right\nhear PIN\npress 2468#\nhear balance",
            "975",
        ),
    },
    "phone_number": {
        "keyed": (
            "hear phone number\nwait end\npress 2125550142\nhear 1\nwait end\npress 1\nhear call you back",
            "2125550142",
        ),
        "spoken": (
            "hear phone number\nwait end\nsay two one two five five five oh one four two\nwait 3\nwait end\nsay yes\nhear call you back",
            "2125550142",
        ),
        "corrected": (
            (
                "hear phone number\npress 2125550142\nhear 1\nwait end\npress 2\nwait quiet\n"
                "press 4155550187\nhear 1\nwait end\npress 1\nhear call you back"
            ),
            "2125550142",
        ),
        "by both": (
            "hear phone number\nwait end\npress 212555\nsay oh one four two\nhear 2\nwait end\npress 1\nhear call you back",
            "2125550142",
        ),
        "given up": ("hear phone number\nwait end\npress 21255501\nhangup", "21255501"),
    },
}


@pytest.mark.parametrize(
    ("name", "how"), [(name, how) for name, answers in ANSWERS.items() for how in answers]
)
def test_P13_nothing_leaves_the_examples_when_all_of_it_is_private(tmp_path, name, how):
    script, value = ANSWERS[name][how]
    flows = {each: private_everywhere(flow) for each, flow in load_flows([EXAMPLES]).items()}
    _, outputs = outputs_of(tmp_path, flows[name], flows, script + "\n")
    assert [] == leaks(value, outputs)


def test_every_example_with_more_than_a_digit_is_swept():
    flows = load_flows([EXAMPLES])
    long = {
        name
        for name, flow in flows.items()
        for step in flow.steps.values()
        if step.collect and step.collect.max_digits != 1
    }
    assert long == set(ANSWERS)


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        "4556 7375 8689 9855",
        "x45567y",
        "4-5-5-6-7",
        "four five five six seven",
        "vier fünf fünf sechs sieben",
        "Quatre cinq cinq six sept",
        "%34%35%35%36%37",
        r"\u0034\u0035\u0035\u0036\u0037",
        "&#x34;&#x35;&#x35;&#x36;&#x37;",
        "34 35 35 36 37",
        "52, 53, 53, 54, 55",
        *(b64encode(b"{[]"[:before] + b"4556737").decode() for before in range(3)),
    ],
)
def test_the_search_finds_what_it_should(text):
    assert 1 == len(leaks(CARD, {"here": f"a {text} b", "bytes": b"nothing"}))
    assert [] == leaks(CARD, {"here": "ends in 9855, four five five six, 2026-01-01T12:00:45.567"})
    assert [] == leaks(PIN, {"here": "73910 0f8f7391-d9cb-469f-a165-70867728950e"})
    assert 1 == len(leaks(PIN, {"here": b"pin 7 3 9 1."}))
