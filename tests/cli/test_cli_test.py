"""`fsflows test`: scripts, their results, and what is said about those that fail."""

import json
import textwrap

import pytest

from fsflows.cli.main import main

ASK = """
    steps:
      ask:
        prompt: Which?
        dtmf: {num_digits: 1}
        asr: false
        retry: {attempts: 1}
        next: {say: Thank you., hangup: true}
"""
GOOD = "hear which\npress 1\nexpect digits 1\nexpect ended completed\n"


@pytest.fixture
def shop(flow):
    """`shop(name=script, ...)`: a flow with scripts."""

    def make(**scripts):
        directory = flow(ASK)
        (directory / "tests").mkdir()
        for name, text in scripts.items():
            (directory / "tests" / f"{name}.call").write_text(text)
        return directory

    return make


def test_scripts_that_pass(shop, capsys):
    assert 0 == main(["test", str(shop(one=GOOD, two=GOOD))])
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert ["ok   shop: one (1.3 s)", "ok   shop: two (1.3 s)"] == lines[:2]
    assert lines[2].startswith("2 passed, 0 failed; 3 s of calls in ")
    assert "" == captured.err


def test_verbose_shows_the_call(shop, capsys):
    directory = shop(one=GOOD)
    assert 0 == main(["test", "-v", str(directory / "tests" / "one.call")])
    shown = capsys.readouterr().out
    for line in ("hears speech: Which?", "presses 1", "hears speech: Thank you.", "is hung up on"):
        assert line in shown


def test_verbose_shows_what_the_server_made_of_it(flow, capsys):
    directory = flow(
        ASK.replace("next: {say: Thank you., hangup: true}", "run: look"),
        "def look(conv, flow):\n    {}[1]\n",
    )
    (directory / "tests").mkdir()
    (directory / "tests" / "one.call").write_text("hear which\npress 1\nexpect failed look\n")
    assert 0 == main(["test", "-v", str(directory)])
    shown, errors = capsys.readouterr()
    assert "step ask: complete, 1 by keys" in shown
    assert "function look raised KeyError: 1 (shop.py:2)" in shown
    assert "conversation: function failed" in errors, "for people, not for programs"


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(3600)"])
def test_a_function_that_does_not_come_back_ends_no_test_run(flow, capsys, body):
    """No server watches it here, and the call's time stands still."""
    asks = ASK.replace("next: {say: Thank you., hangup: true}", "run: stay")
    directory = flow(
        "function_timeout: 1\n" + textwrap.dedent(asks),
        f"import time\ndef stay(conv, flow):\n    {body}\n",
    )
    (directory / "tests").mkdir()
    (directory / "tests" / "one.call").write_text(
        "hear which\npress 1\nexpect ended function_failed\nexpect failed stay did not return\n"
    )
    assert 0 == main(["test", "-v", str(directory)])
    assert "function stay did not return within 1 s (shop.py:3)" in capsys.readouterr().out


def test_a_function_that_fails_fails_its_script(flow, capsys):
    directory = flow(
        "apology: Sorry about that.\nfallback: {say: Bye., hangup: true}\n"
        + textwrap.dedent(ASK).replace("next: {say: Thank you., hangup: true}", "run: look"),
        "def look(conv, flow):\n    {}[1]\n",
    )
    (directory / "tests").mkdir()
    (directory / "tests" / "one.call").write_text("hear which\npress 1\nexpect digits 1\n")
    assert 1 == main(["test", str(directory)])
    assert (
        f"     {directory}/tests/one.call: function look raised KeyError: 1 (shop.py:2); the caller heard:"
        " Sorry about that. / Bye.; if that is what the script is about, write: expect failed look"
        == capsys.readouterr().out.splitlines()[1]
    )


def test_a_flow_that_is_dialled(flow, capsys):
    directory = flow("greeting: Hello {name}.\n" + textwrap.dedent(ASK))
    (directory / "tests").mkdir()
    script = directory / "tests" / "one.call"
    script.write_text(f"dialled 7001\nstate name=Ann\nhear hello ann\n{GOOD}")
    assert 0 == main(["test", str(directory)]), capsys.readouterr().out
    script.write_text(f"dialled 7001\nstate name={4096 * 'x'}\n")
    assert 2 == main(["test", str(directory)])
    assert f"{script}: state: must be 4096 bytes of JSON at the most" in capsys.readouterr().err


def test_words_that_never_came_because_the_call_was_over_fail_the_script(shop, capsys):
    directory = shop(bad="hear which\npress 1\nhear thank you\nhear anything else\npress 2\n")
    assert 1 == main(["test", str(directory)])
    assert "bad.call:4: 'anything else' was not heard: the call was over" in capsys.readouterr().out


def test_a_failing_expectation_is_said_with_its_line_and_the_call(shop, capsys):
    directory = shop(bad="hear which\npress 1\nexpect digits 2\nexpect heard sorry\n", good=GOOD)
    assert 1 == main(["test", str(directory)])
    lines = capsys.readouterr().out.splitlines()
    script = directory / "tests" / "bad.call"
    assert [
        "FAIL shop: bad (1.3 s)",
        f"     {script}:3: expected digits 2; collected: 1",
        f"     {script}:4: expected heard sorry; heard: Which? / Thank you.",
    ] == lines[:3]
    assert any("hears speech: Which?" in line for line in lines[3:])
    assert "1 passed, 1 failed" in lines[-1]


def test_keys_that_nobody_listened_for_are_said_where_a_script_fails(shop, capsys):
    """The greeting plays first; what is pressed meanwhile surprises whoever has written the flow."""
    directory = shop(early="press 12\nexpect digits 1\n", good=GOOD)
    menu = directory / f"{directory.name}.yaml"
    assert menu.exists()
    menu.write_text("greeting: Welcome to the shop.\n" + menu.read_text())
    assert 1 == main(["test", str(directory)])
    said = capsys.readouterr().out
    assert 1 == said.count("(keys 12 came before the first step listened")


def test_a_step_that_cannot_be_done(shop, capsys):
    assert 1 == main(["test", str(shop(bad='hear "nonsense" within 2\npress 1\n'))])
    assert "bad.call:1: 'nonsense' was not heard within 2 s" in capsys.readouterr().out


def test_json(shop, capsys):
    directory = shop(bad="press 1\nexpect digits 2\n", good=GOOD, odd="dance\n")
    assert 2 == main(["test", "--format", "json", str(directory)])
    captured = capsys.readouterr()
    bad, good, odd = json.loads(captured.out)
    assert ("shop", "completed", "flow_ended", []) == (
        good["flow"],
        good["result"],
        good["reason"],
        good["failures"],
    )
    assert [f"{directory}/tests/bad.call:2: expected digits 2; collected: 1"] == bad["failures"]
    assert ("not_played", 0.0) == (odd["result"], odd["seconds"])
    assert odd["failures"][0].startswith(f"{directory}/tests/odd.call:1: there is no step 'dance'")
    assert f"{directory}/tests/odd.call:1: there is no step 'dance'" in captured.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"expect nothing\n", ":1: nothing is known of 'nothing' to expect"),
        (b"hear one\npress x\n", ":2: "),
        (b"\xff\xfe", "invalid start byte at byte 0"),
    ],
)
def test_a_script_that_cannot_be_read(shop, capsys, text, said):
    directory = shop(good=GOOD)
    (directory / "tests" / "odd.call").write_bytes(text)
    assert 2 == main(["test", str(directory)])
    captured = capsys.readouterr()
    assert said in captured.err
    assert "1 passed, 0 failed, 1 not played" in captured.out


def test_nothing_to_play(flow, tmp_path, capsys):
    directory = flow(ASK)
    assert 2 == main(["test", str(directory)])
    assert "no scripts: put them beside a flow, as FLOW/tests/NAME.call" in capsys.readouterr().err
    assert 2 == main(["test", str(directory / "tests" / "nope.call")])
    assert "nope.call: there is no such script" in capsys.readouterr().err
    assert 2 == main(["test", str(tmp_path / "nowhere")])
    assert "nowhere:1:1: there is no such file" in capsys.readouterr().err


def test_a_flow_that_cannot_be_used(shop, capsys):
    directory = shop(good=GOOD)
    (directory / "shop.yaml").write_text("steps: {ask: {dtmf: {num_digits: 40}}}\n")
    assert 2 == main(["test", str(directory)])
    assert "shop.yaml:1:" in capsys.readouterr().err
