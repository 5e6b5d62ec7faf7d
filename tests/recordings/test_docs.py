"""The documentation's commands run, its settings load, and its words are the program's."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from fsflows.cli.main import main
from fsflows.recordings import metrics
from fsflows.recordings.files.places import parse_root
from fsflows.recordings.journal.entries import STATES
from fsflows.settings import load
from recordings.fakes import UUID, World

DOCS = Path(__file__).parents[2] / "docs"
TEXT = "".join(
    (DOCS / page).read_text(encoding="utf-8") for page in ("recordings.md", "keeping-recordings.md")
)
RULES = Path(__file__).parents[2] / "conf" / "prometheus" / "recordings.rules.yml"


def blocks(language):
    """The pages' code blocks in a language ("": none)."""
    found, inside, lines = [], None, []
    for line in TEXT.splitlines():
        if not line.strip().startswith("```"):
            lines.append(line)
        elif inside is None:
            inside, lines = line.strip()[3:], []
        else:
            if inside == language:
                found.append(textwrap.dedent("\n".join(lines)))
            inside = None
    return found


def commands():
    lines = [
        line.strip()[2:] for block in blocks("") for line in block.splitlines() if "$ " in line
    ]
    return [line for line in lines if line.startswith("fsflows") and " agent " not in line]


def test_every_command_of_the_pages_runs(tmp_path, monkeypatch, capsys):
    world = World(tmp_path)
    call = world.call(UUID)
    call.start()
    call.discard(world.cause())
    (tmp_path / "fsflows.yaml").write_text(
        f"recordings: {{staging: {tmp_path}/staging, published: {tmp_path}/archive}}\n"
        f"database: {{url: 'sqlite:///{tmp_path}/journal.db', spool: {tmp_path}/spool}}\n"
    )
    monkeypatch.setenv("FSFLOWS_CONFIG", str(tmp_path / "fsflows.yaml"))
    assert len(commands()) >= 6
    for command in commands():
        assert main(shlex.split(command)[1:]) == 0, command
    assert "deleted" in capsys.readouterr().out
    world.close()


def test_the_settings_of_the_pages_load(tmp_path):
    found = blocks("yaml")
    assert len(found) == 3
    secret = tmp_path / "secret"
    secret.write_text("x" * 32)
    for number, block in enumerate(found):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block.replace("/etc/fsflows/agent.secret", str(secret)))
        settings = load(file, environ={})
        for root in (settings.recordings.staging, *settings.recordings.roots):
            parse_root(root)


def test_states_and_metrics_of_the_pages_and_the_alerts_exist():
    life = TEXT.split("## A recording's life")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)`", life)) - {"discard_orphans"} <= set(STATES)
    known = set()
    for value in vars(metrics).values():
        if isinstance(value, MetricWrapperBase):
            (family,) = value.describe()
            known |= {family.name, f"{family.name}_total"}
    used = set(re.findall(r"fsflows_[a-z_]+", TEXT + RULES.read_text(encoding="utf-8")))
    assert used <= known
    assert len(used) >= 7


def test_the_alerts_are_rules_and_each_is_explained():
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["annotations"]["summary"]
        assert f"| {rule['alert']} |" in TEXT
    assert len(group["rules"]) == 9


@pytest.mark.parametrize(
    "how",
    ["deleted earlier", "removed by FreeSWITCH", "never started", "absent", "was already gone"],
)
def test_the_receipts_words_are_explained(how):
    from fsflows.recordings.discarding import discarder
    from fsflows.recordings.journal import receipt

    assert f"| `{how}` |" in TEXT
    sources = [Path(each.__file__).read_text(encoding="utf-8") for each in (discarder, receipt)]
    assert f'"{how}"' in "".join(sources)
