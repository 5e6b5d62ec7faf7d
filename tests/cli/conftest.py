import subprocess
import sys
import textwrap

import pytest
from cli_running import LONG, environment


@pytest.fixture
def flow(tmp_path):
    """`flow(yaml, functions="")`: a flow's directory."""

    def make(text, functions="", name="shop"):
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        (directory / f"{name}.yaml").write_text(textwrap.dedent(text))
        if functions:
            (directory / f"{name}.py").write_text(textwrap.dedent(functions))
        return directory

    return make


@pytest.fixture
def fsflows(tmp_path):
    """`fsflows(*arguments)`: run it to its end, without a terminal: (exit status, output, errors)."""

    def run(*arguments, **more):
        done = subprocess.run(
            [sys.executable, "-m", "fsflows", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONG,
            cwd=tmp_path,
            env=environment(**more),
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run
