"""How long a prompt goes on after a key or a word, whichever way FreeSWITCH reports it."""

import pytest

from fsflows import metrics as told
from fsflows.call import metrics


@pytest.fixture
def counted():
    """`counted(by)`: how often, and how long together, since the test began."""
    told.flush()

    def look(by):
        found = {
            sample.name.rpartition("_")[2]: sample.value
            for family in metrics.BARGE_IN.collect()
            for sample in family.samples
            if sample.labels.get("by") == by and not sample.labels.get("le")
        }
        return found["count"], found["sum"]

    before = {by: look(by) for by in metrics.barge_in}

    def since(by):
        told.flush()
        return tuple(pytest.approx(a - b) for a, b in zip(look(by), before[by], strict=True))

    return since


@pytest.fixture
def barge_in():
    return metrics.BargeIn()


def test_the_key_comes_first(barge_in, counted):
    barge_in.key("1", 10.0)
    barge_in.asked("key", 10.0)
    barge_in.ended("1", 10.02)
    assert (1, 0.02) == counted("key")


def test_the_end_comes_first(barge_in, counted):
    barge_in.ended("1", 10.0)
    barge_in.key("1", 10.01)
    assert (1, 0.0) == counted("key")


def test_words(barge_in, counted):
    barge_in.asked("speech", 10.0)
    barge_in.ended("", 10.05)
    assert (1, 0.05) == counted("speech")
    assert (0, 0.0) == counted("key")


def test_what_ends_by_itself_is_no_barge_in(barge_in, counted):
    barge_in.ended("", 10.0)
    barge_in.key("1", 10.0)
    # The variable still names the key that ended the prompt before.
    barge_in.ended("1", 20.0)
    barge_in.key("1", 25.0)
    barge_in.ended("1", 30.0)
    barge_in.key("2", 30.0)
    assert (0, 0.0) == counted("key")
