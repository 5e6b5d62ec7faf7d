"""FreeSWITCH's end of a connection, played by a test."""

import struct

import gevent
from gevent import socket

from fsflows.esl.command_reader import CommandReader
from fsflows.esl.event import Event

LONG = 20.0
"""Seconds that nothing here takes, unless it hangs."""

CHANNEL = Event.from_headers(
    {
        "Event-Name": "CHANNEL_DATA",
        "Unique-ID": "f14c4926-4780-4a1c-ada2-4e91f40b9d78",
        "Caller-Caller-ID-Name": "Eve\nUnique-ID: forged",
        "Caller-Caller-ID-Number": "1000",
        "variable_uuid": "f14c4926-4780-4a1c-ada2-4e91f40b9d78",
        "variable_call_uuid": "f14c4926-4780-4a1c-ada2-4e91f40b9d78",
    }
)


def tcp_pair():
    """(ours, FreeSWITCH's): two ends of a TCP connection."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    theirs = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    listener.close()
    return ours, theirs


class Peer:
    """Reads commands and writes frames."""

    def __init__(self, sock):
        self.sock = sock
        self._reader = CommandReader()
        self._read = []

    def send(self, data):
        self.sock.sendall(data)

    def commands(self, count):
        """The next so many commands."""
        with gevent.Timeout(LONG):
            while len(self._read) < count:
                data = self.sock.recv(65536)
                assert data, "the application closed the connection"
                self._read += self._reader.feed(data)
        found, self._read = self._read[:count], self._read[count:]
        return found

    def command(self):
        """The next command; None at the end."""
        with gevent.Timeout(LONG):
            while not self._read:
                data = self.sock.recv(65536)
                if not data:
                    return None
                self._read += self._reader.feed(data)
        return self._read.pop(0)

    def expect(self, label):
        command = self.command()
        assert command is not None
        assert label == command.label
        return command

    def close(self):
        self.sock.close()

    def reset(self):
        """Close with a reset instead of an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
