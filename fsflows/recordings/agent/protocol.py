"""What a server and an agent say to each other: methods, their versions, and how work fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsflows.recordings.files.failures import (
    FileWorkFailed,
    NotAllSearched,
    NotKnown,
    PathRefused,
    RecordingGone,
    StillThere,
    WrongArchive,
)
from fsflows.recordings.files.marker import MarkerDamaged

UPGRADE = "install the same version of fsflows on both hosts"

METHODS: Mapping[str, tuple[str, ...]] = {
    "look": ("path",),
    "delete": ("path", "mark"),
    "find": ("call_uuid",),
    "staged": ("now",),
    "identity": (),
    "claim": ("identity",),
    "publish": ("path", "name", "archive"),
    "published": ("name",),
    "retract": ("name",),
    "archived": (),
}

VERSIONS: Mapping[str, int] = {"identity": 2, "claim": 2, "publish": 2, "retract": 2}
"""Of the protocol, in which a method's words became what they are; all others: 1. Each method is asked for under its
own (/v2/publish), so that agent and server of different versions do what both know, and refuse the rest in words."""


def path_of(method: str) -> str:
    """Where a method is asked for."""
    return f"/v{VERSIONS.get(method, 1)}/{method}"


def failure(error: FileWorkFailed) -> dict[str, Any]:
    """What is said of work that failed."""
    if isinstance(error, PathRefused):
        return {"kind": "PathRefused", "path": error.path, "why": error.why}
    if isinstance(error, NotAllSearched):
        return {"kind": "NotAllSearched", "why": str(error), "found": list(error.found)}
    return {"kind": type(error).__name__, "why": str(error)}


def failure_of(said: dict[str, Any]) -> FileWorkFailed:
    """The opposite of `failure`."""
    if said["kind"] == "PathRefused":
        return PathRefused(said["path"], said["why"])
    if said["kind"] == "NotAllSearched":
        return NotAllSearched(said["why"], said["found"])
    kinds = {
        kind.__name__: kind
        for kind in (MarkerDamaged, NotKnown, RecordingGone, StillThere, WrongArchive)
    }
    return kinds.get(said["kind"], FileWorkFailed)(said["why"])
