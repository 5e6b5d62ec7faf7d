"""How help and errors of the command line look, of every command alike."""

from __future__ import annotations

import argparse
import difflib
import shutil
import textwrap
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

from fsflows.advice import did_you_mean

WIDEST = 100
"""Columns; lines that are longer are hard to read, on however wide a terminal."""


class HelpFormatter(argparse.HelpFormatter):
    """Fills paragraphs to the terminal's width and leaves indented lines (examples) as they are written."""

    def __init__(self, prog: str, **options: Any) -> None:
        options["width"] = min(shutil.get_terminal_size().columns, WIDEST) - 2
        options["max_help_position"] = 28
        super().__init__(prog, **options)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(_filled(text, width, indent))

    def _iter_indented_subactions(
        self, action: argparse.Action
    ) -> Generator[argparse.Action, None, None]:
        if isinstance(action, argparse._SubParsersAction):
            yield from action._get_subactions()

    def _format_action(self, action: argparse.Action) -> str:
        shown = super()._format_action(action)
        if isinstance(action, argparse._SubParsersAction):
            return shown.partition("\n")[2]  # without a line that only says COMMAND
        return shown


def _filled(text: str, width: int, indent: str) -> Iterator[str]:
    paragraph: list[str] = []
    for line in [*text.strip("\n").split("\n"), ""]:
        if line and not line.startswith(" "):
            paragraph.append(line)
            continue
        if paragraph:
            yield textwrap.fill(
                " ".join(paragraph),
                width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
            paragraph = []
        yield indent + line if line else ""


class Parser(argparse.ArgumentParser):
    """A parser whose help is formatted as above, and which guesses what a wrong word was to be."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options["formatter_class"] = HelpFormatter
        super().__init__(*arguments, **options)
        self._positionals.title = "arguments"

    def add_subparsers(self, **options: Any) -> Any:
        self._positionals.title = "commands"
        return super().add_subparsers(**options)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        known = [str(choice) for choice in action.choices or ()]
        if known and value not in known:
            hint = did_you_mean(str(value), known, "there are")
            if isinstance(action, argparse._SubParsersAction):
                if Path(value).suffix in (".yaml", ".yml"):
                    hint = f"to call a flow: {self.prog} call {value}"
                raise argparse.ArgumentError(None, f"there is no command {value!r}; {hint}")
            raise argparse.ArgumentError(action, f"not {value!r}; {hint}")
        super()._check_value(action, value)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [each for each in self._option_string_actions if each.startswith("--")]
            near = difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.7)
            hint = f"; did you mean {near[0]}?" if near else ""
            if not near and unknown[0].startswith("--"):
                hint = f"; there are {', '.join(known)}"
            self.error(f"{unknown[0]!r} is not expected{hint}")
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n{self.prog} --help shows how it is used\n")
