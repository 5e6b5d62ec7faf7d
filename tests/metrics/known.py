"""The metrics that there are, and the names and labels that an expression uses."""

from __future__ import annotations

import importlib
import pkgutil
import re

from prometheus_client.metrics import MetricWrapperBase

import fsflows

WORDS = frozenset(
    [
        "sum",
        "min",
        "max",
        "count",
        "avg",
        "topk",
        "by",
        "without",
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "time",
        "rate",
        "increase",
        "delta",
        "histogram_quantile",
        "label_values",
        "offset",
    ]
)
"""PromQL's own, as far as they are used here."""

OUTSIDE = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate"}}
"""Series that Prometheus makes itself."""

TARGET = {"instance", "job"}
"""Labels that Prometheus adds to each series."""


def families() -> dict[str, MetricWrapperBase]:
    """Our metrics, by the name that they are declared with (counters with their `_total`)."""
    found = {}
    for module in pkgutil.walk_packages(fsflows.__path__, "fsflows."):
        if module.name.endswith(".metrics"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, MetricWrapperBase):
                    name = value._name + ("_total" if value._type == "counter" else "")
                    found[name] = value
    return found


def series() -> dict[str, set[str]]:
    """The names of all series, with their labels."""
    found = {name: set(labels) for name, labels in OUTSIDE.items()}
    for name, metric in families().items():
        labels = set(metric._labelnames) | TARGET
        if metric._type == "histogram":
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels}
            found[f"{name}_count"] = labels
        else:
            found[name] = labels
    return found


def faults(expression: str) -> list[str]:
    """What an expression names that is not there."""
    there = series()
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    found, used = [], set()
    for name, matchers in re.findall(
        r"\b([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?",
        re.sub(r"\b(by|without|on|ignoring|group_left)\s*\([^)]*\)", " ", bare),
    ):
        if name in WORDS or re.fullmatch(r"[smhd]|e\d*", name):
            continue
        if name not in there:
            if name not in {label for labels in there.values() for label in labels}:
                found.append(f"no metric {name}")
            continue
        used.add(name)
        found += [
            f"{name} has no label {label}"
            for label in re.findall(r"(\w+)\s*[=!]", matchers)
            if label not in there[name]
        ]
    if not used:
        found.append("names no metric")
    labels = set().union(*(there[name] for name in used)) if used else set()
    for group in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", bare):
        names = [name.strip() for name in group.split(",") if name.strip()]
        found += [f"no label {name}" for name in names if name not in labels]
    return found
