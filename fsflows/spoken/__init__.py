"""Spoken words to keys, without a language model: one grammar, one data file a language. Pure functions.

`parse` reads one text, `choose` picks among a recogniser's alternatives, `assent` understands yes and no, `affirms` who
says the number again, `says` looks for escape words, `named` for phrases that stand for keys, `unfinished` for what
goes with the words that follow; `group_for_reading`, `digit_words` and `phrases` are the way back, from digits to
speech.
"""

from fsflows.spoken.assenting import affirms, assent, says
from fsflows.spoken.choosing import choose
from fsflows.spoken.language import languages, resolve
from fsflows.spoken.model import Alternative, Assent, Choice, Named, Reading
from fsflows.spoken.naming import Names, begun, named
from fsflows.spoken.parser import parse
from fsflows.spoken.readback import digit_words, group_for_reading, phrases
from fsflows.spoken.text import plain_words, word_count
from fsflows.spoken.unfinished import unfinished

__all__ = [
    "Alternative",
    "Assent",
    "Choice",
    "Named",
    "Names",
    "Reading",
    "affirms",
    "assent",
    "begun",
    "choose",
    "digit_words",
    "group_for_reading",
    "languages",
    "named",
    "parse",
    "phrases",
    "plain_words",
    "resolve",
    "says",
    "unfinished",
    "word_count",
]
