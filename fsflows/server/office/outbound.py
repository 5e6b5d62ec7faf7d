"""The calls that we make: from the settings to what makes them."""

from __future__ import annotations

from collections.abc import Callable

from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.clock import Clock
from fsflows.console.sources import Health
from fsflows.dialling import Dialler, Gate, Plan
from fsflows.esl.supervised import FreeSwitches
from fsflows.settings import Settings
from fsflows.settings.address import parse_address

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


def make_plan(settings: Settings) -> Plan:
    """How calls are made, by `dialling`.

    Raises:
        ValueError: a setting can't be used; the text begins with its name.
    """
    chosen = settings.dialling
    if not chosen.socket and parse_address(settings.server.listen)[0] in _EVERYWHERE:
        raise ValueError(
            f"dialling.socket: FreeSWITCH can't be told to connect to {settings.server.listen};"
            " give the address of this host"
        )
    if not settings.freeswitch.addresses:
        raise ValueError(
            "freeswitch.addresses: is empty, and dialling.endpoint needs a FreeSWITCH that makes the calls"
        )
    if chosen.calls_per_second <= 0 or chosen.max_calls <= 0:
        raise ValueError("dialling.calls_per_second, dialling.max_calls: must be more than 0")
    return Plan(
        endpoint=chosen.endpoint,
        socket=chosen.socket or settings.server.listen,
        caller_number=chosen.caller_number,
        caller_name=chosen.caller_name,
        region=chosen.region,
        allow=chosen.allow,
        ring_timeout=chosen.ring_timeout,
        hang_up_on_machine=chosen.machine == "hang_up",
    )


def make_dialler(
    settings: Settings,
    switches: FreeSwitches,
    clock: Clock,
    keep: Callable[[Record], None],
    node: str,
    ready: Callable[[], Health],
    note: Callable[[RecordBuilder], None],
) -> Dialler | None:
    """What makes calls, not yet started; None: `dialling.endpoint` is empty.

    Args:
        settings: `dialling` above all.
        switches: the FreeSWITCHes that make them.
        clock: the process' clock.
        keep: given the records of calls that nobody answered.
        node: this server's name.
        ready: whether the server takes calls, as `/ready` says it.
        note: notes that a call is made; see `Dialler`.

    Raises:
        ValueError: a setting can't be used.
    """
    chosen = settings.dialling
    if not chosen.endpoint:
        return None
    return Dialler(
        make_plan(settings),
        switches,
        clock,
        keep,
        node,
        per_second=chosen.calls_per_second,
        at_once=chosen.max_calls,
        waiting=chosen.max_waiting,
        gate=lambda: gate_of(ready()),
        note=note,
    )


def gate_of(health: Health) -> Gate:
    """Whether somebody who is called now would get to a flow."""
    if health.word == "draining":
        return "shut"
    # Flows on disk that don't load change nothing about those that run.
    return "open" if health.code == 200 or health.word == "flows" else "wait"
