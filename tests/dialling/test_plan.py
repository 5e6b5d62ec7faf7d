"""From a number to what originate is told: nothing that comes from outside becomes anything else than a number."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsflows.call.dialled import pack, unpack
from fsflows.conversation.rehearsal import profile_of
from fsflows.dialling import BadNumber, Plan, Wanted
from fsflows.esl import commands
from fsflows.switch import Script
from fsflows.switch.originate import parse_originate
from fsflows.switch.profile import outgoing
from fsflows.switch.script_call import Dialled

GATEWAY = "sofia/gateway/mygw/{number}"
UUID = "0d5c2c3e-7d0e-4b62-a1f4-5e7a60ab44c1"


def plan(**more):
    return Plan(**{"endpoint": GATEWAY, "socket": "127.0.0.1:8084", **more})


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("442079460018", "442079460018"),
        ("+44 (20) 7946-0018", "+442079460018"),
        ("020.7946.0018", "02079460018"),
        (" 1000 ", "1000"),
        ("*43#", "*43#"),
    ],
)
def test_a_number_is_its_digits(given, dialled):
    assert dialled == plan().number(given)


@pytest.mark.parametrize(
    ("given", "dialled"),
    [("020 7946 0018", "+442079460018"), ("+49 30 901820", "+4930901820"), ("0044 20 7946 0018", "+442079460018")],
)  # fmt: skip
def test_a_region_makes_it_international(given, dialled):
    assert dialled == plan(region="GB").number(given)


@pytest.mark.parametrize("given", ["1000", "+44 20 7946", "999999999999999", "+1 555 0100"])
def test_a_region_refuses_what_is_no_number(given):
    with pytest.raises(BadNumber) as caught:
        plan(region="GB").number(given)
    assert given not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        "", "+", "++44", "44+20", "1" * 33, "ada", "1000@evil.example", "1000,user/1001", "1000|user/1001", "{a=b}1000",
        "[leg_timeout=1]1000", "1000'", '1000"', "1000\\", "1000\n2000", "1000\0", "${system(reboot)}", "1000;x=y",
        "1000 &hangup()", "<a=b>1000", "^^:1000", "١٢٣٤", "１２３４", "²", "1000:_:2000",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(given):
    with pytest.raises(BadNumber) as caught:
        plan().number(given)
    assert len(given) < 3 or given not in str(caught.value)


@given(st.text(max_size=40))
def test_whatever_is_given_only_digits_are_dialled(given):
    try:
        number = plan().number(given)
    except BadNumber:
        return
    assert re.fullmatch(r"\+?[0-9*#]{1,32}", number)


def test_only_numbers_that_begin_as_allowed_are_called():
    made = plan(region="GB", allow=("+44", "+353"))
    assert "+442079460018" == made.number("020 7946 0018")
    assert "+35318765432" == made.number("+353 1 876 5432")
    for other in ("+1 212 555 2368", "+49 30 901820"):
        with pytest.raises(BadNumber, match="may not be called"):
            made.number(other)


STATES = st.dictionaries(
    st.text(max_size=8), st.text(max_size=20) | st.integers() | st.none(), max_size=4
)


@given(STATES, st.text(max_size=20))
def test_what_freeswitch_reads_is_what_was_meant(state, name):
    made = plan(caller_name=name, caller_number="+442079460000")
    leg, application = made.originate(
        UUID, "+442079460018", Wanted(number="", flow="survey", state=state)
    )
    command = commands.bgapi("originate", leg, application)
    assert "\n" not in command.args
    read = parse_originate(command.args.partition(" ")[2])
    assert "sofia/gateway/mygw/+442079460018" == read.target
    assert ("socket", "127.0.0.1:8084/survey async full") == (read.application, read.argument)
    expected = {
        "origination_uuid": UUID,
        "ignore_early_media": "true",
        "originate_timeout": "30",
        "socket_resume": "true",
        "RECORD_USE_THREAD": "false",
        "fsflows_dialled": "+442079460018",
        "origination_caller_id_number": "+442079460000",
    }
    rest = {key: value for key, value in read.variables.items() if key not in expected}
    assert expected == {key: read.variables[key] for key in expected}
    assert set(rest) <= {"origination_caller_id_name", "fsflows_values"}
    assert state == unpack(rest.get("fsflows_values", ""))


def test_what_a_call_asks_for_counts():
    asked = Wanted(number="", flow="f", hang_up_on_machine=True, ring_timeout=12.4)
    leg, application = plan(socket="10.0.0.1:8084|10.0.0.2:8084").originate(UUID, "1", asked)
    assert "originate_timeout=12" in leg
    assert "fsflows_machine=hang_up" in leg
    assert "&socket(10.0.0.1:8084/f|10.0.0.2:8084/f async full)" == application
    never = Wanted(number="", flow="f", hang_up_on_machine=False)
    assert "fsflows_machine" not in plan(hang_up_on_machine=True).originate(UUID, "1", never)[0]


@pytest.mark.parametrize("flow", ["", "a b", "a)b", "../a", "a|b", "a\n"])
def test_a_flow_that_is_no_name_is_refused(flow):
    with pytest.raises(ValueError, match="a flow's name"):
        plan().originate(UUID, "1", Wanted(number="", flow=flow))


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        (
            "endpoint",
            "sofia/gateway/mygw/",
            "dialling.endpoint: must be one dial string with {number}",
        ),
        ("endpoint", "user/{number},user/2", "dialling.endpoint"),
        ("endpoint", "user/{number}|user/2", "dialling.endpoint"),
        ("endpoint", "{a=b}user/{number}", "dialling.endpoint"),
        ("endpoint", "[a=b]user/{number}", "dialling.endpoint"),
        ("endpoint", "user/{number} &park()", "dialling.endpoint"),
        ("endpoint", "user/${x}{number}", "dialling.endpoint"),
        ("endpoint", "{number}/{number}", "dialling.endpoint"),
        ("endpoint", "{nubmer}", "dialling.endpoint"),
        ("socket", "127.0.0.1:8084 async", "dialling.socket"),
        ("socket", "x)", "dialling.socket"),
        ("region", "gb", "dialling.region: must be a country like GB, got 'gb'"),
        ("caller_number", "Ada", "dialling.caller_number"),
        (
            "allow",
            ("+44", "premium"),
            "dialling.allow: must be beginnings of numbers, got 'premium'",
        ),
        ("ring_timeout", 0.0, "dialling.ring_timeout: must be from 1 to 600 seconds, got 0"),
        ("ring_timeout", 30_000.0, "dialling.ring_timeout"),
    ],
)
def test_a_setting_that_can_not_be(setting, value, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        plan(**{setting: value})


@pytest.mark.parametrize("endpoint", ["user/{number}", "sofia/external/{number}@10.0.0.1:5060;transport=tcp", "loopback/{number}/default"])  # fmt: skip
def test_a_dial_string(endpoint):
    assert (
        plan(endpoint=endpoint)
        .originate(UUID, "1000", Wanted(number="", flow="f"))[0]
        .endswith(endpoint.replace("{number}", "1000"))
    )


@pytest.mark.parametrize("state", [{"a": object()}, {"a": float("nan")}, {"a": "x" * 5000}])
def test_values_that_can_not_travel(state):
    with pytest.raises(ValueError, match="state:"):
        pack(state)


@pytest.mark.parametrize("text", ["", "x", "!!!", "WzFd", "bm90IGpzb24"])
def test_values_that_are_none(text):
    assert {} == unpack(text)


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_a_script_rehearses_the_call_that_is_made(name, state):
    """What FreeSWITCH is told of the leg that it calls is all that a script's call does not have."""
    made = plan(caller_name=name, caller_number="4420")
    wanted = Wanted(number="", flow="f", state=state, hang_up_on_machine=True)
    command = commands.bgapi("originate", *made.originate(UUID, "7001", wanted))
    read = parse_originate(command.args.partition(" ")[2])
    called = outgoing(read.variables, read.target.rpartition("/")[2])
    whom = Dialled(
        number="7001",
        caller_number="4420",
        caller_name=name,
        state=state,
        hang_up_on_machine=True,
    )
    rehearsed = profile_of(Script(name="a", dialled=whom))
    of_the_leg = {
        "origination_uuid",
        "ignore_early_media",
        "originate_timeout",
        "socket_resume",
        "RECORD_USE_THREAD",
    }
    of_the_call = {key: each for key, each in called.variables.items() if key not in of_the_leg}
    assert replace(called, variables=of_the_call, uuid=None) == rehearsed
