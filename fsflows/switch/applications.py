"""The dialplan applications that the simulated switch knows, and the small ones among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsflows.switch import bridging, digits, playback, recording, speech
from fsflows.switch.clockwork import FRAME, SYNC_ANSWER, Wait

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel


@dataclass(frozen=True, slots=True)
class Application:
    """A dialplan application.

    Attributes:
        run: does it: a thread of control whose value is the Application-Response, or a plain function.
        media: whether it needs a media path: on a call that rings, it brings early media first (SIP 183).
    """

    run: Callable[[Channel, str], Wait | None]
    media: bool = False


def _answer(channel: Channel, _data: str) -> Wait:
    if channel.answered:
        return
    yield channel.now + (FRAME if channel.setup.asynchronous else SYNC_ANSWER)
    if channel.ready:
        channel.answer()


def _pre_answer(channel: Channel, _data: str) -> Wait:
    yield from channel.early_media()


def _hangup(channel: Channel, data: str) -> None:
    channel.hang_up(data.strip() or "NORMAL_CLEARING")


def _set(channel: Channel, data: str) -> None:
    name, separator, value = data.partition("=")
    if separator:
        channel.set_variable(name, value)


def _unset(channel: Channel, data: str) -> None:
    channel.set_variable(data.strip(), "")


def _multiset(channel: Channel, data: str) -> None:
    """`multiset [^^SEPARATOR]a=b c=d`."""
    separator = " "
    if data.startswith("^^"):
        separator, data = data[2:3], data[3:]
    for pair in data.split(separator):
        _set(channel, pair)


def _export(channel: Channel, data: str) -> None:
    """`export [nolocal:]name=value`."""
    _set(channel, data.removeprefix("nolocal:"))


def _push(channel: Channel, data: str) -> None:
    """`push name=value`: the second value makes the variable an array."""
    name, separator, value = data.partition("=")
    if not separator:
        return
    old = channel.variables.get(name)
    if old is None:
        channel.set_variable(name, value)
    elif old.startswith("ARRAY::"):
        channel.set_variable(name, f"{old}|:{value}")
    else:
        channel.set_variable(name, f"ARRAY::{old}|:{value}")


def _event(channel: Channel, data: str) -> None:
    """`event Event-Name=CUSTOM,Event-Subclass=a::b,name=value,...`."""
    fields = dict(pair.split("=", 1) for pair in data.split(",") if "=" in pair)
    name = fields.pop("Event-Name", "CHANNEL_APPLICATION")
    subclass = fields.pop("Event-Subclass", "")
    channel.fire(name, extra=fields, subclass=subclass)


def _break(channel: Channel, _data: str) -> None:
    channel.break_playing(everything=False)


def _park(channel: Channel, _data: str) -> Wait:
    yield from channel.park()


def _nothing(_channel: Channel, _data: str) -> None:
    """For applications whose effect nobody can see here."""


APPLICATIONS: dict[str, Application] = {
    "answer": Application(_answer),
    "bridge": Application(bridging.bridge),
    "break": Application(_break),
    "deflect": Application(bridging.refer),
    "detect_speech": Application(speech.detect_speech, media=True),
    "event": Application(_event),
    "export": Application(_export),
    "flush_dtmf": Application(digits.flush_dtmf),
    "hangup": Application(_hangup),
    "info": Application(_nothing),
    "log": Application(_nothing),
    "multiset": Application(_multiset),
    "park": Application(_park),
    "play_and_detect_speech": Application(playback.play_and_detect_speech, media=True),
    "play_and_get_digits": Application(digits.play_and_get_digits, media=True),
    "playback": Application(playback.playback, media=True),
    "pre_answer": Application(_pre_answer),
    "push": Application(_push),
    "queue_dtmf": Application(digits.send_dtmf),
    "read": Application(digits.read, media=True),
    "record_session": Application(recording.record_session, media=True),
    "redirect": Application(bridging.redirect),
    "ring_ready": Application(_nothing),
    "say": Application(playback.say, media=True),
    "send_dtmf": Application(digits.send_dtmf),
    "set": Application(_set),
    "sleep": Application(playback.sleep),
    "speak": Application(playback.speak, media=True),
    "start_dtmf": Application(_nothing),
    "stop_dtmf": Application(_nothing),
    "stop_record_session": Application(recording.stop_record_session),
    "transfer": Application(bridging.transfer),
    "unset": Application(_unset),
}
