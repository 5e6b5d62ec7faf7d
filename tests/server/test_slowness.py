"""A process that is busy for a while must not take from a caller what he did in time."""

import time

import gevent
import pytest
from server_peers import event, key

from fsflows.archive.entries import Entered

pytestmark = pytest.mark.process

ASK = """
    steps:
      ask:
        dtmf: {num_digits: 1, first_digit_timeout: 0.6}
        asr: false
        retry: {attempts: 1}
        next: {hangup: true}
"""


@pytest.mark.parametrize(("pressed", "outcome"), [(0.3, "complete"), (0.9, "no_input")])
def test_a_key_counts_by_when_it_was_pressed_not_by_when_it_is_read(serve, pressed, outcome):
    server = serve({"ask.yaml": ASK})
    peer = server.peer("ask")

    def hold_up_the_process(began):
        while time.monotonic() < began + pressed:
            pass
        # Into the kernel's hands, where nobody gets to read it; behind more than is read at once.
        data = b"".join(event("CHANNEL_EXECUTE", Padding="x" * 3000) for _ in range(30)) + key("5")
        assert len(data) == peer.sock.send(data)
        while time.monotonic() < began + 1.2:
            pass

    def noted(entry):
        if isinstance(entry, Entered):
            gevent.spawn(hold_up_the_process, time.monotonic())

    server.service.runner.watch = lambda engine: engine.record.watchers.append(noted)
    peer.begin().obey()
    record = server.record("peer")
    [collected] = record.collected
    assert outcome == collected.outcome
    peer.close()
