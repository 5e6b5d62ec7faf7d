"""The examination: every check, each in its time, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import gevent

from fsflows.doctor import archive, machine, outbound, server, sharing, switch, voices
from fsflows.doctor.finding import Finding, State, problem, warning
from fsflows.doctor.patience import TooSlow, on_a_thread
from fsflows.doctor.switch import SILENT, Silent, Switch
from fsflows.log import get_logger
from fsflows.settings import Settings

PATIENCE = 20.0
"""Seconds for one check."""

REPORT = "report it, with `fsflows doctor --json`"
"""What to do about a check that fails itself."""

Here = Callable[[Settings], Iterator[Finding]]
There = Callable[[Switch, Settings], Iterator[Finding]]

BLOCKING: tuple[Here, ...] = (
    machine.versions,
    server.sense,
    machine.limits,
    server.flows,
    server.database,
    server.directories,
    archive.identity,
    machine.memory,
    server.access,
    server.console,
)
"""Checks that read files and the database: on a thread, since those can hang."""

AT_FREESWITCH: tuple[There, ...] = (
    switch.version,
    switch.event_socket,
    switch.modules,
    voices.text_to_speech,
    switch.clock,
    switch.limits,
    switch.open_files,
    switch.way_in,
    switch.socket_actions,
    outbound.dialling,
    sharing.recordings,
)

log = get_logger("doctor")


def examine(settings: Settings, vosk: str = "") -> Iterator[Finding]:
    """Look at everything; findings come as they are made.

    Args:
        settings: the server's.
        vosk: the vosk server's URL, when it isn't the one of FreeSWITCH's vosk.conf.
    """
    advice = REPORT
    for check in BLOCKING:
        found = _guarded(
            check.__name__, partial(on_a_thread, partial(_all, check, settings), PATIENCE), advice
        )
        if check is server.sense and any(each.state is State.PROBLEM for each in found):
            advice = "correct the settings first"
        yield from found
    yield from _guarded("listener", partial(_all, server.listener, settings))

    def hears(there: Switch, given: Settings) -> Iterator[Finding]:
        return voices.recogniser(there, given, vosk)

    addresses = settings.freeswitch.addresses
    if not addresses:
        yield warning(
            "FreeSWITCH",
            "freeswitch.addresses is empty: nothing of FreeSWITCH was looked at",
            "freeswitch: {addresses: [127.0.0.1:8021]} in the settings",
        )
    for address in addresses:
        there, finding = switch.connect(address, settings.freeswitch.password)
        yield finding
        if there is not None:
            try:
                yield from _at(there, settings, (*AT_FREESWITCH, hears))
            finally:
                there.close()
    if vosk and not addresses:
        yield from _guarded("speech", lambda: [voices.handshake(vosk, needed=True)])


def _at(there: Switch, settings: Settings, checks: tuple[There, ...]) -> Iterator[Finding]:
    for number, check in enumerate(checks):
        try:
            yield from _guarded(check.__name__, partial(_all_there, check, there, settings))
        except Silent as silent:
            left = len(checks) - number
            yield problem("FreeSWITCH", f"{silent}; {left} checks could not be made", SILENT)
            return


def _all(check: Here, settings: Settings) -> list[Finding]:
    return list(check(settings))


def _all_there(check: There, there: Switch, settings: Settings) -> list[Finding]:
    return list(check(there, settings))


def _guarded(name: str, check: Callable[[], list[Finding]], advice: str = REPORT) -> list[Finding]:
    """A check's findings; that it hangs or fails is one."""
    about = name.replace("_", " ")
    try:
        with gevent.Timeout(PATIENCE, TooSlow(f"no end within {PATIENCE:g} s")):
            return check()
    except Silent:
        raise
    except TooSlow as slow:
        hangs = "a file system or a server behind it hangs: `df`, `mount`, its log"
        return [problem(about, str(slow), hangs)]
    except Exception as error:
        # What one check stumbles over must not hide what the others find.
        log.debug("a check failed", check=name, exc_info=error)
        text = f"could not be looked at: {type(error).__name__}: {error}"
        return [problem(about, text, advice)]
