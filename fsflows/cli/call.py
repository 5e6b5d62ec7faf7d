"""`fsflows call`: a phone in the terminal, the real server, and a simulated FreeSWITCH between them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsflows.flow.model import Flow, FlowSet
    from fsflows.switch.script import Script
    from fsflows.switch.steps import Step

DESCRIPTION = """\
Calls a flow: you are the caller, in this terminal. The real server answers, and a simulated FreeSWITCH is between you
and it. Nothing else is needed, and nothing is left behind (unless you say --data).

  fsflows call conf/flows/menu            type a line, and press Enter:
      12#          keys are 0-9, * and #
      five five    anything else is said aloud
      Ctrl-D       hangs up

  fsflows call conf/flows/menu --keys 1,2       key 1, later 2
  fsflows call conf/flows/menu --say operator   say a word
  fsflows call conf/flows/menu --script FILE    play a script (docs/scripts.md)

  fsflows call FLOW --dialled 7001 --set name=Ann   a call that we make: you answer it

With --keys and --say the caller answers when a prompt has ended, then listens. Without a terminal, and without any of
them, the caller only listens. All times are real; `fsflows test` plays scripts in no time.
"""

EPILOG = """\
exit status: 0 the call ended well, 1 it failed, or was not as its script says, 2 called wrongly (a flow or a
script that can't be used), 130 interrupted (Ctrl-C)
"""

QUIET = 20.0
"""Seconds of silence after which a caller who only listens hangs up: longer than any flow waits for an answer."""

LONGEST = 600.0
"""Seconds that a prompt may take."""


def add_parser(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "call",
        help="call a flow from this terminal: you are the caller, no FreeSWITCH needed",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("flow", metavar="FLOW", help="the flow's file or directory")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--keys", metavar="KEYS", help="keys to press; commas between answers (1,2)")
    what.add_argument("--say", metavar="WORDS", help="words to say; commas between answers")
    what.add_argument("--script", metavar="FILE", help="what the caller does, line by line")
    parser.add_argument("--from", dest="caller", metavar="NUMBER", help="the caller's number")
    parser.add_argument("--name", metavar="NAME", help="the caller's name")
    parser.add_argument("--to", metavar="NUMBER", help="the number that is called")
    parser.add_argument(
        "--dialled", metavar="NUMBER", help="a call that we make, to this number: you answer it"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="with --dialled: a first value of conv.state; may be given again",
    )
    parser.add_argument(
        "--data", metavar="DIR", help="keep recordings, records and the journal here"
    )
    parser.add_argument("--log", action="store_true", help="show the server's log as well")


def run(options: argparse.Namespace) -> int:
    """Place the call."""
    from gevent import monkey

    monkey.patch_all()
    from fsflows.cli.phone import Phone
    from fsflows.flow.errors import FlowErrors
    from fsflows.switch.script import ScriptError

    typed = not (options.keys or options.say or options.script) and sys.stdin.isatty()
    try:
        flow, flows = _flow(Path(options.flow))
        script, how = _script(options, typed=typed)
    except (FlowErrors, ScriptError) as error:
        print(error, file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"fsflows call: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    phone = Phone(flow, flows, data=options.data, show_log=options.log)
    return phone.call(script, how, typed=typed, scripted=bool(options.script))


def _flow(target: Path) -> tuple[Flow, FlowSet]:
    """The flow that is called, and all that it may go to. A neighbour that can't be used is no reason not to call it.

    Raises:
        FlowErrors: the flow can't be used.
        ValueError: it is no flow.
    """
    from fsflows.flow.errors import FlowErrors
    from fsflows.flow.loader import load_flow, load_flows, main_flow, read_flows

    if not target.is_file():
        flows = load_flows([target])
        return main_flow(flows, target), flows
    if target.suffix not in (".yaml", ".yml"):
        raise ValueError(f"{target} is no flow: a flow is a .yaml file, or a directory with one")
    reading = read_flows([target.parent])
    for flow in reading.flows.values():
        if flow.path.resolve() == target.resolve():
            return flow, reading.flows
    alone = load_flow(target)  # says what is wrong with the file itself
    if target.resolve() in {file.resolve() for file in reading.files}:
        raise FlowErrors(reading.errors)
    return alone, {**reading.flows, alone.name: alone}


def _script(options: argparse.Namespace, *, typed: bool) -> tuple[Script, str]:
    """What the caller does, and the same in words."""
    from fsflows.conversation.judging import EXPECTATIONS
    from fsflows.switch.script import Script, parse_script

    if options.script:
        path = Path(options.script)
        try:
            script = parse_script(path.read_text(encoding="utf-8"), str(path), EXPECTATIONS)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no script: {error.reason} at byte {error.start}") from None
        how = f"The caller follows {path}."
    elif typed:
        script = Script(name="terminal")
        how = "Digits, * and # are keys; other words are said; Ctrl-D hangs up."
    elif options.keys:
        script = Script(name="--keys", steps=_answers(options.keys, _press))
        how = f"The caller presses {options.keys}."
    elif options.say:
        script = Script(name="--say", steps=_answers(options.say, _say))
        how = f'The caller says "{options.say}".'
    else:
        script = Script(name="nobody", steps=_answers("", _say))
        how = "The caller only listens: nobody types here (--keys, --say or --script would)."
    script = _between(script, options)
    return script, how if script.dialled is None else how.replace("The caller", "The callee", 1)


def _between(script: Script, options: argparse.Namespace) -> Script:
    """The script, with who calls whom as the options say."""
    from dataclasses import replace

    from fsflows.cli.values import values_of
    from fsflows.conversation.rehearsal import profile_of
    from fsflows.esl import quoting
    from fsflows.switch.profile import CallProfile
    from fsflows.switch.script_call import Dialled

    def given(**values: str | None) -> dict[str, Any]:
        return {name: value for name, value in values.items() if value}

    ours = given(caller_number=options.caller, caller_name=options.name)
    if options.dialled is None and script.dialled is None:
        if options.set:
            raise ValueError("--set is for a call that we make; say whom we call: --dialled NUMBER")
        profile = replace(script.profile, **ours, **given(destination=options.to))
        return replace(script, profile=profile)
    if options.to:
        raise ValueError("--to is for a call that comes in; whom we call is said by --dialled")
    if script.profile != CallProfile() and script.dialled is None:
        raise ValueError(
            "the script is of a call that comes in; write whom we call in it: dialled NUMBER"
        )
    if options.caller and not quoting.is_number(options.caller):
        raise ValueError(
            f"--from is our own number in a call that we make: digits, not {options.caller!r}"
        )
    if options.dialled is not None:
        ours["number"] = quoting.number(options.dialled, "--dialled")
    dialled = script.dialled or Dialled(number=ours["number"])
    state = {**dialled.state, **values_of(options.set)}
    script = replace(script, dialled=replace(dialled, state=state, **ours))
    profile_of(script)  # a state that is too large is said before the call
    return script


def _answers(text: str, step: Any) -> tuple[Step, ...]:
    """Each answer when a prompt has ended; then listen to the end."""
    from fsflows.switch.steps import HangUp, WaitForQuiet, WaitForStart

    steps: list[Step] = []
    for answer in filter(None, (part.strip() for part in text.split(","))):
        steps += [WaitForStart(within=LONGEST), WaitForQuiet(within=LONGEST), step(answer)]
    return (*steps, WaitForQuiet(seconds=QUIET, within=LONGEST), HangUp())


def _press(keys: str) -> Step:
    from fsflows.switch.caller import check_keys
    from fsflows.switch.steps import Press

    try:
        check_keys(keys)
    except ValueError as error:
        raise ValueError(f"--keys: {error}") from None
    return Press(keys=keys)


def _say(words: str) -> Step:
    from fsflows.switch.steps import Say, Utterance

    return Say(heard_as=(Utterance(text=words),))
