"""A caller opts out and is handed on to a desk, where somebody records him again, for a moment or for long.

Only a real FreeSWITCH can say what becomes of that: how it starts, how it ends, and what it deletes by itself.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from .real import RealPhone, RealWorld
from .serving import DIALPLAN_RECORDINGS
from .world import DESK, is_at_the_desk

ASKS = 500
pytestmark = [pytest.mark.freeswitch, pytest.mark.process]

PLAIN = {
    "uuid_record": "uuid_record {uuid} start {path}",
    "record_session": "uuid_transfer {uuid} 'record_session:{path},sleep:30000' inline",
}
"""What FreeSWITCH deletes by itself."""
STUBBORN = {
    "parameters": "uuid_record {uuid} start {{x=1}}{path}",
    "its own limit": "uuid_record {uuid} start {path} 0 {{RECORD_MIN_SEC=0}}",
    "record": "uuid_transfer {uuid} 'record:{path},sleep:30000' inline",
}
"""What it doesn't, so that somebody has to listen."""


@pytest.fixture
def server(freeswitch: RealWorld) -> Iterator[RealWorld]:
    freeswitch.events.forget()
    yield freeswitch
    for path in (*freeswitch.serving.staging.glob("*.wav"), *DIALPLAN_RECORDINGS.glob("*.wav")):
        path.unlink()
    if not freeswitch.serving.up:
        freeswitch.serving.start()


def handed_on(server: RealWorld, phone: RealPhone) -> str:
    phone.talk(1000)
    phone.wait_heard(ASKS)
    server.wait(0.5)
    phone.press("1")
    is_at_the_desk(server, phone)
    return phone.uuid


def record(server: RealWorld, uuid: str, how: str, path: Path, seconds: float) -> None:
    """Somebody records the call, for so long, and ends it; his file's name does not say whose it is."""
    answer = server.events.api(how.format(uuid=uuid, path=path))
    assert answer.startswith("+OK"), answer
    if not server.serving.up:  # else it may be gone before it is seen
        assert within(5.0, path.exists)
    server.wait(seconds)
    server.events.api(f"uuid_record {uuid} stop {path}")
    server.events.api(f"uuid_record {uuid} stop {{x=1}}{path}")


def within(seconds: float, what: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(what())


def fsflows(server: RealWorld, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fsflows", "recordings", *arguments]
    return subprocess.run(
        [*command, "--config", str(server.serving.settings)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("where", ["staging", "elsewhere"])
@pytest.mark.parametrize("how", [*PLAIN, *STUBBORN])
def test_P12_a_recording_between_two_sweeps_is_gone(
    server: RealWorld, how: str, where: str
) -> None:
    directory = server.serving.staging if where == "staging" else DIALPLAN_RECORDINGS
    path = directory / f"{uuid4().hex}.wav"
    with server.call("opt_out_away") as phone:
        uuid = handed_on(server, phone)
        record(server, uuid, (PLAIN | STUBBORN)[how], path, 2.5)
        server.events.api(f"uuid_kill {uuid}")
        phone.wait_ended()
    assert within(5.0, lambda: not path.exists())
    assert within(5.0, lambda: str(path) in fsflows(server, "show", uuid).stdout)
    shown = fsflows(server, "show", uuid).stdout
    assert "started after the discard" in shown
    assert "OPEN" not in shown


@pytest.mark.parametrize("where", ["staging", "elsewhere"])
def test_P12_what_was_recorded_at_the_desk_goes_when_the_caller_opts_out_later(
    server: RealWorld, where: str
) -> None:
    directory = server.serving.staging if where == "staging" else DIALPLAN_RECORDINGS
    path = directory / f"{uuid4().hex}.wav"
    with server.call("away") as phone:
        uuid = handed_on(server, phone)
        record(server, uuid, PLAIN["uuid_record"], path, 1.5)
        assert path.exists()
        server.events.api(f"uuid_transfer {uuid} fsflows-opt_out_first XML public")
        asked = phone.wait_heard(ASKS, since=server.now())
        server.wait(0.5)
        phone.press("1")
        phone.wait_heard(900, since=asked)
        assert not path.exists()
        phone.wait_ended()
    assert str(path) in fsflows(server, "show", uuid).stdout


@pytest.mark.parametrize("how", PLAIN)
def test_P12_a_recording_while_the_server_is_dead_is_gone(server: RealWorld, how: str) -> None:
    path = server.serving.staging / f"{uuid4().hex}.wav"
    with server.call("opt_out_away") as phone:
        uuid = handed_on(server, phone)
        server.serving.kill()
        record(server, uuid, PLAIN[how], path, 2.5)
        server.events.api(f"uuid_kill {uuid}")
        phone.wait_ended()
    assert within(2.0, lambda: not path.exists())
    server.serving.start()
    assert within(10.0, lambda: "receipt of" in fsflows(server, "show", uuid).stdout)
    assert not path.exists()
    verified = fsflows(server, "verify")
    assert str(path) not in verified.stdout


@pytest.mark.parametrize("how", PLAIN)
def test_P12_killed_right_behind_the_key(server: RealWorld, how: str) -> None:
    """The call goes on in the dialplan, without us."""
    path = server.serving.staging / f"{uuid4().hex}.wav"
    with server.call("opt_out_away") as phone:
        phone.talk(1000)
        phone.wait_heard(ASKS)
        server.wait(0.5)
        phone.press("1")
        phone.wait_heard(900)
        server.serving.kill()
        uuid = phone.uuid
        record(server, uuid, PLAIN[how], path, 2.5)
        server.events.api(f"uuid_kill {uuid}")
        phone.wait_ended()
    server.serving.start()
    assert within(10.0, lambda: "receipt of" in fsflows(server, "show", uuid).stdout)
    assert not path.exists()
    assert [] == list(server.recordings(uuid))


def test_a_conversation_outlives_our_server(server: RealWorld) -> None:
    with server.call("away") as phone:
        phone.wait_heard(ASKS)
        phone.press("4")
        began = phone.wait_heard(DESK)
        server.serving.kill()
        server.wait(1.5)
        phone.wait_heard(DESK, since=server.now() - 0.3)
        assert {DESK} == {sound.what for sound in phone.sounds(began)}
        phone.hang_up()
        phone.wait_ended()


@pytest.mark.parametrize("how", STUBBORN)
def test_a_recording_that_nobody_could_prevent_is_reported(server: RealWorld, how: str) -> None:
    """Not even FreeSWITCH knows any more whose it was."""
    path = server.serving.staging / f"{uuid4().hex}.wav"
    with server.call("opt_out_away") as phone:
        uuid = handed_on(server, phone)
        server.serving.kill()
        record(server, uuid, STUBBORN[how], path, 1.5)
        server.events.api(f"uuid_kill {uuid}")
        phone.wait_ended()
    assert within(2.0, path.exists)
    server.serving.start()
    verified = fsflows(server, "verify", "--grace", "0")
    assert 1 == verified.returncode
    assert f"{path}: in the staging directory, but of no known call" in verified.stdout
