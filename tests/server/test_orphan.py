"""A worker whose parent is killed at the worst moment: while it waits for what only a parent can give it."""

import gevent
import pytest
from gevent import socket
from server_peers import LONG, data_settings, write_flows

from fsflows.flow.loader import load_flows
from fsflows.flow.reading.files import Snapshot
from fsflows.server.node.channel import Channel
from fsflows.server.node.post import Post
from fsflows.server.worker.service import CannotListen
from fsflows.server.worker.worker import _Worker

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("nothing_is_left")]

SHORT = "steps:\n  only: {prompt: Hello., next: {hangup: true}}\n"


@pytest.mark.parametrize("moment", ["before it asks", "when it has asked"])
def test_a_start_that_waits_for_a_socket_ends_with_the_parent(tmp_path, moment):
    write_flows(tmp_path / "flows", {"short.yaml": SHORT})
    settings = data_settings(tmp_path, tmp_path / "flows")
    ours, theirs = Channel.pair()
    parent = Channel(socket.socket(fileno=ours.detach()))
    post = Post(0, "all", theirs, str(tmp_path / "run"), (), Snapshot(), None, again=False)
    channel = Channel(socket.socket(fileno=theirs.detach()))
    worker = gevent.spawn(
        _Worker(settings, post, channel).run, load_flows([str(tmp_path / "flows")])
    )
    if moment == "before it asks":
        parent.close()
    else:
        said, _ = parent.receive()
        assert {"what": "socket", "name": "calls"} == said
        parent.close()
    worker.join(LONG)
    assert worker.dead, "it would wait for ever"
    assert isinstance(worker.exception, CannotListen)
    assert "the parent process is gone" in str(worker.exception) or "Broken pipe" in str(
        worker.exception
    )
    channel.close()
