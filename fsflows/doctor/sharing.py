"""Whether FreeSWITCH and we see the same files: each writes one, and the other looks."""

from __future__ import annotations

import os
import re
import secrets
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import gevent

from fsflows.doctor.finding import Finding, ok, problem, warning
from fsflows.doctor.patience import on_a_thread
from fsflows.doctor.switch import Silent, Switch
from fsflows.esl import quoting
from fsflows.recordings.files.paths import Root
from fsflows.recordings.files.places import parse_root
from fsflows.settings import Settings

SEE = 5.0
"""Seconds for a file to come into sight."""

SAME_VIEW = "let both see one file system at the same path, or write LOCAL=NAMED where FreeSWITCH calls it otherwise"
_PLAIN = re.compile(r"[\w/.+-]+")
"""Paths that `record` can be given inside `originate`, which has no quoting there."""


def recordings(switch: Switch, settings: Settings) -> Iterator[Finding]:
    """Every directory in which FreeSWITCH records calls of ours."""
    if settings.recordings.agent_url:
        yield _agent(settings.recordings.agent_url)
        return
    named = [("recordings.staging", settings.recordings.staging)]
    named += [("recordings.roots", root) for root in settings.recordings.roots]
    for about, text in named:
        root = parse_root(text)
        made = about == "recordings.staging" and on_a_thread(partial(_make, root.local), SEE)
        try:
            if on_a_thread(partial(os.access, root.local, os.W_OK | os.X_OK), SEE):
                yield from _both_ways(f"{about} shared", switch, root)
        finally:
            if made:
                with suppress(OSError):
                    Path(root.local).rmdir()


def _agent(url: str) -> Finding:
    """Recordings on another host are its agent's business."""
    about = "recordings agent"
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=SEE) as answer:  # noqa: S310 - from the settings
            answer.read(100)
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        advice = "start `fsflows recordings agent` there; until then nothing is discarded"
        return problem(about, f"does not answer at {url}: {why}", advice)
    return ok(about, f"answers at {url}")


def _make(directory: str) -> bool:
    """Make a staging directory as the server does; whether it was missing."""
    try:
        Path(directory).mkdir(mode=0o770, parents=True)
    except OSError:
        return False
    return True


def _both_ways(about: str, switch: Switch, root: Root) -> Iterator[Finding]:
    name = f".fsflows-doctor-{secrets.token_hex(8)}.wav"
    here, there = Path(root.local) / name, f"{root.named}/{name}"
    try:
        on_a_thread(lambda: here.write_bytes(b""), SEE)
        seen = switch.api("file_exists", there).strip()
    except OSError as error:
        yield problem(
            about,
            f"can't write to {root.local}: {error.strerror}",
            "see the rights of that directory",
        )
        return
    finally:
        on_a_thread(lambda: here.unlink(missing_ok=True), SEE)
    if seen != "true":
        yield problem(about, f"FreeSWITCH does not see our file {there}", SAME_VIEW)
        return
    yield _recorded(about, switch, here, there)


def _recorded(about: str, switch: Switch, here: Path, there: str) -> Finding:
    """Let FreeSWITCH record a second of nothing on a channel that goes nowhere."""
    both = f"{here.parent}: each sees what the other writes"
    if not _PLAIN.fullmatch(there):
        return warning(
            about,
            f"FreeSWITCH sees our files in {here.parent}; that it may write there was not tried",
            "a directory without blanks and quotes in its name",
        )
    channel = str(uuid.uuid4())
    variables = quoting.variable_list({"origination_uuid": channel})
    try:
        said = switch.api("originate", f"{variables}null/fsflows-doctor", f"&record({there} 1)")
        if not said.startswith("+OK"):
            return warning(
                about,
                f"FreeSWITCH sees our files in {here.parent}; that it may write there was not tried ({said.strip()})",
                "`load mod_loopback`, for a channel that goes nowhere",
            )
        until = time.monotonic() + SEE
        while not (appeared := on_a_thread(here.exists, SEE)) and time.monotonic() < until:
            gevent.sleep(0.05)
        if not appeared:
            return problem(
                about,
                f"FreeSWITCH can't record to {there}, or we don't see what it records",
                f"both users write there: a common group, and mode 2770; else {SAME_VIEW}",
            )
        switch.api("uuid_kill", channel)
        on_a_thread(here.read_bytes, SEE)
        on_a_thread(here.unlink, SEE)
    except PermissionError as error:
        advice = "both users write there: a common group, and mode 2770"
        return problem(about, f"FreeSWITCH's recordings in {here.parent}: {error.strerror}", advice)
    finally:
        with suppress(Silent, OSError):
            switch.api("uuid_kill", channel)
            on_a_thread(lambda: here.unlink(missing_ok=True), SEE)
    return ok(about, both)
