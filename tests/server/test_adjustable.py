"""Settings that are changed while the server runs: which, and that they are in force."""

import dataclasses
import json

import gevent
import pytest
from gevent import socket
from server_peers import wait_for

from fsflows import log
from fsflows.server import adjustable
from fsflows.server.fleet.fleet import Fleet
from fsflows.server.fleet.orders import Kill, Tell
from fsflows.server.node.roles import roles
from fsflows.settings import load

FLOWS = {
    "ask.yaml": "steps:\n  ask: {prompt: Which?, dtmf: {num_digits: 2}, next: {hangup: true}}\n"
}


def change(settings, section, **values):
    part = dataclasses.replace(getattr(settings, section), **values)
    return dataclasses.replace(settings, **{section: part})


@pytest.fixture
def settings():
    return load(environ={})


@pytest.fixture
def changed(settings):
    """Something that can be changed, and something that can't."""
    new = change(settings, "server", max_calls=5, allow=("10.0.0.0/8",), listen="127.0.0.1:1")
    new = change(new, "log", level="debug", levels=("esl=error",))
    return change(new, "console", token="a new token of enough length")


def test_what_has_changed_is_named_and_no_secret_shown(settings, changed):
    now, later = adjustable.changed(settings, changed)
    assert ["server.allow", "server.max_calls", "log.level", "log.levels"] == now
    assert ["server.listen", "console.token"] == later
    assert ([], []) == adjustable.changed(settings, settings)


def test_what_can_not_be_changed_stays(settings, changed):
    adjusted = adjustable.adjusted(settings, changed)
    assert (5, "debug") == (adjusted.server.max_calls, adjusted.log.level)
    assert settings.server.listen == adjusted.server.listen
    assert settings.console == adjusted.console
    assert ([], ["server.listen", "console.token"]) == adjustable.changed(adjusted, changed)


def test_a_worker_is_told_all_of_it(settings, changed):
    adjusted = adjustable.adjusted(settings, changed)
    told = json.loads(json.dumps({"what": "settings", **adjustable.as_message(adjusted)}))
    assert adjusted == adjustable.from_message(settings, told)


@pytest.mark.parametrize(
    ("section", "values", "fault"),
    [
        ("server", {"allow": ("office",)}, "server.allow: 'office'"),
        ("server", {"heartbeat_timeout": 1.0}, "server.heartbeat_timeout: must be from 5 to 3600"),
        ("log", {"level": "loud"}, "log.level: must be one of"),
        ("log", {"levels": ("esl",)}, "log.levels: a part's level"),
    ],
)
def test_faults_are_named(settings, section, values, fault):
    [found] = adjustable.faults(change(settings, section, **values))
    assert found.startswith(fault)


def test_the_fleet_tells_every_worker_and_waits_as_long_as_it_is_told():
    fleet = Fleet(roles(2), 20.0, 60.0)
    fleet.begin(0.0)
    fleet.heard(0, {"what": "ready"}, 0.0)
    orders = fleet.adjust(5.0, 7.0, {"log": {}})
    assert [Tell(number, {"what": "settings", "log": {}}) for number in (0, 1, 2)] == orders
    assert Kill(0, "no sign of life for 5 s") in fleet.tick(6.0)
    stop = fleet.stop("SIGTERM", 7.0)
    assert 7.0 == next(each.fields["drain"] for each in stop if hasattr(each, "fields"))


def test_log_levels_are_set_anew():
    with log.capture("info"):
        log.set_level("esl", "debug")
        before = log.levels()
        with pytest.raises(ValueError, match="PART=LEVEL"):
            log.set_levels("error", ["esl"])
        assert before == log.levels()
        log.set_levels("error", ["server=debug"])
        assert {"": "error", "alembic": "warning", "server": "debug"} == log.levels()


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(serve):
    return serve(FLOWS)


def adjust(server, **values):
    server.service.adjust(change(server.service.settings, "server", **values))


def test_a_limit_below_the_calls_that_run_closes_the_door_and_a_higher_one_opens_it(server):
    peers = [server.peer(uuid=f"call-{number}").begin().obey() for number in range(2)]
    wait_for(lambda: 2 == server.calls)
    adjust(server, max_calls=1)
    assert not server.service.listener.accepting
    wait_for(lambda: _refused(server.address))
    assert 2 == server.calls, "they go on"
    adjust(server, max_calls=3)
    assert server.service.listener.accepting
    for peer in peers:
        peer.close()
    server.idle()


def test_who_may_connect(server):
    adjust(server, allow=("10.0.0.0/8",))
    with socket.create_connection(server.address) as stranger, gevent.Timeout(20):
        assert b"" == stranger.recv(100)
    with pytest.raises(ValueError, match="office"):
        adjust(server, allow=("office",), max_calls=1)
    assert 1 == server.service.listener.rejected


def test_calls_a_second(server):
    adjust(server, calls_per_second=1.0)
    peer = server.peer().begin().obey()
    wait_for(lambda: not server.service.listener.accepting)
    adjust(server, calls_per_second=0.0)
    assert server.service.listener.accepting
    peer.close()
    server.idle()


def _refused(address):
    try:
        socket.create_connection(address).close()
    except OSError:
        return True
    return False
