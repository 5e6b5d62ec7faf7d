from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from fsflows.flow.loader import Reading, load_flow, read_flows
from fsflows.flow.model import Flow

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files into an empty current directory, so that messages begin with plain names."""
    monkeypatch.chdir(tmp_path)

    def write(text: str | bytes, name: str = "f.yaml") -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode()
        path.write_bytes(raw)
        return path

    return write


@pytest.fixture
def check(write: Write) -> Callable[..., list[str]]:
    """What is wrong with a flow (and its functions), as it is printed."""

    def check(text: str | bytes, functions: str = "") -> list[str]:
        path = write(text)
        if functions:
            write(functions, "f.py")
        return [str(problem) for problem in read_flows([path]).problems]

    return check


@pytest.fixture
def load(write: Write) -> Callable[..., Flow]:
    """A flow that loads."""

    def load(text: str, functions: str = "") -> Flow:
        path = write(text)
        if functions:
            write(functions, "f.py")
        return load_flow(path)

    return load


@pytest.fixture
def read(write: Write) -> Callable[[dict[str, str]], Reading]:
    """Several files, read as one directory."""

    def read(files: dict[str, str]) -> Reading:
        for name, text in files.items():
            write(text, f"flows/{name}")
        return read_flows(["flows"])

    return read
