"""Which flows which worker runs, while files change, reloads fail, and workers die."""

import os
import random
from pathlib import Path

import pytest
from leftovers import nothing_stays

from fsflows.flow.reading.files import Snapshot
from fsflows.server.fleet.loading import DIED, Plan
from fsflows.server.fleet.orders import Read, Say, Tell
from fsflows.server.node.editions import Editions, received


def told(orders):
    return [
        f"read {order.edition}"
        if isinstance(order, Read)
        else f"{order.number} loads {order.message['edition']}"
        for order in orders
        if not isinstance(order, Say)
    ]


@pytest.fixture
def plan():
    """Two workers that serve."""
    made = Plan()
    for number in (1, 2):
        made.started(number)
        assert [] == made.serves(number)
    return made


def test_an_edition_is_in_force_when_a_worker_could_load_it(plan):
    assert ["read 1", "1 loads 1"] == told(plan.wanted()), "one tries it"
    assert 0 == plan.in_force, "whoever starts now has the old one"
    assert ["2 loads 1"] == told(plan.answered(1, 1, ""))
    assert 1 == plan.in_force
    assert plan.open
    plan.answered(2, 1, "")
    assert not plan.open


def test_what_does_not_load_never_comes_into_force(plan):
    plan.wanted()
    assert [] == plan.answered(1, 1, "broken")
    assert (0, "broken", False) == (plan.in_force, plan.problem, plan.open)
    plan.ended(1)
    plan.started(1)
    assert [] == plan.serves(1), "it has what the others have"
    assert "broken" == plan.problem
    assert ["read 2", "1 loads 2"] == told(plan.wanted())
    for number in (1, 2):
        plan.answered(number, 2, "")
    assert (2, "") == (plan.in_force, plan.problem)


def test_a_worker_that_started_during_a_reload_gets_it_as_well(plan):
    plan.ended(2)
    plan.started(2)
    assert ["read 1", "1 loads 1"] == told(plan.wanted()), "it takes no orders yet"
    assert [] == told(plan.answered(1, 1, ""))
    assert ["2 loads 1"] == told(plan.serves(2))


def test_asked_for_during_the_start():
    plan = Plan()
    plan.started(0)
    assert ["read 1"] == told(plan.wanted())
    assert ["0 loads 1"] == told(plan.serves(0))


def test_a_hundred_orders_are_two_readings(plan):
    assert ["read 1", "1 loads 1"] == told(plan.wanted())
    assert [] == [order for _ in range(99) for order in plan.wanted()]
    assert ["2 loads 1"] == told(plan.answered(1, 1, ""))
    assert ["read 2", "1 loads 2"] == told(plan.answered(2, 1, ""))
    assert ["2 loads 2"] == told(plan.answered(1, 2, ""))
    assert plan.open
    assert [] == plan.answered(2, 2, "")
    assert not plan.open


def test_a_worker_that_dies_over_a_reload_holds_nobody_up(plan):
    plan.wanted()
    plan.wanted()
    plan.answered(1, 1, "")
    assert ["read 2", "1 loads 2"] == told(plan.ended(2))
    plan.answered(1, 2, "")
    assert not plan.open


def test_what_a_worker_dies_of_is_tried_by_no_other(plan):
    """A functions file that blocks when it is read: the worker is ended for its silence."""
    assert ["read 1", "1 loads 1"] == told(plan.wanted())
    said = plan.ended(1)
    assert [("error", DIED)] == [(each.level, each.fields["problem"]) for each in said]
    assert (0, DIED, False) == (plan.in_force, plan.problem, plan.open)
    plan.started(1)
    assert [] == plan.serves(1), "or it would die for ever"
    assert ["read 2", "1 loads 2"] == told(plan.wanted())
    assert ["2 loads 2"] == told(plan.answered(1, 2, ""))
    assert "" == plan.problem
    said = plan.ended(2)
    assert [] == said, "it was no fault of the flows: another one has loaded them"


def test_one_that_alone_cannot_load_what_others_can_is_not_asked_for_ever(plan):
    plan.wanted()
    plan.answered(1, 1, "")
    assert [] == plan.answered(2, 1, "out of memory")
    assert ("out of memory", False) == (plan.problem, plan.open)
    assert ["read 2", "1 loads 2"] == told(plan.wanted())


def test_whatever_happens_all_come_to_run_the_same():
    for seed in range(300):
        dice = random.Random(seed)
        plan, has, serving, orders, good = Plan(), {}, set(), [], {0: True}
        for _ in range(60):
            number = dice.randrange(3)
            match dice.choice(("start", "serve", "die", "wish", "answer", "answer")):
                case "start" if number not in has:
                    plan.started(number)
                    has[number] = plan.in_force
                case "serve" if number in has and number not in serving:
                    serving.add(number)
                    orders += plan.serves(number)
                case "die" if number in has:
                    del has[number]
                    serving.discard(number)
                    orders = [each for each in orders if getattr(each, "number", -1) != number]
                    orders += plan.ended(number)
                case "wish":
                    orders += plan.wanted()
                case "answer":
                    orders += answer(plan, orders, has, good, dice)
        while any(isinstance(each, Tell) for each in orders):
            orders += answer(plan, orders, has, good, dice)
        for number in has.keys() - serving:
            orders += plan.serves(number)
        while any(isinstance(each, Tell) for each in orders):
            orders += answer(plan, orders, has, good, dice)
        assert len(set(has.values())) <= 1, (seed, has)
        assert not plan.open
        assert good[plan.in_force]


def answer(plan, orders, has, good, dice):
    """Whoever is next does as told; each edition either loads everywhere or nowhere."""
    order = next((each for each in orders if isinstance(each, Tell)), None)
    if order is None:
        return []
    orders.remove(order)
    edition = order.message["edition"]
    if good.setdefault(edition, dice.random() < 0.6):
        has[order.number] = edition
        return plan.answered(order.number, edition, "")
    return plan.answered(order.number, edition, "broken")


# --- kept ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def editions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows").mkdir()
    made = Editions(["flows"])
    yield made
    made.close()


def write(text):
    Path("flows/a.yaml").write_text(text)


def test_the_one_in_force_is_kept_whatever_is_read_after_it(editions):
    for number, text in enumerate(("first", "second", "third")):
        write(text)
        editions.read(number, 0)
    assert b"first" == editions.get(0).contents["flows/a.yaml"]
    assert b"third" == editions.get(2).contents["flows/a.yaml"]
    with pytest.raises(KeyError):
        editions.get(1)


def test_each_worker_reads_all_of_it(editions):
    write("é" * 300_000)
    editions.read(0, 0)
    for _ in range(3):
        assert editions.get(0) == received(os.dup(editions.descriptor(0)))


def test_nothing_stays_open(editions):
    with nothing_stays(0):
        write("text")
        for number in range(20):
            editions.read(number, number - 1)
            editions.descriptor(number)
        editions.close()


def test_paths_that_are_not_there_are_an_edition_too(editions):
    missing = Snapshot.take(["flows", "nowhere"])
    assert missing == Snapshot.decode(missing.encode())
