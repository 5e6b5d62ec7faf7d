"""The dashboard's panels and their expressions, as Grafana would ask them."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "conf" / "grafana" / "fsflows.json"
VARIABLES = {"$__rate_interval": "1m", "$flow": ".*", "$node": ".*"}


def load() -> dict:
    return json.loads(FILE.read_text(encoding="utf-8"))


def panels() -> list[dict]:
    return [panel for panel in load()["panels"] if panel["type"] != "row"]


def expressions(**variables: str) -> list[tuple[str, str]]:
    """Panel and reference, and the expression with its variables filled in."""
    found = []
    for panel in panels():
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in {**VARIABLES, **variables}.items():
                text = text.replace(name, value)
            found.append((f"{panel['title']}, {target['refId']}", text))
    return found
