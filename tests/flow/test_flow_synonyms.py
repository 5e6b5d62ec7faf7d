"""Words of other systems, and settings in the wrong place: what is said, and that following it works."""

from __future__ import annotations

import copy
import re

import jsonschema
import pytest
import yaml

from fsflows.conversation.returns import read_return
from fsflows.flow.python import compat
from fsflows.flow.schema import synonyms
from fsflows.flow.schema.advice import block, is_known
from fsflows.flow.schema.shape import DEFS, SCHEMA, definition

PLACES = {**DEFS, "flow": SCHEMA} | {
    name: SCHEMA["properties"][name] for name in ("voice", "escape", "delay")
}


def lands(place: str, setting: str) -> bool:
    schema = PLACES[place]
    *blocks, last = setting.split("/")
    for name in blocks:
        schema = block(schema["properties"][name])
    return is_known(last, schema)


def test_every_word_leads_to_a_setting_that_exists():
    astray = [
        (place, setting)
        for place, words in synonyms.WORDS.items()
        for setting in words
        if not lands(place, setting)
    ]

    assert [] == astray


def test_no_word_is_a_setting_of_ours_or_means_two_things():
    for place, words in synonyms.WORDS.items():
        known = set(PLACES[place].get("properties", {}))
        found = " ".join(words.values()).split() + list(synonyms.TOLD.get(place, ()))
        assert (place, sorted(set(found))) == (place, sorted(found))
        assert (place, set()) == (place, set(found) & known)
        assert found == [synonyms.plain(word) for word in found]


def test_what_is_told_and_noted_belongs_to_places_and_settings_that_exist():
    assert set(synonyms.TOLD) <= set(PLACES)
    for setting, word in synonyms.NOTED:
        assert lands(*setting.split("/"))
        place, ours = setting.split("/")
        assert word in synonyms.WORDS[place][ours].split()
    every = {
        word
        for words in synonyms.WORDS.values()
        for text in words.values()
        for word in text.split()
    }
    assert set() == synonyms.NARROW - every  # fmt: skip


def test_every_value_that_is_offered_is_one_of_its_setting():
    for setting, values in synonyms.VALUES.items():
        place, key = setting.split("/")
        schema = {**definition(PLACES[place]["properties"][key]), "$defs": DEFS}
        for word, ours in values.items():
            allowed = jsonschema.Draft202012Validator(schema)
            assert allowed.is_valid(yaml.safe_load(ours)), (setting, ours)
            assert not allowed.is_valid(word), (setting, word)


def test_what_functions_are_told_exists():
    for ours, words in synonyms.CONVERSATION.items():
        owner, name = re.match(r"(\w+)\.(\w+)", ours).groups()
        real = {"conv": compat.Conversation, "flow": compat.Flow}[owner]
        assert name in real.__annotations__
        assert not [word for word in words.split() if word in compat.Conversation.__annotations__]
    for ours in synonyms.RETURNED:
        read_return({ours: None})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dtmf: {num_digits: 4, terminators: '#'}", "3:27: unknown key 'terminators' in dtmf; here it is called 'end_key'"),
        ("dtmf: {num_digits: 4, digit_timeout: 3}", "3:27: unknown key 'digit_timeout' in dtmf; here it is called 'inter_digit_timeout'"),
        ("dtmf: {num_digits: 4, timeout: 5}", "3:27: unknown key 'timeout' in dtmf; here it is called 'first_digit_timeout' (and between keys 'inter_digit_timeout')"),
        ("dtmf: {num_digits: 4, max_tries: 3}", "3:27: unknown key 'max_tries' in dtmf; here it is 'attempts', under the step's 'retry:'"),
        ("dtmf: {num_digits: 4, regex: '[0-9]+'}", "3:27: unknown key 'regex' in dtmf; here it is 'pattern', under the step's 'validate:'"),
        ("dtmf: {num_digits: 4, pattern: '[0-9]+'}", "3:27: unknown key 'pattern' in dtmf; it belongs under the step's 'validate:'"),
        ("dtmf: {num_digits: 4, maxlength: 4}", "3:27: unknown key 'maxlength' in dtmf; here it is called 'num_digits'"),
        ("dtmf: {num_digits: 4, var_name: pin}", "3:27: unknown key 'var_name' in dtmf; here it is a row of 'on:', complete: {set: {pin: \"{digits}\"}}, and then conv.state.pin"),
        ("dtmf: {num_digits: 4, bargein: false}", "3:27: unknown key 'bargein' in dtmf; here it is called 'barge_in'|3:36: barge_in must be interrupt, collect or ignore, got false; write ignore"),
        ("dtmf: {num_digits: 4, file: a.wav}", "3:27: unknown key 'file' in dtmf; here it is 'play', under the step's 'prompt:'"),
        ("dtmf: {num_digits: 4, valid_digits: '12'}", "3:27: unknown key 'valid_digits' in dtmf; write validate: {pattern: \"[12]+\"} beside 'dtmf:', with those digits in the brackets"),
        ("interDigitTimeout: 4", "3:5: unknown key 'interDigitTimeout' in step 'ask'; here it is 'inter_digit_timeout', under 'dtmf:'"),
        ("Prompt: Hi", "3:5: unknown key 'Prompt' in step 'ask'; did you mean 'prompt'?"),
        ("gather: {numDigits: 4, terminators: pound, tries: 2}", "3:5: unknown key 'gather' in step 'ask'; here it is called 'dtmf'|3:14: unknown key 'numDigits' in dtmf; did you mean 'num_digits'?|3:28: unknown key 'terminators' in dtmf; here it is called 'end_key'|3:41: end_key must be keys of the telephone, such as \"#\" or [\"#\", \"*\"], or none, got 'pound'; write \"#\"|3:48: unknown key 'tries' in dtmf; here it is 'attempts', under the step's 'retry:'"),
        ("{dtmf: {num_digits: 1}, ask_for_confirmation: true, next: ask}", "3:29: unknown key 'ask_for_confirmation' in step 'ask'; here it is called 'confirm'"),
        ("answer: true", "3:5: unknown key 'answer' in step 'ask'; leave it out: the call is answered when it comes"),
        ("{prompt: Hi, hangup: }", "3:18: unknown key 'hangup' in step 'ask'; it belongs under 'next:': next: {hangup: true}"),
        ("{prompt: Hi, next: {exit: yes}}", "3:31: exit must be true, got 'yes'; write true"),
        ("{prompt: Hi, next: {hangup: 486}}", "3:33: '486' is not a hangup cause; a cause is a name, such as USER_BUSY"),
        ("{prompt: Hi, next: again}", "3:24: no step is named 'again'; to stay in a step write its own name"),
        ("{prompt: Hi, next: next}", "3:24: no step is named 'next'; write the name of the step that 'next:' has"),
        ("{prompt: Hi, run: f()}", "3:23: there is no function 'f()'; write its name without the brackets"),
        ("dtmf: {num_digits: 4, barge_in: false}", "3:37: barge_in must be interrupt, collect or ignore, got false; write ignore"),
        ("dtmf: {num_digits: 4, end_key: star}", '3:36: end_key must be keys of the telephone, such as "#" or ["#", "*"], or none, got \'star\'; write "*"'),
        ("dtmf: {num_digits: 4, end_key: false}", '3:36: end_key must be keys of the telephone, such as "#" or ["#", "*"], or none, got \'false\'; write none'),
        ("dtmf: {num_digits: 1-4}", "3:24: num_digits must be between 1 and 32 (or -1 for no limit), got '1-4'; write num_digits: 4, min_digits: 1"),
        ("dtmf: {num_digits: 4, first_digit_timeout: 500ms}", "3:48: first_digit_timeout must be more than 0 and at most 120 seconds, got '500ms', which has a unit; write 0.5"),
        ("dtmf: {num_digits: 4, first_digit_timeout: [5]}", "3:27: first_digit_timeout must be more than 0 and at most 120 seconds, got a list"),
        ("dtmf: {num_digits: 4, end_key:none}", "3:27: unknown key 'end_key:none' in dtmf; write 'end_key: none', with a space after the ':'"),
        ("num_digits: 4", "3:5: unknown key 'num_digits' in step 'ask'; it belongs under 'dtmf:'"),
        ("timeout: 4", "3:5: unknown key 'timeout' in step 'ask'; here it is 'first_digit_timeout', under 'dtmf:' (and between keys 'inter_digit_timeout')"),
        ("retries: 3", "3:5: unknown key 'retries' in step 'ask'; here it is 'attempts', under 'retry:' (the first time counts, too)"),
        ("gather: {num_digits: 4}", "3:5: unknown key 'gather' in step 'ask'; here it is called 'dtmf'"),
        ("speech: true", "3:5: unknown key 'speech' in step 'ask'; here it is called 'asr'"),
        ("tts: Hello", "3:5: unknown key 'tts' in step 'ask'; here it is called 'prompt'"),
        ("say: Hello", "3:5: unknown key 'say' in step 'ask'; here it is called 'prompt'"),
        ("playback: a.wav", "3:5: unknown key 'playback' in step 'ask'; here it is 'play', under 'prompt:'"),
        ("{prompt: Hi, say: Ho, next: {hangup: true}}", "3:18: unknown key 'say' in step 'ask'; here it is called 'prompt', which may be a list"),
        ("prompt: {audio: a.wav}", "3:14: unknown key 'audio' in prompt; here it is called 'play'"),
        ("prompt: {pause: 1}", "3:14: unknown key 'pause' in prompt; here it is called 'silence'"),
        ("prompt: 'Hi ${name}'", "3:13: warning: '${name}' is not filled in; write {name}"),
        ("prompt: '/sounds/${language}/hi.wav'", ""),
        ("prompt: 'Hi {{name}}'", "3:13: '{{name}}' has braces too many; write {name}"),
        ("transfer: '1000'", "3:5: unknown key 'transfer' in step 'ask'; here it is {handoff: NAME}, with handoffs: {NAME: {transfer: \"1000\"}} at the left margin"),
        ("dial: user/1000", "3:5: unknown key 'dial' in step 'ask'; here it is {handoff: NAME}, with handoffs: {NAME: {bridge: user/1000}} at the left margin"),
        ("record: true", "3:5: unknown key 'record' in step 'ask'; recording is the flow's: recording: {start: \"step:ask\"} at the left margin"),
        ("stop_recording: true", "3:5: unknown key 'stop_recording' in step 'ask'; conv.pause_recording() in a function does that; discard_recording throws the recording away for good"),
        ("function: f", "3:5: unknown key 'function' in step 'ask'; here it is called 'run'|3:15: there is no function 'f': the flow has no functions file; write f.py beside it"),
        ("default: bye", "3:5: unknown key 'default' in step 'ask'; here it is 'otherwise', under 'on:'"),
        ("1: bye", "3:5: unknown key '1' in step 'ask'; it belongs under 'on:'"),
        ("menu: {1: bye, 2: bye}", "3:5: unknown key 'menu' in step 'ask'; its rows belong under 'on:'"),
        ("notes: x", "3:5: unknown key 'notes' in step 'ask'; write a comment (# ...), or 'x-notes:' at the left margin"),
        ("x-note: x", "3:5: unknown key 'x-note' in step 'ask'; notes and anchors of your own stand at the left margin"),
        ("{next: hangup, prompt: Hi}", "3:12: no step is named 'hangup'; to do that write {hangup: true}"),
        ("{next: end, prompt: Hi}", "3:12: no step is named 'end'; to do that write {hangup: true}"),
        ("{next: {step: ask, prompt: Hi, run: f}}", "3:13: unknown key 'step' in next; here it is called 'goto'|3:24: unknown key 'prompt' in next; here it is called 'say'|3:41: there is no function 'f': the flow has no functions file; write f.py beside it"),
        ("{next: {stop_recording: true, exit: true}}", "3:13: unknown key 'stop_recording' in next; conv.pause_recording() in a function does that; discard_recording throws the recording away for good"),
        ("{next: {delete_recording: true, exit: true}}", "3:13: unknown key 'delete_recording' in next; here it is called 'discard_recording'"),
        ("{dtmf: {num_digits: 1}, on: {timeout: ask, i: ask, pound: ask, else: ask}, validate: {values: ['1', '#']}}", "3:34: 'timeout' is neither digits nor an outcome; here it is called 'no_input'|3:48: 'i' is neither digits nor an outcome; here it is called 'no_match'|3:56: 'pound' is neither digits nor an outcome; the key is written \"#\", in quotes|3:68: 'else' is neither digits nor an outcome; here it is called 'otherwise'"),
        ("{dtmf: {num_digits: 1}, on: [ask], next: ask}", "3:29: on must be a mapping from digits or outcomes to actions, got a list; a name takes the place of each '-'"),
        ("{dtmf: {num_digits: 1}, retry: 3, next: ask}", "3:36: retry must be a mapping with attempts, no_input, no_match ..., got 3; write {attempts: 3}"),
        ("{dtmf: {num_digits: 1}, retry: {tries: 3, invalid: What?, timeout: Hello?}, next: ask}", "3:37: unknown key 'tries' in retry; here it is called 'attempts'|3:47: unknown key 'invalid' in retry; here it is called 'no_match'|3:63: unknown key 'timeout' in retry; here it is called 'no_input'"),
        ("{dtmf: {num_digits: 16}, validate: luhn, next: ask}", "3:40: validate must be a mapping with pattern, values, check, phone, kind or function, got 'luhn'; write {check: luhn}"),
        ("{dtmf: {num_digits: 4}, validate: '[0-9]+', next: ask}", "3:39: validate must be a mapping with pattern, values, check, phone, kind or function, got '[0-9]+'; write {pattern: \"[0-9]+\"}"),
        ("{dtmf: {num_digits: 4}, validate: {date: true}, next: ask}", "3:40: unknown key 'date' in validate; write kind: date"),
        ("{dtmf: {num_digits: 4}, confirm: yes, next: ask}", "3:38: confirm must be never, always, when_unsure or a mapping with when, accept, refuse ..., got 'yes'; write always"),
        ("{dtmf: {num_digits: 4}, asr: off, next: ask}", "3:34: asr must be true, false or a mapping with words, language, preset ..., got 'off'; write false"),
        ("{dtmf: {num_digits: 4}, asr: {hints: [a]}, next: ask}", "3:35: unknown key 'hints' in asr; here it is called 'keywords'"),
        ("{prompt: Hi, discard_recording: true, next: ask}", "3:18: unknown key 'discard_recording' in step 'ask'; it belongs under 'next:': next: {discard_recording: true, goto: ask}"),
        ("{prompt: Hi, discard_recording: true, next: {goto: ask}}", "3:18: unknown key 'discard_recording' in step 'ask'; it belongs under 'next:', beside what it has"),
        ("{dtmf: {num_digits: 1}, discard_recording: true, next: ask}", "3:29: unknown key 'discard_recording' in step 'ask'; it belongs under 'next:' (or a row of 'on:'): next: {discard_recording: true, goto: ask}"),
        ("{prompt: Hi, hangup: true}", "3:18: unknown key 'hangup' in step 'ask'; it belongs under 'next:': next: {hangup: true}"),
    ],
)  # fmt: skip
def test_words_in_a_step(check, line, said):
    text = f"steps:\n  ask:\n    {line}\n"
    if not line.startswith("{"):
        text += "    next: {hangup: true}\n"

    assert [f"f.yaml:{each}" for each in said.split("|") if each] == check(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("start: two", "unknown key 'start'; here it is called 'first_step'"),
        ("retries: 2", "unknown key 'retries'; here it is 'attempts', under a step's 'retry:' (the first time counts, too)"),
        ("timeout: 2", "unknown key 'timeout'; here it is 'first_digit_timeout', under a step's 'dtmf:' (and between keys 'inter_digit_timeout')"),
        ("inter_digit_timeout: 2", "unknown key 'inter_digit_timeout'; it belongs to a step, under 'dtmf:'"),
        ("dtmf: {num_digits: 4}", "unknown key 'dtmf'; it belongs to a step, under 'steps:'"),
        ("hangup: true", "unknown key 'hangup'; it belongs to a step, under 'next:' or a row of 'on:'"),
        ("ask: {prompt: Hi, next: two}", "unknown key 'ask'; it looks like a step; steps stand under 'steps:'"),
        ("version: 2", "unknown key 'version'; leave it out: a flow's version is made from its text"),
        ("welcome: Hi", "unknown key 'welcome'; here it is called 'greeting'"),
        ("say: Hi", "unknown key 'say'; here it is 'prompt', in a step"),
        ("on_hangup: bye", "unknown key 'on_hangup'; here it is called 'end_function'|there is no function 'bye': the flow has no functions file; write f.py beside it"),
        ("escape: {key: '0', then: two}", "unknown key 'key' in escape; here it is called 'keys'"),
        ("fallback: {transfer: '1'}", "unknown key 'transfer' in fallback; here it is {handoff: NAME}, with handoffs: {NAME: {transfer: \"1\"}} at the left margin"),
        ("handoffs: {a: {transfer: 5, context: public}}", "unknown key 'context' in hand-off 'a'; write it behind the number: transfer: \"5000 XML public\""),
        ("stereo: true", "unknown key 'stereo'; it belongs under 'recording:'"),
        ("voice: slt", "voice must be a mapping with engine, voice, got 'slt'"),
        ("escape: '0'", "escape must be a mapping such as {keys: \"0\", then: operator}, got '0'"),
        ("handoffs: {a: user/1000}", "hand-off 'a' must be a mapping with one of transfer, bridge, refer, got 'user/1000'; write {bridge: user/1000}"),
        ("handoffs: {a: '5000'}", "hand-off 'a' must be a mapping with one of transfer, bridge, refer, got '5000'; write {transfer: \"5000\"}"),
        ("handoffs: {a: {dial: user/1000}}", "unknown key 'dial' in hand-off 'a'; here it is called 'bridge'"),
        ("recording: yes", "recording must be true, false or a mapping with start, format, stereo, path, got 'yes'; write true"),
        ("recording: {enabled: true}", "unknown key 'enabled' in recording; write recording: true, or leave it out: with other settings it is on"),
    ],
)  # fmt: skip
def test_words_at_the_left_margin(check, line, said):
    found = check(f"{line}\nsteps: {{two: {{prompt: hello, next: {{hangup: true}}}}}}\n")

    assert said.split("|") == [each.split(": ", 1)[1] for each in found]


def test_a_flow_in_the_words_of_another_system_is_read_to_its_end(check):
    text = """
        states:
          main:
            gather: {numDigits: 4}
            choices: {timeout: by}
            next: bye
          bye: {text: Bye, redirect: mian}
        """

    assert [
        "f.yaml:1:1: unknown key 'states'; here it is called 'steps'",
        "f.yaml:3:5: unknown key 'gather' in step 'main'; here it is called 'dtmf'",
        "f.yaml:3:14: unknown key 'numDigits' in dtmf; did you mean 'num_digits'?",
        "f.yaml:4:5: unknown key 'choices' in step 'main'; here it is called 'on'",
        "f.yaml:4:15: 'timeout' is neither digits nor an outcome; here it is called 'no_input'",
        "f.yaml:4:24: no step is named 'by'; did you mean 'bye'?",
        "f.yaml:6:9: unknown key 'text' in step 'bye'; here it is called 'prompt'",
        "f.yaml:6:20: unknown key 'redirect' in step 'bye'; here it is called 'next'",
        "f.yaml:6:30: no step is named 'mian'; did you mean 'main'?",
    ] == check(text)


def test_a_step_that_is_not_indented(check):
    text = """
        steps:
          ask:
          prompt: Hi
          dtmf: {num_digit: 4}
          next: bye
          bye: {prompt: Bye, next: {hangup: true}}
        """

    assert [
        "f.yaml:3:3: step 'ask' is empty; indent its settings further than its name",
        "f.yaml:4:3: dtmf needs num_digits: between 1 and 32, or -1 for no limit",
        "f.yaml:4:10: unknown key 'num_digit' in dtmf; did you mean 'num_digits'?",
    ] == check(text)


def test_a_row_that_is_a_comment(check):
    text = """
        steps:
          ask:
            prompt: Hi  #: x
            dtmf: {num_digits: 1}
            on:
              #: {goto: ask}
              #: see above, and below
              1: ask
            next: {hangup: true}
        """
    what = "warning: '#' begins a comment: this row is none; for the # key write \"#\": in quotes"

    assert [f"f.yaml:6:7: {what}"] == check(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps:\n  a:\n    next: hangup: true\n", "f.yaml:3:17: no ':' here; a setting inside a line needs braces: next: {hangup: true}"),
        ("steps:\n  a:\n    dtmf: num_digits: 4\n", "f.yaml:3:21: no ':' here; a setting inside a line needs braces: dtmf: {num_digits: 4}"),
        ("steps:\n  a:\n    prompt: note: this\n", "f.yaml:3:17: no ':' here; quote a text that has ': ' in it, or mend the indentation"),
        ("steps:\n  a:\n    prompt: hi\n\tnext: b\n", "f.yaml:4:1: a tab can't be used here; indent with spaces"),
    ],
)  # fmt: skip
def test_yaml_that_is_none(check, text, said):
    assert [said] == check(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return {'say': 'Hi'}", "13: warning: 'say' means nothing in what a function returns; here it is called 'utterance'"),
        ("return {'goto': 'a'}", "13: warning: 'goto' means nothing in what a function returns; here it is called 'transition'"),
        ("return {'colour': 1}", "13: warning: 'colour' means nothing in what a function returns; known: utterance, hangup, handoff, listen, transition"),
        ("conv.delete_recording()", "10: warning: conv has no 'delete_recording'; write conv.discard_recording()"),
        ("conv.stop_recording()", "10: warning: conv has no 'stop_recording'; write conv.pause_recording()"),
        ("conv.goto_step('a')", "10: warning: conv has no 'goto_step'; write flow.goto_step()"),
        ("conv.handoff('a')", "10: warning: conv has no 'handoff'; write conv.call_handoff()"),
        ("conv.uuid", "10: warning: conv has no 'uuid'; write conv.id"),
    ],
)  # fmt: skip
def test_words_in_a_function(check, line, said):
    assert [f"f.py:2:{said}"] == check(
        "steps: {a: {run: f, next: {hangup: true}}}", f"def f(conv, flow):\n    {line}\n"
    )


def test_a_function_that_no_flow_calls_may_return_and_be_given_what_it_likes(check):
    functions = """
def f(conv, flow): return look(conv.state.found)
def look(response): return {"text": response.headers, "end": response.uuid}
"""
    assert [] == check("steps: {a: {run: f, next: {hangup: true}}}", functions)


# --- "it belongs under ...", followed to the letter --------------------------------------------------------------

BASE = yaml.safe_load("""
handoffs: {desk: {transfer: "5000"}}
voice: {engine: flite}
escape: {keys: "0", then: bye}
delay: {say: [One moment.]}
recording: {format: wav}
steps:
  ask:
    prompt: Key it.
    dtmf: {num_digits: 4}
    asr: {preset: numeric}
    validate: {pattern: "[0-9]{4}"}
    confirm: {when: always}
    retry: {attempts: 3}
    next: bye
  idle: {prompt: Hello., next: bye}
  bye: {prompt: Bye., next: {hangup: true}}
""")
WAYS = [
    (), ("escape",), ("delay",), ("steps", "ask"), ("steps", "idle"), ("steps", "ask", "dtmf"), ("steps", "ask", "asr"),
    ("steps", "ask", "validate"), ("steps", "ask", "confirm"), ("steps", "ask", "retry"), ("steps", "bye", "next"),
]  # fmt: skip
SAMPLES = {
    "num_digits": 4, "max_digits": 4, "min_digits": 4, "end_key": "#", "finish_on_key": "#", "clear_key": "*",
    "allow_letters": True, "first_digit_timeout": 3, "inter_digit_timeout": 3, "collection_timeout": 30,
    "barge_in": "collect", "collect_while_agent_speaking": True, "early_listening": True, "type_ahead": "flush",
    "same_press_window": 0.1, "policy": "merge", "is_pii": True, "enabled": True, "language": "en-US",
    "preset": "numeric", "keywords": ["pin"], "barge_in_words": 2, "settle_time": 0.3, "end_of_speech_timeout": 3,
    "alternatives": 5, "partial_timeout": 1, "hold_limit": 10, "pattern": "[0-9]{4}", "values": ["1234"],
    "check": "luhn", "function": "g", "when": "always", "accept": "1", "refuse": "2", "groups": [2, 2], "sure": 0.5,
    "spoken_is_unsure": True, "timeout": 3, "asks": 2, "attempts": 2, "no_input": "Hello?", "no_match": "What?",
    "repeat_prompt": True, "keys_only_after": 1, "then": "bye", "discard_recording": True, "set": {"a": 1},
    "metric": "m", "run": "f", "goto": "bye", "flow": "f", "handoff": "desk", "hangup": True, "exit": True,
    "say": "Hi.", "play": "a.wav", "digits": "12", "silence": 1, "engine": "flite", "voice": "slt", "after": 3,
    "keys": "0", "words": ["operator"], "start": "answer", "format": "wav", "stereo": True, "path": "{uuid}",
}  # fmt: skip
SPOKEN_OR_DONE = (
    DEFS["action_block"]["properties"].keys() | DEFS["prompt_part"]["properties"].keys()
)
FUNCTIONS = "def f(conv, flow): pass\ndef g(conv, digits): return True\n"
UNDER = re.compile(r"it belongs under (the step's )?'(\w+):'(.*)")


def at(tree, way):
    for name in way:
        tree = tree[name]
    return tree


def follow(tree, way, key, advice):
    """The tree with a key put where the advice wants it; of an action, the text that the advice gives."""
    whose, name, rest = UNDER.search(advice).groups()
    owner = at(tree, way)
    value = owner.pop(key)
    owner = at(tree, way[:2]) if whose else owner
    given = owner.get(name)
    if "): " in rest or rest.startswith(": "):
        parts = yaml.safe_load(
            rest.partition(": ")[2].replace("...", "{a: 1}").replace("STEP", "bye")
        )
        owner.update(parts)
    elif name == "prompt" and given is not None:
        owner[name] = [given, {key: value}]
    else:
        owner[name] = {**(given or {}), key: value}
    return tree


def errors(found):
    return [each for each in found if " warning: " not in each]


def test_what_belongs_elsewhere_is_right_there(check):
    assert [] == errors(check(yaml.safe_dump(BASE, sort_keys=False), FUNCTIONS))
    followed = set()
    for way in WAYS:
        # In a step that collects nothing, what is about digits only leads on to the advice to add 'dtmf:'.
        samples = SPOKEN_OR_DONE if way == ("steps", "idle") else SAMPLES.keys()
        strange = sorted(samples - at(BASE, way).keys())
        whole = copy.deepcopy(BASE)
        at(whole, way).update((key, SAMPLES[key]) for key in strange if key in SAMPLES)
        for said in check(yaml.safe_dump(whole, sort_keys=False), FUNCTIONS):
            if "unknown key" in said and UNDER.search(said):
                tree, key = copy.deepcopy(BASE), said.split("'")[1]
                at(tree, way)[key] = SAMPLES[key]
                now = check(
                    yaml.safe_dump(follow(tree, way, key, said), sort_keys=False), FUNCTIONS
                )
                assert (way, said, []) == (way, said, errors(now))
                followed.add((way, key))
    assert (("steps", "idle"), "discard_recording") in followed
    assert (("steps", "ask", "dtmf"), "attempts") in followed
    assert ((), "stereo") in followed
    assert len(followed) > 100
