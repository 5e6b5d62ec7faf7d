"""Flows that several tests use."""

ONE_KEY = """
    steps:
      ask:
        prompt: {prompt}
        dtmf:
          num_digits: 1
          {dtmf}
        asr: false
        retry: {{attempts: 1}}
        on:
          otherwise: done
      done:
        prompt: Goodbye.
        next: {{hangup: true}}
    {more}
"""


def one_key(prompt="Press a key now please, any key.", dtmf="", more=""):
    return ONE_KEY.format(prompt=prompt, dtmf=dtmf, more=more)


def texts(played):
    return [str(turn.text) for turn in played.engine.history]
