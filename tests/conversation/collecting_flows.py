"""One step that collects, and what came of it; for the tests of collecting digits through whole conversations."""

from fsflows.archive.entries import Heard

PROMPT = "Your number please."
ASK = """
{top}
steps:
  ask:
    prompt: {prompt}
    dtmf: {{{dtmf}}}
    asr: {asr}
    {more}
    retry: {retry}
    on: {{otherwise: done}}
  done: {{prompt: Thank you., next: {{hangup: true}}}}
"""


def ask(dtmf="num_digits: 4", asr="{}", more="", retry="{attempts: 1}", prompt=PROMPT, top=""):
    """A flow of one step that collects, whatever the outcome."""
    return ASK.format(dtmf=dtmf, asr=asr, more=more, retry=retry, prompt=prompt, top=top)


def got(played):
    """What the steps got, one after the other: "complete 1234 keys"."""
    return [
        " ".join(filter(None, (each.outcome, str(each.digits), each.source)))
        for each in played.record.collected
    ]


def heard(played):
    """What the caller heard: each sound with how it ended."""
    return [(sound.what, str(sound.ending)) for sound in played.channel.transcript.heard]


def times(played):
    """Seconds after the call came in: of each key and each final result that counted, and of each collection's end."""
    inputs = [round(entry.at, 3) for entry in played.record.of_kind(Heard)]
    return inputs, [round(entry.at, 3) for entry in played.record.collected]


def sound(played, words):
    """The sound with these words in it."""
    return next(sound for sound in played.channel.transcript.heard if words in sound.what)
