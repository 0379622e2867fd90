"""``export`` and ``import``: couplings to a file, and from one."""

from __future__ import annotations

import csv
import io
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from cli.context import Context
from cli.errors import ExitCode, UsageError
from cli.terminal import table

_BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets take UTF-8 for something else."""
_LINE_END = "\r\n"
_POLL_SECONDS = 1.0


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


def add_import(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("table", help="the table mapping, such as CUSTOMER")
    parser.add_argument("file", help="comma-separated text, as export writes it")
    parser.add_argument("--check", action="store_true", help="say what is wrong, couple nothing")
    parser.add_argument(
        "--first",
        choices=("to-crm", "from-crm", "none"),
        help="whose values count at first, where the file does not say",
    )
    parser.add_argument(
        "--replace", action="store_true", help="give up other partners, where the file is silent"
    )


def import_couplings(context: Context, arguments: Namespace) -> ExitCode:
    """Couple the records that a file names: all of them, or none where one cannot be."""
    content = _read(Path(arguments.file))
    name, mapping = context.connection(arguments.connection), arguments.table
    path = ("connections", name, "couplings", mapping, "import")
    context.api.post_file(
        *path,
        content=content,
        media_type="text/csv",
        check_only=arguments.check or None,
        first=arguments.first.replace("-", "_") if arguments.first else None,
        replace=arguments.replace or None,
    )
    report = _watch(context, path)
    rows = list(context.api.all("rows", *path))
    context.terminal.show({"import": report, "rows": rows}, *_views(report, rows))
    return _exit_code(report)


def _exit_code(report: dict[str, Any]) -> ExitCode:
    counts = report["counts"]
    if counts["refused"]:
        return ExitCode.PARTIAL if counts["coupled"] else ExitCode.FAILED
    return ExitCode.DONE if report["run"]["state"] == "finished" else ExitCode.FAILED


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from error


def _watch(context: Context, path: tuple[str, ...]) -> dict[str, Any]:
    """The report once its run is over."""
    with context.terminal.progress.status("") as status:
        while True:
            report: dict[str, Any] = context.api.get(*path, limit=1)["import"]
            if report["run"]["state"] != "in-process":
                return report
            looked_at = report["rows"] - report["counts"]["waiting"]
            status.update(f"{looked_at} of {report['rows']} rows")
            context.sleep(_POLL_SECONDS)


def _views(report: dict[str, Any], rows: list[dict[str, Any]]) -> list[RenderableType]:
    counts, state = report["counts"], report["run"]["state"]
    told = ", ".join(f"{number} {each}" for each, number in counts.items() if number)
    title = "Check" if report["check_only"] else "Import"
    views: list[RenderableType] = [f"{title} {state}: {told} of {report['rows']} rows."]
    if counts["refused"] and not counts["coupled"] and not report["check_only"]:
        views.append("Nothing of the file was coupled, because rows of it were refused.")
    if report["run"]["message"]:
        views.append(report["run"]["message"])
    noteworthy = [
        (
            each["line"],
            each["bc_key"] or each["bc_id"],
            each["crm_id"] or ", ".join(each["crm_key"].values()),
            each["state"],
            "; ".join(filter(None, (each["message"], *each["replaced"]))),
            each["hint"],
        )
        for each in rows
        if each["message"] or each["replaced"]
    ]
    if noteworthy:
        headings = ("Line", "In BC", "In CRM", "State", "Message", "What to do")
        views.append(table("Rows with something to tell", headings, noteworthy))
    return views
