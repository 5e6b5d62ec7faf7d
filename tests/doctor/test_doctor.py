"""The doctor: a world in which all is well, and one thing after the other taken away from it."""

import json
import os
import subprocess
import sys
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import gevent
import pytest
from gevent import socket

from fsflows.doctor import State, examine, machine, sharing, switch, voices, worst
from fsflows.doctor.finding import ok, problem, warning
from fsflows.doctor.patience import TooSlow, on_a_thread
from fsflows.switch.core import Core
from fsflows.switch.files import DiskFiles

pytestmark = pytest.mark.process

QUICK = 0.2
"""Seconds that the doctor waits in tests in which it waits in vain."""


def examined(world, **options):
    return list(examine(world.settings, **options))


def not_well(findings):
    """What is not well, without what this very machine has."""
    this_machine = (
        "staging in memory",
        "open files",
        "FreeSWITCH's open files",
        "connection queue",
    )
    return [f for f in findings if f.state is not State.OK and f.about not in this_machine]


def test_all_is_well(world):
    findings = examined(world)
    assert [] == not_well(findings)
    assert {
        "versions", "settings", "flows", "database", "database.spool", "recordings.staging", "recordings.roots",
        "recordings.published", "server.allow", "console", "listener", "FreeSWITCH", "FreeSWITCH's version", "modules",
        "text to speech", "speech", "clock", "FreeSWITCH's limits", "RTP ports", "dialplan",
        "recordings.staging shared", "recordings.roots shared",
    } <= {finding.about for finding in findings}  # fmt: skip
    assert [] == [f for f in findings if (f.state is State.OK) == bool(f.advice)], (
        "advice, where it is needed"
    )
    assert [] == list(world.base.glob("**/.fsflows-doctor*"))
    assert {} == world.switch.calls


def without(world, *modules):
    world.core.interfaces = tuple(row for row in world.core.interfaces if row[2] not in modules)


def dialplan(world, text):
    world.core.dialplan = (
        f'<section name="dialplan"><context name="default">{text}</context></section>'
    )


def elsewhere(world):
    world.core.dialplan = world.core.dialplan.replace(world.settings.server.listen, "10.1.2.3:8084")


FAULTS = {
    "wrong password": (
        lambda world: world.set("freeswitch", password="wrong"),
        ("FreeSWITCH", "refuses the password", "event_socket.conf.xml as freeswitch.password"),
    ),
    "acl": (
        lambda world: world.restart(allowed=False),
        ("FreeSWITCH", "does not let this address in", "apply-inbound-acl"),
    ),
    "not there": (
        lambda world: world.switch.stop(),
        ("FreeSWITCH", "Connection refused", "start FreeSWITCH with mod_event_socket"),
    ),
    "sndfile": (
        lambda world: without(world, "mod_sndfile"),
        ("modules", "mod_sndfile is not loaded: no recordings and prompts as WAV files", "`load mod_sndfile`"),
    ),
    "sofia": (
        lambda world: without(world, "mod_sofia"),
        ("modules", "mod_sofia is not loaded: no SIP calls", "`load mod_sofia`"),
    ),
    "tts": (
        lambda world: without(world, "mod_flite"),
        ("text to speech", "no engine 'flite'", "`load mod_flite`"),
    ),
    "say": (
        lambda world: world.set("voice", say="de"),
        ("say", "no say module 'de'", "`load mod_say_de`"),
    ),
    "vosk server": (
        lambda world: world.vosk.stop(),
        ("speech", "does not answer: Connection refused", "VOSK_SAMPLE_RATE=8000"),
    ),
    "something else as vosk server": (
        lambda world: setattr(world.core, "vosk_url", f"ws://{world.switch.address}"),
        ("speech", "does not answer: it is no WebSocket server", "server-url of vosk.conf.xml"),
    ),
    "no socket action": (
        lambda world: dialplan(world, '<extension name="x"><condition><action application="park"/></condition></extension>'),
        ("dialplan", "there is no socket action", "copy dialplan/fsflows.xml"),
    ),
    "socket action elsewhere": (elsewhere, ("dialplan", "no socket action leads to our listener", "reloadxml")),
    "clock": (
        lambda world: setattr(world.core, "skew", 40.0),
        ("clock", "FreeSWITCH's clock is 40.0 s ahead", "NTP"),
    ),
    "FreeSWITCH has other files": (
        lambda world: setattr(world.core, "files", DiskFiles(world.base / "elsewhere")),
        ("recordings.staging shared", "does not see our file", "LOCAL=NAMED"),
    ),
    "flows": (
        lambda world: (world.base / "bad.yaml").write_text("steps: {a: {promt: x}}")
        and world.set("flows", paths=(str(world.base / "bad.yaml"),)),
        ("flows", "bad.yaml:1:", "fsflows check"),
    ),
    "no such default": (
        lambda world: world.set("flows", default="menu"),
        ("flows", "flows.default is 'menu', which is no flow", "one of phone_number"),
    ),
    "database": (
        lambda world: world.set("database", url="postgresql+psycopg://nobody@127.0.0.1:1/fsflows"),
        ("database", "postgresql at 127.0.0.1", "see that it runs"),
    ),
    "no directory": (
        lambda world: (world.base / "recordings").rmdir(),
        ("recordings.published", "there is no directory", "mkdir -p"),
    ),
    "no root": (
        lambda world: (world.base / "dialplan").rmdir(),
        ("recordings.roots", "there is no directory", "mount it"),
    ),
    "console": (
        lambda world: world.set("console", listen="0.0.0.0:8085"),
        ("settings", "where others can reach it: set console.token", "correct it"),
    ),
    "no listener": (
        lambda world: world.listener.stop(),
        ("listener", "nobody listens", "start `fsflows serve`"),
    ),
    "another listener": (
        lambda world: world.set("server", listen=world.switch.address),
        ("listener", "is not fsflows", "another port"),
    ),
    "everybody may connect": (
        lambda world: world.set("server", allow=()),
        ("server.allow", "everybody may connect", "FreeSWITCH's addresses"),
    ),
    "no gateway": (
        lambda world: world.set("dialling", endpoint="sofia/gateway/gw/{number}"),
        ("dialling", "FreeSWITCH has no gateway 'gw'", "sofia profile external rescan"),
    ),
    "gateway that is not registered": (
        lambda world: world.set("dialling", endpoint="sofia/gateway/gw/{number}")
        or setattr(world.core, "gateways", {"gw": "FAIL_WAIT"}),
        ("dialling", "the gateway gw is UP, FAIL_WAIT: calls fail", "password"),
    ),
    "no profile": (
        lambda world: world.set("dialling", endpoint="sofia/extern/{number}@10.0.0.1"),
        ("dialling", "no SIP profile 'extern'", "`sofia status`"),
    ),
    "no endpoint": (
        lambda world: world.set("dialling", endpoint="verto.rtc/{number}"),
        ("dialling", "knows no 'verto.rtc' to dial with", "load its module"),
    ),
    "no plan": (
        lambda world: world.set("dialling", endpoint="sofia/gateway/gw/"),
        ("settings", "dialling.endpoint: must be one dial string with {number}", "correct it"),
    ),
    "agent": (
        lambda world: world.set("recordings", agent_url="http://127.0.0.1:1", agent_secret="0123456789abcdef"),
        ("recordings agent", "does not answer at http://127.0.0.1:1", "`fsflows recordings agent`"),
    ),
    "settings": (
        lambda world: world.set("log", level="loud"),
        ("settings", "log.level: must be one of", "correct it"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_problem_is_found(world, name):
    break_it, (about, text, advice) = FAULTS[name]
    break_it(world)
    findings = examined(world)
    assert State.PROBLEM is worst(findings)
    found = [
        f for f in findings if f.state is State.PROBLEM and f.about == about and text in f.text
    ]
    assert found, not_well(findings)
    assert advice in found[0].advice
    others = {"versions", "database.spool"}
    assert others <= {f.about for f in findings}, "the other checks were made all the same"


DOUBTS = {
    "well-known password": (
        lambda world: setattr(world.core, "event_socket_ip", "::")
        or world.restart(password="ClueCon")
        or world.set("freeswitch", password="ClueCon"),
        ("FreeSWITCH's event socket", "listens on :: with the password that everybody knows", "password_file"),
    ),
    "many calls a second": (
        lambda world: world.set("dialling", endpoint="sofia/gateway/gw/{number}", calls_per_second=20.0)
        or setattr(world.core, "gateways", {"gw": "NOREG"}),
        ("dialling", "dialling.calls_per_second is 20; FreeSWITCH takes 30 of all kinds", "sessions-per-second"),
    ),
    "no event socket": (
        lambda world: world.set("freeswitch", addresses=()),
        ("FreeSWITCH", "nothing of FreeSWITCH was looked at", "freeswitch: {addresses"),
    ),
    "old": (
        lambda world: setattr(world.core, "version", "1.8.7"),
        ("FreeSWITCH's version", "1.8.7", "upgrade"),
    ),
    "vosk": (
        lambda world: without(world, "mod_vosk"),
        ("speech", "mod_vosk is not loaded, and phone_number would listen", "`load mod_vosk`"),
    ),
    "clock": (
        lambda world: setattr(world.core, "skew", -3.0),
        ("clock", "FreeSWITCH's clock is 3.0 s behind", "NTP"),
    ),
    "few sessions": (
        lambda world: world.set("server", max_calls=2000),
        ("FreeSWITCH's limits", "server.max_calls is 2000", "fsctl max_sessions 4000"),
    ),
    "few ports": (
        lambda world: setattr(world.core, "rtp_ports", (20000, 20100)),
        ("RTP ports", "room for 50 calls; 1000 may come", "rtp-end-port"),
    ),
    "no loopback": (
        lambda world: without(world, "mod_loopback"),
        ("recordings.staging shared", "was not tried (-ERR CHAN_NOT_IMPLEMENTED)", "`load mod_loopback`"),
    ),
    "dialplan from elsewhere": (
        lambda world: setattr(world.core, "dialplan", ""),
        ("dialplan", "shows no dialplan", "mod_xml_curl"),
    ),
    "only this host": (
        lambda world: world.set("server", listen="0.0.0.0:" + world.settings.server.listen.rpartition(":")[2]),
        ("server.allow", "only this host may connect", "127.0.0.1 as server.listen"),
    ),
    "the whole world": (
        lambda world: world.set("server", allow=("0.0.0.0/0",)),
        ("server.allow", "lets everybody in", "nobody else's"),
    ),
    "FreeSWITCH is not allowed": (
        lambda world: world.set("server", allow=("10.0.0.0/8",)),
        ("server.allow", "FreeSWITCH at 127.0.0.1 is not in it", "127.0.0.1 into server.allow"),
    ),
    "console without encryption": (
        lambda world: world.set("console", listen="0.0.0.0:8085", token="0123456789abcdef"),
        ("console", "without encryption", "HTTPS"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTS)
def test_a_doubt_is_a_warning(world, name):
    break_it, (about, text, advice) = DOUBTS[name]
    break_it(world)
    findings = examined(world)
    found = [f for f in findings if f.about == about and text in f.text]
    assert [State.WARNING] == [f.state for f in found], not_well(findings)
    assert advice in found[0].advice
    assert State.WARNING is worst(findings), not_well(findings)


def test_a_listener_that_lets_only_freeswitch_in(world):
    """The doctor beside it, in a container of its own address, is not one to let in."""
    world.set("server", listen="{}:{}".format(*world.shut().address), allow=("10.0.0.0/8",))
    [found] = [each for each in examined(world) if each.about == "listener"]
    assert (State.OK, True) == (found.state, "127.0.0.1, not in server.allow" in found.text)
    world.set("server", allow=("127.0.0.0/8",))
    [found] = [each for each in examined(world) if each.about == "listener"]
    assert (State.PROBLEM, True) == (found.state, "closed the connection" in found.text)


def test_a_freeswitch_that_says_nothing(world, monkeypatch):
    monkeypatch.setattr(switch, "ANSWER", QUICK)
    world.restart(mute=True)
    (found,) = not_well(examined(world))
    assert (State.PROBLEM, True) == (
        found.state,
        "accepts connections, but does not speak" in found.text,
    )


def test_a_freeswitch_that_stops_answering(world, monkeypatch):
    monkeypatch.setattr(switch.Switch.api, "__kwdefaults__", {"timeout": QUICK})
    world.core.silent = frozenset({"show"})
    (found,) = not_well(examined(world))
    assert State.PROBLEM is found.state
    assert "did not answer `show` within 0.2 s; 9 checks could not be made" in found.text


def test_freeswitch_can_not_write(world, monkeypatch):
    monkeypatch.setattr(sharing, "SEE", QUICK)
    monkeypatch.setattr(Core, "record", lambda self, path, seconds: False)
    (one, two) = not_well(examined(world))
    assert (State.PROBLEM, State.PROBLEM) == (one.state, two.state)
    assert "FreeSWITCH can't record to" in one.text
    assert "mode 2770" in one.advice


def test_the_vosk_server_of_the_command_line_counts(world):
    world.core.vosk_url = "ws://127.0.0.1:1"
    url = "ws://{}:{}".format(*world.vosk.address)
    assert [] == not_well(examined(world, vosk=url))


def test_a_vosk_server_that_hangs(world, monkeypatch):
    monkeypatch.setattr(voices, "WAIT", QUICK)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        found = voices.handshake(f"ws://127.0.0.1:{deaf.getsockname()[1]}", needed=True)
    assert (State.PROBLEM, True) == (found.state, "no answer within 0.2 s" in found.text)


@pytest.mark.parametrize("url", ["http://x", "nonsense", "ws://", "ws://[::1"])
def test_a_url_that_is_none(url):
    assert State.WARNING is voices.handshake(url, needed=False).state


def test_a_file_system_that_hangs_is_left_alone():
    never = gevent.get_hub().threadpool
    assert never is not None
    hanging = threading.Event()
    try:
        with pytest.raises(TooSlow):
            on_a_thread(hanging.wait, QUICK)
    finally:
        hanging.set()
    with pytest.raises(ZeroDivisionError):
        on_a_thread(lambda: 1 / 0, 1.0)


def test_a_check_that_fails_is_a_finding(world, monkeypatch):
    monkeypatch.setattr(machine, "PROC", Path("/nowhere"))
    monkeypatch.setattr(
        machine.resource, "getrlimit", lambda what: (_ for _ in ()).throw(OSError("no"))
    )
    found = {f.about: f for f in examined(world)}["limits"]
    assert (State.PROBLEM, "could not be looked at: OSError: no") == (found.state, found.text)


def test_checks_that_stumble_over_senseless_settings_say_so_and_nothing_secret(world, capfd):
    world.set("recordings", staging="relative")
    found = {f.about: f for f in examined(world)}
    assert "correct the settings first" == found["directories"].advice
    assert "Traceback" not in "".join(capfd.readouterr())


def test_an_address_of_freeswitch_that_is_none_keeps_nothing_else_from_being_looked_at(world):
    world.set("freeswitch", addresses=("freeswitch", world.switch.address))
    found = [f for f in examined(world) if f.about == "FreeSWITCH"]
    assert [State.PROBLEM, State.OK] == [f.state for f in found]
    assert "an address is HOST:PORT (127.0.0.1:8084), got 'freeswitch'" in found[0].text
    assert "correct the settings first" == found[0].advice


def kernel(tmp_path, **files):
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_kernels_queue(world, tmp_path):
    world.set("server", backlog=1024)
    proc = kernel(
        tmp_path / "proc",
        sys__net__core__somaxconn="128\n",
        sys__net__ipv4__tcp_max_syn_backlog="4096\n",
    )
    found = {f.about: f for f in machine.limits(world.settings, proc)}["connection queue"]
    assert (State.WARNING, "sysctl -w net.core.somaxconn=4096") == (found.state, found.advice)
    assert "net.core.somaxconn is 128: calls of a burst" in found.text


def test_open_files(world, monkeypatch):
    monkeypatch.setattr(machine.resource, "getrlimit", lambda what: (1024, 4096))
    for calls, state in ((0, State.WARNING), (500, State.WARNING), (900, State.PROBLEM)):
        world.set("server", max_calls=calls)
        found = {f.about: f for f in machine.limits(world.settings)}["open files"]
        assert state is found.state
        assert "LimitNOFILE" in found.advice


@pytest.mark.parametrize(
    ("swaps", "options", "state"),
    [("", "rw", State.OK), ("/dev/sda2 partition", "rw", State.WARNING), ("/dev/sda2 partition", "rw,noswap", State.OK)],
)  # fmt: skip
def test_memory_that_can_reach_a_disk(world, tmp_path, monkeypatch, swaps, options, state):
    monkeypatch.setattr(machine, "is_in_memory", lambda directory: True)
    proc = kernel(
        tmp_path / "proc",
        swaps=f"Filename Type Size Used Priority\n{swaps}\n".rstrip("\n") + "\n",
        self__mounts=f"tmpfs / tmpfs {options} 0 0\n",
    )
    (found,) = machine.memory(world.settings, proc)
    assert state is found.state, found


def test_staging_on_a_disk(world, monkeypatch):
    monkeypatch.setattr(machine, "is_in_memory", lambda directory: False)
    (found,) = machine.memory(world.settings)
    assert (State.WARNING, True) == (found.state, "/dev/shm/fsflows" in found.advice)


def test_freeswitchs_open_files(world, tmp_path):
    there = switch.Switch(world.switch.address, world.settings.freeswitch.password)
    limits = "Limit Soft Hard Units\nMax open files            1024    4096    files\n"
    proc = kernel(
        tmp_path / "proc",
        **{"12__comm": "freeswitch\n", "12__limits": limits, "13__comm": "bash\n"},
    )
    (found,) = switch.open_files(there, world.settings, proc)
    assert (State.WARNING, "1,024; 1000 calls need 8,000") == (found.state, found.text)
    there.close()


def test_a_database_of_a_newer_version(world):
    import sqlite3

    with closing(sqlite3.connect(world.base / "fsflows.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    found = {f.about: f for f in examined(world)}["database"]
    assert (State.PROBLEM, True) == (
        found.state,
        "schema 9999, which this fsflows does not know" in found.text,
    )


def test_the_worst_counts():
    assert State.OK is worst([ok("a", "b")])
    assert State.WARNING is worst([ok("a", "b"), warning("a", "b", "c")])
    assert State.PROBLEM is worst([problem("a", "b", "c"), warning("a", "b", "c")])


# --- the command ------------------------------------------------------------------------------------------------


def command(world, *options, **environ):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FSFLOWS_")}
    given = {
        "FSFLOWS_SERVER__LISTEN": world.settings.server.listen,
        "FSFLOWS_SERVER__BACKLOG": "16",
        "FSFLOWS_FLOWS__PATHS": world.settings.flows.paths[0],
        "FSFLOWS_RECORDINGS__STAGING": world.settings.recordings.staging,
        "FSFLOWS_RECORDINGS__PUBLISHED": world.settings.recordings.published,
        "FSFLOWS_DATABASE__URL": world.settings.database.url,
        "FSFLOWS_DATABASE__SPOOL": world.settings.database.spool,
        "FSFLOWS_FREESWITCH__ADDRESSES": world.switch.address,
        "FSFLOWS_FREESWITCH__PASSWORD": world.settings.freeswitch.password,
    }
    # On a thread, since the far end is in this process; gevent's own would take the ends of all other tests' processes.
    done = gevent.get_hub().threadpool.apply(
        partial(
            subprocess.run,
            [sys.executable, "-m", "fsflows", "doctor", *options],
            env={**kept, **given, **environ},
            capture_output=True,
            timeout=60,
            check=False,
        )
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_command_for_programs(world):
    status, out, errors = command(world, "--json")
    said = json.loads(out)
    assert (0, "") == (status, errors)
    assert {"state", "findings"} == set(said)
    assert {"about", "state", "text", "do"} == set(said["findings"][0])
    world.core.dialplan = "<section/>"
    status, out, _ = command(world, "--json")
    assert (1, "problem") == (status, json.loads(out)["state"])


def test_the_command_for_people(world):
    world.switch.stop()
    status, out, errors = command(world)
    assert (1, "") == (status, errors)
    assert "problem  FreeSWITCH: the event socket at" in out
    assert "         -> start FreeSWITCH with mod_event_socket" in out
    assert "1 problem\n" in out
    assert "\033" not in out


def test_the_command_called_wrongly(world):
    assert 2 == command(world, "--cofnig")[0]
    status, out, errors = command(world, FSFLOWS_SERVER__LISEN="x")
    assert (2, "", True) == (status, out, "did you mean 'listen'?" in errors)
