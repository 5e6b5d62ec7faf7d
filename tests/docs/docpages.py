"""The pages of the documentation, in their parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "dialplan/README.md",
        ROOT / "docker/README.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("conf/flows/*/README.md"),
    ]
)


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands behind its fence ("yaml settings"), its lines, and where it is."""

    kind: str
    text: str
    where: str


@dataclass(frozen=True)
class Command:
    """A command of a `console` block, and the lines that it prints according to the page."""

    line: str
    output: str
    where: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, *kinds: str) -> list[Block]:
    """A page's fenced blocks, of some kinds or of all."""
    found, kind, lines = [], None, []
    for number, line in enumerate(read(name).splitlines(), 1):
        fence = re.match(r"\s*```(.*)", line)
        if fence and kind is None:
            kind, lines, start = fence[1].strip(), [], number
        elif fence:
            found.append(Block(kind, "\n".join(lines) + "\n", f"{name}:{start}"))
            kind = None
        elif kind is not None:
            lines.append(line)
    assert kind is None, f"{name}: a fence is not closed"
    return [block for block in found if not kinds or block.kind in kinds]


def commands(name: str) -> list[Command]:
    """What a page's `console` blocks run."""
    found = []
    for block in blocks(name, "console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            found.append(Command(line, output, block.where))
    return found


def prose(name: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^\s*```.*?^\s*```", "", read(name), flags=re.DOTALL | re.MULTILINE)


def table(name: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    below = prose(name).split(f"\n## {heading}\n", 1)[1]
    rows = re.search(r"^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n?)+)", below, re.MULTILINE)[1]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows.splitlines()
    ]


def anchors(name: str) -> set[str]:
    """The headings of a page, as links name them."""
    return {
        re.sub(r"[^\w -]", "", heading.casefold()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", prose(name), re.MULTILINE)
    }
