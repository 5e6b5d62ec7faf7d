"""Long work lets calls have their turn."""

import pytest

from fsflows import pacing


def test_after_each_turn_the_calls_have_as_much_time(monkeypatch):
    spent, naps = [0.0], []
    monkeypatch.setattr(pacing.time, "thread_time", lambda: spent[0])
    monkeypatch.setattr(pacing.gevent, "sleep", naps.append)
    seen = []
    for item in pacing.paced(range(10)):
        seen.append(item)
        spent[0] += pacing.TURN * 0.4
    assert seen == list(range(10))
    # Three items are a turn; the tenth is not the end of one.
    assert naps == pytest.approx([pacing.TURN * 1.2] * 3)
