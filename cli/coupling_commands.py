"""``compare``, ``couple``, ``uncouple``, ``create`` and ``synchronize``: records one at a time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cli.context import Context
from cli.errors import ExitCode, UsageError
from cli.terminal import table

_BC, _CRM = "Business Central", "Dynamics 365 Sales"
_FLOWS = {
    "to_crm": f"goes to {_CRM}",
    "from_crm": f"goes to {_BC}",
    "conflict": "both have their own value",
    "waits": "waits for a record that is not coupled",
    "agreed": "stays as it is",
}
_FIRSTS = {"to-crm": "to_crm", "from-crm": "from_crm", "none": "none"}


def add_compare(parser: ArgumentParser) -> None:
    _add_pair(parser)


def compare(context: Context, arguments: Namespace) -> ExitCode:
    """Show two records side by side, before they are coupled."""
    seen = _compared(context, arguments)
    context.terminal.show(seen, *_views(seen))
    stands_alone = seen["coupled"] or not (seen["obstacles"] or _partners(seen))
    return ExitCode.DONE if stands_alone else ExitCode.PARTIAL


def add_couple(parser: ArgumentParser) -> None:
    _add_pair(parser)
    parser.add_argument(
        "--first",
        choices=list(_FIRSTS),
        help="whose values count where both sides differ; the table's usual direction if left out",
    )
    parser.add_argument("--replace", action="store_true", help="give up other partners")
    parser.add_argument(
        "--with-parents",
        action="store_true",
        help="couple what the two refer to first, where exactly one record fits",
    )
    _add_yes(parser)


def couple(context: Context, arguments: Namespace) -> ExitCode:
    """Couple two records, and have the pair synchronized."""
    seen = _compared(context, arguments)
    given_up = _partners(seen) if arguments.replace and not seen["coupled"] else []
    if given_up and not arguments.yes:
        lost = "\n".join(f"  {each}" for each in given_up)
        if not context.terminal.confirms(f"These couplings are given up:\n{lost}\nGo on?"):
            return _nothing_done(context)
    body = {
        "bc": seen["bc"]["id"],
        "crm": seen["crm"]["id"],
        "first": _FIRSTS[arguments.first] if arguments.first else seen["firsts"][0],
        "replace": arguments.replace,
        "with_parents": arguments.with_parents,
    }
    done = context.api.post(*_couplings(arguments), body=body)
    first = [f"Coupled first: {_pair(each)}" for each in done["parents"]]
    lost_now = [f"Given up: {each['name']} ({each['crm_id']})" for each in done["replaced"]]
    told = f"Coupled: {seen['bc']['name']} with {seen['crm']['name']}."
    context.terminal.show(done, *map(Text, (*first, *lost_now, told)))
    return ExitCode.DONE


def add_uncouple(parser: ArgumentParser) -> None:
    _add_records(parser)
    parser.add_argument("--all", action="store_true", help="every pair of the table")
    parser.add_argument("--preview", action="store_true", help="tell what it would mean, no more")
    _add_yes(parser)


def uncouple(context: Context, arguments: Namespace) -> ExitCode:
    """Take coupled records apart; both of each pair stay as they are."""
    path = (*_couplings(arguments), "uncouple")
    chosen = {"all": True} if arguments.all else _records(arguments)
    meant = context.api.post(*path, body={**chosen, "preview": True})
    if arguments.preview:
        context.terminal.show(meant, *_uncoupling(meant))
        return ExitCode.DONE
    waiting = ", ".join(f"{each['count']} of {each['mapping']}" for each in meant["dependents"])
    if (waiting or arguments.all) and not arguments.yes:
        question = f"{meant['pairs']} pairs are taken apart. "
        question += f"Coupled records refer to them and wait then: {waiting}. " if waiting else ""
        if not context.terminal.confirms(question + "Go on?"):
            return _nothing_done(context)
    done = context.api.post(*path, body=chosen)
    by = f"run {done['run_id']}: coupler status --run" if arguments.all else "the next pass"
    told = f"{meant['pairs']} pairs are taken apart by {by}."
    context.terminal.show({**meant, **done}, *_uncoupling(meant), told)
    return ExitCode.DONE


def add_create(parser: ArgumentParser) -> None:
    _add_records(parser)


def create(context: Context, arguments: Namespace) -> ExitCode:
    """Have records get partners in the other system, new ones where none fits."""
    path = (*_couplings(arguments), "create")
    asked = context.api.post(*path, body=_records(arguments))
    told = f"{asked['asked']} records get partners by the next pass."
    coupled = f"{asked['coupled']} have partners already." if asked["coupled"] else ""
    outside = f"{asked['outside']} are outside the table's filter." if asked["outside"] else ""
    context.terminal.show(asked, " ".join(filter(None, (told, coupled, outside))))
    return ExitCode.PARTIAL if asked["outside"] else ExitCode.DONE


def add_synchronize(parser: ArgumentParser) -> None:
    _add_records(parser)


def synchronize(context: Context, arguments: Namespace) -> ExitCode:
    """Synchronize coupled records now, also those that were parked."""
    path = (*_couplings(arguments), "synchronize")
    asked = context.api.post(*path, body=_records(arguments))
    context.terminal.show(asked, f"{asked['pairs']} pairs are looked at now: coupler errors.")
    return ExitCode.DONE


# What commands take


def _add_table(parser: ArgumentParser) -> None:
    parser.add_argument("connection", help="the connection")
    parser.add_argument("table", help="the table mapping, such as CUSTOMER")


def _add_pair(parser: ArgumentParser) -> None:
    _add_table(parser)
    parser.add_argument("bc", help=f"the record in {_BC}: number, code or id")
    parser.add_argument("crm", help=f"the record in {_CRM}: id")


def _add_records(parser: ArgumentParser) -> None:
    _add_table(parser)
    parser.add_argument("bc", nargs="*", help=f"records in {_BC}: numbers, codes or ids")
    parser.add_argument("--crm", nargs="+", default=[], metavar="id", help=f"records in {_CRM}")


def _add_yes(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _records(arguments: Namespace) -> dict[str, list[str]]:
    if not arguments.bc and not arguments.crm:
        raise UsageError("Which records? Name some, or give ids after --crm.")
    return {"bc": arguments.bc, "crm": arguments.crm}


def _couplings(arguments: Namespace) -> tuple[str, ...]:
    return ("connections", arguments.connection, "couplings", arguments.table)


# What commands show


def _compared(context: Context, arguments: Namespace) -> dict[str, Any]:
    return context.api.get(*_couplings(arguments), "compare", bc=arguments.bc, crm=arguments.crm)


def _views(seen: dict[str, Any]) -> list[RenderableType]:
    rows = [
        (
            each["bc_field"],
            each["bc_value"],
            each["crm_value"],
            each["crm_column"],
            "" if each["same"] else each["problem"] or _FLOWS[each["flow"]],
        )
        for each in seen["fields"]
    ]
    title = f"{seen['bc']['name']} and {seen['crm']['name']}"
    headings = ("Field", _BC, _CRM, "Column", "If coupled")
    lines = ["They are coupled." if seen["coupled"] else ""]
    if not seen["coupled"]:
        lines += [f"Has a partner: {each}" for each in _partners(seen)]
        lines += [_obstacle(each) for each in seen["obstacles"]]
        lines += [_first(each) for each in _every(seen["couple_first"])]
    return [table(title, headings, rows), *(Text(each) for each in lines if each)]


def _partners(seen: dict[str, Any]) -> list[str]:
    """The other partners of the two records, in words."""
    return [
        f"{seen[side]['name']} is coupled with {partner['name']} ({partner[other]})"
        + (", which was deleted" if partner["gone"] else "")
        for side, other in (("bc", "crm_id"), ("crm", "bc_id"))
        if (partner := seen[side]["coupled_with"])
    ]


def _obstacle(obstacle: dict[str, Any]) -> str:
    return f"In the way: {obstacle['message']} {obstacle['hint']}".strip()


def _every(first: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that is to be coupled first, in order."""
    return [
        found
        for each in first
        for found in (*_every((each["suggestion"] or {}).get("couple_first", ())), each)
    ]


def _first(first: dict[str, Any]) -> str:
    if first["suggestion"]:
        return f"To couple first: {_pair(first['suggestion'])}"
    return f"To couple first: {first['message']} {first['why_none']}".strip()


def _pair(pair: dict[str, Any]) -> str:
    return f"{pair['mapping']} {pair['name']} with {pair['crm_name']} ({pair['crm_id']})"


def _uncoupling(meant: dict[str, Any]) -> list[RenderableType]:
    pairs = [(each["key"], each["name"], each["crm_id"]) for each in meant["examples"]]
    shown = f"Pairs: {meant['pairs']}" + (
        f", the first {len(pairs)}" if meant["pairs"] > len(pairs) else ""
    )
    views: list[RenderableType] = [table(shown, ("Key", "Name", "In CRM"), pairs)]
    waiting = [
        (each["mapping"], each["count"], ", ".join(one["name"] for one in each["examples"]))
        for each in meant["dependents"]
    ]
    if waiting:
        headings = ("Table", "Records", "Such as")
        views.append(table("Refer to them, and wait then", headings, waiting))
    return views


def _nothing_done(context: Context) -> ExitCode:
    context.terminal.tell("Nothing was done.")
    return ExitCode.FAILED
