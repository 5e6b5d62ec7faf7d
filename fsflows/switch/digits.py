"""Applications that collect keys inside FreeSWITCH, and those that make or throw away keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator
from typing import TYPE_CHECKING

from fsflows.switch.clockwork import FRAME, Wait
from fsflows.switch.playback import ALL_KEYS, play_file

if TYPE_CHECKING:
    from fsflows.switch.channel import Channel


def read(channel: Channel, data: str) -> Wait:
    """`read MIN MAX FILE VARIABLE TIMEOUT_MS TERMINATORS`."""
    words = [*_words(data), *[""] * 6]
    digits, used = yield from _collect(
        channel,
        most=_number(words[1], 128),
        name=words[2],
        first=_number(words[4], 5000),
        between=_number(words[4], 5000),
        terminators=words[5],
    )
    enough = len(digits) >= _number(words[0], 0)
    if words[3]:
        channel.set_variable(words[3], digits)
    channel.set_variable("read_result", "success" if enough else "timeout")
    channel.set_variable("read_terminator_used", used)


def play_and_get_digits(channel: Channel, data: str) -> Wait:
    """`play_and_get_digits MIN MAX TRIES TIMEOUT TERMINATORS FILE INVALID VARIABLE REGEXP [DIGIT_TIMEOUT]`."""
    words = [*_words(data), *[""] * 10]
    least, most, tries = (_number(words[place], 1) for place in range(3))
    first = _number(words[3], 5000)
    name = words[7] or "digits"
    channel.set_variable(name, "")
    for _ in range(max(1, tries)):
        digits, used = yield from _collect(
            channel,
            most=most,
            name=words[5],
            first=first,
            between=_number(words[9], first),
            terminators=words[4],
        )
        if not channel.ready:
            return
        channel.set_variable("read_terminator_used", used)
        if len(digits) >= least and _fits(words[8], digits):
            channel.set_variable(name, digits)
            channel.set_variable("read_result", "success")
            return
        channel.set_variable(f"{name}_invalid", digits)
        channel.set_variable("read_result", "failure")
        if words[6]:
            yield from play_file(channel, words[6], ALL_KEYS)


def _collect(
    channel: Channel, *, most: int, name: str, first: int, between: int, terminators: str
) -> Generator[float | None, None, tuple[str, str]]:
    """Play a file until a key, then collect. Returns the digits, and the terminator that ended them ("" for none)."""
    digits = ""
    if name and name != "silence_stream://0":
        playing = yield from play_file(channel, name, ALL_KEYS)
        digits = playing.key if playing is not None else ""
        if digits and digits in terminators:
            return "", digits
    deadline = channel.now + (between if digits else first) / 1000
    while channel.ready and len(digits) < most and channel.now < deadline:
        digit = channel.take_digit()
        if digit and digit in terminators:
            return digits, digit
        if digit:
            digits += digit
            deadline = channel.now + between / 1000
            continue
        channel.detector.queued.clear()
        if channel.may_nest:
            yield from channel.run_queue()
        else:
            yield deadline
    return digits, ""


def send_dtmf(channel: Channel, data: str) -> None:
    """`send_dtmf DIGITS[@DURATION]`: keys for the caller's end."""
    channel.sent_digits.append(data.split("@", 1)[0])


def flush_dtmf(channel: Channel, _data: str) -> None:
    """Keys that nobody has looked at are forgotten, without events."""
    channel.digits.clear()


def send_digits_api(channel: Channel, text: str) -> None:
    """`uuid_recv_dtmf`: keys as if the caller had pressed them, looked at from the next frame on."""
    for key in text.split("@", 1)[0]:
        channel.digits.append((key, 2000, "APP"))
    channel.at(channel.now + FRAME, channel.step)


def _words(data: str) -> list[str]:
    try:
        return shlex.split(data.replace("\\", "\\\\"))
    except ValueError:
        return data.split()


def _fits(pattern: str, digits: str) -> bool:
    if not pattern:
        return True
    try:
        return re.search(pattern, digits) is not None
    except re.error:
        return True


def _number(text: str, default: int) -> int:
    try:
        return int(text)
    except ValueError:
        return default
