"""How many connections an address has, counted by several workers."""

import random
from collections import Counter

import pytest

from fsflows.server.node import peers as module
from fsflows.server.node.peers import Peers, SharedPeers, Table


@pytest.mark.parametrize("workers", [1, 3])
def test_all_workers_count_together(workers):
    table = Table(workers)
    counting = [SharedPeers(table, number) for number in range(workers)]
    dice, true = random.Random(5), Counter()
    hosts = ["10.0.0.1", "10.0.0.2", "2001:db8::1"]
    has = [Counter() for _ in counting]
    for _ in range(3000):
        number, host = dice.randrange(workers), dice.choice(hosts)
        if has[number][host] and dice.random() < 0.5:
            counting[number].drop(host)
            has[number][host] -= 1
            true[host] -= 1
        else:
            counting[number].add(host)
            has[number][host] += 1
            true[host] += 1
    for each in counting:
        assert [true[host] for host in hosts] == [each.count(host) for host in hosts]
        assert 0 == each.count("10.0.0.3")


def test_a_worker_that_died_has_none_when_it_is_back():
    table = Table(2)
    first, second = SharedPeers(table, 0), SharedPeers(table, 1)
    for each in (first, first, second):
        each.add("10.0.0.1")
    assert 3 == second.count("10.0.0.1")
    again = SharedPeers(table, 0)
    assert [1, 1] == [each.count("10.0.0.1") for each in (again, second)]


def test_who_shares_one_place_with_another_is_told_apart_by_the_other(monkeypatch):
    places = {"a": (0, 4096), "b": (0, 4097), "c": (1, 4097)}
    monkeypatch.setattr(module, "_places", places.__getitem__)
    peers = SharedPeers(Table(1), 0)
    for host, times in (("a", 2), ("b", 5), ("c", 3)):
        for _ in range(times):
            peers.add(host)
    assert [2, 7, 3] == [peers.count(host) for host in "abc"], "never less than there are"


def test_addresses_that_are_alike_are_not_alike_twice():
    places = [module._places(f"10.0.{high}.{low}") for high in range(16) for low in range(250)]
    assert len(set(places)) == len(places)


def test_one_process_alone():
    peers = Peers()
    peers.add("a")
    peers.add("a")
    peers.drop("a")
    assert (1, 0) == (peers.count("a"), peers.count("b"))
