"""FreeSWITCH's dialplan, as it runs: which `socket` actions lead to us, and what is missing around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

from fsflows.doctor.finding import Finding, ok, problem, warning

DEFAULT_PORT = 8084
"""The socket application's own."""

COPY = "copy dialplan/fsflows.xml into FreeSWITCH's dialplan, change its addresses, and `reloadxml`"

ABOUT = "dialplan"


def look_at(xml: str, listen: str, ours: Callable[[str, int], bool]) -> Iterator[Finding]:
    """Look at a dialplan section.

    Args:
        xml: it, as `xml_locate dialplan` prints it.
        listen: `server.listen`, for the words.
        ours: whether a host and a port, as FreeSWITCH sees them, are our listener.
    """
    try:
        root = ET.fromstring(xml)  # noqa: S314 - FreeSWITCH's own configuration
    except ET.ParseError:
        yield warning(
            ABOUT,
            f"FreeSWITCH shows no dialplan ({xml.strip()[:60]!r})",
            "if it comes from elsewhere (mod_xml_curl), see yourself that a socket action leads here",
        )
        return
    elsewhere: list[str] = []
    found = unknown = False
    for context in root.iter("context"):
        for extension in context.iter("extension"):
            name = f"{context.get('name')}/{extension.get('name')}"
            actions = [
                (action.get("application") or "", action.get("data") or action.text or "")
                for action in extension.iter("action")
            ]
            for at, (application, data) in enumerate(actions):
                if application != "socket":
                    continue
                hosts = _hosts(data)
                if any("$" in host.partition("/")[0] for host in hosts):
                    unknown = True
                    yield warning(
                        ABOUT,
                        f"{name}: where {data!r} leads is not known before a call",
                        "see that it leads here",
                    )
                elif any(_is_ours(host, ours) for host in hosts):
                    found = True
                    yield from _look_at_ours(name, data, hosts, actions[:at], actions[at + 1 :])
                else:
                    elsewhere.append(f"{name}: {data}")
    if found or unknown:
        return
    if elsewhere:
        yield problem(
            ABOUT,
            f"no socket action leads to our listener on {listen} ({elsewhere[0]})",
            "the listener's address in that socket action, and `reloadxml`",
        )
    else:
        yield problem(ABOUT, "there is no socket action", COPY)


def _look_at_ours(
    name: str,
    data: str,
    hosts: list[str],
    before: list[tuple[str, str]],
    after: list[tuple[str, str]],
) -> Iterator[Finding]:
    options = data.split()[1:]
    missing = [option for option in ("async", "full") if option not in options]
    variables = {
        part.partition("=")[0].strip(): part.partition("=")[2].strip()
        for application, part in before
        if application in ("set", "export")
    }
    well = True
    if missing:
        well = False
        yield problem(
            ABOUT,
            f"{name}: the socket action lacks {' and '.join(missing)}",
            f"`{data.split(maxsplit=1)[0]} async full` as its data",
        )
    if variables.get("sensitive_dtmf") == "true":
        well = False
        yield problem(
            ABOUT,
            f"{name}: sensitive_dtmf silences the keys",
            "take it out: is_pii keeps keys out of logs",
        )
    if len(hosts) == 1:
        well = False
        yield warning(
            ABOUT,
            f"{name}: one host only; while it is upgraded or full, callers get the fall-back",
            f"a second server: `{hosts[0]}|HOST:PORT async full`",
        )
    if not after:
        well = False
        yield warning(
            ABOUT,
            f"{name}: nothing follows the socket action; without a server the caller is cut off",
            "answer, playback and hangup actions behind it, as in dialplan/fsflows.xml",
        )
    if variables.get("socket_resume") != "true":
        well = False
        yield warning(
            ABOUT,
            f"{name}: without socket_resume a caller whose server dies hears the rest of the prompt first",
            '<action application="set" data="socket_resume=true"/> before the socket action',
        )
    if well:
        yield ok(ABOUT, f"{name}: {data}")


def _hosts(data: str) -> list[str]:
    first = (data.split() or [""])[0]
    return [host.strip() for host in first.split("|") if host.strip()]


def _is_ours(text: str, ours: Callable[[str, int], bool]) -> bool:
    address = text.partition("/")[0]
    host, colon, port = address.rpartition(":")
    if not colon:
        host, port = address, str(DEFAULT_PORT)
    return port.isdecimal() and ours(host.strip("[]"), int(port))
