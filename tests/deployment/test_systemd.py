"""The units of systemd, looked at by systemd itself; it is not run here (docs/deployment.md: what was)."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fsflows.cli.main import main
from fsflows.server.worker.service import APOLOGY
from fsflows.settings import Server

UNITS = sorted((Path(__file__).parents[2] / "conf" / "systemd").glob("*.service"))


class _Several(dict):
    """A key that is given again adds to the first."""

    def __setitem__(self, key, value):
        if isinstance(value, list) and key in self:
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def read(unit):
    parser = configparser.RawConfigParser(strict=False, dict_type=_Several)
    parser.optionxform = str
    parser.read_string(unit.read_text())
    return parser


def analyse(*arguments):
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is not installed (apt-get install systemd)"
    run = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    return run.returncode, run.stdout + run.stderr


@pytest.fixture
def installed(tmp_path):
    """The units, with programs that are there."""
    found = []
    for unit in UNITS:
        text = unit.read_text().replace("/opt/fsflows/bin/fsflows", f"{sys.executable} -m fsflows")
        (tmp_path / unit.name).write_text(text)
        found.append(tmp_path / unit.name)
    return found


def test_systemd_reads_them(installed):
    assert ["fsflows-agent.service", "fsflows.service"] == [unit.name for unit in UNITS]
    status, said = analyse("verify", "--man=no", *installed)
    # What it says about units of the machine itself is not about ours.
    ours = [line for line in said.splitlines() if "fsflows" in line]
    assert (0, []) == (status, ours)


def test_a_word_that_systemd_does_not_know_is_noticed(installed):
    unit = installed[-1]
    unit.write_text(unit.read_text().replace("TimeoutStopSec", "TimeoutStop"))
    assert "TimeoutStop" in analyse("verify", "--man=no", unit)[1]


def test_they_may_do_little(installed):
    for unit in installed:
        status, said = analyse("security", "--offline=yes", "--threshold=25", unit)
        assert 0 == status, said
        exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", said)[1])
        assert exposure <= 2.5


def test_a_server_gets_the_time_that_it_needs():
    service = read(UNITS[1])["Service"]
    assert float(service["TimeoutStopSec"]) > Server().drain_timeout + APOLOGY
    assert ("notify", "control-group") == (service["Type"], service["KillMode"])
    assert service["ExecReload"].endswith("-HUP $MAINPID")
    assert 10 <= float(service["WatchdogSec"]) <= 60
    assert "always" == service["Restart"]
    # What may get better by itself is tried for ever; settings that make no sense, once.
    for unit in UNITS:
        assert "0" == read(unit)["Unit"]["StartLimitIntervalSec"]
    assert "2" == service["RestartPreventExitStatus"]
    assert int(service["LimitNOFILE"]) >= 65536
    settings = service["ExecStart"].rpartition(" ")[2]
    assert settings.endswith("fsflows.yaml")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_command_is_ours(unit, capsys):
    command = read(unit)["Service"]["ExecStart"].split()
    assert "/opt/fsflows/bin/fsflows" == command[0]
    with pytest.raises(SystemExit) as ended:
        main([*command[1:], "--help"])
    assert 0 == ended.value.code
