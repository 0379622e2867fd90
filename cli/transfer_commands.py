"""``export``: couplings to a file."""

from __future__ import annotations

import csv
import io
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from cli.context import Context
from cli.errors import ExitCode, UsageError

_BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets take UTF-8 for something else."""
_LINE_END = "\r\n"


def add_export(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("table", help="the table mapping, such as CUSTOMER")
    parser.add_argument("--output", metavar="FILE", help="to this file, not to the terminal")


def export(context: Context, arguments: Namespace) -> ExitCode:
    """Write the couplings of a table as comma-separated text."""
    if context.terminal.as_json and not arguments.output:
        raise UsageError("With --json, say with --output to which file.")
    name, mapping = context.connection(arguments.connection), arguments.table
    path = ("connections", name, "couplings", mapping, "export")
    pages = _one_file(context.api.pages(*path, limit=1000))
    if not arguments.output:
        for page in pages:
            context.terminal.write(page)
        return ExitCode.DONE
    number = _write(Path(arguments.output), pages)
    context.terminal.show(
        {"table": mapping, "couplings": number, "output": arguments.output},
        f"{number} couplings of {mapping} are in {arguments.output}.",
    )
    return ExitCode.DONE


def _one_file(pages: Iterator[str]) -> Iterator[str]:
    """The pages, each of which begins with the headings, as one file that has them once."""
    for number, page in enumerate(pages):
        yield page if number == 0 else page.partition(_LINE_END)[2]


def _write(target: Path, pages: Iterator[str]) -> int:
    """Write all pages, or leave the target as it is; the number of couplings."""
    unfinished = target.with_name(f"{target.name}.part")
    rows = 0
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.write(_BYTE_ORDER_MARK)
            for page in pages:
                file.write(page)
                rows += sum(1 for _ in csv.reader(io.StringIO(page, newline="")))
        unfinished.replace(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return rows - 1
