"""What else a script's words may be called: for the advice about a word that a script doesn't know."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from fsflows.advice import did_you_mean

VERBS: Mapping[str, str] = {
    "press": "key keys dtmf digits",
    "say": "speak speech",
    "wait": "sleep pause",
    "hear": "listen",
    "hangup": "hang hang_up disconnect bye",
    "expect": "assert check",
    "from": "caller",
    "set": "var variable",
    "recogniser": "recognizer",
    "dialled": "dialed calls outbound callee",
    "state": "value values conv.state",
    "machine": "amd voicemail",
}
EXPECTED: Mapping[str, str] = {
    "heard": "said hears hear says",
    "handoff": "transfer transferred",
    "failed": "error raised fails function",
}
_TIME = re.compile(r"([0-9]*\.?[0-9]+)(ms|s|sec|seconds)")


def instead(word: str, known: Collection[str], words: Mapping[str, str]) -> str:
    """What to write for an unknown word: ours, the nearest, or all that there are."""
    for ours, others in words.items():
        if word in others.split() and ours in known:
            return f"here it is called {ours!r}"
    return did_you_mean(word, known, "there are", cutoff=0.75)


def without_unit(text: str) -> str:
    """What to write for a time that was given with its unit ("500ms"); empty: it is no such time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return ""
    return f"; write {float(found.group(1)) * (0.001 if found.group(2) == 'ms' else 1):g}"
