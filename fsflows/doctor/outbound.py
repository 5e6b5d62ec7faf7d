"""Calls that we make: whether the way out of FreeSWITCH is there, and as wide as the settings want it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fsflows.doctor.finding import Finding, ok, problem, warning
from fsflows.doctor.switch import Switch
from fsflows.settings import Settings

REGISTERED = ("REGED", "NOREG")
"""States of a gateway that takes calls: registered, or one that needs no registration."""

ABOUT = "dialling"


def dialling(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """Whether numbers can be dialled; nothing is."""
    endpoint = settings.dialling.endpoint
    if not endpoint:
        return
    yield _way_out(switch, endpoint)
    found = re.search(r"out of max (\d+)", switch.api("status"))
    rate = int(found[1]) if found else 0
    ours = settings.dialling.calls_per_second
    if 0 < rate < 2 * ours:
        yield warning(
            ABOUT,
            f"dialling.calls_per_second is {ours:g}; FreeSWITCH takes {rate} of all kinds",
            "sessions-per-second of switch.conf.xml, or fewer calls a second",
        )


def _way_out(switch: Switch, endpoint: str) -> Finding:
    kind, _, rest = endpoint.partition("/")
    name, _, rest = rest.partition("/")
    if kind == "sofia" and name == "gateway":
        return _gateway(switch, rest.partition("/")[0])
    if kind == "sofia":
        printed = switch.api("sofia", "status", "profile", name)
        if "Invalid Profile" in printed or printed.startswith("-"):
            return problem(
                ABOUT,
                f"FreeSWITCH has no SIP profile {name!r}",
                "another profile in dialling.endpoint; `sofia status` lists them",
            )
        return ok(ABOUT, f"by the SIP profile {name}")
    if ("endpoint", kind) not in switch.interfaces():
        return problem(
            ABOUT,
            f"FreeSWITCH knows no {kind!r} to dial with",
            "load its module, or another dialling.endpoint",
        )
    return ok(ABOUT, f"by {endpoint}")


def _gateway(switch: Switch, name: str) -> Finding:
    printed = switch.api("sofia", "status", "gateway", name)
    if "Invalid Gateway" in printed or printed.startswith("-"):
        return problem(
            ABOUT,
            f"FreeSWITCH has no gateway {name!r}",
            "define it in sip_profiles/external, then `sofia profile external rescan`",
        )
    fields = dict(re.findall(r"^(\w+)\s+(.*?)\s*$", printed, re.MULTILINE))
    state, status = fields.get("State", ""), fields.get("Status", "")
    if state not in REGISTERED or status.startswith("DOWN"):
        return problem(
            ABOUT,
            f"the gateway {name} is {status or 'of unknown status'}, {state}: calls fail",
            "see its realm, user and password, and whether its host answers; FreeSWITCH's log says why",
        )
    return ok(ABOUT, f"by the gateway {name} ({state})")
