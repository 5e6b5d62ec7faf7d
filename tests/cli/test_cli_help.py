"""What the program says about itself, and to somebody who calls it wrongly."""

import argparse
import importlib
import re

import pytest

import fsflows
from fsflows.cli.main import COMMANDS, main
from fsflows.cli.parser import Parser

WORDS = {
    "serve": """--config --flows --listen --default-flow --data --log-level --print-config
        application="socket" async full  dialplan/fsflows.xml  FSFLOWS_SERVER__LISTEN
        SIGTERM SIGINT SIGHUP drain_timeout  exit status""",
    "call": """FLOW --keys --say --script --from --name --to --data --log  Ctrl-D  simulated FreeSWITCH
        docs/scripts.md  exit status""",
    "check": "PATH --strict --format --print-schema  file  exit status",
    "test": "PATH --verbose --format  virtual time  hear press say wait hangup expect  docs/scripts.md  exit status",
    "graph": "FLOW --format mermaid svg  exit status",
    "dial": "NUMBER --file --flow --set --ring --machine --json --config --server  dialling.endpoint console.token  exit status",
    "doctor": "--config --vosk --json  freeswitch.addresses  docs/doctor.md  exit status",
    "schema": "settings flow  yaml-language-server: $schema=  exit status",
    "records": "list show export purge  --since  exit status",
    "recordings": "list show discards settle verify sweep agent",
}


@pytest.fixture
def help_of(capsys, monkeypatch):
    def ask(*arguments, columns=80):
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--help"])
        assert 0 == ended.value.code
        return capsys.readouterr().out

    return ask


def test_there_is_a_help_for_every_command():
    assert set(COMMANDS) == set(WORDS)


def test_the_programs_help_names_every_command_and_what_to_try_first(help_of):
    text = help_of()
    for name, what in COMMANDS.items():
        assert re.search(rf"^  {name} +{what.split()[0]}", text, re.MULTILINE), name
        assert what in " ".join(text.split())
    assert "fsflows call conf/flows/recording_opt_out" in text
    assert text.index("commands:") < text.index("options:")


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("command", ["", *WORDS])
def test_help_is_readable(help_of, command, columns):
    text = help_of(*([command] if command else []), columns=columns)
    assert text.startswith(f"usage: fsflows {command}".rstrip())
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100, max(lines, key=len)
    paragraphs = [line for line in lines if line and not line.startswith(" ")]
    assert max(map(len, paragraphs)) < columns, "paragraphs are filled to the terminal"
    for word in WORDS.get(command, "").split():
        assert word in text, word


@pytest.mark.parametrize(
    "command", ["serve", "call", "check", "test", "graph", "dial", "doctor", "schema"]
)
def test_every_argument_is_explained(command):
    parser = Parser(prog="fsflows")
    importlib.import_module(f"fsflows.cli.{command}").add_parser(parser.add_subparsers())
    made = parser._subparsers._group_actions[0].choices[command]
    assert isinstance(made, argparse.ArgumentParser)
    assert [] == [action.dest for action in made._actions if not action.help]


def test_the_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert f"fsflows {fsflows.__version__}\n" == capsys.readouterr().out


def test_without_a_command_the_help_is_shown(capsys):
    assert 2 == main([])
    assert "commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sevre"], "fsflows: there is no command 'sevre'; did you mean 'serve'?"),
        (["dance"], "fsflows: there is no command 'dance'; there are serve, call, check, test"),
        (["menu.yaml"], "fsflows: there is no command 'menu.yaml'; to call a flow: fsflows call menu.yaml"),
        (["call", "a", "--dtmf", "1"], "fsflows call: '--dtmf' is not expected; there are --help, --keys, --say, "),
        (["-x"], "fsflows: '-x' is not expected"),
        (["call"], "fsflows call: the following arguments are required: FLOW"),
        (["call", "a", "b"], "fsflows call: 'b' is not expected"),
        (["call", "--kyes", "1"], "fsflows call: '--kyes' is not expected; did you mean --keys?"),
        (["call", "a", "--keys"], "fsflows call: argument --keys: expected one argument"),
        (["call", "a", "--keys", "1", "--say", "x"], "argument --say: not allowed with argument --keys"),
        (["test", "a", "--format", "jsn"], "fsflows test: argument --format: not 'jsn'; did you mean 'json'?"),
        (["serve", "--log-level", "loud"], "not 'loud'; there are debug, info, warning, error"),
        (["schema", "flows"], "fsflows schema: argument settings|flow: not 'flows'; did you mean 'flow'?"),
        (["records", "lits"], "fsflows records: there is no command 'lits'; did you mean 'list'?"),
    ],
)  # fmt: skip
def test_called_wrongly(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    captured = capsys.readouterr()
    assert 2 == ended.value.code
    assert said in captured.err
    assert "--help shows how it is used" in captured.err
    assert "" == captured.out
