"""Person or machine, by how they answer."""

import pytest

from fsflows.call.greeting import LONG, MANY, PAUSE, SILENCE, Answerer, Greeting

PERSON, MACHINE = Answerer.PERSON, Answerer.MACHINE


def decided(*results, patience=20.0):
    """What it is, and when: results are (at, text, final), heard from an answer at 100 s on."""
    greeting = Greeting(100.0)
    left = [(100.0 + at, text, final) for at, text, final in results]
    now = 100.0
    while now < 100.0 + patience:
        if (who := greeting.who(now)) is not None:
            return who, round(now - 100.0, 2)
        if left and left[0][0] <= greeting.next_at:
            now, text, final = left.pop(0)
            greeting.heard(text, now, final=final)
        else:
            now = greeting.next_at
    raise AssertionError("never")


def said(text, start=0.5, word=0.25, pause=0.4):
    """A sentence as mod_vosk reports it: a partial a word, a final after a pause."""
    words = text.split()
    partials = [(start + n * word, " ".join(words[: n + 1]), False) for n in range(len(words))]
    return [*partials, (partials[-1][0] + pause, text, True)]


@pytest.mark.parametrize(
    ("results", "who", "when"),
    [
        ([], PERSON, SILENCE),
        (said("hello"), PERSON, 0.5 + PAUSE),
        (said("hello ada speaking"), PERSON, 1.0 + PAUSE),
        (said("hello", start=2.0), PERSON, 2.0 + PAUSE),
        ([*said("hello"), *said("hello", start=1.3)], PERSON, 1.3 + PAUSE),
        (said("you have reached the mailbox of ada please leave a message"), MACHINE, 0.5 + 8 * 0.25),
        (said("the person you are calling", word=0.7), MACHINE, 3.3),
        ([*said("hi this is ada"), *said("leave a message after the tone", start=1.9)], MACHINE, 2.9),
        ([(0.5, "hello", False)] * 3 + [(5.0, "hello", False)], PERSON, 0.5 + PAUSE),
    ],
)  # fmt: skip
def test_who_answers(results, who, when):
    found, at = decided(*results)
    assert who is found
    assert when == pytest.approx(at, abs=0.11)


def test_what_is_repeated_is_not_new():
    greeting = Greeting(0.0)
    for n in range(20):
        greeting.heard("hello", 0.5 + n * 0.2, final=False)
    assert (1, PERSON) == (greeting.words, greeting.who(0.5 + PAUSE))


def test_the_bounds():
    greeting = Greeting(0.0)
    greeting.heard(" ".join(["a"] * (MANY - 1)), 0.5, final=True)
    assert greeting.who(0.6) is None
    greeting.heard("a", 0.7, final=False)
    assert MACHINE is greeting.who(0.7)
    long = Greeting(0.0)
    for n in range(5):
        long.heard(" ".join(["a"] * (n + 1)), 0.4 + n * LONG / 4, final=False)
    assert MACHINE is long.who(0.4 + LONG)
