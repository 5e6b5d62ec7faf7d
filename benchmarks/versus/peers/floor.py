"""The floor: gevent, a greenlet and a socket a call, and just enough of the protocol to play the game. No server."""

from __future__ import annotations

import re
import resource
import sys

from gevent import socket, spawn

HEAD = re.compile(rb"Content-Length: ([0-9]+)\nContent-Type: text/event-plain\n\n")
OPENING = b"connect\n\nlinger 5\n\nmyevents\n\n"
ANSWER = b"sendmsg\ncall-command: execute\nexecute-app-name: answer\n\n"
PLAY = b"sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: /sounds/menu.wav\n\n"


def run(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(OPENING)
    rest = b""
    began = False
    digits = b""
    while data := sock.recv(65536):
        if rest:
            data = rest + data
        position, size = 0, len(data)
        while position < size:
            head = HEAD.match(data, position)
            if head is None:
                end = data.find(b"\n\n", position)
                if end < 0:
                    break
                if not began and data.startswith(b"Event-Name: CHANNEL_DATA", position):
                    began = True
                    sock.sendall(ANSWER + PLAY)
                elif data.startswith(b"Content-Type: text/disconnect-notice", position):
                    sock.close()
                    return
                position = end + 2
                continue
            end = head.end() + int(head[1])
            if end > size:
                break
            found = data.find(b"\nDTMF-Digit: ", head.end(), end)
            if found >= 0 and data.startswith(b"Event-Name: DTMF", head.end()):
                key = data[found + 13 : found + 14]
                if key == b"1":
                    digits = b""
                    sock.sendall(PLAY)
                else:
                    digits += key
            position = end
        rest = data[position:]
        data = b""  # an idle call holds nothing
    sock.close()


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(sys.argv[1])))
    listening.listen(1024)
    while True:
        sock, _ = listening.accept()
        spawn(run, sock)


main()
