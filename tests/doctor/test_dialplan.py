"""What the doctor says about a dialplan."""

import pytest

from fsflows.doctor.dialplan import look_at
from fsflows.doctor.finding import State

RESUME = ("set", "socket_resume=true")
OURS = ("socket", "127.0.0.1:8084|127.0.0.1:8184 async full")
ANSWER = ("answer", "")


def looked(*actions, more=""):
    inside = "".join(f'<action application="{a}" data="{d}"/>' for a, d in actions)
    xml = (
        '<section name="dialplan"><context name="default"><extension name="fsflows">'
        f'<condition field="destination_number" expression="^7000$">{inside}</condition>'
        f"</extension>{more}</context></section>"
    )
    ours = ("127.0.0.1", "localhost", "::1")
    found = look_at(xml, "127.0.0.1:8084", lambda host, port: host in ours and port == 8084)
    return [(finding.state, finding.text, finding.advice) for finding in found]


@pytest.mark.parametrize(
    "data",
    [
        "127.0.0.1:8084|127.0.0.1:8184 async full",
        "10.0.0.1:8084/menu|127.0.0.1:8084/menu full async",
        "localhost|10.0.0.1 async full",
        "[::1]:8084|10.0.0.1:8084 async full",
        "127.0.0.1:8084/$1|127.0.0.1:8184/$1 async full",
    ],
)
def test_all_is_well(data):
    (found,) = looked(RESUME, ("socket", data), ANSWER)
    assert (State.OK, f"default/fsflows: {data}") == found[:2]


@pytest.mark.parametrize(
    ("actions", "state", "text", "advice"),
    [
        ([RESUME, ("socket", "127.0.0.1:8084|10.0.0.1:1 async"), ANSWER], State.PROBLEM, "lacks full", "async full"),
        ([RESUME, ("socket", "127.0.0.1:8084|10.0.0.1:1"), ANSWER], State.PROBLEM, "lacks async and full", "async full"),
        ([RESUME, ("set", "sensitive_dtmf=true"), OURS, ANSWER], State.PROBLEM, "silences the keys", "is_pii"),
        ([RESUME, ("socket", "127.0.0.1:8084 async full"), ANSWER], State.WARNING, "one host only", "|HOST:PORT"),
        ([RESUME, OURS], State.WARNING, "nothing follows", "dialplan/fsflows.xml"),
        ([OURS, ANSWER], State.WARNING, "without socket_resume", "socket_resume=true"),
        ([RESUME, ("socket", "${host}:8084 async full"), ANSWER], State.WARNING, "is not known before a call", "see"),
        ([RESUME, ("socket", "10.0.0.1:8084 async full")], State.PROBLEM, "default/fsflows: 10.0.0.1:8084", "reloadxml"),
        ([RESUME, ("socket", "127.0.0.1:9 async full")], State.PROBLEM, "leads to our listener on 127.0.0.1:8084", ""),
        ([("park", "")], State.PROBLEM, "there is no socket action", "copy dialplan/fsflows.xml"),
        ([("socket", "")], State.PROBLEM, "no socket action leads", ""),
    ],
)  # fmt: skip
def test_what_is_missing(actions, state, text, advice):
    (found,) = looked(*actions)
    assert state is found[0]
    assert text in found[1]
    assert advice in found[2]


def test_one_that_leads_here_is_enough():
    more = (
        '<extension name="other"><condition><action application="socket" data="10.0.0.9:1 async full"/>'
        "</condition></extension>"
    )
    (found,) = looked(RESUME, OURS, ANSWER, more=more)
    assert State.OK is found[0]


@pytest.mark.parametrize("xml", ["", "can't find anything", "-ERR bad args", "<section"])
def test_no_dialplan_to_look_at(xml):
    (found,) = look_at(xml, "127.0.0.1:8084", lambda host, port: True)
    assert State.WARNING is found.state
