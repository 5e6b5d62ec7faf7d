"""What a call's events weigh, by what FreeSWITCH is asked for: events and bytes of one call of some 30 seconds.

    python benchmarks/subscription.py

The call is that of `rehearsal.py`, played by the simulated FreeSWITCH, its events written as a real one writes them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rehearsal import FLOW, KEYED

from fsflows.call.audio import Voice
from fsflows.call.call import Call
from fsflows.call.subscription import EVENTS, LINGER, subscribe
from fsflows.clock import VirtualClock
from fsflows.conversation.run import Services, run_call
from fsflows.esl import commands, serialize
from fsflows.esl.commands import MYEVENTS, Command
from fsflows.flow.loader import load_flows
from fsflows.switch import parse_script
from fsflows.switch.event import SwitchEvent
from fsflows.switch.link import SimulatedEvent, incoming_call

MORE = [name for name in EVENTS if name not in MYEVENTS]
ALL = ("PLAYBACK_START", "PLAYBACK_STOP", "CHANNEL_CALLSTATE", "CODEC", "RECORD_START")

OPENINGS: dict[str, Callable[[], list[Command]]] = {
    "everything of the channel": lambda: [
        commands.linger(LINGER),
        commands.myevents(),
        commands.events(ALL + tuple(MORE)),
    ],
    "myevents, and what it lacks": lambda: [
        commands.linger(LINGER),
        commands.myevents(),
        commands.events(MORE),
    ],
    "what a call needs (ours)": subscribe,
}


def weigh(opening: list[Command]) -> Counter[str]:
    """Bytes by event, and "events": how many."""
    weighed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "flow.yaml")
        path.write_text(FLOW.format(recording="false", asr="false"))
        flows = load_flows([path])
        clock = VirtualClock()
        link = incoming_call(clock, opening=opening, script=parse_script(KEYED))
        took = link._took

        def weighing(frame: object) -> None:
            if isinstance(frame, SwitchEvent):
                weighed[frame.name] += len(serialize.event(SimulatedEvent(frame)))
                weighed["events"] += 1
            took(frame)

        link._took = weighing
        call = Call(link, clock, Voice())
        record = clock.run(run_call, call, flows["flow"], flows, Services())
        assert str(record.result) == "completed", record.result
    return weighed


def main() -> None:
    for name, opening in OPENINGS.items():
        weighed = weigh(opening())
        events = weighed.pop("events")
        print(f"{name:30}{events:4} events{sum(weighed.values()):9,} bytes")


if __name__ == "__main__":
    main()
