"""The benchmark's own reader of tables, so that a table means the same here and there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load_bench() -> ModuleType:
    name = "spoken_bench"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks/spoken/__main__.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def bench() -> ModuleType:
    return load_bench()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "utterance" in metafunc.fixturenames:
        rows = [
            pytest.param(path.stem, row, id=f"{path.stem}-{'|'.join(row.said)}")
            for path in sorted(Path(__file__).with_name("tables").glob("*.txt"))
            for row in load_bench().read(path)
        ]
        metafunc.parametrize(("language", "utterance"), rows)
