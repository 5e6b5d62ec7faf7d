"""`fsflows check` and `fsflows graph`."""

from __future__ import annotations

import argparse
import json

import pytest

from fsflows.cli import check, graph

GOOD = "steps: {a: {prompt: Hi., next: {hangup: true}}}"
WARNED = "steps: {a: {next: {hangup: true}}, b: {next: {hangup: true}}}"
BAD = "steps: {a: {next: b}}"


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        subparsers = parser.add_subparsers(dest="command")
        check.add_parser(subparsers)
        graph.add_parser(subparsers)
        args = parser.parse_args(arguments)
        status = {"check": check.run, "graph": graph.run}[args.command](args)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_check_a_good_flow(write, run):
    write(GOOD)
    assert (0, "f.yaml: ok: 1 step\n", "") == run("check", "f.yaml")


def test_check_counts(write, run):
    write(GOOD + "\nhandoffs: {d: {transfer: 1}, e: {transfer: 2}}")
    write("def end_function(conv): pass\n", "f.py")
    assert (0, "f.yaml: ok: 1 step, 1 function, 2 hand-offs\n", "") == run("check", "f.yaml")


def test_check_a_bad_flow(write, run):
    write(BAD, "flows/bad.yaml")
    write(GOOD, "flows/good.yaml")
    status, out, err = run("check", "flows")
    assert 1 == status
    assert (
        "flows/bad.yaml:1:19: no step is named 'b'; there are: a\nflows/good.yaml: ok: 1 step\n"
        == out
    )
    assert "2 flows: 1 error, 0 warnings\n" == err


def test_warnings_fail_only_when_strict(write, run):
    write(WARNED)
    text = "f.yaml:1:36: warning: nothing leads to step 'b'\nf.yaml: ok: 2 steps\n"
    assert (0, text) == run("check", "f.yaml")[:2]
    assert (1, text) == run("check", "f.yaml", "--strict")[:2]


def test_check_as_json(write, run):
    write(BAD)
    status, out, _ = run("check", "f.yaml", "--format", "json")
    problem = {
        "path": "f.yaml",
        "line": 1,
        "column": 19,
        "level": "error",
        "text": "no step is named 'b'; there are: a",
    }
    assert (1, {"ok": False, "problems": [problem], "flows": []}) == (status, json.loads(out))


def test_print_the_schema(run):
    status, out, _ = run("check", "--print-schema")
    assert (0, "A call flow of fsflows") == (status, json.loads(out)["title"])


def test_check_called_wrongly(write, run):
    write(GOOD)
    assert (2, "", "fsflows check: g.yaml: there is no such file; did you mean f.yaml?\n") == run(
        "check", "g.yaml"
    )
    assert (2, "", "fsflows check: f: there is no such file; did you mean f.yaml?\n") == run(
        "check", "f"
    )
    assert 2 == run("check")[0]
    with pytest.raises(SystemExit) as caught:
        run("check", "f.yaml", "--format", "xml")
    assert 2 == caught.value.code


def test_graph(write, run):
    write(GOOD)
    status, out, _ = run("graph", "f.yaml")
    assert (0, "flowchart TD\n") == (status, out[:13])
    status, out, _ = run("graph", "f.yaml", "--format", "svg")
    assert (0, "<svg ") == (status, out[:5])


def test_graph_of_a_bad_flow(write, run):
    write(BAD)
    assert (1, "", "f.yaml:1:19: no step is named 'b'; there are: a\n") == run("graph", "f.yaml")


@pytest.mark.parametrize("command", ["check", "graph"])
def test_help_shows_examples_and_exit_statuses(command, run, capsys):
    with pytest.raises(SystemExit) as caught:
        run(command, "--help")
    out = capsys.readouterr().out
    assert 0 == caught.value.code
    assert "examples:" in out
    assert "exit status: 0" in out
