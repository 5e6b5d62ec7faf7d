"""Running commands in tests."""

import os

LONG = 60.0
"""Seconds that no command here takes, unless it hangs."""


def environment(**more):
    """A process's environment, without settings of fsflows."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FSFLOWS_")}
    kept.pop("NO_COLOR", None)
    return {**kept, "TERM": "xterm", "COLUMNS": "80", **more}
