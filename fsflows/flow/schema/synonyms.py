"""What other systems call our settings: play_and_get_digits, VoiceXML, <Gather>, Read, GetDtmfTask and their kin.

Only words that mean the same are here; where none does, `TOLD` says what there is instead. A test holds every setting
that is named here to the schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fsflows.flow.schema.shape import DEFS

Words = Mapping[str, str]

WORDS: Mapping[str, Words] = {
    "flow": {
        "name": "flow id flowname flowid",
        "language": "lang locale",
        "greeting": "welcome welcomemessage welcomeprompt intro greet",
        "functions": "function code python",
        "start_function": "onstart oncall onanswer init setup",
        "end_function": "onhangup onend onfinish teardown",
        "first_step": "start startat startstep entry entrypoint initial initialstep begin first",
        "fallback": "onerror onfailure",
        "handoffs": "transfers destinations",
        "recording": "record recordcall callrecording",
        "steps": "states nodes dialog dialogs menu menus blocks screens",
        "voice": "tts",
        "voice/engine": "ttsengine",
        "voice/voice": "ttsvoice",
    },
    "voice": {"engine": "ttsengine provider tts", "voice": "name ttsvoice"},
    "delay": {"after": "seconds time timeout wait", "say": "text prompt message phrases speak"},
    "escape": {"keys": "key digit digits dtmf", "words": "phrases", "then": "next action"},
    "recording": {
        "format": "type extension ext",
        "path": "file filename filepath name template",
        "start": "when begin",
    },
    "handoff": {
        "transfer": "extension exten blindtransfer",
        "bridge": "dial dialstring",
        "refer": "sipuri",
        "say": "prompt text message speak announcement",
    },
    "prompt_part": {
        "say": "speak tts message ssml",
        "play": "audio file playback media sound audiofile url",
        "silence": "pause wait sleep break",
        "digits": "saydigits",
    },
    "step": {
        "prompt": "say speak tts text texttospeech message prompts question greetlong extrainstructions sayprompt",
        "prompt/play": "audio file playback background media sound audiofile",
        "prompt/silence": "pause wait sleep",
        "dtmf": "gather collect getdigits collectdigits playandgetdigits getdtmf dtmfinput",
        "asr": "speech stt recognizer recognition speechrecognition",
        "validate": "validation validator",
        "confirm": "confirmation askforconfirmation readback",
        "on": "choices options branches ondigit onkey ondtmf routes cases",
        "run": "function callback handler",
        "next": "then nextstep transition redirect",
        "on/otherwise": "else default",
        "on/complete": "oncomplete onsuccess success filled",
        "on/hangup": "onhangup",
        "dtmf/num_digits": "digits",
        "dtmf/first_digit_timeout": "timeout",
        "retry": "reprompt",
    },
    "dtmf": {
        "num_digits": "digits length count numberofdigits digitcount digitlen max maxlength maxlen",
        "min_digits": "min minlength minlen",
        "end_key": "terminator terminators termchar termchars termdigit termdigits terminationkey endkeys"
        " enddigit stopkey stopdigit finishkey submitkey dtmfstopevent",
        "clear_key": "clear clearkeys",
        "first_digit_timeout": "timeout timeoutseconds initialtimeout noinputtimeout firsttimeout starttimeout",
        "inter_digit_timeout": "digittimeout interdigittimer intertimeout dtmfinputtimeout",
        "collection_timeout": "totaltimeout overalltimeout",
        "barge_in": "bargein interruptible dtmfbargein",
        "type_ahead": "typeahead",
        "is_pii": "pii sensitive private secret secure confidential",
    },
    "asr": {
        "enabled": "on active",
        "language": "lang locale",
        "preset": "grammar grammars type mode",
        "keywords": "hints phrases vocabulary speechhints",
        "words": "choices utterances synonyms commands sayings spokenchoices",
        "end_of_speech_timeout": "speechtimeout incompletetimeout endsilencetimeout",
        "alternatives": "maxalternatives nbest maxnbest",
    },
    "validate": {
        "pattern": "regex regexp digitregex digitsregex match",
        "values": "allowed choices options oneof enum list value",
        "check": "checkdigit checksum",
        "phone": "country region",
        "kind": "type",
        "date_format": "format",
        "function": "run callback validator",
    },
    "confirm": {
        "accept": "yes yeskey acceptkey acceptkeys",
        "refuse": "no nokey reject refusekey refusekeys",
        "asks": "attempts tries maxtries maxattempts retries maxretries",
        "prompt": "say text question message",
        "sure": "confidence threshold minconfidence",
        "when": "mode",
    },
    "retry": {
        "attempts": "tries maxtries retries maxretries maxattempts maxfailures count max times",
        "no_input": "noinput timeout noinputprompt silence timeoutprompt",
        "no_match": "nomatch invalid nomatchprompt invalidprompt invalidfile invalidsound",
        "repeat_prompt": "repeat reprompt",
        "then": "next onfailure onfail failure finally exhausted",
    },
    "on": {
        "complete": "success done filled ok valid",
        "no_input": "noinput timeout silence empty t",
        "no_match": "nomatch invalid i",
        "too_short": "short tooshort incomplete",
        "too_long": "long toolong",
        "escaped": "escape",
        "hangup": "disconnect hungup h",
        "otherwise": "default else any other",
        "*": "star asterisk",
        "#": "pound hash",
    },
    "action_block": {
        "run": "function callback handler",
        "say": "prompt speak tts text message",
        "say/play": "audio file playback",
        "goto": "next step gotostep then nextstep jump",
        "flow": "gotoflow subflow",
        "hangup": "disconnect hangupcall",
        "exit": "exitflow",
        "set": "setvar setvariable variables",
        "discard_recording": "deleterecording eraserecording removerecording",
    },
}  # fmt: skip
"""Place (a definition of the schema) -> our setting, perhaps in a block ("prompt/play") -> other words for it.

Words are written in small letters without signs between them: `max_tries`, `maxTries` and `max-tries` are one word.
"""

BLOCKS = ("dtmf", "retry", "validate", "asr", "confirm")
"""The blocks of a step. Their words are understood in the step, in the blocks beside, and at the left margin ..."""

NARROW = frozenset(
    word
    for line in (
        "on active type mode length count max min match value list enum yes no say text message question key repeat",
        "failure finally silence lang locale next format times run clear region country digits confidence threshold",
        "minconfidence valid ok",
    )
    for word in line.split()
)
"""... but for these, which could mean something else there."""

_HANDOFF = "here it is {{handoff: NAME}}, with handoffs: {{NAME: {{{method}: {value}}}}} at the left margin"
_TRANSFER = _HANDOFF.replace("{method}", "transfer")
_BRIDGE = _HANDOFF.replace("{method}", "bridge")
_KEPT = "here it is a row of 'on:', complete: {{set: {{{value}: \"{{digits}}\"}}}}, and then conv.state.{value}"
_NOTE = "write a comment (# ...), or 'x-{key}:' at the left margin"
_HALT = "conv.pause_recording() in a function does that; discard_recording throws the recording away for good"
_NOTES = dict.fromkeys(("description", "comment", "comments", "notes", "note"), _NOTE)
_RECORD = 'recording is the flow\'s: recording: {{start: "step:{step}"}} at the left margin'
_LEADING = {
    **dict.fromkeys(("record", "recordcall", "startrecording"), _RECORD),
    "transfer": _TRANSFER,
    "blindtransfer": _TRANSFER,
    "bridge": _BRIDGE,
    "dial": _BRIDGE,
    "refer": _HANDOFF.replace("{method}", "refer"),
    "stoprecording": _HALT,
    "pauserecording": _HALT,
}
_VARIABLE = dict.fromkeys(("variable", "varname", "var", "saveas", "storeas", "storein"), _KEPT)

TOLD: Mapping[str, Words] = {
    "flow": {
        **_NOTES,
        "version": "leave it out: a flow's version is made from its text",
        "variables": "set them in the start function (conv.state.NAME = ...), or with an action's 'set:'",
    },
    "step": {
        **_NOTES,
        **_VARIABLE,
        **_LEADING,
        "answer": "leave it out: the call is answered when it comes",
        "disconnect": "write next: {{hangup: true}}",
    },
    "dtmf": {
        **_VARIABLE,
        "validdigits": "write validate: {{pattern: \"[12]+\"}} beside 'dtmf:', with those digits in the brackets",
    },
    "handoff": {"context": 'write it behind the number: transfer: "5000 XML {value}"'},
    "action_block": _LEADING,
    "validate": {
        "luhn": "write check: luhn",
        **{kind: f"write kind: {kind}" for kind in ("date", "time", "amount")},
    },
    "recording": {
        "channels": "write stereo: true, or nothing for one channel",
        "enabled": "write recording: true, or leave it out: with other settings it is on",
    },
}
"""Place -> word -> what to write instead, where it has another form here ({key}, {value} and {step} are filled in)."""

NOTED: Mapping[tuple[str, str], str] = {
    ("retry/attempts", "retries"): "the first time counts, too",
    ("retry/attempts", "maxretries"): "the first time counts, too",
    ("confirm/asks", "retries"): "the first time counts, too",
    ("confirm/asks", "maxretries"): "the first time counts, too",
    ("dtmf/first_digit_timeout", "timeout"): "and between keys 'inter_digit_timeout'",
}
"""(Setting, word) -> where the two differ."""

_ON, _OFF = ("true", "yes", "on"), ("false", "no", "off")
_KEY = {
    **dict.fromkeys(("pound", "hash"), '"#"'),
    **dict.fromkeys(("star", "asterisk"), '"*"'),
    **dict.fromkeys((*_OFF, ""), "none"),
}
VALUES: Mapping[str, Words] = {
    "dtmf/end_key": _KEY,
    "dtmf/finish_on_key": _KEY,
    "dtmf/clear_key": _KEY,
    "dtmf/barge_in": dict.fromkeys(_ON, "interrupt") | dict.fromkeys(_OFF, "ignore"),
    "dtmf/type_ahead": dict.fromkeys(_ON, "keep") | dict.fromkeys((*_OFF, "clear", "discard"), "flush"),
    "asr/preset": dict.fromkeys(("digits", "digit", "number"), "numeric")
    | dict.fromkeys(("boolean", "yesno"), "yes_no"),
    "step/confirm": dict.fromkeys(("yes", "on"), "always") | dict.fromkeys(("no", "off"), "never"),
    "confirm/when": dict.fromkeys(_ON, "always") | dict.fromkeys(_OFF, "never"),
    "validate/kind": {"currency": "amount"},
}  # fmt: skip
"""Setting -> what else is written for a value -> our value."""


CONVERSATION: Words = {
    "conv.say()": "speak tts",
    "conv.hang_up()": "hangup disconnect",
    "conv.call_handoff()": "handoff transfer bridge refer dial",
    "conv.exit_flow()": "exit",
    "conv.discard_recording()": "deleterecording eraserecording removerecording",
    "conv.pause_recording()": "stoprecording",
    "conv.write_metric()": "metric",
    "conv.caller_number": "caller callerid calleridnumber fromnumber ani",
    "conv.callee_number": "called callednumber destinationnumber tonumber dnis",
    "conv.sip_headers": "headers",
    "conv.id": "uuid callid calluuid",
    "conv.history[-1].text": "digits dtmf lastinput",
    "conv.state": "variables vars setvariable getvariable setvar getvar",
    "flow.goto_step()": "gotostep nextstep",
}
"""What functions are given -> what else may be looked for in `conv`."""

RETURNED: Words = {
    "utterance": "say text speak prompt message response reply tts",
    "hangup": "end disconnect",
    "handoff": "transfer bridge",
    "transition": "goto next step nextstep gotostep gotoflow exitflow",
}
"""Keys of what a function returns -> other words for them."""


def plain(word: str) -> str:
    """A word in the form of the tables."""
    return re.sub(r"[\s_-]", "", word).lower()


def told(place: str, word: str) -> str | None:
    """What to write instead of a word that has another form here: a template with {key}, {value}, {step}."""
    return TOLD.get(place, {}).get(plain(word))


def setting_for(place: str, word: str) -> str | None:
    """Our setting that a word means at a place, by its path from there."""
    return meant(WORDS.get(place, {}), word)


def setting_around(place: str, word: str) -> tuple[str, str] | None:
    """The block of a step, or the step itself, and its setting that a word means which stands elsewhere."""
    if place not in ("flow", "step", *BLOCKS):
        return None
    narrow = plain(word) in NARROW
    if place in ("flow", "dtmf") or (place in BLOCKS and not narrow):
        within, _, ours = (setting_for("step", word) or "").rpartition("/")
        if ours and within != place:
            return within or "step", ours
    for block in () if narrow else BLOCKS:
        spelled = (each for each in DEFS[block]["properties"] if plain(each) == plain(word))
        found = next(spelled, None) or setting_for(block, word)
        if found is not None and block != place:
            return block, found
    return None


def noted(setting: str, word: str) -> str:
    """Where a setting differs from what the word means elsewhere, in brackets; empty: in nothing."""
    note = NOTED.get((setting, plain(word)))
    return f" ({note})" if note else ""


def meant(words: Words, word: str) -> str | None:
    """Which of our words another word means, or None."""
    sought = plain(word)
    return next((ours for ours, others in words.items() if sought in others.split()), None)
