"""Spoken words to keys, without a language model: one grammar, one data file a language. Pure functions.

`parse` reads one text, `choose` picks among a recogniser's alternatives, `assent` understands yes and no, `says` looks
for escape words; `group_for_reading`, `digit_words` and `phrases` are the way back, from digits to speech.
"""

from fsflows.spoken.assenting import assent, says
from fsflows.spoken.choosing import choose
from fsflows.spoken.language import languages, resolve
from fsflows.spoken.model import Alternative, Assent, Choice, Reading
from fsflows.spoken.parser import parse
from fsflows.spoken.readback import digit_words, group_for_reading, phrases
from fsflows.spoken.text import word_count

__all__ = [
    "Alternative",
    "Assent",
    "Choice",
    "Reading",
    "assent",
    "choose",
    "digit_words",
    "group_for_reading",
    "languages",
    "parse",
    "phrases",
    "resolve",
    "says",
    "word_count",
]
