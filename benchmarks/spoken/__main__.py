"""Accuracy of the spoken grammars on tables that were not used to write them: `python -m benchmarks.spoken`.

A row is `said | another alternative => keys [length]`. It counts as right when `choose` gives exactly these keys, with
the length as its expectation where one is given. Keys `-`: nothing must be read. A final `#`: an end key was said.

    python -m benchmarks.spoken              a line a language
    python -m benchmarks.spoken --misses     the rows that were missed, too
    python -m benchmarks.spoken --speed      how long one utterance of ten digits takes
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

from fsflows.spoken import Alternative, choose, parse

HERE = Path(__file__).parent
ROW = re.compile(r"(?P<said>.+) => (?P<keys>\S+)(?: \[(?P<length>\d+)\])?")
TEN_DIGITS = {
    "ten digits": "five five five one two three four five six seven",
    "doubles": "nine eight double seven six five four three two one",
    "tens": "fifty five fifty one twenty three forty five sixty seven",
    "a sentence": "yeah it's uh nine one seven double five five zero one one zero please",
    "homophones": "for won too tree five six seven ate nine to",
    "a repair": "five five five one two three four no wait five six seven eight",
}


class Row(NamedTuple):
    said: tuple[str, ...]
    keys: str
    length: int | None


class Score(NamedTuple):
    language: str
    rows: int
    right: int
    nothing: int
    silent: int
    misses: tuple[tuple[Row, str], ...]

    @property
    def share(self) -> float:
        return self.right / self.rows


def read(path: Path) -> list[Row]:
    """The rows of a table; a malformed line is a ValueError with its number."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = ROW.fullmatch(line.strip())
        if not found:
            raise ValueError(f"{path.name}:{number}: not a row: {line!r}")
        length = int(found["length"]) if found["length"] else None
        if length is not None and length != len(found["keys"].rstrip("#")):
            raise ValueError(f"{path.name}:{number}: {found['keys']} has not {length} keys")
        rows.append(Row(tuple(found["said"].split(" | ")), found["keys"], length))
    return rows


def heard(row: Row, language: str) -> str:
    """What is made of a row, written as in the table."""
    lengths = None if row.length is None else range(row.length, row.length + 1)
    choice = choose([Alternative(text) for text in row.said], language, lengths=lengths)
    if choice is None:
        return "-"
    return choice.reading.keys + ("#" if choice.reading.finish else "")


def score(path: Path) -> Score:
    rows = read(path)
    results = [(row, heard(row, path.stem)) for row in rows]
    misses = tuple((row, keys) for row, keys in results if keys != row.keys)
    nothing = [row for row in rows if row.keys == "-"]
    silent = len(nothing) - sum(row.keys == "-" for row, _ in misses)
    return Score(path.stem, len(rows), len(rows) - len(misses), len(nothing), silent, misses)


def tables() -> list[Path]:
    return sorted(HERE.glob("*.txt"))


def accuracy(*, misses: bool) -> None:
    print(f"{'language':10} {'rows':>5} {'right':>6} {'':>6}   {'sentences left alone':>20}")
    scores = [score(path) for path in tables()]
    for one in scores:
        print(
            f"{one.language:10} {one.rows:5} {one.right:6} {one.share:6.1%}"
            f"   {one.silent:>13} of {one.nothing}"
        )
        if misses:
            for row, keys in one.misses:
                print(f"    {' | '.join(row.said)!r}: {row.keys} expected, {keys} heard")
    rows, right = sum(one.rows for one in scores), sum(one.right for one in scores)
    print(f"{'all':10} {rows:5} {right:6} {right / rows:6.1%}")


def speed() -> None:
    for name, said in TEN_DIGITS.items():
        parse(said)
        times = []
        for _ in range(300):
            before = time.perf_counter()
            parse(said)
            times.append(time.perf_counter() - before)
        middle, late = statistics.median(times), statistics.quantiles(times, n=100)[98]
        print(f"{name:12} median {middle * 1e6:5.0f} µs, p99 {late * 1e6:5.0f} µs")


if __name__ == "__main__":
    if "--speed" in sys.argv[1:]:
        speed()
    else:
        accuracy(misses="--misses" in sys.argv[1:])
