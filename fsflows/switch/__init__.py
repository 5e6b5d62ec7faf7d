"""A simulated FreeSWITCH: one channel's state machine, the caller behind it, and the ways to connect them.

In virtual time, in the same process: `link.SimulatedLink`. Over TCP, in real time: `tcp.place_call`. By hand:
`Channel`.
"""

from fsflows.switch.caller import Caller
from fsflows.switch.channel import Channel
from fsflows.switch.profile import CallProfile
from fsflows.switch.script import Script, ScriptError, parse_script
from fsflows.switch.setup import Leg, Recogniser, Setup
from fsflows.switch.sounds import Sounds
from fsflows.switch.steps import Utterance

__all__ = [
    "CallProfile",
    "Caller",
    "Channel",
    "Leg",
    "Recogniser",
    "Script",
    "ScriptError",
    "Setup",
    "Sounds",
    "Utterance",
    "parse_script",
]
