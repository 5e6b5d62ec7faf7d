"""The virtual clock: what waits, wakes, expires and is killed, in any order, happens once and in order."""

import time

import pytest

from fsflows.clock import Deadlocked, GeventClock, TaskKilled, VirtualClock


def test_sleeping_takes_virtual_time_only():
    clock = VirtualClock(start=0.0)
    began = time.monotonic()
    clock.run(clock.sleep, 3600.0)
    assert clock.now() == 3600.0
    assert time.monotonic() - began < 60.0


def test_a_mailbox_gives_what_was_put_or_none_at_the_deadline():
    clock = VirtualClock(start=0.0)

    def world():
        box = clock.mailbox()
        clock.at(2.0, lambda: box.put("letter"))
        return box.get(1.0), clock.now(), box.get(5.0), clock.now()

    assert clock.run(world) == (None, 1.0, "letter", 2.0)


def test_news_at_the_very_deadline_is_not_lost():
    clock = VirtualClock(start=0.0)

    def world():
        box = clock.mailbox()
        reader = clock.spawn(lambda: box.get(5.0))
        clock.sleep(5.0)
        box.put("late")
        reader.join()
        return reader.value, len(box)

    value, left = clock.run(world)
    assert (value == "late") + left == 1


def test_tasks_run_in_the_order_in_which_they_are_due():
    clock = VirtualClock(start=0.0)
    seen = []

    def worker(name, pause):
        for _ in range(3):
            clock.sleep(pause)
            seen.append((clock.now(), name))

    def world():
        tasks = [clock.spawn(worker, "a", 2.0), clock.spawn(worker, "b", 3.0)]
        for task in tasks:
            task.join()

    clock.run(world)
    # Due at the same time: in the order in which they were asked for.
    assert seen == [(2.0, "a"), (3.0, "b"), (4.0, "a"), (6.0, "b"), (6.0, "a"), (9.0, "b")]


def test_a_task_keeps_what_it_returned_or_raised():
    clock = VirtualClock()

    def fails():
        raise ValueError("no")

    def world():
        good, bad = clock.spawn(lambda: 42), clock.spawn(fails)
        assert good.join()
        assert bad.join()
        return good.value, good.exception, bad.value, bad.exception

    value, fine, nothing, error = clock.run(world)
    assert (value, fine, nothing) == (42, None, None)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("make", [VirtualClock, GeventClock])
def test_a_task_is_killed_where_it_waits(make):
    clock = make()
    seen = []

    def waits():
        try:
            clock.sleep(30.0)
        except TaskKilled:
            seen.append("killed")
            raise

    def world():
        task = clock.spawn(waits)
        clock.sleep(0.01)
        assert task.frame is not None
        task.kill()
        task.kill()
        task.join(clock.now() + 5.0)
        return task.done, type(task.exception)

    run = clock.run if isinstance(clock, VirtualClock) else lambda function: function()
    assert run(world) == (True, TaskKilled)
    assert seen == ["killed"]


def test_a_task_killed_before_it_began_never_begins():
    clock = VirtualClock()
    seen = []

    def world():
        task = clock.spawn(seen.append, "ran")
        task.kill()
        clock.sleep(1.0)
        return task.done

    assert clock.run(world) is True
    assert seen == []


def test_a_world_that_waits_for_nothing_says_so():
    clock = VirtualClock(start=0.0)
    with pytest.raises(Deadlocked, match=r"at 0\.000 s every task waits"):
        clock.run(lambda: clock.mailbox().get())


def test_an_error_of_the_world_comes_out():
    clock = VirtualClock()
    with pytest.raises(ZeroDivisionError):
        clock.run(lambda: 1 / 0)


def test_a_gevent_mailbox_waits_until_its_deadline():
    clock = GeventClock()
    box = clock.mailbox()
    assert box.get(clock.now() + 0.01) is None
    clock.spawn(box.put, "letter")
    assert box.get(clock.now() + 5.0) == "letter"
