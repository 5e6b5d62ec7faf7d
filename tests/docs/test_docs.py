"""The documentation says what is so: its commands run, its flows are played, its lists are the code's."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from docpages import PAGES, ROOT, anchors, blocks, commands, name_of, prose, read, table

from fsflows.cli.main import COMMANDS
from fsflows.conversation.judging import EXPECTATIONS
from fsflows.conversation.rehearsal import rehearse
from fsflows.conversation.returns import _KEYS, _TRANSITIONS
from fsflows.conversation.tasks import GetDtmfResult, GetDtmfTask
from fsflows.flow.loader import load_flows
from fsflows.settings import Settings, load
from fsflows.settings.shown import as_yaml
from fsflows.switch.script import STEPS, parse_script
from fsflows.switch.script_call import ABOUT_THE_CALL

NAMES = [name_of(page) for page in PAGES]
OURS = ("README.md", "getting-started.md", "functions.md", "scripts.md", "troubleshooting.md")
RUN = [command for name in NAMES for command in commands(name)]


# --- links ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(name)):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        there = (ROOT / name).parent / path if path else ROOT / name
        inside = there.suffix != ".md" or not anchor
        if not there.exists() or not (inside or anchor in anchors(name_of(there.resolve()))):
            lost.append(target)
    assert [] == lost


def test_the_index_lists_every_page():
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", read("docs/README.md")))
    pages = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}
    assert pages == linked


def test_the_readme_leads_to_every_page():
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)\)", read("README.md")))
    assert {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"} == linked


# --- commands ---------------------------------------------------------------------------------------------------


def fsflows_commands():
    """Each `fsflows ...` of any page, without what stands in front of it and behind it."""
    word = f"fsflows (?:{'|'.join(COMMANDS)})"
    for name in NAMES:
        text = read(name)
        lines = re.findall(
            rf"^(?: {{4}}|\$ |sudo .*?|ExecStart=)?\S*({word}\b[^`\n]*)$", text, re.MULTILINE
        )
        for line in [*lines, *re.findall(rf"`({word} [^`]+)`", text)]:
            yield name, re.split(r"\s(?:#|>|\||&)", line)[0].removeprefix("fsflows ").strip()


SHOWN = sorted(set(fsflows_commands()))


@pytest.mark.parametrize(("name", "line"), SHOWN, ids=[f"{name}: {line}" for name, line in SHOWN])
def test_every_command_that_is_shown_has_the_options_it_shows(name, line):
    words = shlex.split(line)
    parser = argparse.ArgumentParser(prog="fsflows", exit_on_error=False)
    importlib.import_module(f"fsflows.cli.{words[0]}").add_parser(
        parser.add_subparsers(dest="command")
    )
    try:
        assert words[0] == parser.parse_args(words).command
    except SystemExit:  # a subcommand of its own, without its arguments: `fsflows records`
        assert len(words) == 1, f"{name}: {line}"


def plain(output):
    """Output without what differs from run to run: times, and the order of what happens at the same time."""
    lines = [re.sub(r"^ +\d+\.\d\d(?=  )", "TIME", line) for line in output.splitlines()]
    # How long a function took is said only when it is worth saying.
    lines = [re.sub(r" ran \(\d+\.\d+ s\)$", " ran", line) for line in lines]
    lines = [re.sub(r"\b\d+(\.\d+)? s\b", "SECONDS", line) for line in lines]
    return sorted(line.rstrip() for line in lines if line.strip())


@pytest.mark.process
@pytest.mark.parametrize("command", RUN, ids=[f"{each.where} {each.line}" for each in RUN])
def test_a_console_block_runs_and_prints_what_it_shows(command, tmp_path):
    for entry in ROOT.iterdir():
        if entry.name in ("conf", "dialplan", "docs", "Makefile", "setup.cfg", "pyproject.toml"):
            (tmp_path / entry.name).symlink_to(entry)
    bin_ = Path(sys.executable).parent
    line = command.line
    if line.startswith("make "):
        # This very environment, instead of one that is made first.
        line += f" VENV={bin_.parent} -o {bin_.parent}/.installed"
    # Under `make test` a make would think itself a part of that one, and say which directory it enters.
    outside_make = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env={**outside_make, "PATH": f"{bin_}:{os.environ['PATH']}", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    if command.output.strip():
        assert plain(command.output) == plain(done.stdout)


@pytest.mark.process
def test_the_readme_serves_calls(tmp_path):
    (line,) = re.findall(r"`(fsflows serve .*?)`", read("README.md"))
    words = [
        str(ROOT / "conf/flows") if word == "conf/flows" else word for word in shlex.split(line)
    ]
    environ = {"FSFLOWS_SERVER__LISTEN": "127.0.0.1:0", "FSFLOWS_CONSOLE__LISTEN": "''"}
    with subprocess.Popen(
        [Path(sys.executable).parent / words[0], *words[1:]],
        cwd=tmp_path,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as serving:
        giving_up = threading.Timer(60.0, serving.kill)
        giving_up.start()
        try:
            shown = next((line for line in serving.stdout if "serving" in line), "")
            serving.send_signal(signal.SIGINT)
            rest = serving.stdout.read()
        finally:
            giving_up.cancel()
            giving_up.join()
    assert "recording_opt_out" in shown
    assert (0, True) == (serving.returncode, "stopped" in rest)


def test_the_dialplan_leads_to_where_the_server_listens():
    root = ET.fromstring(read("dialplan/fsflows.xml"))
    calls = [
        each.get("data") for each in root.iter("action") if each.get("application") == "socket"
    ]
    hosts = [[re.sub("/.*", "", host) for host in data.split()[0].split("|")] for data in calls]
    assert [load(environ={}).server.listen] * 2 == [first for first, _ in hosts]
    assert [["async", "full"]] * 2 == [data.split()[1:] for data in calls]
    assert all(f"`{name}" in read("dialplan/README.md") for name in ("async full", "socket_resume"))


def test_the_readme_shows_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"`?make ([a-z]+)`?", read("README.md"))) <= targets


# --- flows ------------------------------------------------------------------------------------------------------


def sets(name):
    """Flows of a page, each with the Python and the script that follow it before the next flow."""
    found = []
    for block in blocks(name, "yaml", "python", "call", "text"):
        if block.kind == "yaml":
            found.append({"where": block.where, "yaml": block.text})
        elif found:
            found[-1].setdefault(block.kind, block.text)
    return found


PLAYED = [each for name in ("README.md", "docs/functions.md") for each in sets(name)]
PLAYED += [each for each in sets("docs/dialling.md") if "call" in each]


@pytest.mark.parametrize("parts", PLAYED, ids=lambda parts: parts["where"])
def test_a_flow_of_the_docs_can_be_called(parts, tmp_path):
    (tmp_path / "flow.yaml").write_text(parts["yaml"], encoding="utf-8")
    if "python" in parts:
        (tmp_path / "flow.py").write_text(parts["python"], encoding="utf-8")
    flows = load_flows([tmp_path])
    text, heard = parts.get("call"), None
    if text is None:  # a page of what is heard, and of what the caller does in between
        lines = parts["text"].splitlines()
        heard = [line for line in lines if not line.startswith(" ")]
        text = "\n".join(
            re.sub(r"^ +(press|say)(?:es|s) ", r"\1 ", line)
            if line.startswith(" ")
            else f"hear {line}"
            for line in lines
        )
    played = rehearse(flows["flow"], flows, parse_script(text, parts["where"], EXPECTATIONS))
    assert [] == played.failures, played.page
    if heard is not None:
        assert heard == played.heard.splitlines()


def test_the_example_script_is_a_script_of_the_menu():
    text = blocks("docs/scripts.md", "call")[0].text
    flows = load_flows([ROOT / "conf/flows"])
    played = rehearse(flows["menu"], flows, parse_script(text, "docs", EXPECTATIONS))
    assert [] == played.failures, played.page


def test_the_python_of_the_scripts_page_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    (block,) = blocks("docs/scripts.md", "python")
    exec(compile(block.text, block.where, "exec"), {})


@pytest.mark.parametrize("path", sorted(ROOT.glob("conf/flows/*")), ids=lambda path: path.name)
def test_every_example_has_scripts_of_all_kinds(path):
    scripts = [file.read_text(encoding="utf-8") for file in path.glob("tests/*.call")]
    verbs = {line.split()[0] for text in scripts for line in text.splitlines() if line}
    assert {"press", "say", "hear", "expect", "hangup"} <= verbs


# --- lists ------------------------------------------------------------------------------------------------------


def test_the_scripts_page_lists_exactly_the_steps_and_expectations():
    headings = ("Who calls", "What the caller does", "What must be so")
    lines = [row[0].strip("`") for heading in headings for row in table("docs/scripts.md", heading)]
    for line in lines:
        parse_script(line, "docs/scripts.md", EXPECTATIONS)
    together = [row[0].strip("`") for row in table("docs/scripts.md", "Whom we call")]
    parse_script("\n".join(together), "docs/scripts.md", EXPECTATIONS)
    lines += together
    assert {*ABOUT_THE_CALL, *STEPS} == {line.split()[0] for line in lines}
    shown = [line.split()[1] for line in lines if line.startswith("expect ")]
    assert sorted(EXPECTATIONS) == sorted(shown)


def test_the_functions_page_lists_exactly_the_names_of_conv_and_flow(tmp_path):
    (tmp_path / "f.yaml").write_text("steps: {a: {run: look}}\n", encoding="utf-8")
    (tmp_path / "f.py").write_text(
        "def look(conv, flow):\n"
        "    conv.state.names = [f'{what}.{name}' for what, has in (('conv', conv), ('flow', flow))\n"
        "                        for name in dir(has) if not name.startswith('_')]\n"
        "    return {'hangup': True}\n",
        encoding="utf-8",
    )
    flows = load_flows([tmp_path])
    played = rehearse(flows["f"], flows, parse_script("wait 1", "f"))
    shown = re.findall(r"^\| `((?:conv|flow)\.\w+)", read("docs/functions.md"), re.MULTILINE)
    assert sorted(played.engine.state.names) == sorted(shown)


def test_the_functions_page_lists_what_a_function_may_return():
    rows = table("docs/functions.md", "What a function returns")
    assert sorted(_KEYS) == sorted(row[0].strip("`") for row in rows)
    transition = next(row[1] for row in rows if row[0] == "`transition`")
    assert list(_TRANSITIONS) == re.findall(r'\{"(\w+)":', transition)


def test_the_functions_page_lists_the_arguments_of_the_task():
    shown = {
        row[0].strip("`"): row[1].strip("`")
        for row in table("docs/functions.md", "Asking inside a function")
    }
    known = {
        each.name: "" if each.default in (dataclasses.MISSING, "", None) else each.default
        for each in dataclasses.fields(GetDtmfTask)
    }
    assert {name: str(value) for name, value in known.items()} == {
        name: value.strip('"') for name, value in shown.items()
    }
    text = prose("docs/functions.md")
    assert [] == [f.name for f in dataclasses.fields(GetDtmfResult) if f"`{f.name}`" not in text]


# --- settings ---------------------------------------------------------------------------------------------------


def test_the_settings_page_is_what_print_config_prints():
    """To renew it: put the output of `fsflows serve --print-config` between the fences."""
    (shown,) = blocks("docs/settings.md", "yaml settings")
    assert as_yaml(load(environ={})).strip() == shown.text.strip()


def test_the_example_settings_are_settings():
    assert (
        "sqlite:////var/lib/fsflows/fsflows.db" == load(ROOT / "conf/fsflows.yaml", {}).database.url
    )


@pytest.mark.parametrize("name", NAMES)
def test_settings_that_are_named_exist(name):
    sections = {each.name: each.default_factory for each in dataclasses.fields(Settings)}
    named = re.findall(rf"`({'|'.join(sections)})\.(\w+)`", prose(name))
    unknown = [
        f"{section}.{key}"
        for section, key in named
        if key not in {each.name for each in dataclasses.fields(sections[section])}
    ]
    assert [] == unknown


# --- troubleshooting --------------------------------------------------------------------------------------------


def test_the_log_lines_that_are_quoted_are_logged():
    source = "\n".join(path.read_text("utf-8") for path in ROOT.glob("fsflows/**/*.py"))
    source = re.sub(r'"\s*\n\s*"', "", source)
    rows = re.findall(r"^\| (.*?) \|", read("docs/troubleshooting.md"), re.MULTILINE)
    quoted = [text for row in rows for text in re.findall(r"`([^`]+ [^`]+)`", row)]
    theirs = {"Invalid TTS module"}
    assert len(quoted) > 12
    assert [] == [text for text in quoted if text not in source and text not in theirs]


def test_the_pages_fit_on_a_screen_or_two():
    long = {name: len(read(name).splitlines()) for name in NAMES if Path(name).name in OURS}
    assert {} == {name: count for name, count in long.items() if count > 230}
