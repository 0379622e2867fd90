"""``changes`` and ``undo``: what people changed about couplings, and taking it back."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cli.context import Context
from cli.errors import ExitCode, ServiceError, UsageError
from cli.sync_commands import run_exit_code, watched_run
from cli.terminal import table

_MOST = 100
_NOT_LOOKED_AT = "not looked at"
_DOES = {
    "undone": "undone",
    "already": "as before the change already",
    "asked": "undone by the next pass",
    "refused": "refused",
    _NOT_LOOKED_AT: _NOT_LOOKED_AT,
}


def add_changes(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("--table", help="of this table mapping only")
    parser.add_argument("--by", metavar="ID", help="of the caller with this object id only")
    parser.add_argument("--most", type=int, default=_MOST, help=f"so many; {_MOST} by default")
    parser.add_argument(
        "--pairs", metavar="CHANGE", help="the pairs of this change, and what became of undoing it"
    )


def changes(context: Context, arguments: Namespace) -> ExitCode:
    """List the coupling changes that people made, the latest first, or the pairs of one."""
    if arguments.most < 1:
        raise UsageError("How many changes? Give --most a number from 1 on.")
    name = context.connection(arguments.connection)
    if arguments.pairs:
        return _show_pairs(context, name, arguments)
    path = ("connections", name, "coupling-changes")
    asked = {"mapping": arguments.table, "by": arguments.by}
    found = list(islice(context.api.all("changes", *path, **asked), arguments.most))
    rows = [
        (
            each["id"],
            f"{each['at']}\n{each['by']}",
            each["mapping"],
            f"{each['origin']}: {each['example']['name']} {each['example']['action']}",
            "undone" if each["undone_by"] else "may be undone",
        )
        for each in found
    ]
    headings = ("Change", "When, and who", "Table", "How, and for example", "Undoing")
    context.terminal.show({"changes": found}, table(f"Coupling changes of {name}", headings, rows))
    return ExitCode.DONE


def add_undo(parser: ArgumentParser) -> None:
    parser.add_argument("connection", help="the connection")
    parser.add_argument("change", help="the change: coupler changes")
    parser.add_argument(
        "--pairs", action="store_true", help="tell of every pair, not only of refused ones"
    )


def undo(context: Context, arguments: Namespace) -> ExitCode:
    """Undo a coupling change, and tell what cannot be undone and why."""
    name, change = arguments.connection, arguments.change
    run = _begun(context, name, change)
    review = watched_run(context, name, run["run_id"])
    pairs = _pairs(context, name, change, review["run"]["mappings"])
    counts = Counter(_state(each) for each in pairs)
    told = ", ".join(f"{number} {_DOES[state]}" for state, number in sorted(counts.items()))
    views: list[RenderableType] = [Text(f"Undoing {change}: {told or 'no pairs'}.")]
    shown = [each for each in pairs if arguments.pairs or _state(each) == "refused"]
    views += [_pair_table("Pairs" if arguments.pairs else "Refused", shown)] if shown else []
    views += [
        Text(f"{line['name']}: {line['message']} {line['hint']}".strip())
        for line in review["lines"]
        if line.get("message")
    ]
    views.append(Text(f"To undo that in turn: coupler undo {name} {run['run_id']}"))
    context.terminal.show({**review, "pairs": pairs}, *views)
    return _exit_code(review, counts)


def _begun(context: Context, name: str, change: str) -> dict[str, Any]:
    """The run that undoes a change."""
    try:
        return context.api.post("connections", name, "coupling-changes", change, "undo")
    except ServiceError as error:
        if error.problem.get("code") not in ("change-unknown", "not-found"):
            raise
        told = f"{error}\nSee which there are: coupler changes {name}"
        raise ServiceError(told, problem=error.problem) from error


def _exit_code(review: dict[str, Any], counts: Counter[str]) -> ExitCode:
    if counts["refused"] == counts.total() > 0:
        return ExitCode.FAILED
    ended = run_exit_code(review)
    if ended is ExitCode.DONE and (counts["refused"] or counts[_NOT_LOOKED_AT]):
        return ExitCode.PARTIAL
    return ended


def _show_pairs(context: Context, name: str, arguments: Namespace) -> ExitCode:
    change = arguments.pairs
    tables = [arguments.table] if arguments.table else _tables(context, name, change)
    pairs = _pairs(context, name, change, tables)
    if not pairs:
        raise UsageError(f"There is no change {change} of {name}: coupler changes {name}.")
    context.terminal.show({"pairs": pairs}, _pair_table(f"Pairs of {change}", pairs))
    return ExitCode.DONE


def _tables(context: Context, name: str, change: str) -> list[str]:
    """The tables that a change is about; the list names it once for each."""
    path = ("connections", name, "coupling-changes")
    return [each["mapping"] for each in context.api.all("changes", *path) if each["id"] == change]


def _pairs(context: Context, name: str, change: str, tables: Sequence[str]) -> list[dict[str, Any]]:
    path = ("connections", name, "coupling-changes", change)
    return [
        {"mapping": each, **pair}
        for each in tables
        for pair in context.api.all("pairs", *path, each)
    ]


def _pair_table(title: str, pairs: Sequence[dict[str, Any]]) -> RenderableType:
    headings = ("Table", "Record", "In CRM", "Change", "Undoing", "Why, and what to do")
    rows = [
        (
            each["mapping"],
            each["name"] or each["bc_id"],
            each["crm_id"],
            _changed(each),
            _DOES[_state(each)] if each["undo"] else "",
            f"{each['undo']['message']} {each['undo']['hint']}".strip() if each["undo"] else "",
        )
        for each in pairs
    ]
    return table(title, headings, rows)


def _changed(pair: dict[str, Any]) -> str:
    instead = ", ".join(f"{each['name']} ({each['crm_id']})" for each in pair["replaced"])
    return f"{pair['action']} {instead}" if instead else str(pair["action"])


def _state(pair: dict[str, Any]) -> str:
    return pair["undo"]["state"] if pair["undo"] else _NOT_LOOKED_AT
