"""`fsflows call`: a phone in the terminal, the real server, and a simulated FreeSWITCH between them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Calls a flow: you are the caller, in this terminal. The real server answers, a simulated FreeSWITCH is between you.
Nothing else is needed, and nothing is left behind (unless you say --data).

  fsflows call conf/flows/menu                      type, and press Enter:
      1            digits, * and # are keys
      five five    anything else is said aloud
      Ctrl-D       hangs up

  fsflows call conf/flows/menu --keys 2             press 2 when the first question has been asked, then listen
  fsflows call conf/flows/menu --script FILE        play a script (docs/scripts.md)
"""


def add_parser(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "call",
        help="call a flow from this terminal: you are the caller, no FreeSWITCH needed",
        description=DESCRIPTION,
        epilog="Exit status: 0 the call ended well, 1 it failed or a script's expectation was not met, 2 bad usage.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("flow", metavar="FLOW", help="the flow's file or directory")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--keys", metavar="KEYS", help="keys to press, one question after another with commas (1,2)"
    )
    what.add_argument(
        "--say", metavar="WORDS", help="words to say when the first question has been asked"
    )
    what.add_argument("--script", metavar="FILE", help="what the caller does, line by line")
    parser.add_argument("--from", dest="caller", metavar="NUMBER", help="the caller's number")
    parser.add_argument("--name", metavar="NAME", help="the caller's name")
    parser.add_argument("--to", metavar="NUMBER", help="the number that is called")
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
    from fsflows.flow.loader import load_flows, main_flow
    from fsflows.switch.script import ScriptError

    target = Path(options.flow)
    try:
        flows = load_flows([target.parent if target.is_file() else target])
        if target.is_file():
            flow = next(f for f in flows.values() if f.path.resolve() == target.resolve())
        else:
            flow = main_flow(flows, target)
        script = _script(options)
    except (FlowErrors, ScriptError) as error:
        print(error, file=sys.stderr)
        return 2
    except StopIteration:
        print(f"{target}: no flow in it", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or target}: {error.strerror or error}", file=sys.stderr)
        return 2
    phone = Phone(flow, flows, data=options.data, show_log=options.log)
    return phone.call(script, interactive=script.steps == ())


def _script(options: argparse.Namespace) -> Any:
    from dataclasses import replace

    from fsflows.conversation.rehearsal import EXPECTATIONS
    from fsflows.switch.script import parse_script

    text, name = "", "command line"
    if options.script:
        path = Path(options.script)
        text, name = path.read_text(encoding="utf-8"), str(path)
    elif options.keys:
        text = "".join(f"wait quiet\npress {keys.strip()}\nwait 0.5\n" for keys in options.keys.split(","))
        text += "wait quiet 20 within 120\nhangup\n"
    elif options.say:
        text = f"wait quiet\nsay {options.say}\nwait quiet 20 within 120\nhangup\n"
    elif not sys.stdin.isatty():
        # Nobody is there to type: listen to the end.
        text = "wait quiet 20 within 120\nhangup\n"
    script = parse_script(text, name, EXPECTATIONS)
    given = {
        "caller_number": options.caller,
        "caller_name": options.name,
        "destination": options.to,
    }
    profile = replace(script.profile, **{key: value for key, value in given.items() if value})
    return replace(script, profile=profile)
