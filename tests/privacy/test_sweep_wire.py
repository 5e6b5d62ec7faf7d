"""MISSION.md P13 once more, over TCP: the whole server at debug level, whose connection carries each key as FreeSWITCH sends it."""

import dataclasses
import io

import gevent
import pytest

from fsflows import log
from fsflows.server.service import Service
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


def settings_below(directory):
    """Everything in one directory, a free port, no console."""
    for name in ("flows", "staging", "published"):
        (directory / name).mkdir()
    (directory / "flows" / "pin.yaml").write_text(FLOW)
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
    before = (log._output.stream, log._output.format, dict(log._levels))
    stream = io.StringIO()
    log.setup("debug", "json", stream)
    yield stream
    log._output.stream, log._output.format = before[:2]
    log._levels.clear()
    log._levels.update(before[2])
    for part in log._parts.values():
        part.threshold = log._threshold(part.name)


@pytest.mark.process
@pytest.mark.parametrize(
    "answer", [f"press {PIN}", "say seven three nine one"], ids=["keyed", "spoken"]
)
def test_P13_nothing_leaves_the_server_at_debug_level(tmp_path, lines, answer):
    service = Service(settings_below(tmp_path))
    records = []
    keep = service.runner.services.keep
    service.runner.services = dataclasses.replace(
        service.runner.services, keep=lambda record: (records.append(record), keep(record))
    )
    service.start(watch=False)
    try:
        host, port = service.listener.address
        script = parse_script(f"hear your PIN\n{answer}\nhear Goodbye", "script")
        call = place_call(
            f"{host}:{port}/pin",
            setup=Setup(files=DiskFiles(), sounds=Sounds(pace=0.005)),
            script=script,
        )
        assert call.wait(30) is not None
        with gevent.Timeout(30):
            while not records:
                gevent.sleep(0.005)
    finally:
        service.stop()
    (record,) = records
    assert [("pin", "complete", "[4 digits hidden]")] == [
        (e.step, e.outcome, e.digits) for e in record.collected
    ]
    files = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix not in (".wav", ".yaml")
    }
    assert "f.db" in files
    assert record.call_id in lines.getvalue()
    assert [] == leaks(PIN, {"log": lines.getvalue(), **files})
