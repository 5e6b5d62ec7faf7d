"""The simulated FreeSWITCH, held to a real one: recorded calls are played to it, and what comes back is compared.

Compared: which replies, events and notices come, in which order, when (`TOLERANCE`), with which values in the headers of
`COMPARED` and which other headers beside them; what the caller's phone gets and hears; what is on disk.

Not compared, and why:

- channel variables other than those in `COMPARED`: most describe a SIP dialogue and an RTP stream that are not there;
- Event-Sequence, but for duplicates: it counts the whole switch's events, other calls' and ones that nobody asked for;
- Event-Date-*: FreeSWITCH's own clock ran up to 40 ms behind, in steps of 20;
- uuids that FreeSWITCH makes up: only which are the same as which;
- the text of `status` and `uuid_dump`;
- where CHANNEL_PARK comes: a race between the channel and `myevents`, so only that it comes where it came;
- what `NOT_MODELLED` lists.
"""

from __future__ import annotations

import ast
import math
import re

import pytest

from fsflows.switch.transcript import Kind

from . import tracefile
from .replaying import TOLERANCE, Replay, Seen, replay

NOT_REPLAYED = {
    "s00_originate_loopback_7000": "a call that FreeSWITCH itself made, over a loopback channel",
    "s00_sipp_7000": "sipp pressed the keys; the trace has no remark of when",
}

RACES = {
    "s09_fire": (
        "DETECTED_SPEECH",
        "CHANNEL_EXECUTE",
        "the result that `detect_speech stop` flushes comes before or after the stop's own CHANNEL_EXECUTE",
    ),
}
"""Two events of one instant whose order was not the same in every trace: (as recorded here, why)."""

TOLERANCES = {
    "s08_malformed": (0.045, "four commands without meaning cost the channel two more frames"),
    "s12_bridge_bleg_killed_then_playback": (
        0.030,
        "two keys pressed 241 ms apart arrived 200 ms apart",
    ),
}
"""Traces whose own times are off by more than a frame."""

LINGER_TOLERANCE = 1.05
"""The end of a linger time is a whole second of the wall clock: milliseconds before it decide which."""

AUDIO_NOT_COMPARED = {
    "s12_dtmf_apps": "flite's word, and what `file_string` plays, have silence in them",
}

SIP_TOLERANCE = 0.030
AUDIO_TOLERANCE = 0.060
"""What the caller heard was measured at the RTP stream: two frames of it lie between."""

SCENARIOS = [name for name in tracefile.names() if name not in NOT_REPLAYED]

_replayed: dict[str, Replay] = {}


def replayed(name: str) -> Replay:
    if name not in _replayed:
        _replayed[name] = replay(name)
    return _replayed[name]


def test_every_trace_is_replayed_or_says_why_not():
    assert len(tracefile.names()) == 118
    assert set(NOT_REPLAYED) <= set(tracefile.names())
    assert set(RACES) | set(TOLERANCES) <= set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_freeswitch_says(name: str):
    both = replayed(name)
    expected, expected_parks = _without_park(both.expected)
    actual, actual_parks = _without_park(both.actual)
    _settle_races(name, expected, actual)

    assert [str(_timeless(seen)) for seen in expected] == [str(_timeless(seen)) for seen in actual]
    assert expected_parks == actual_parks
    for there, here in zip(expected, actual, strict=True):
        assert there.names == here.names, there
        assert there.at == pytest.approx(here.at, abs=_tolerance(name, there)), there


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_the_callers_phone_gets(name: str):
    both = replayed(name)
    connected = both.channel.created / 1e6 - both.channel.setup.epoch
    there = [
        (line.at, _status(line.text))
        for line in both.lines
        if line.text.startswith("SIP caller got") and line.at >= connected
    ]
    here = [(signal.at, signal.what) for signal in both.channel.transcript.signals]
    # 487 is the answer to the caller's own CANCEL.
    there = [signal for signal in there if signal[1] != "487"]

    assert [what for _, what in there] == [what for _, what in here]
    for expected, actual in zip(there, here, strict=True):
        assert expected[0] == pytest.approx(actual[0], abs=_sip_tolerance(name)), expected


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in AUDIO_NOT_COMPARED])
def test_what_the_caller_hears(name: str):
    both = replayed(name)
    remarks = [
        found[1]
        for line in both.lines
        if (found := re.search(r"(?:caller heard(?: audio spans)?|heard=)\s?(\[.*\])", line.text))
    ]
    there = ast.literal_eval(remarks[-1]) if remarks else []
    here = _audible(both)

    assert len(there) == len(here), (there, here)
    for expected, actual in zip(there, here, strict=True):
        assert expected == pytest.approx(actual, abs=AUDIO_TOLERANCE)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name.startswith("s05")])
def test_what_is_on_disk(name: str):
    both = replayed(name)

    assert both.checked_files
    for at, path, there, here in both.checked_files:
        assert (there is None) == (here is None), (at, path)
        if there is not None and here is not None:
            # Two frames of 20 ms: 4 bytes a sample in stereo, at up to 16 kHz; RECORD_TITLE is a chunk of its own.
            assert there == pytest.approx(here, abs=2 * 0.02 * 16000 * 4 + 30), (at, path)
            assert (there == 44) == (here == 44), (at, path)


def _without_park(seen: list[Seen]) -> tuple[list[Seen], int]:
    rest = [item for item in seen if item.what != "CHANNEL_PARK"]
    return rest, len(seen) - len(rest)


def _settle_races(name: str, expected: list[Seen], actual: list[Seen]) -> None:
    first, second, _ = RACES.get(name, ("", "", ""))
    for place in range(min(len(expected), len(actual)) - 1):
        recorded = [seen.what for seen in expected[place : place + 2]]
        here = [seen.what for seen in actual[place : place + 2]]
        if recorded == [first, second] and here == [second, first]:
            expected[place : place + 2] = expected[place + 1], expected[place]


def _timeless(seen: Seen) -> Seen:
    return Seen(0, seen.what, seen.fields)


def _tolerance(name: str, seen: Seen) -> float:
    if seen.what in {"notice disconnect", "end"}:
        return LINGER_TOLERANCE
    return TOLERANCES.get(name, (TOLERANCE, ""))[0]


def _sip_tolerance(name: str) -> float:
    if name == "s01_sync":
        return LINGER_TOLERANCE  # the BYE waits for the linger time
    return max(SIP_TOLERANCE, TOLERANCES.get(name, (0.0, ""))[0])


def _status(text: str) -> str:
    found = re.search(r"SIP/2.0 (\d+)|(BYE)", text)
    assert found, text
    return found[1] or found[2]


def _audible(both: Replay) -> list[tuple[float, float]]:
    """The spans of time in which something is heard, those run together that are less than 50 ms apart."""
    spans: list[tuple[float, float]] = []
    for sound in both.channel.transcript.heard:
        if sound.kind is Kind.SILENCE or (sound.kind is Kind.PARTY and math.isinf(sound.length)):
            # The parties that were bridged to for good said nothing.
            continue
        end = sound.end if sound.end is not None else both.lines[-1].at
        if spans and sound.start - spans[-1][1] < 0.05:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((sound.start, end))
    return spans
