"""Flow files -> flows. Everything that is wrong with them is found in one go, or they load."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from fsflows.flow.building.build import Draft, build
from fsflows.flow.checking.crosscheck import check_flow_names, check_names, check_steps
from fsflows.flow.checking.placeholders import check_placeholders
from fsflows.flow.errors import FlowErrors, Mark, Problem, Problems, nearest
from fsflows.flow.model import Flow, FlowSet
from fsflows.flow.python.functions import FunctionsFile, load_functions
from fsflows.flow.reading.files import DISK, Files
from fsflows.flow.reading.yaml_tree import read_tree

T = TypeVar("T")


class Pace(Protocol):
    """Goes through something; what does, may take its time in between."""

    def __call__(self, items: Iterable[T], /) -> Iterator[T]: ...


@dataclass(slots=True)
class Reading:
    """What came of reading flow files.

    Attributes:
        files: every flow file, in order.
        flows: the flows that can be used, by name.
        problems: errors and warnings, sorted.
        missing: paths that don't exist, or hold no flow; they are among the problems, too.
    """

    files: list[Path] = field(default_factory=list)
    flows: dict[str, Flow] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> list[Problem]:
        """Those that keep a flow from being used."""
        return [problem for problem in self.problems if not problem.warning]


@dataclass(slots=True)
class _Read:
    draft: Draft
    file: FunctionsFile | None
    broken: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from self.draft.problems
        if self.file is not None:
            yield from self.file.problems

    @property
    def errors(self) -> bool:
        return self.broken or any(not problem.warning for problem in self.problems())


def load_flow(path: Path | str) -> Flow:
    """One flow, from its file, or from its directory (the flow that is named like it, or the only one).

    Names of other flows are not checked: they may be anywhere.

    Raises:
        FlowErrors: it can't be used.
    """
    target = Path(path)
    if target.is_dir():
        return main_flow(load_flows([target]), target)
    reading = read_flows([target], other_flows=True)
    if reading.errors:
        raise FlowErrors(reading.errors)
    return next(iter(reading.flows.values()))


def load_flows(paths: Iterable[Path | str], source: Files = DISK, pace: Pace = iter) -> FlowSet:
    """All flows of some files and directories.

    Args:
        paths: YAML files; directories are searched for them, also inside, but for `tests` and hidden ones.
        source: what is read.
        pace: what goes from one file to the next, for a process that has other work.

    Raises:
        FlowErrors: any of them can't be used.
    """
    reading = read_flows(paths, source=source, pace=pace)
    if reading.errors:
        raise FlowErrors(reading.errors)
    return reading.flows


def main_flow(flows: FlowSet, directory: Path | str) -> Flow:
    """The flow that a directory stands for: named like it, or the only one.

    Raises:
        FlowErrors: there is no such flow, or no one flow.
    """
    target = Path(directory)
    if target.resolve().name in flows:
        return flows[target.resolve().name]
    if len(flows) == 1:
        return next(iter(flows.values()))
    what = f"has {len(flows)} flows ({', '.join(sorted(flows))}); name the file of one"
    raise FlowErrors([Problem(str(directory), 1, 1, what)])


def read_flows(
    paths: Iterable[Path | str],
    *,
    other_flows: bool = False,
    source: Files = DISK,
    pace: Pace = iter,
) -> Reading:
    """Read flow files, and say everything that is to be said about them. Never raises `FlowErrors`.

    Args:
        paths: files and directories.
        other_flows: there may be more flows than these, so that names of flows can't be checked.
        source: what is read.
        pace: see `load_flows`.
    """
    reading = Reading()
    given = [Path(path) for path in paths]
    files: dict[Path, None] = {}
    for path in given:
        try:
            files.update(dict.fromkeys(source.flows(path)))
        except FlowErrors as errors:
            reading.missing += errors.problems
            reading.problems += errors.problems
    reading.files = list(files)
    reads: deque[_Read] = deque()
    for file in pace(reading.files):
        try:
            reads.append(_read(file, source))
        except FlowErrors as errors:
            reading.problems += errors.problems
    _check_twice(reads)
    if not other_flows:
        among = "in these directories" if all(path.is_dir() for path in given) else "in these files"
        names = {read.draft.flow.name for read in reads} | _unread(reading.files, reads)
        for read in pace(reads):
            check_flow_names(read.draft, read.file, names, among=among)
    for read in pace(_let_go(reads)):
        reading.problems += read.problems()
        if not read.errors:
            reading.flows[read.draft.flow.name] = read.draft.flow
    reading.problems = sorted(set(reading.problems))
    return reading


def _let_go(reads: deque[_Read]) -> Iterator[_Read]:
    """One after the other: with it goes what its file was made of, far more than the flow itself."""
    while reads:
        yield reads.popleft()


def _unread(files: list[Path], reads: Iterable[_Read]) -> set[str]:
    """Names that the files which could not be read probably have."""
    return {file.stem for file in files} - {read.draft.flow.path.stem for read in reads}


def _read(path: Path, source: Files) -> _Read:
    """One file, with everything that can be checked without the others.

    Raises:
        FlowErrors: there is nothing to go on with.
    """
    try:
        raw = source.read(path)
    except OSError as error:
        raise FlowErrors(
            [Problem(str(path), 1, 1, f"can't be read: {error.strerror or error}")]
        ) from None
    problems = Problems(str(path))
    draft = build(read_tree(raw, problems), path, problems)
    read = _Read(draft, None)
    try:
        read.file = _functions(draft, source)
    except FlowErrors as errors:
        problems.add(errors.problems)
        read.broken = True
        return read
    file = read.file
    functions = dict(file.functions) if file else {}
    flow = draft.flow
    draft.flow = dataclasses.replace(
        flow,
        version=hashlib.sha256(raw + b"\0" + (file.source if file else b"")).hexdigest()[:12],
        functions=functions,
        code=file.code if file else {},
        start_function=flow.start_function or _default("start_function", functions),
        end_function=flow.end_function or _default("end_function", functions),
    )
    check_names(draft, file)
    check_steps(draft, file)
    check_placeholders(draft, file)
    return read


def _default(name: str, functions: Mapping[str, object]) -> str | None:
    return name if name in functions else None


def _functions(draft: Draft, source: Files) -> FunctionsFile | None:
    node = draft.functions
    beside = draft.flow.path.with_suffix(".py")
    if node is None:
        return load_functions(beside, source) if source.is_file(beside) else None
    path = draft.flow.path.parent / node.text
    if not source.is_file(path):
        known = [file.name for file in path.parent.glob("*.py")] if path.parent.is_dir() else []
        near = nearest(path.name, known)
        hint = f"; did you mean {near!r}?" if near else ""
        problem = Problem(
            draft.problems.path, node.line, node.column, f"there is no file {node.text!r}{hint}"
        )
        raise FlowErrors([problem])
    return load_functions(path, source)


def _check_twice(reads: Iterable[_Read]) -> None:
    first: dict[str, _Read] = {}
    for read in reads:
        name = read.draft.flow.name
        if name in first:
            place = read.draft.tree.values.get("name") or Mark(1, 1)
            what = f"the flow name {name!r} is taken by {first[name].draft.flow.path}; give it another 'name:'"
            read.draft.problems.error(place, what)
        else:
            first[name] = read
