"""Alerts fire when they should; every name in alerts, dashboard and documentation is a metric that there is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from fsflows import metrics

from . import dashboard, known

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "conf" / "prometheus").glob("*.rules.yml"))
TESTS = Path(__file__).with_name("alerts.test.yml")


def alerts():
    return [
        rule
        for file in RULES
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def promtool(*arguments, given=""):
    found = shutil.which("promtool")
    assert found, "promtool is not installed (apt-get install prometheus)"
    run = subprocess.run(
        [found, *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


# --- alerts -----------------------------------------------------------------------------------------------------


def test_rules_and_configuration_are_prometheus_s(tmp_path):
    assert len(RULES) == 2
    status, said = promtool("check", "rules", *RULES)
    assert 0 == status, said
    # The configuration names directories of an installation.
    file = ROOT / "conf" / "prometheus" / "prometheus.yml"
    text = file.read_text().replace("/etc/prometheus/rules", str(ROOT / "conf" / "prometheus"))
    (tmp_path / "prometheus.yml").write_text(text)
    status, said = promtool("check", "config", tmp_path / "prometheus.yml")
    assert 0 == status, said
    assert f"{len(alerts())} rules" in said or "rules found" in said
    job = yaml.safe_load(text)["scrape_configs"][0]["job_name"]
    assert f'job="{job}"' in "".join(rule["expr"] for rule in alerts())


def test_every_alert_fires_when_it_should():
    status, said = promtool("test", "rules", TESTS)
    assert 0 == status, said
    fired = {
        test["alertname"]
        for group in yaml.safe_load(TESTS.read_text())["tests"]
        for test in group.get("alert_rule_test", ())
        if test.get("exp_alerts")
    }
    assert {rule["alert"] for rule in alerts()} == fired


def test_a_rule_that_would_not_fire_is_noticed(tmp_path):
    broken = RULES[0].read_text().replace("fsflows_accepting", "fsflows_accepts")
    (tmp_path / "broken.rules.yml").write_text(broken)
    tests = TESTS.read_text().replace(f"../../conf/prometheus/{RULES[0].name}", "broken.rules.yml")
    tests = tests.replace("../../conf/prometheus", str(ROOT / "conf" / "prometheus"))
    (tmp_path / "alerts.test.yml").write_text(tests)
    status, said = promtool("test", "rules", tmp_path / "alerts.test.yml")
    assert 1 == status
    assert "FsflowsNobodyAccepts" in said


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_names_what_there_is_and_is_explained(rule):
    assert [] == known.faults(rule["expr"])
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    pages = [(ROOT / "docs" / page).read_text() for page in ("metrics.md", "keeping-recordings.md")]
    assert 1 == sum(page.count(f"| {rule['alert']} |") for page in pages)


# --- the dashboard -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("where", "expression"), dashboard.expressions())
def test_a_panel_names_what_there_is(where, expression):
    assert [] == known.faults(expression), where


def test_expressions_are_prometheus_s(tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, (_, expression) in enumerate(dashboard.expressions())
    ]
    file = tmp_path / "panels.rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    status, said = promtool("check", "rules", file)
    assert 0 == status, said


def test_grafana_reads_all_of_the_dashboard():
    """What Grafana's own model does not know is dropped by it: a word that is misspelt, or at the wrong place."""
    register_default_plugins()
    ours = dashboard.load()
    theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))
    # An annotation's formats are the Prometheus plugin's, which has no model.
    assert {"titleFormat", "textFormat"} == {name.rpartition("/")[2] for name in lost(ours, theirs)}


def lost(ours, theirs, where=""):
    """Where something of `ours` is not in `theirs`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            place
            for name, value in ours.items()
            for place in (
                lost(value, theirs[name], f"{where}/{name}")
                if name in theirs
                else [f"{where}/{name}"]
            )
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [place for at, (a, b) in pairs for place in lost(a, b, f"{where}/{at}")]
    return [] if ours == theirs else [where]


def test_the_dashboard_is_laid_out():
    board = dashboard.load()
    taken, identities = {}, set()
    for panel in board["panels"]:
        assert panel["id"] not in identities
        identities.add(panel["id"])
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[x, y]}"
                taken[x, y] = panel["title"]
    width, height = 24, 1 + max(y for _, y in taken)
    assert width * height == len(taken), "there are holes"
    for panel in dashboard.panels():
        assert "${datasource}" == panel["datasource"]["uid"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references))
    variables = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {"__rate_interval", "__all"}
    assert variables == used


# --- the page ----------------------------------------------------------------------------------------------------


def test_the_page_lists_the_metrics_that_there_are_with_their_labels():
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = {}
    for names, labels in re.findall(
        r"^\| ((?:`fsflows_\w+`(?:, )?)+) \|([^|]*)\|", text, re.MULTILINE
    ):
        for name in re.findall(r"`(\w+)`", names):
            listed[name] = {label for label in re.split(r"[ ,]+", labels) if label}
    there = {name: set(metric._labelnames) for name, metric in known.families().items()}
    assert there == listed


def test_metrics_keep_prometheus_s_rules():
    there = known.families()
    _, said = promtool("check", "metrics", given=metrics.render()[0].decode())
    # Python's own metrics, and those of tests, come with it.
    assert not [line for line in said.splitlines() if line.startswith(tuple(there))], said
    for name, metric in there.items():
        assert re.fullmatch(r"fsflows_[a-z_]+", name)
        assert metric._documentation.endswith("."), name
        if metric._type == "gauge":
            assert "all" != metric._multiprocess_mode, f"{name}: how are processes put together?"
            assert not name.endswith("_total")
        if metric._type == "histogram":
            assert name.endswith("_seconds")


def test_names_that_are_not_there_are_found():
    assert ["no metric fsflows_cals_total"] == known.faults("rate(fsflows_cals_total[5m])")[:1]
    assert ["fsflows_calls_total has no label caller"] == known.faults(
        'sum(fsflows_calls_total{caller="1"})'
    )
    assert ["no label step"] == known.faults("sum by (step) (rate(fsflows_calls_total[5m]))")
    assert ["names no metric"] == known.faults("time() > 3")
