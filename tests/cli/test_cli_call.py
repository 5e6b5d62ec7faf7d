"""`fsflows call`: a phone in the terminal, and without one."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from command_line import LONG, environment

pytestmark = pytest.mark.process

SHOP = """
    recording: true
    greeting: Hello.
    steps:
      ask:
        prompt: Which?
        dtmf: {num_digits: 1, first_digit_timeout: 20}
        retry: {attempts: 1, then: {hangup: true}}
        on:
          1: {discard_recording: true, say: Gone., hangup: true}
          2: {handoff: desk}
          3: {run: fails}
          4: more
      more:
        prompt: And?
        dtmf: {num_digits: 1, first_digit_timeout: 20}
        next: {metric: {sold: 1}, say: Done., hangup: true}
    handoffs: {desk: {transfer: 5000 XML default}}
"""
FUNCTIONS = """
    def fails(conv, flow):
        raise ValueError("no such thing")
"""


@pytest.fixture
def shop(flow):
    return flow(SHOP, FUNCTIONS)


def said(text):
    """The lines, without their times."""
    return [re.sub(r"^ +\d+\.\d\d  ", "", line) for line in text.splitlines()]


def in_order(wanted, lines):
    """Whether the wanted lines are among the others, in this order."""
    rest = iter(lines)
    missing = [line for line in wanted if line not in rest]
    assert not missing, lines


def test_keys(fsflows, shop):
    status, out, errors = fsflows("call", shop, "--keys", "1")
    assert (0, "") == (status, errors)
    lines = said(out)
    assert "Calling shop as 1000. The caller presses 1." == lines[0]
    in_order(
        [
            "ringing",
            "answered",
            "recording started",
            'caller hears "Hello."',
            'caller hears "Which?"',
            "caller presses 1",
            "step ask: complete, 1 by keys",
            "recording discarded (1 file)",
            'caller hears "Gone."',
            "the server hangs up",
            "Recording discarded: 1 file deleted, and checked to be gone.",
        ],
        lines,
    )
    assert re.search(
        r"^Call completed \(flow_ended\) after \d+\.\d s, NORMAL_CLEARING\.$", out, re.MULTILINE
    )
    assert "\033" not in out, "no colours where there is no terminal"


def test_several_answers_and_who_calls(fsflows, shop):
    status, out, _ = fsflows("call", shop, "--keys", "4,7", "--from", "2125550123", "--name", "Ann")
    lines = said(out)
    assert 0 == status
    assert "Calling shop as 2125550123. The caller presses 4,7." == lines[0]
    in_order(
        [
            "step ask: complete, 4 by keys",
            'caller hears "And?"',
            "caller presses 7",
            "step more: complete, 7 by keys",
            "metric sold = 1",
            "Recording kept until now (--data DIR keeps it).",
        ],
        lines,
    )


def test_saying_it_and_a_hand_off(fsflows, shop):
    status, out, _ = fsflows("call", shop / "shop.yaml", "--say", "two")
    assert 0 == status
    in_order(
        [
            'caller says "two"',
            "step ask: complete, 2 by speech",
            "hand-off to desk (transfer)",
            "the call is no longer ours; nobody plays the other side here",
        ],
        said(out),
    )
    assert "Call handed off after " in out


def test_a_function_that_fails(fsflows, shop):
    status, out, errors = fsflows("call", shop, "--keys", "3")
    assert 1 == status
    assert "function fails raised ValueError: no such thing" in out
    assert "Call failed (function_failed)" in out
    assert "shop.py:3: fails() raised ValueError: no such thing" in errors


def test_a_script_and_what_it_expects(fsflows, shop, tmp_path):
    script = tmp_path / "sells.call"
    script.write_text(
        "from 5551234\nhear which\npress 4\nhear and\npress 9\nexpect digits 49\nexpect digits 4\nexpect metric sold 1\n"
    )
    status, out, _ = fsflows("call", shop, "--script", script)
    assert f"Calling shop as 5551234. The caller follows {script}." == out.splitlines()[0]
    assert 1 == status
    assert f"{script}:6: expected digits 49; collected: 4, 9" == out.splitlines()[-1]


def test_a_function_that_fails_fails_a_script(fsflows, shop, tmp_path):
    script = tmp_path / "fails.call"
    script.write_text("hear which\npress 3\nexpect digits 3\n")
    status, out, _ = fsflows("call", shop, "--script", script)
    assert 1 == status
    last = out.splitlines()[-1]
    assert f"{script}: function fails raised ValueError: no such thing (shop.py:3); " in last


def test_a_flow_for_calls_that_we_make(fsflows, flow, tmp_path):
    survey = flow(
        "greeting: Hello {name}, you are {callee_number}, we are {caller_number}.\n"
        "steps: {ask: {prompt: Well?, dtmf: {num_digits: 1}, asr: false, next: {hangup: true}}}"
    )
    called = ("--dialled", "020 7946 0018", "--set", "name=Ann", "--from", "4420")
    status, out, errors = fsflows(
        "call", survey, *called, "--keys", "1", "--data", tmp_path / "kept"
    )
    assert (0, "") == (status, errors)
    lines = said(out)
    assert "shop calls 02079460018 as 4420. The callee presses 1." == lines[0]
    hello = 'callee hears "Hello Ann, you are 02079460018, we are 4420."'
    in_order(["answered", hello, "callee presses 1", "the server hangs up"], lines)
    command = out.splitlines()[-1].removeprefix("The record: fsflows ").split()
    assert "we called  02079460018, as 4420: answered" in fsflows(*command)[1]

    script = tmp_path / "by.call"
    script.write_text("dialled 7001\nstate name=Bob\nhear hello ann you are 7002\nhangup\n")
    status, out, _ = fsflows(
        "call", survey, "--script", script, "--dialled", "7002", "--set", "name=Ann"
    )
    assert 0 == status, out
    assert f"shop calls 7002. The callee follows {script}." == out.splitlines()[0]


def test_without_a_terminal_the_caller_only_listens(fsflows, flow):
    short = flow("steps: {only: {prompt: Good bye., next: {hangup: true}}}")
    status, out, _ = fsflows("call", short)
    assert 0 == status
    assert "The caller only listens: nobody types here" in out
    assert "Not recorded." in out


def test_kept_data_can_be_looked_up(fsflows, shop, tmp_path):
    status, out, _ = fsflows("call", shop, "--keys", "4,1", "--data", tmp_path / "kept")
    assert 0 == status
    assert "Recording kept." in out
    command = out.splitlines()[-1].removeprefix("The record: fsflows ").split()
    status, shown, _ = fsflows(*command)
    assert 0 == status
    assert "shop" in shown
    assert 1 == len(list((tmp_path / "kept" / "recordings").rglob("*.wav")))


def test_the_log_is_shown_when_asked_for(fsflows, flow):
    short = flow("steps: {only: {prompt: Good bye., next: {hangup: true}}}")
    _, _, errors = fsflows("call", short, "--log")
    assert "conversation: call over" in errors
    assert "alembic" not in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere:1:1: there is no such file"),
        (["shop", "--keys", "1x"], "--keys: keys are 0-9, *, # and A-D, not 'x'"),
        (["shop", "--script", "nowhere.call"], "nowhere.call: No such file or directory"),
        (["shop", "--script", "odd.call"], "odd.call:2: there is no step 'dance'"),
        (["shop", "--script", "bytes.call"], "bytes.call is no script: invalid start byte at byte 0"),
        (["shop/shop.py"], "shop/shop.py is no flow: a flow is a .yaml file, or a directory with one"),
        (["bad"], "bad/bad.yaml:1:"),
        (["shop", "--set", "a=1"], "--set is for a call that we make; say whom we call: --dialled NUMBER"),
        (["shop", "--dialled", "me"], "--dialled must be digits (and +, *, #), 32 at the most"),
        (["shop", "--dialled", "1", "--set", "a"], "--set is NAME=VALUE, got 'a'"),
        (["shop", "--dialled", "1", "--to", "5"], "--to is for a call that comes in; whom we call is said by --dialled"),
        (["shop", "--dialled", "1", "--from", "me"], "--from is our own number in a call that we make: digits, not 'me'"),
        (["shop", "--dialled", "1", "--script", "in.call"], "the script is of a call that comes in; write whom we call in it"),
        (["shop", "--dialled", "1", "--set", "a=" + 4096 * "x"], "state: must be 4096 bytes"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(fsflows, shop, flow, tmp_path, arguments, said):
    flow("steps: {ask: {dtmf: {num_digits: 40}}}", name="bad")
    (tmp_path / "in.call").write_text("to 5\npress 1\n")
    (tmp_path / "odd.call").write_text("hear which\ndance\n")
    (tmp_path / "bytes.call").write_bytes(b"\xff\xff")
    status, out, errors = fsflows("call", *arguments)
    assert (2, "") == (status, out)
    assert errors.removeprefix("fsflows call: ").startswith(said)
    assert "Traceback" not in errors


# --- with a terminal ----------------------------------------------------------------------------------------------------


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments, **more):
        self._ours, theirs = pty.openpty()
        self.shown = ""
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fsflows", *map(str, arguments)],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                env=environment(**more),
                start_new_session=True,
            )
        finally:
            os.close(theirs)

    def until(self, text):
        """Read until this is shown."""
        end = time.monotonic() + LONG
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self._read(), self.shown

    def type(self, text):
        os.write(self._ours, text.encode())

    def ended(self):
        """The exit status, when all that is shown has been read."""
        while self._read():
            pass
        return self.process.wait(LONG)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LONG)
        os.close(self._ours)

    def _read(self):
        try:
            ready, _, _ = select.select([self._ours], [], [], LONG)
            data = os.read(self._ours, 65536) if ready else b""
        except OSError:  # the other end is closed
            return False
        self.shown += data.decode().replace("\r\n", "\n")
        return bool(data)


@pytest.fixture
def terminal():
    made = []

    def start(*arguments, **more):
        made.append(Terminal(*arguments, **more))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_typed_lines_are_keys_and_words_and_the_end_of_input_hangs_up(terminal, shop):
    phone = terminal("call", shop)
    phone.until("Digits, * and # are keys; other words are said; Ctrl-D hangs up.")
    phone.until("Which?")
    phone.type("4\n")
    phone.until("step ask: complete, 4 by keys")
    phone.until("And?")
    phone.type("\n  \nwell nine\n")
    phone.until('caller says "well nine"')
    phone.until("step more: complete, 9 by speech")
    assert 0 == phone.ended()
    assert "Call completed" in phone.shown
    assert "\033[1;33mcaller presses 4\033[0m" in phone.shown


def test_Ctrl_D_hangs_up(terminal, shop):
    phone = terminal("call", shop, NO_COLOR="1")
    phone.until("Which?")
    phone.type("\x04")
    assert 0 == phone.ended()
    assert "caller hangs up" in phone.shown
    assert "Call abandoned (caller_hung_up)" in phone.shown
    assert "\033" not in phone.shown, "NO_COLOR"


def test_lines_that_are_typed_at_once_are_all_done(terminal, shop):
    phone = terminal("call", shop)
    phone.until("Which?")
    phone.type("4\n7\n")
    phone.until("step ask: complete, 4")
    phone.until("step more: complete, 7")
    assert 0 == phone.ended()


def test_Ctrl_C_ends_the_call_and_says_so(terminal, shop):
    phone = terminal("call", shop)
    phone.until("Which?")
    phone.process.send_signal(signal.SIGINT)
    assert 130 == phone.ended()
    assert "Call abandoned (caller_hung_up)" in phone.shown
    assert "Traceback" not in phone.shown
    assert "KeyboardInterrupt" not in phone.shown


def test_long_prompts_are_filled_to_the_terminal(terminal, flow):
    long = flow("steps: {only: {prompt: " + "Some words. " * 8 + ", next: {hangup: true}}}")
    phone = terminal("call", long, "--keys", "1", NO_COLOR="1")
    phone.until("the server hangs up")
    assert 0 == phone.ended()
    lines = [line for line in phone.shown.splitlines() if "Some words." in line]
    assert len(lines) > 1
    assert max(map(len, lines)) < 80
    assert lines[1].startswith(" " * 9)
