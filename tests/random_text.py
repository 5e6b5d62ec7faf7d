"""Text of a run, without what is random in it: a PIN of four digits may turn up by chance in a uuid, an address or a time."""

import re

_RANDOM = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a uuid
    r"|0x[0-9a-f]+"  # where an object lies
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+"  # a time
    r"|(?<![0-9])[0-9]{1,5}\.[0-9]{3,}"  # how long something took
    r"|pytest-[0-9]+"
)


def without_random(text: str) -> str:
    """The text with a word in place of each."""
    return _RANDOM.sub("<random>", text)
