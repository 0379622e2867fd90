"""``couplings``, ``records``, ``errors``, ``retry`` and ``reconcile``: single records."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import islice
from typing import Any

from cli.api import MOST_OF_A_PAGE
from cli.context import Context
from cli.errors import ExitCode, UsageError
from cli.terminal import table

_POLL_SECONDS = 1.0
_MOST = 100
_SIDES = {"bc": "Business Central", "crm": "Dynamics 365 Sales"}
_STATES = ("coupled", "uncoupled", "waiting", "failed", "conflict", "skipped", "parked", "gone")
_ORDERS = ("name", "-name", "key", "-key", "modified", "-modified")


def add_couplings(parser: ArgumentParser) -> None:
    parser.add_argument("connection", help="the connection")
    parser.add_argument("table", help="the table mapping, such as CUSTOMER")


def couplings(context: Context, arguments: Namespace) -> ExitCode:
    """List the coupled records of a table."""
    name, mapping = arguments.connection, arguments.table
    found = list(context.api.all("couplings", "connections", name, "couplings", mapping))
    rows = [(each["key"], each["name"], each["state"], each["crm_id"]) for each in found]
    view = table(f"{len(found)} couplings of {mapping}", ("Key", "Name", "State", "In CRM"), rows)
    context.terminal.show({"couplings": found}, view)
    return ExitCode.DONE


def add_records(parser: ArgumentParser) -> None:
    parser.add_argument("connection", help="the connection")
    parser.add_argument("table", help="the table mapping, such as CUSTOMER")
    parser.add_argument("--side", choices=tuple(_SIDES), default="bc", help="bc by default")
    parser.add_argument(
        "--state",
        choices=_STATES,
        help="only records that stand like this; gone: the coupled one was deleted",
    )
    parser.add_argument("--search", help="part of a name, or how a number or code begins")
    parser.add_argument(
        "--sort",
        choices=_ORDERS,
        default="name",
        help="by name by default; a minus is the other way round: --sort=-name",
    )
    many = parser.add_mutually_exclusive_group()
    many.add_argument(
        "--limit", "--most", type=int, default=_MOST, help=f"so many; {_MOST} by default"
    )
    many.add_argument("--all", action="store_true", help="however many there are")


def records(context: Context, arguments: Namespace) -> ExitCode:
    """List one system's records of a table, and how each is coupled."""
    if arguments.limit < 1:
        raise UsageError("How many records? Give --limit a number from 1 on, or --all.")
    name, mapping, side = arguments.connection, arguments.table, arguments.side
    # The service reads both systems for every page, and looks for a state in all it read.
    few = not (arguments.all or arguments.state)
    listed = context.api.all(
        "records",
        *("connections", name, "records", mapping),
        page_size=min(arguments.limit + 1, MOST_OF_A_PAGE) if few else MOST_OF_A_PAGE,
        side=side,
        state=arguments.state,
        search=arguments.search,
        sort=arguments.sort,
    )
    found = list(listed if arguments.all else islice(listed, arguments.limit + 1))
    more = not arguments.all and len(found) > arguments.limit
    shown = found[: arguments.limit] if more else found
    rows = [
        (
            *((each["key"],) if side == "bc" else ()),
            each["name"],
            each["state"],
            _partner(each),
            each["id"],
            f"{each['reason']['message']} {each['reason']['hint']}".strip()
            if each["reason"]
            else "",
        )
        for each in shown
    ]
    key = ("Key",) if side == "bc" else ()
    headings = (*key, "Name", "State", "Coupled with", "Id", "Why, and what to do")
    title = f"{len(shown)} records of {mapping} in {_SIDES[side]}"
    views = [table(title, headings, rows)]
    told = ("There are more: --all, or a larger --limit.",) if more else ()
    context.terminal.show({"records": shown, "more": more}, *views, *told)
    return ExitCode.DONE


def _partner(record: dict[str, Any]) -> str:
    partner = record["coupled_with"]
    if not partner:
        return ""
    return f"{partner['name']}, which was deleted" if partner["gone"] else str(partner["name"])


def add_errors(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("--table", help="of this table mapping only")
    parser.add_argument("--code", help="for this reason only")
    parser.add_argument("--search", help="part of a record's name, number or id: why is it here?")
    parser.add_argument("--grouped", action="store_true", help="one line for each cause")


def errors(context: Context, arguments: Namespace) -> ExitCode:
    """List the records that are not in step, why, and what to do."""
    name = context.connection(arguments.connection)
    return _causes(context, name) if arguments.grouped else _outcomes(context, name, arguments)


def _causes(context: Context, name: str) -> ExitCode:
    document = context.api.get("connections", name, "outcomes", "summary")
    rows = [
        (
            each["mapping"],
            each["code"],
            each["count"],
            f"{each['example']['record_name']}: {each['example']['message']}",
            each["what_to_do"],
        )
        for each in document["causes"]
    ]
    headings = ("Table", "Code", "Records", "For example", "What to do")
    context.terminal.show(document, table("Causes", headings, rows))
    return ExitCode.PARTIAL if rows else ExitCode.DONE


def _outcomes(context: Context, name: str, arguments: Namespace) -> ExitCode:
    path = ("connections", name, "outcomes")
    asked = {"mapping": arguments.table, "code": arguments.code, "search": arguments.search}
    found = list(context.api.all("outcomes", *path, **asked))
    rows = [
        (
            each["mapping"],
            each["kind"],
            each["record_name"] or each["record_id"],
            f"{each['message']} {each['hint']}".strip(),
        )
        for each in found
    ]
    headings = ("Table", "Kind", "Record", "Why, and what to do")
    context.terminal.show({"outcomes": found}, table(f"Not in step: {len(found)}", headings, rows))
    return ExitCode.PARTIAL if found else ExitCode.DONE


def add_retry(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("--table", help="records of this table mapping")
    parser.add_argument("--code", help="records that failed for this reason")
    parser.add_argument("--all", action="store_true", help="every record that is not in step")


def retry(context: Context, arguments: Namespace) -> ExitCode:
    """Try records again, also those that were parked."""
    chosen = {"mapping": arguments.table, "code": arguments.code}
    wanted = {name: value for name, value in chosen.items() if value}
    if bool(wanted) == arguments.all:
        raise UsageError("Which records? Give --table or --code, or --all for every one.")
    name = context.connection(arguments.connection)
    answer = context.api.post("connections", name, "outcomes", "retry", body=wanted)
    context.terminal.show(answer, "They are tried again now: coupler errors.")
    return ExitCode.DONE


def add_reconcile(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("tables", nargs="*", help="table mappings; all where none is named")
    parser.add_argument("--repair", action="store_true", help="repair all that can be repaired")


def reconcile(context: Context, arguments: Namespace) -> ExitCode:
    """Compare both systems with the couplings, and report what differs."""
    name = context.connection(arguments.connection)
    path = ("connections", name, "reconcile")
    context.api.post(*path, body={"mappings": arguments.tables})
    report = context.api.get(*path)
    while report["run"] and report["run"]["state"] == "in-process":
        context.sleep(_POLL_SECONDS)
        report = context.api.get(*path)
    drift = list(context.api.all("drift", *path, "drift"))
    rows = [
        (each["mapping"], kind, count)
        for each in report["tables"]
        for kind, count in each["drift"].items()
    ]
    view = table(f"Drift: {len(drift)}", ("Table", "Kind", "Records"), rows)
    if not drift or not arguments.repair:
        context.terminal.show({"report": report, "drift": drift}, view)
        return ExitCode.PARTIAL if drift else ExitCode.DONE
    repaired = context.api.post(*path, "repair", body={"all": True})
    begun = sum(repaired["actions"].values())
    told = f"{begun} repairs began; {repaired['left_to_people']} are left to people."
    context.terminal.show({"report": report, "drift": drift, "repaired": repaired}, view, told)
    return ExitCode.PARTIAL if repaired["left_to_people"] else ExitCode.DONE
