"""Calls that we make when the server that makes them is killed: what rang is known, what only waited was never called."""

import uuid

import gevent
import pytest
from server_peers import wait_for, write_flows

from fsflows.cli.api_client import Away, Server, Unknown
from fsflows.switch.core import Callee, Core
from fsflows.switch.inbound import SwitchServer

pytestmark = pytest.mark.process

TOKEN = "0123456789abcdef"
FLOWS = {"survey.yaml": "steps:\n  only: {prompt: Hello., next: {hangup: true}}\n"}


@pytest.fixture
def switch():
    """A FreeSWITCH at which everybody's phone rings, and nobody answers."""
    made = SwitchServer(Core(dial=lambda string: Callee()))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_number_that_rang_in_a_killed_server_is_known_and_one_that_waited_was_never_called(
    run, tmp_path, switch, workers
):
    write_flows(tmp_path / "flows", FLOWS)

    def start():
        process = run(
            *("--flows", "flows", "--data", "data"),
            server__listen="127.0.0.1:0",
            server__workers=workers,
            console__listen="127.0.0.1:0",
            console__token=TOKEN,
            freeswitch__addresses=f"[{switch.address}]",
            dialling__endpoint="sofia/gateway/gw/{number}",
            dialling__socket="127.0.0.1:1",
            dialling__max_calls=1,
        )
        server = Server(process.said("console")["address"], TOKEN)

        def ask(*request):
            # Not here: the simulated FreeSWITCH must answer meanwhile.
            answer = gevent.get_hub().threadpool.apply(_outcome, (server, *request))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return process, ask

    def dial(ask, number, call_id):
        def asked():
            try:
                return ask(
                    "POST", "/api/calls", {"number": number, "flow": "survey", "id": call_id}
                )
            except Away:
                return None  # it is about to connect to FreeSWITCH

        return wait_for(asked)

    def phase(ask, call_id):
        return ask("GET", f"/api/calls/{call_id}")["phase"]

    rings, waits = str(uuid.uuid4()), str(uuid.uuid4())
    process, ask = start()
    dial(ask, "2001", rings)
    dial(ask, "2002", waits)
    wait_for(lambda: phase(ask, rings) == "ringing")
    assert (phase(ask, waits), [rings]) == ("waiting", list(switch.calls))
    process.kill()

    process, ask = start()
    assert phase(ask, rings) == "dialling"
    with pytest.raises(Unknown):
        phase(ask, waits)
    assert dial(ask, "2001", rings)["phase"] == "dialling"
    assert [rings] == list(switch.calls), "it is not called a second time"
    assert dial(ask, "2002", waits)["called"]
    wait_for(lambda: set(switch.calls) == {rings, waits})
    ask("DELETE", f"/api/calls/{rings}")
    wait_for(lambda: list(switch.calls) == [waits])


def _outcome(server, *request):
    try:
        return server.ask(*request)
    except Exception as error:
        return error
