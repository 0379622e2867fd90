"""``match``: which uncoupled records fit each other, and coupling what is accepted."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from itertools import islice
from typing import Any

from rich.console import RenderableType

from cli.context import Context
from cli.errors import ExitCode, UsageError
from cli.sync_commands import show_run
from cli.terminal import table

_KINDS = ("exact", "ambiguous", "proposed", "unmatched")
_SHOWN = 20
_POLL_SECONDS = 1.0


def add_match(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("tables", nargs="*", help="table mappings, such as CUSTOMER; all if none")
    parser.add_argument("--last", action="store_true", help="show the last match, begin none")
    parser.add_argument(
        "--most", type=int, default=_SHOWN, help=f"so many rows of a kind; {_SHOWN} by default"
    )
    accepting = parser.add_argument_group("accepting what the last match found")
    accepting.add_argument("--accept-exact", action="store_true", help="couple all exact matches")
    accepting.add_argument("--accept-picked", action="store_true", help="couple all picks")
    accepting.add_argument(
        "--pick",
        action="append",
        default=[],
        metavar="BC=CRM",
        help="couple this number or id with the candidate of this id; may be given again",
    )
    accepting.add_argument(
        "--create-in-crm", action="store_true", help="for records of Business Central that are left"
    )
    accepting.add_argument(
        "--create-in-bc",
        action="store_true",
        help="for records of Dynamics 365 Sales that are left",
    )
    accepting.add_argument(
        "--first",
        choices=("to_crm", "from_crm", "none"),
        default="none",
        help="whose values count where both sides differ",
    )


def add_candidates(parser: ArgumentParser) -> None:
    parser.add_argument("connection")
    parser.add_argument("table", help="table mapping, such as CUSTOMER")
    parser.add_argument("place", help="of the ambiguous match, as match tells")
    parser.add_argument("--side", choices=("bc", "crm"), default="crm", help="crm by default")


def candidates(context: Context, arguments: Namespace) -> ExitCode:
    """All records of one side of an ambiguous match, each of which may be picked."""
    path = ("connections", arguments.connection, "matches", arguments.table, "candidates")
    asked = {"place": arguments.place, "side": arguments.side}
    found = list(context.api.all("candidates", *path, **asked))
    rows = [(each["number"], each["name"], each["id"], each["why"]) for each in found]
    headings = ("Number", "Name", "Id", "Why")
    context.terminal.show({"candidates": found}, table("Candidates", headings, rows))
    return ExitCode.DONE


def match(context: Context, arguments: Namespace) -> ExitCode:
    """Match uncoupled records of both sides; or accept what the last match found."""
    if arguments.most < 0:
        raise UsageError("How many rows? Give --most a number from 0 on.")
    name = context.connection(arguments.connection)
    chosen = (arguments.accept_exact, arguments.accept_picked, arguments.pick)
    if any((*chosen, arguments.create_in_crm, arguments.create_in_bc)):
        return _accept(context, name, arguments)
    if not arguments.last:
        body = {"mappings": arguments.tables}
        context.api.post("connections", name, "matches", "start", body=body)
    return _show(context, name, arguments)


def _show(context: Context, name: str, arguments: Namespace) -> ExitCode:
    """The last match: counts, and the first rows of each kind of the tables."""
    report = context.api.get("connections", name, "matches")
    ended: set[str] = set()
    while report["run"] and report["run"]["state"] == "in-process":
        _tell_ended(context, report, ended)
        context.sleep(_POLL_SECONDS)
        report = context.api.get("connections", name, "matches")
    _tell_ended(context, report, ended)
    wanted = set(arguments.tables)
    tables = [each for each in report["tables"] if not wanted or each["mapping"] in wanted]
    views: list[RenderableType] = [_summary(tables)]
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for each in tables:
        if each["counts"]:
            rows[each["mapping"]] = _rows(context, name, each["mapping"], arguments.most)
            views += _views(each["mapping"], rows[each["mapping"]])
    context.terminal.show(report | {"tables": tables, "matches": rows}, *views)
    return _exit_code(tables)


def _tell_ended(context: Context, report: dict[str, Any], ended: set[str]) -> None:
    """A log sees each table's end once, and how far the others are."""
    for each in report["tables"]:
        line = each["line"]
        if line and line["finished_at"] and each["mapping"] not in ended:
            ended.add(each["mapping"])
            context.terminal.tell(f"{each['mapping']}: {line['state']}. {line['message']}")


def _exit_code(tables: Sequence[dict[str, Any]]) -> ExitCode:
    states = {each["line"]["state"] for each in tables if each["line"]}
    if states & {"error", "blocked", "cancelled"}:
        return ExitCode.FAILED
    undecided = any(
        each["counts"]["ambiguous"] or each["counts"]["proposed"]
        for each in tables
        if each["counts"]
    )
    return ExitCode.PARTIAL if undecided else ExitCode.DONE


def _rows(context: Context, name: str, mapping: str, most: int) -> dict[str, list[dict[str, Any]]]:
    path = ("connections", name, "matches", mapping)
    return {
        kind: list(islice(context.api.all("matches", *path, kind=kind), most)) for kind in _KINDS
    }


def _accept(context: Context, name: str, arguments: Namespace) -> ExitCode:
    """Pick what is to be picked, then have everything that is accepted coupled."""
    if arguments.pick:
        if len(arguments.tables) != 1:
            raise UsageError("Of which table are the picks? Name the connection and one table.")
        _pick(context, name, arguments.tables[0], arguments.pick)
    body = {
        "mappings": arguments.tables,
        "exact": arguments.accept_exact,
        "picked": arguments.accept_picked or bool(arguments.pick),
        "rest": {
            "bc": "create" if arguments.create_in_crm else "leave",
            "crm": "create" if arguments.create_in_bc else "leave",
        },
        "first": arguments.first,
    }
    run = context.api.post("connections", name, "matches", "accept", body=body)
    return show_run(context, name, run["run_id"], watch=True)


def _pick(context: Context, name: str, mapping: str, picks: Sequence[str]) -> None:
    pairs = [each.partition("=") for each in picks]
    unclear = [pick for pick, (bc, _, crm) in zip(picks, pairs, strict=True) if not (bc and crm)]
    if unclear:
        raise UsageError(f"What is {unclear[0]!r}? A pick is BC=CRM, such as 10000=7b2e5a10-….")
    ids = _ids_by_number(context, name, mapping)
    path = ("connections", name, "matches", mapping, "pick")
    wanted = [{"bc": _id_of(ids, bc), "crm": crm} for bc, _, crm in pairs]
    context.api.post(*path, body={"picks": wanted})


def _ids_by_number(context: Context, name: str, mapping: str) -> dict[str, set[str]]:
    """Ids of the records of Business Central that may be picked, by their numbers."""
    path = ("connections", name, "matches", mapping)
    found: dict[str, set[str]] = {}
    for kind in ("ambiguous", "proposed"):
        for row in context.api.all("matches", *path, kind=kind):
            for each in row["bc"]:
                found.setdefault(each["number"], set()).add(each["id"])
    return found


def _id_of(ids: dict[str, set[str]], named: str) -> str:
    """The id that a number means; what is no number of a candidate is taken for an id."""
    meant = ids.get(named, {named})
    if len(meant) > 1:
        raise UsageError(f"Several candidates are called {named}: name the one by its id.")
    return next(iter(meant))


def _summary(tables: Sequence[dict[str, Any]]) -> RenderableType:
    headings = ("Table", "Exact", "Ambiguous", "Proposed", "Only in BC", "Only in CRM", "Message")
    rows = []
    for each in tables:
        counts, line = each["counts"] or {}, each["line"] or {"message": "", "hint": ""}
        rows.append(
            (
                each["mapping"],
                *(
                    counts.get(kind)
                    for kind in ("exact", "ambiguous", "proposed", "unmatched_bc", "unmatched_crm")
                ),
                "The mapping was changed since: match again."
                if each["outdated"]
                else f"{line['message']} {line['hint']}".strip(),
            )
        )
    return table("Matches", headings, rows)


def _views(mapping: str, rows: dict[str, list[dict[str, Any]]]) -> list[RenderableType]:
    headings = ("Business Central", "Dynamics 365 Sales", "Why", "What became of it")
    return [
        table(
            f"{mapping}: {kind}",
            headings,
            [(_named(row, "bc"), _named(row, "crm"), _why(row), _became(row)) for row in found],
        )
        for kind, found in rows.items()
        if found
    ]


def _named(row: dict[str, Any], side: str) -> str:
    """Each record on a line of its own: number, name and id, by which it is picked."""
    lines = [
        " ".join(text for text in (each["number"], each["name"], each["id"]) if text)
        for each in row[side]
    ]
    if more := row[f"{side}_total"] - len(lines):
        lines.append(f"… {more} more: coupler candidates … {row['place']} --side {side}")
    return "\n".join(lines)


def _why(row: dict[str, Any]) -> str:
    return f"{row['why']} {row['hint']}".strip()


def _became(row: dict[str, Any]) -> str:
    told = [_fate(row["became"])]
    told += [f"picked by {each['by']}: {_fate(each['became'])}" for each in row["picks"]]
    return "\n".join(text for text in told if text)


def _fate(became: dict[str, Any]) -> str:
    return f"{became['state']} {became['message']} {became['hint']}".strip()
