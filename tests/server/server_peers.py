"""Both ends of a server under test: a service of its own, and a FreeSWITCH played by hand, in a real one's bytes."""

import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import gevent
from gevent import socket

from fsflows.esl import serialize
from fsflows.esl.command_reader import CommandReader
from fsflows.server.worker.service import Service
from fsflows.settings import load
from fsflows.switch import Setup, Sounds, parse_script
from fsflows.switch.files import DiskFiles
from fsflows.switch.tcp import place_call

LONG = 30.0
"""Seconds that nothing here takes, unless it hangs."""

TRACE = Path(__file__).parent.parent / "wire" / "traces" / "s01_plain.jsonl.gz"


def wait_for(condition, seconds=LONG):
    until = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < until:
        gevent.sleep(0.005)
    assert met, "in vain"
    return met


# --- the service --------------------------------------------------------------------------------------------------


def write_flows(directory, flows):
    """`flows`: texts by file name; a `.py` is the functions' file."""
    directory.mkdir(exist_ok=True)
    for name, text in flows.items():
        (directory / name).write_text(textwrap.dedent(text))


def data_settings(base, *flows, **server):
    """Settings with everything below one directory, a free port and no console."""
    for name in ("staging", "recordings"):
        (base / name).mkdir(exist_ok=True)
    settings = load(environ={})
    return replace(
        settings,
        server=replace(settings.server, listen="127.0.0.1:0", **server),
        flows=replace(settings.flows, paths=tuple(str(path) for path in flows)),
        console=replace(settings.console, listen=""),
        database=replace(
            settings.database, url=f"sqlite:///{base}/fsflows.db", spool=str(base / "spool")
        ),
        recordings=replace(
            settings.recordings, staging=str(base / "staging"), published=str(base / "recordings")
        ),
    )


class Server:
    """A service, started, and the records of its calls.

    Attributes:
        records: finished ones, in order.
    """

    def __init__(self, base, flows, **server):
        write_flows(base / "flows", flows)
        self.records = []
        self.service = Service(data_settings(base, base / "flows", **server))
        keep = self.service.runner.services.keep

        def kept(record):
            self.records.append(record)
            keep(record)

        self.service.runner.services = replace(self.service.runner.services, keep=kept)
        self.service.start(watch=False)
        self.address = self.service.listener.address

    @property
    def calls(self):
        return self.service.listener.calls

    def idle(self):
        wait_for(lambda: not self.calls)

    def call(self, flow, script="", *, then=(), pace=0.005):
        """A call from the simulated switch. `script`: lines, `/` between them will do."""
        text = "\n".join(line.strip() for line in script.replace("/", "\n").splitlines())
        setup = Setup(files=DiskFiles(), sounds=Sounds(pace=pace), then=tuple(then))
        host, port = self.address
        return place_call(f"{host}:{port}/{flow}", setup=setup, script=parse_script(text, "script"))

    def peer(self, flow="", uuid="peer"):
        return Peer(self.address, flow, uuid)

    def record(self, call_id):
        """The record of a call, when it is there."""
        return wait_for(
            lambda: next((each for each in self.records if each.call_id == call_id), None)
        )

    def stop(self):
        return self.service.stop()


def call(address, flow, script="", *, then=(), pace=0.005):
    """A call from the simulated switch. `script`: lines, `/` between them will do."""
    text = "\n".join(line.strip() for line in script.replace("/", "\n").splitlines())
    setup = Setup(files=DiskFiles(), sounds=Sounds(pace=pace), then=tuple(then))
    host, port = address
    return place_call(f"{host}:{port}/{flow}", setup=setup, script=parse_script(text, "script"))


def finished(call):
    """The result of a call."""
    result = call.wait(LONG)
    if result is None:
        call.abandon()
    assert result is not None, "the call did not end"
    return result


# --- FreeSWITCH, by hand --------------------------------------------------------------------------------------------


def _recorded():
    text = gzip.decompress(TRACE.read_bytes()).decode()
    lines = [json.loads(line) for line in text.splitlines()]
    return "".join(line["data"] for line in lines if line["dir"] == "fs->app").encode()


_STREAM = _recorded()
_HEAD = _STREAM[: _STREAM.index(b"\n\n") + 2]
_UUID = b"f14c4926-4780-4a1c-ada2-4e91f40b9d78"


def channel_data(flow="", uuid="peer"):
    """The real reply to `connect`, for another call."""
    data = _HEAD.replace(_UUID, uuid.encode())
    variable = f"variable_socket_path: {quote(flow)}\n" if flow else ""
    return data[:-1] + variable.encode() + b"\n"


def event(name, uuid="peer", body="", **headers):
    """An event as FreeSWITCH writes it, stamped now."""
    from fsflows.esl.event import Event

    stamped = {
        "Event-Name": name,
        "Event-Date-Timestamp": str(int(time.time() * 1e6)),
        "Unique-ID": uuid,
        **{key.replace("_", "-"): value for key, value in headers.items()},
    }
    return serialize.event(Event.from_headers(stamped, body))


def key(digit, uuid="peer"):
    return event("DTMF", uuid, DTMF_Digit=digit, DTMF_Duration="800", DTMF_Source="RTP")


class Peer:
    """FreeSWITCH's end of a call, played by hand.

    Attributes:
        heard: the commands so far, as labels ("connect", "sendmsg answer").
    """

    def __init__(self, address, flow="", uuid="peer"):
        self.flow = flow
        self.uuid = uuid
        self.heard = []
        self.sock = socket.create_connection(address)
        self._reader = CommandReader()
        self._read = []
        self._greenlet = None

    def send(self, data):
        with suppress(OSError):  # they may have closed already
            self.sock.sendall(data)

    def command(self):
        """The next command; None at the end of the connection."""
        with gevent.Timeout(LONG):
            while not self._read:
                try:
                    data = self.sock.recv(65536)
                except OSError:
                    return None
                if not data:
                    return None
                self._read += self._reader.feed(data)
        command = self._read.pop(0)
        self.heard.append(command.label)
        return command

    def begin(self, data=None):
        """Answer `connect`."""
        command = self.command()
        assert command is not None
        assert "connect" == command.label
        self.send(channel_data(self.flow, self.uuid) if data is None else data)
        return self

    def obey(self):
        """Do in the background what a FreeSWITCH does whose every application takes no time."""
        self._greenlet = gevent.spawn(self._obey)
        return self

    def _obey(self):
        while (command := self.command()) is not None:
            self.send(self.answer(command))
            if command.verb == "exit" or command.label == "sendmsg hangup":
                break

    def answer(self, command):
        """What a command is answered with."""
        if command.verb == "api":
            answers = {"uuid_buglist": "<media-bugs>\n</media-bugs>\n", "uuid_exists": "true"}
            return serialize.api_response(answers.get(command.args.split()[0], "+OK\n"))
        if command.verb != "sendmsg":
            return serialize.reply("+OK")
        if command.application == "hangup":
            cause = command.headers.get("execute-app-arg", "NORMAL_CLEARING")
            return serialize.reply("+OK") + event(
                "CHANNEL_HANGUP_COMPLETE", self.uuid, Hangup_Cause=cause
            )
        names = {
            "Application": command.application,
            "Application_UUID": command.headers.get("event-uuid", ""),
        }
        return (
            serialize.reply("+OK")
            + event("CHANNEL_EXECUTE", self.uuid, **names)
            + event("CHANNEL_EXECUTE_COMPLETE", self.uuid, Application_Response="_none_", **names)
        )

    def close(self):
        if self._greenlet is not None:
            self._greenlet.kill()
        self.sock.close()

    def ended(self):
        """Whether the server closes the connection; what it says before is passed over."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        while self.command() is not None:
            if self.heard[-1] == "exit":
                break
        self.sock.close()
        return True


# --- fsflows serve, as a process of its own ---------------------------------------------------------------------------


class Process:
    """`fsflows serve` with arguments; everything it writes goes into one file.

    Args:
        base: its working directory.
        arguments: of the command.
        files: file descriptors that each of its processes may have; 0: as many as we.
        settings: as `server__listen="127.0.0.1:0"`.

    Attributes:
        popen: the process.
    """

    def __init__(self, base, *arguments, files=0, **settings):
        limit = ["sh", "-c", f'ulimit -Sn {files}; exec "$@"', "sh"] if files else []
        self._output = base / "output"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("FSFLOWS_")
        }
        environment |= {"FSFLOWS_CONSOLE__LISTEN": "''", "FSFLOWS_LOG__FORMAT": "json"}
        environment |= {f"FSFLOWS_{name.upper()}": str(value) for name, value in settings.items()}
        # gevent's own handler, once anything has brought it, would take the exit statuses of all children.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with self._output.open("wb") as output:
            self.popen = subprocess.Popen(
                [*limit, sys.executable, "-m", "fsflows", "serve", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=base,
                process_group=0,
            )

    @property
    def output(self):
        return self._output.read_text()

    @property
    def log(self):
        """Its log lines."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def said(self, event, **fields):
        """The log line of an event (and fields), when it is there."""

        def look():
            assert self.popen.poll() is None or self._there(event, fields), self.output
            return self._there(event, fields)

        return wait_for(look)

    def _there(self, event, fields):
        wanted = {"event": event, **fields}.items()
        return next((line for line in self.log if wanted <= line.items()), None)

    @property
    def address(self):
        line = self.said("listening")
        self.said("serving")
        return line["host"], line["port"]

    def signal(self, number):
        self.popen.send_signal(number)

    def ended(self, seconds=LONG):
        """Its exit status."""
        wait_for(lambda: self.popen.poll() is not None, seconds)
        return self.popen.returncode

    def kill(self):
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)  # its workers, and successors, too
        self.popen.wait(LONG)
