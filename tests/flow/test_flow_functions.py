"""The Python file beside a flow."""

from __future__ import annotations

import sys
import threading

import pytest

from fsflows import GetDtmfResult, GetDtmfTask, Pii
from fsflows.flow.loader import load_flow
from fsflows.flow.python import compat, functions
from fsflows.log import capture

RUN = "steps: {a: {run: f}}"


@pytest.mark.parametrize(
    "imports",
    [
        "from _gen import *  # <AUTO GENERATED>",
        "from imports import *  # <AUTO GENERATED>",
        "from fsflows import Conversation, Flow, func_description, func_parameter, func_latency_control, log",
        "from _gen import Conversation, Flow, func_description, func_parameter, func_latency_control, log",
        "import _gen\nConversation, Flow, log = _gen.Conversation, _gen.Flow, _gen.log\nfrom imports import *",
    ],
)
def test_P8_the_imports_that_users_know(load, imports):
    flow = load(
        RUN,
        imports
        + """


@func_description("Looks the caller up.")
@func_parameter("number", "The number.")
@func_parameter("name", "The name.")
@func_latency_control(delay_before_responses_start=1, delay_responses=[("One moment.", 2)])
def f(conv: Conversation, flow: Flow):
    log.info("looked up")
    return {"hangup": True}
""",
    )
    function = flow.functions["f"]
    assert ["f"] == list(flow.functions)
    assert {"hangup": True} == function(None, None)
    assert "Looks the caller up." == function.func_description
    assert {"number": "The number.", "name": "The name."} == function.func_parameters
    assert 1 == function.func_latency_control["delay_before_responses_start"]


def test_the_reference_example_runs_as_written(load):
    flow = load(
        RUN,
        """
from _gen import *  # <AUTO GENERATED>


def f(conv: Conversation, flow: Flow):
    conv.exit_flow()
    if conv.history[-1].role == "user" and conv.history[-1].text == "1":
        conv.discard_recording()
    return {"utterance": "Hello, how can I help?"}
""",
    )

    class Turn:
        role, text = "user", "1"

    class Conv:
        history = (Turn,)
        called: tuple[str, ...] = ()

        def __getattr__(self, name):
            return lambda: setattr(self, "called", (*self.called, name))

    conv = Conv()
    assert {"utterance": "Hello, how can I help?"} == flow.functions["f"](conv, None)
    assert ("exit_flow", "discard_recording") == conv.called


@pytest.mark.parametrize("module", ["_gen", "imports", "fsflows"])
def test_a_star_brings_the_tasks_and_private_values(load, module):
    flow = load(
        RUN, f"from {module} import *\ndef f(conv, flow): return GetDtmfTask, GetDtmfResult, Pii"
    )

    assert ["f"] == list(flow.functions)
    assert (GetDtmfTask, GetDtmfResult, Pii) == flow.functions["f"](None, None)


def test_what_is_behind_fsflows_is_the_real_package(load):
    flow = load(
        RUN,
        "import fsflows, fsflows.clock\nfrom fsflows import clock\ndef f(conv): return {'hangup': fsflows.__version__ and clock.Clock.__name__}",
    )
    assert {"hangup": "Clock"} == flow.functions["f"](None)


def test_who_waits_for_a_file_that_does_not_end_is_told_where_it_stands(load, monkeypatch):
    started, cancelled = [], []

    class Timer:
        daemon = False

        def __init__(self, seconds, tell):
            self.seconds, self.tell = seconds, tell

        def start(self):
            started.append(self)

        def cancel(self):
            cancelled.append(self)

    def time_passes():
        """On a thread of its own, as a timer's."""
        thread = threading.Thread(target=started[0].tell)
        thread.start()
        thread.join()

    monkeypatch.setattr(functions.threading, "Timer", Timer)
    monkeypatch.setattr(sys, "time_passes", time_passes, raising=False)
    with capture() as said:
        load(RUN, "import sys\n\nsys.time_passes()\ndef f(conv): return {'hangup': True}\n")
    assert ["f.py:3: still being read after 5 s; what is outside of functions runs now"] == [
        line["event"].rpartition("/")[2] for line in said
    ]
    assert started == cancelled
    assert started[0].daemon


def test_nothing_is_left_in_sys_modules(load):
    before = set(sys.modules)
    load(RUN, "from _gen import *\ndef f(conv): return {'hangup': True}")
    assert set() == {
        name
        for name in set(sys.modules) - before
        if name in ("_gen", "imports", "f") or "functions_f" in name
    }


def test_flows_do_not_see_each_other(read):
    code = "state = []\ndef f(conv):\n    state.append(1)\n    return {'hangup': len(state)}\n"
    reading = read(
        {
            "a/f.yaml": "name: a\n" + RUN,
            "a/f.py": code,
            "b/f.yaml": "name: b\n" + RUN,
            "b/f.py": code,
        }
    )
    a, b = reading.flows["a"].functions["f"], reading.flows["b"].functions["f"]
    assert ([1, 2], [1]) == ([a(None)["hangup"], a(None)["hangup"]], [b(None)["hangup"]])


def test_a_file_that_changed_is_read_again(write):
    path = write(RUN)
    write("def f(conv): return {'hangup': 'old'}", "f.py")
    old = load_flow(path)
    write("def f(conv): return {'hangup': 'new'}", "f.py")
    assert ("old", "new") == (
        old.functions["f"](None)["hangup"],
        load_flow(path).functions["f"](None)["hangup"],
    )


def test_dataclasses_and_enums_work_in_a_functions_file(load):
    flow = load(
        RUN,
        """
from __future__ import annotations
import dataclasses, enum
@dataclasses.dataclass
class Account:
    number: str
class Kind(enum.StrEnum):
    NEW = "new"
def f(conv): return {"hangup": Account(Kind.NEW).number}
""",
    )
    assert {"hangup": "new"} == flow.functions["f"](None)


def test_only_the_files_own_functions_are_functions(load):
    flow = load(
        "steps: {a: {run: f}, b: {run: g, next: a}}\nfirst_step: b",
        """
from _gen import *
from os.path import *
from functools import partial, wraps
import json

def decorated(function):
    @wraps(function)
    def inner(*arguments):
        return function(*arguments)
    return inner

@decorated
def f(conv): return {"hangup": True}

g = partial(f)
""",
    )
    assert ["decorated", "f", "g"] == list(flow.functions)


def test_start_and_end_function_are_found_by_their_names(load):
    code = "def start_function(conv): pass\ndef end_function(conv): pass\ndef f(conv): return {'hangup': True}\ndef other(conv): pass\n"
    flow = load(RUN, code)
    assert ("start_function", "end_function") == (flow.start_function, flow.end_function)
    assert "other" == load("start_function: other\n" + RUN, code).start_function


def test_a_module_beside_the_flow_is_not_looked_for_and_that_is_said(write, check):
    write("HOURS = 9, 17\n", "opening_hours.py")
    [said, *_] = check(RUN, "import opening_hours\ndef f(conv): pass\n")
    assert "'opening_hours'; files beside a flow are not looked for, put their directory on" in said


def test_another_file_by_name(write):
    write("functions: lib/shared.py\n" + RUN)
    write("def f(conv): return {'hangup': True}\ndef not_used_here(conv): pass\n", "lib/shared.py")
    assert ["f", "not_used_here"] == list(load_flow("f.yaml").functions)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def f(conv)\n    pass\n", ["f.py:1:12: not Python: expected ':'"]),
        ("import no_such_module\n", ["f.py:1:1: can't be imported: ModuleNotFoundError: No module named 'no_such_module'; install it where fsflows runs, or put it on PYTHONPATH"]),
        ("x = 1\ny = x + oops\n", ["f.py:2:9: can't be imported: NameError: name 'oops' is not defined"]),
        ("from _gen import nothing\n", ["f.py:1:1: can't be imported: ImportError: cannot import name 'nothing' from '_gen' (unknown location)"]),
        ("raise SystemExit(3)\n", ["f.py:1:1: can't be imported: SystemExit: 3"]),
        ("import gevent\nraise gevent.Timeout(3)\n", ["f.py:2:1: can't be imported: Timeout: 3 seconds"]),
        ("def f(conv): return '\x00'\n", ["f.py:1:1: not Python: source code string cannot contain null bytes"]),
        ("def fn(conv): pass\n", ["f.yaml:1:18: no function 'f' in f.py; did you mean 'fn'?"]),
        ("async def f(conv, flow): pass\n", ["f.py:1:1: f: write 'def', not 'async def'; what was awaited is called: 'GetDtmfTask(...).run(conv)'"]),
        ("def f(conv, flow):\n    x = await g()\n", ["f.py:2:9: not Python: 'await' outside async function; what was awaited is called: 'GetDtmfTask(...).run(conv)'"]),
        ("from livekit.agents.beta.workflows import GetDtmfTask\n", ["f.py:1:1: can't be imported: ModuleNotFoundError: No module named 'livekit'; fsflows has a GetDtmfTask of its own: write 'from fsflows import GetDtmfTask'"]),
        ("def f(conv, flow):\n    yield 1\n", ["f.py:1:1: f: a function can't yield"]),
        ("def f(): pass\n", ["f.py:1:1: f is called with (conv, flow); write 'def f(conv, flow):', got f()"]),
        ("def f(a, b, c): pass\n", ["f.py:1:1: f is called with (conv, flow); write 'def f(conv, flow):', got f(a, b, c)"]),
        ("def f(conv, flow): pass\ndef start_function(conv, flow): pass\n", ["f.py:2:1: start_function is called with (conv); write 'def start_function(conv):', got start_function(conv, flow)"]),
        ("def f(conv, flow): pass\ndef end_function(): pass\n", ["f.py:2:1: end_function is called with (conv); write 'def end_function(conv):', got end_function()"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_functions_file(check, code, said):
    assert said == [line for line in check(RUN, code) if "no way" not in line]


@pytest.mark.parametrize(
    "parameters",
    ["conv", "conv, flow", "conv, flow, extra=1", "*args", "conv, **kw", "conv, flow=None"],
)
def test_P8_signatures_that_will_do(check, parameters):
    assert [] == check(RUN, f"def f({parameters}): return {{'hangup': True}}\n")


def test_the_signature_of_a_validation_function(check):
    text = "steps: {a: {dtmf: {num_digits: 4}, validate: {function: ok}, next: {hangup: true}}}"
    assert [] == check(text, "def ok(conv, digits): return True\n")
    said = "f.py:1:1: ok is called with (conv, digits); write 'def ok(conv, digits):', got ok(conv)"
    assert [said] == check(text, "def ok(conv): return True\n")


def test_functions_that_are_missing(check):
    assert [
        "f.yaml:1:18: there is no function 'f': the flow has no functions file; write f.py beside it"
    ] == check(RUN)


def test_a_syntax_warning_is_a_warning(check):
    (said,) = check(RUN, "def f(conv): return {'hangup': 1 is 1}\n")
    assert said.startswith('f.py:1:1: warning: "is" with ')


def test_a_conversation_has_every_name_that_may_be_used():
    from fsflows.conversation.conversation import Conversation, FlowHandle

    def has(owner: type, name: str) -> bool:
        return hasattr(owner, name) or name in ("id", "state", "log")

    assert [] == [
        name for name in compat.Conversation.__annotations__ if not has(Conversation, name)
    ]
    assert [] == [name for name in compat.Flow.__annotations__ if not has(FlowHandle, name)]
