"""Which worlds the tests of this directory run in, and a loud word about those that they don't."""

from __future__ import annotations

import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from .real import Peer, RealWorld
from .simulated import TcpWorld, VirtualWorld
from .world import World

HERE = Path(__file__).parent
FLOWS = (HERE / "flows", HERE.parents[1] / "conf" / "flows")
SIMULATED = pytest.param("simulated")
OVER_TCP = pytest.param("over_tcp", marks=pytest.mark.process)
FREESWITCH = pytest.param("freeswitch", marks=[pytest.mark.freeswitch, pytest.mark.process])
WHY = "FSFLOWS_FREESWITCH is not set"
_not_run = pytest.StashKey[list[str]]()
_measured = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_time: also in real time, over TCP to a server process")
    config.stash[_not_run] = []
    config.stash[_measured] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames:
        # Real time is dear: most bodies run in it only where there is a FreeSWITCH, a few always.
        dear = metafunc.definition.get_closest_marker("real_time") is not None
        worlds = [SIMULATED, *([OVER_TCP] if dear else []), FREESWITCH]
        metafunc.parametrize("world", worlds, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if Peer.of() is not None:
        return
    for item in items:
        if item.get_closest_marker("freeswitch") is not None and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=WHY))
            config.stash[_not_run].append(item.nodeid)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    write = terminalreporter.write_line
    for line in config.stash.get(_measured, []):
        write(line)
    missing = len(config.stash.get(_not_run, []))
    if missing:
        terminalreporter.section("a real FreeSWITCH: NOT RUN", sep="!", yellow=True, bold=True)
        write(f"{missing} calls against a real FreeSWITCH were not made, since {WHY}.", yellow=True)
        write(
            "To make them: FSFLOWS_FREESWITCH=127.0.0.1:8021 pytest tests/freeswitch "
            "(what that FreeSWITCH needs: tests/freeswitch/README.md)",
            yellow=True,
        )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the body of a test that has a world in that world's time."""
    world: Any = pyfuncitem.funcargs.get("world")
    if world is None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    world.run(lambda: pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A call that went wrong is understood from the server's log."""
    report = yield
    world: Any = getattr(item, "funcargs", {}).get("world")
    if world is not None and report.when == "call" and report.failed:
        report.sections.append(("what fsflows logged", world.server_log()[-6000:]))
    return report


@pytest.fixture(scope="session")
def freeswitch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWorld]:
    """The real one; its server serves all tests, so that a call can harm those that come after it."""
    peer = Peer.of()
    assert peer is not None
    world = RealWorld(peer, FLOWS, tmp_path_factory.mktemp("serve"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def over_tcp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpWorld]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    world = TcpWorld(address, FLOWS, tmp_path_factory.mktemp("serve"))
    yield world
    world.close()


@pytest.fixture
def simulated(tmp_path: Path) -> VirtualWorld:
    return VirtualWorld(FLOWS, tmp_path)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    chosen: World = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Any:
    """Say a measured figure at the end of the run: `measured("barge-in", "31 ms")`."""

    def note(what: str, figure: str) -> None:
        where = request.node.name
        request.config.stash[_measured].append(f"measured: {what}: {figure}  [{where}]")
        request.node.user_properties.append((what, figure))

    return note
