"""``plan``, ``sync`` and ``status``: what would be done, doing it, and watching it."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from rich.console import RenderableType
from rich.live import Live

from cli.context import Context
from cli.errors import ExitCode
from cli.order_view import order
from cli.terminal import table

_MODES = ("full-synchronization", "couple-records", "no-records")
_POLL_SECONDS = 1.0
_IN_PROCESS = "in-process"
_DONE = ("inserted", "modified", "coupled", "deleted")
_NOT_IN_STEP = ("skipped", "waiting", "conflict", "failed")


def add_plan(parser: ArgumentParser) -> None:
    _add_tables(parser)
    _add_mode(parser)


def plan(context: Context, arguments: Namespace) -> ExitCode:
    """Count what a full synchronization would do; nothing is written."""
    name = context.connection(arguments.connection)
    context.api.post("connections", name, "full-sync", "preview", body=_wanted(arguments))
    review = _watch(context, lambda: context.api.get("connections", name, "full-sync", "preview"))
    views = [order(review["lines"]), _modes(review)]
    context.terminal.show(review, *views, _review("What a full synchronization would do", review))
    return run_exit_code(review)


def add_sync(parser: ArgumentParser) -> None:
    _add_tables(parser)
    _add_mode(parser)
    parser.add_argument(
        "--incremental", action="store_true", help="what changed since the last time, all tables"
    )
    parser.add_argument("--no-wait", action="store_true", help="begin it and do not wait")


def sync(context: Context, arguments: Namespace) -> ExitCode:
    """Run a full synchronization and watch it to its end."""
    name = context.connection(arguments.connection)
    if arguments.incremental:
        begun = context.api.post("connections", name, "incremental", "run")
        context.terminal.show(begun, f"Every table of {name} is looked at now: coupler status.")
        return ExitCode.DONE
    run = context.api.post("connections", name, "full-sync", "start", body=_wanted(arguments))
    if arguments.no_wait:
        context.terminal.show(run, f"A full synchronization of {name} began: coupler status.")
        return ExitCode.DONE
    review = _watch(context, lambda: context.api.get("connections", name, "full-sync"))
    context.terminal.show(review, _review("Full synchronization", review))
    return run_exit_code(review)


def add_status(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("--watch", action="store_true", help="stay until the run is over")
    parser.add_argument("--run", help="of this run only, of whichever kind: coupler runs")


def status(context: Context, arguments: Namespace) -> ExitCode:
    """Show how a connection fares: its state, its last run, its tables."""
    name = context.connection(arguments.connection)
    if arguments.run:
        return show_run(context, name, arguments.run, watch=arguments.watch)
    connection = context.api.get("connections", name)
    review = context.api.get("connections", name, "full-sync")
    if arguments.watch:
        review = _watch(context, lambda: context.api.get("connections", name, "full-sync"))
    tables = context.api.get("connections", name, "tables")
    stopped = tables["stopped"]
    views: list[RenderableType] = [f"{name}: {connection['state']}"]
    if stopped:
        views.append(f"Stopped since {stopped['since']}: {stopped['message']} {stopped['hint']}")
    views += [order(review["lines"]), _review("Last full synchronization", review)]
    views.append(_tables(tables))
    document = {"connection": connection, "review": review, **tables}
    context.terminal.show(document, *views)
    if stopped:
        return ExitCode.FAILED
    return run_exit_code(review)


def show_run(context: Context, connection: str, run_id: str, *, watch: bool) -> ExitCode:
    """Show a run of whichever kind, line by line; to ``watch`` it is to stay until it is over."""

    review = (
        watched_run(context, connection, run_id)
        if watch
        else context.api.get("connections", connection, "runs", run_id)
    )
    run = review["run"]
    title = f"Run {run_id}: {run['kind']}, {run['state']}"
    context.terminal.show(review, _review(title, review))
    return run_exit_code(review)


def watched_run(context: Context, connection: str, run_id: str) -> dict[str, Any]:
    """A run of whichever kind, line by line, once it is over."""
    return _watch(context, lambda: context.api.get("connections", connection, "runs", run_id))


def _add_tables(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("tables", nargs="*", help="table mappings, such as CUSTOMER; all if none")


def _add_mode(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        action="append",
        default=[],
        type=_mode,
        metavar="[TABLE=]MODE",
        help=f"of a table, or of all others: {', '.join(_MODES)}; as recommended where not given",
    )


def _mode(text: str) -> tuple[str, str]:
    """The table, blank for all others, and its mode."""
    name, _, mode = text.rpartition("=")
    if mode not in _MODES:
        raise ArgumentTypeError(f"{mode!r} is none of {', '.join(_MODES)}")
    return name, mode


def _wanted(arguments: Namespace) -> dict[str, Any]:
    """The body that begins a full synchronization or its preview."""
    modes = dict(arguments.mode)
    every = modes.pop("", None)
    body: dict[str, Any] = {"mappings": arguments.tables}
    return body | ({"mode": every} if every else {}) | ({"modes": modes} if modes else {})


def _watch(context: Context, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Look again until the run is over. A terminal sees it move, a log sees each line end."""
    if context.terminal.progress.is_terminal:
        return _watch_live(context, ask)
    review, ended = ask(), set[str]()
    while True:
        for line in review["lines"]:
            if line.get("finished_at") and line["name"] not in ended:
                ended.add(line["name"])
                context.terminal.tell(f"{line['name']}: {line['job_queue_entry_status']}")
        if not _is_in_process(review):
            return review
        context.sleep(_POLL_SECONDS)
        review = ask()


def _watch_live(context: Context, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    review = ask()
    console = context.terminal.progress
    with Live(_review("", review), console=console, transient=True, auto_refresh=False) as live:
        while _is_in_process(review):
            context.sleep(_POLL_SECONDS)
            review = ask()
            live.update(_review("", review), refresh=True)
    return review


def _is_in_process(review: dict[str, Any]) -> bool:
    return bool(review["run"]) and review["run"]["state"] == _IN_PROCESS


def run_exit_code(review: dict[str, Any]) -> ExitCode:
    """How the last run ended; none, or one that is in process, is no failure."""
    state = review["run"]["state"] if review["run"] else ""
    statuses = {line["job_queue_entry_status"] for line in review["lines"]}
    if state == "cancelled" or statuses & {"error", "blocked"}:
        return ExitCode.FAILED
    return ExitCode.PARTIAL if state == "finished-with-errors" else ExitCode.DONE


def _review(title: str, review: dict[str, Any]) -> RenderableType:
    headings = ("Table", "Job queue entry", "To CRM", "From CRM", "Done", "Not in step", "Message")
    rows = [
        (
            line["name"],
            line["job_queue_entry_status"],
            line["to_int_table_job_status"],
            line["from_int_table_job_status"],
            _sum(line, _DONE),
            _sum(line, _NOT_IN_STEP),
            f"{line.get('message', '')} {line.get('hint', '')}".strip(),
        )
        for line in review["lines"]
    ]
    return table(title, headings, rows)


def _modes(review: dict[str, Any]) -> RenderableType:
    """What is done with each table, and why where it is as recommended."""
    rows = [
        (line["name"], line.get("mode", ""), (line.get("recommendation") or {}).get("reason", ""))
        for line in review["lines"]
    ]
    return table("What is done with records without partner", ("Table", "Mode", "Why"), rows)


def _sum(line: dict[str, Any], names: tuple[str, ...]) -> int:
    counters = line.get("counters", {}).values()
    return sum(each.get(name, 0) for each in counters for name in names)


def _tables(document: dict[str, Any]) -> RenderableType:
    headings = ("Table", "State", "In step at", "Changed at", "Message")
    rows = [
        (
            each["mapping"],
            each["state"],
            each["last_succeeded_at"],
            each["last_changed_at"],
            f"{each['message']} {each['hint']}".strip(),
        )
        for each in document["tables"]
    ]
    return table("Kept in step", headings, rows)
