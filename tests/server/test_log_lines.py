"""The log of whole calls, line by line: whose line it is, and nothing private in it."""

import json
import logging

import pytest
from random_text import without_random
from server_peers import channel_data, event, finished, key, wait_for

from fsflows.esl import serialize
from fsflows.log import capture
from fsflows.log.others import Bridge

pytestmark = pytest.mark.process

FLOWS = {
    "work.yaml": """
        recording: true
        greeting: Welcome.
        steps:
          pin: {prompt: Your PIN., dtmf: {num_digits: 4, is_pii: true}, asr: false, on: {otherwise: {set: {pin: '{digits}'}, goto: say}}}
          say: {prompt: Say a number., dtmf: {num_digits: 3}, run: work}
    """,
    "work.py": """
        import logging
        from imports import *

        def work(conv, flow):
            pin = conv.state.pin.reveal()
            logging.getLogger("theirs").warning("the PIN was %s", pin)
            log.info("looked up", pin=pin)
            conv.log.info("looked up again", pin=pin)
            raise ValueError(f"no account for {pin}")
    """,
}
PIN = "7391"
OF_THE_PROCESS = {
    "server",
    "server.listener",
    "server.watchdog",
    "console",
    "freeswitch",
    "archive",
    "records",
}
"""Parts whose lines are about no single call."""


def orphans(lines):
    return [line for line in lines if not line.get("call") and line["part"] not in OF_THE_PROCESS]


def test_every_line_of_a_call_has_its_id_and_no_line_has_a_pin(serve):
    theirs = logging.getLogger("theirs")
    theirs.handlers, theirs.propagate = [Bridge()], False
    with capture("debug") as lines:
        server = serve(FLOWS)
        call = server.call(
            "work", f"hear your PIN / press {PIN} / hear say a number / say one two three"
        )
        finished(call)
        server.idle()
        lines_of_it = list(lines)
    assert [] == orphans(lines_of_it)
    parts = {line["part"] for line in lines_of_it if line.get("call")}
    assert {"conversation", "theirs", "functions"} <= parts, parts
    assert {call.channel.uuid} == {line["call"] for line in lines_of_it if line.get("call")}
    failed = next(line for line in lines_of_it if line["event"] == "function failed")
    assert "no account for" in json.dumps(failed)
    assert PIN not in without_random(json.dumps(lines_of_it))


def test_what_the_wire_says_about_a_call_has_its_id(serve):
    with capture("debug") as lines:
        server = serve(FLOWS)
        peer = server.peer("work", "call-7")
        peer.send(channel_data("work", "call-7"))
        wait_for(lambda: any(line.get("call") == "call-7" for line in lines))
        peer.send(serialize.reply("+OK") * 50)
        peer.send(key("?", "call-7"))
        peer.send(event("CHANNEL_HANGUP", "call-7", Hangup_Cause="NORMAL_CLEARING"))
        peer.send(event("CHANNEL_HANGUP_COMPLETE", "call-7", Hangup_Cause="NORMAL_CLEARING"))
        wait_for(lambda: any("a reply to no command" in line["event"] for line in lines))
        peer.sock.close()
        server.idle()
        said = list(lines)
    assert [] == orphans(said)
    (dropped, *_) = [line for line in said if "a reply to no command" in line["event"]]
    assert ("esl.wire", "call-7") == (dropped["part"], dropped["call"])
