import base64
import hashlib
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from gevent.server import StreamServer

from fsflows.database import Database
from fsflows.settings import load
from fsflows.switch.core import Core
from fsflows.switch.inbound import SwitchServer

DIALPLAN = """\
<section name="dialplan" description="Regex/XML Dialplan">
  <context name="default">
    <extension name="fsflows">
      <condition field="destination_number" expression="^7000$">
        <action application="set" data="socket_resume=true"/>
        <action application="socket" data="{address}|127.0.0.1:8184 async full"/>
        <action application="answer"/>
        <action application="hangup" data="NORMAL_TEMPORARY_FAILURE"/>
      </condition>
    </extension>
  </context>
</section>
"""

FLOWS = Path(__file__).parents[2] / "conf" / "flows" / "phone_number"
PASSWORD = "not ClueCon"


class World:
    """A server, a FreeSWITCH and a vosk server that fit together; tests take away what is to be missing."""

    def __init__(self, base, staging):
        self.core = Core(host=socket.gethostname())
        self.switch = SwitchServer(self.core, password=PASSWORD)
        self.listener = _serve(lambda sock: sock.sendall(b"connect\n\n"))
        self.vosk = _serve(_upgrade)
        self._all = [self.switch, self.listener, self.vosk]
        self.switch.start()
        for name in ("recordings", "spool", "dialplan"):
            (base / name).mkdir()
        listen = "{}:{}".format(*self.listener.address)
        self.core.dialplan = DIALPLAN.format(address=listen)
        self.core.vosk_url = "ws://{}:{}".format(*self.vosk.address)
        defaults = load(environ={})
        self.settings = replace(
            defaults,
            server=replace(defaults.server, listen=listen, backlog=16),
            flows=replace(defaults.flows, paths=(str(FLOWS),)),
            recordings=replace(
                defaults.recordings,
                staging=str(staging),
                published=str(base / "recordings"),
                roots=(str(base / "dialplan"),),
            ),
            database=replace(
                defaults.database, url=f"sqlite:///{base}/fsflows.db", spool=str(base / "spool")
            ),
            freeswitch=replace(
                defaults.freeswitch, addresses=(self.switch.address,), password=PASSWORD
            ),
        )
        Database.open(self.settings.database.url).close()
        self.base = base

    def set(self, section, **values):
        changed = replace(getattr(self.settings, section), **values)
        self.settings = replace(self.settings, **{section: changed})

    def shut(self):
        """A listener that lets go of whoever connects."""
        self._all.append(_serve(lambda sock: None))
        return self._all[-1]

    def restart(self, **options):
        """The switch again, with other options."""
        self.switch.stop()
        self.switch = SwitchServer(self.core, **{"password": PASSWORD, **options})
        self.switch.start()
        self._all.append(self.switch)
        self.set("freeswitch", addresses=(self.switch.address,))

    def close(self):
        for each in self._all:
            each.stop()


def _serve(play):
    server = StreamServer(("127.0.0.1", 0), lambda sock, peer: (play(sock), sock.close()))
    server.start()
    return server


def _upgrade(sock):
    request = sock.recv(65536).decode()
    key = re.search(r"Sec-WebSocket-Key: (\S+)", request)[1]
    accept = base64.b64encode(
        hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    ).decode()
    head = f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    sock.sendall(head.encode())
    sock.recv(100)


@pytest.fixture
def world(tmp_path):
    memory = Path("/dev/shm")
    staging = (memory if memory.is_dir() else tmp_path) / f"fsflows-{tmp_path.name}"
    made = World(tmp_path, staging)
    yield made
    made.close()
    assert not staging.exists(), "the doctor leaves nothing behind"
