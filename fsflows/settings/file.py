"""Where settings are read from: the YAML file, with the place of each of them, the environment, secrets' files."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

READABLE_BY_OTHERS = stat.S_IROTH


@dataclass(slots=True)
class Given:
    """Settings as they were given: sections, their values, and where each stands.

    Attributes:
        origin: the file's name; "settings" without one.
        tree: sections by name, what is in them by key.
        places: of (section,) and (section, key): "FILE:LINE:COLUMN", or an environment variable's name.
        warnings: what works, and should be changed.
    """

    origin: str = "settings"
    tree: dict[str, Any] = field(default_factory=dict)
    places: dict[tuple[str, ...], str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def place(self, *path: str) -> str:
        """Where a section or a setting stands."""
        return self.places.get(path, self.origin)


def read_file(path: Path, faults: list[str]) -> Given:
    """Read a settings file; what can't be used is added to `faults`."""
    given = Given(str(path))
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = yaml.safe_load(text)
    except OSError as error:
        faults.append(f"{path}: {error.strerror}")
    except yaml.MarkedYAMLError as error:
        faults.append(f"{_at(path, error.problem_mark)}: {' '.join(str(error.problem).split())}")
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        faults.append(f"{path}: {' '.join(str(error).split())}")
    else:
        if isinstance(tree, dict):
            given.tree = {str(name): value for name, value in tree.items()}
            _note_places(path, root, given, faults)
        elif tree is not None:
            faults.append(f"{path}: must be a mapping of sections")
    return given


def add_environment(
    given: Given, environ: Mapping[str, str], prefix: str, not_ours: set[str], faults: list[str]
) -> None:
    """Put `PREFIX_SECTION__KEY` variables on top."""
    for name, text in sorted(environ.items()):
        if not name.startswith(prefix) or name in not_ours:
            continue
        section, _, key = name[len(prefix) :].lower().partition("__")
        if not key:
            faults.append(f"{name}: not a setting; write FSFLOWS_SECTION__KEY (FSFLOWS_LOG__LEVEL)")
            continue
        branch = given.tree.get(section)
        if branch is None:
            branch = given.tree[section] = {}
        if isinstance(branch, dict):
            branch[key] = FromEnvironment(text)
            given.places[section, key] = name
            given.places.setdefault((section,), name)


class FromEnvironment(str):
    """A value from the environment: what it means depends on the setting (a password of digits is a text)."""

    __slots__ = ()

    def parsed(self, text_wanted: bool) -> Any:
        """The value as YAML reads it; where a text is wanted, what is no YAML text stays as it is."""
        try:
            value = yaml.safe_load(self)
        except yaml.YAMLError:
            value = str(self)
        return str(self) if text_wanted and not isinstance(value, str) else value


def read_secret(path: Any, where: str, given: Given, faults: list[str]) -> str | None:
    """The secret in a file; None, and a fault, if it can't be read."""
    try:
        text = Path(str(path)).read_text(encoding="utf-8").strip()
    except OSError as error:
        faults.append(f"{where}: {path}: {error.strerror}")
        return None
    except ValueError:
        faults.append(f"{where}: {path}: is not text")
        return None
    if not text:
        faults.append(f"{where}: {path}: is empty")
        return None
    if is_exposed(path):
        given.warnings.append(f"{where}: every user can read {path}; chmod 640 {path}")
    return text


def is_exposed(path: Any) -> bool:
    """Whether every user of this host may read a file."""
    try:
        mode = Path(str(path)).stat().st_mode
    except OSError:
        return False
    # /dev/stdin and the like are not files that somebody else could open.
    return stat.S_ISREG(mode) and bool(mode & READABLE_BY_OTHERS)


def _note_places(
    path: Path, node: yaml.Node | None, given: Given, faults: list[str], above: tuple[str, ...] = ()
) -> None:
    """Sections, and what is in them; a name that is there twice is a fault."""
    if len(above) > 1 or not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        where = (*above, str(key.value))
        place = _at(path, key.start_mark)
        if where in given.places:
            faults.append(
                f"{place}: {'.'.join(where)} is given twice, first at {given.places[where]}"
            )
        given.places.setdefault(where, place)
        _note_places(path, value, given, faults, where)


def _at(path: Path, mark: Any) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(path)
