"""P10: what functions return."""

import pytest

from fsflows.conversation.returns import BadReturn, Returned, read_return
from fsflows.privacy import Pii


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Returned()),
        ("Hello.", Returned(utterance="Hello.")),
        ({"utterance": ""}, Returned(utterance="")),
        ({"utterance": Pii("1234")}, Returned(utterance=Pii("1234"))),
        ({"hangup": True}, Returned(hangup=True)),
        ({"hangup": None, "utterance": "x"}, Returned(utterance="x")),
        ({"hangup": "USER_BUSY"}, Returned(hangup="USER_BUSY")),
        ({"handoff": "desk"}, Returned(handoff="desk")),
        ({"handoff": {"destination": "desk"}}, Returned(handoff="desk")),
        ({"listen": {"dtmf": {"num_digits": 4}}}, Returned(listen={"dtmf": {"num_digits": 4}})),
        ({"transition": "ask"}, Returned(step="ask")),
        ({"transition": {"goto_step": "ask"}}, Returned(step="ask")),
        ({"transition": {"goto_flow": "menu"}}, Returned(flow="menu")),
        ({"transition": {"exit_flow": True}}, Returned(exit_flow=True)),
    ],
)
def test_P10_return_values(value, expected):
    assert expected == read_return(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7, "returned a value of type int; return None, a text to say, or a dict"),
        ([], "returned a value of type list"),
        ({"uterance": "x"}, "returned the unknown key 'uterance'; did you mean 'utterance'?"),
        ({"say": "x"}, "returned the unknown key 'say'; here it is called 'utterance'"),
        ({1: "x"}, "returned the unknown key 1; known are utterance"),
        ({"utterance": 5}, "returned an utterance that is a value of type int"),
        ({"hangup": 5}, "returned hangup = a value of type int"),
        ({"handoff": 5}, "returned handoff = a value of type int"),
        ({"listen": "4"}, "returned listen = a value of type str"),
        ({"transition": 5}, "returned transition = a value of type int"),
        ({"transition": {"goto": "x"}}, "returned the unknown transition 'goto'; did you mean"),
        ({"transition": {"goto_step": 5}}, "returned goto_step = a value of type int"),
    ],
)
def test_P10_nonsense_says_what_would_have_been_right(value, message):
    with pytest.raises(BadReturn) as caught:
        read_return(value)
    assert message in str(caught.value)
