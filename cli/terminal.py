"""What a person at a terminal sees, and what a script reads.

With ``--json`` one JSON document goes to standard output and nothing else; progress and questions
go to standard error in any case.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from cli.errors import UsageError

_PLAIN_WIDTH = 140
"""Columns where the output is no terminal."""


class Terminal:
    """Standard output and standard error of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out = _console(sys.stdout)
        self.progress = _console(sys.stderr)

    def show(self, document: Any, *views: RenderableType) -> None:
        """The result: the document with ``--json``, else its views."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
            return
        for view in views:
            self.out.print(view)

    def write(self, text: str) -> None:
        """A file's contents to standard output, to the last character as they are."""
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()

    def confirms(self, question: str) -> bool:
        """Whether a person says yes; raises ``UsageError`` where nobody can be asked."""
        if not sys.stdin.isatty():
            raise UsageError(f"{question} Nobody is here to say so: add --yes.")
        self.progress.print(f"{question} [y/N] ", end="", markup=False, highlight=False)
        return sys.stdin.readline().strip().casefold() in ("y", "yes")

    def tell(self, text: str) -> None:
        """Something about the command's progress."""
        self.progress.print(text, markup=False, highlight=False)


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table of texts; what a service sent is shown as it is, never read as markup."""
    made = Table(*headings, title=title, title_justify="left")
    for row in rows:
        made.add_row(*(Text("" if value is None else str(value)) for value in row))
    return made


def _console(stream: Any) -> Console:
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    return console
