"""Scenarios to read: a line is a time in seconds, what happens, and to what.

0.0  key 5            a key, from RTP; "key 5 INBAND_AUDIO" names another source
0.0  keys 5551234     a key each 0.1 s
0.0  partial five     a partial result
0.0  final five | nine @0.4     alternatives, each with a confidence if it says so
0.0  prompt ends | speech lost | hangup
0.0  wait             nothing: the time is looked at
"""

from __future__ import annotations

from typing import Any

from fsflows.collect import Alternative, Collection, Collector, Key


def alternative(text: str) -> Alternative:
    said, _, confidence = text.partition("@")
    return Alternative(said.strip(), float(confidence) if confidence else None)


def feed(listener: Any, line: str) -> None:
    time, what, *rest = line.split(maxsplit=2)
    at, text = float(time), (rest[0] if rest else "")
    match what:
        case "key":
            listener.key(text.split()[0], at, *text.split()[1:])
        case "keys":
            for place, key in enumerate(text):
                listener.key(key, at + place / 10)
        case "partial":
            listener.partial(text, at)
        case "final":
            listener.final([alternative(each) for each in text.split("|")], at)
        case "prompt":
            listener.prompt_ended(at)
        case "speech":
            listener.speech_lost(at)
        case "hangup":
            listener.hangup(at)
        case "wait":
            listener.advance(at)
        case _:
            raise ValueError(line)


def lines(scenario: str) -> list[str]:
    return [line.strip() for line in scenario.strip().splitlines() if line.strip()]


def play(listener: Any, scenario: str, *, to_the_end: bool = True) -> Any:
    """Feed a scenario, then nothing more until the listener has ended by itself."""
    for line in lines(scenario):
        feed(listener, line)
    while to_the_end and listener.deadline is not None:
        listener.advance(listener.deadline)
    return listener


def collector(
    spec: Collection, scenario: str = "", *, prompt: bool = False, **more: Any
) -> Collector:
    """A collector after a scenario and the silence that follows. `prompt`: one plays at the opening, at 0.0 s."""
    if "typed_ahead" in more:
        more["typed_ahead"] = [Key(key, at) for key, at in more["typed_ahead"]]
    return play(Collector(spec, opened_at=0.0, prompt_playing=prompt, **more), scenario)


def attempt(spec: Collection, scenario: str = "", **more: Any) -> Any:
    """Its attempt."""
    return collector(spec, scenario, **more).result


def ending(spec: Collection, scenario: str = "", **more: Any) -> tuple[str, str, Any, float]:
    """(outcome, how, digits, when) of it."""
    result = attempt(spec, scenario, **more)
    return str(result.outcome), str(result.how), result.digits, round(result.ended_at, 3)
