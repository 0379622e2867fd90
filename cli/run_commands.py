"""``runs``: past and present work on whole tables, and ending it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import islice

from cli.context import Context
from cli.errors import ExitCode, UsageError
from cli.terminal import table

_MOST = 100


def add_runs(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="may be left out where there is only one")
    parser.add_argument("--kind", help="of this kind only, such as full-sync or reconcile")
    parser.add_argument("--most", type=int, default=_MOST, help=f"so many; {_MOST} by default")
    parser.add_argument("--cancel", metavar="RUN", help="end this one")


def runs(context: Context, arguments: Namespace) -> ExitCode:
    """List runs of every kind, newest first, or cancel one."""
    if arguments.most < 1:
        raise UsageError("How many runs? Give --most a number from 1 on.")
    name = context.connection(arguments.connection)
    path = ("connections", name, "runs")
    if arguments.cancel:
        run = context.api.post(*path, arguments.cancel, "cancel")
        context.terminal.show(run, f"{arguments.cancel} is {run['state']}: coupler runs {name}.")
        return ExitCode.DONE
    found = list(islice(context.api.all("runs", *path, kind=arguments.kind), arguments.most))
    rows = [
        (
            each["run_id"],
            each["kind"],
            each["state"],
            each["started_at"],
            each["finished_at"],
            ", ".join(each["mappings"]),
        )
        for each in found
    ]
    headings = ("Run", "Kind", "State", "Begun", "Ended", "Tables")
    context.terminal.show({"runs": found}, table(f"Runs of {name}", headings, rows))
    return ExitCode.DONE
