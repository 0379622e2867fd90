"""The command line client: the same API that portals use, for terminals and scripts."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cli import (
    change_commands,
    coupling_commands,
    match_commands,
    record_commands,
    run_commands,
    setup_commands,
    sync_commands,
    transfer_commands,
)
from cli.api import Api
from cli.context import Context
from cli.errors import ExitCode, ServiceError, UsageError
from cli.settings import VARIABLES, settings_from
from cli.sign_in import access_token, cache_file, forget
from cli.terminal import Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: what it takes, and what it does."""

    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Context, argparse.Namespace], ExitCode]


COMMANDS = {
    "doctor": Command(add=setup_commands.add_doctor, run=setup_commands.doctor),
    "setup": Command(add=setup_commands.add_setup, run=setup_commands.setup),
    "plan": Command(add=sync_commands.add_plan, run=sync_commands.plan),
    "sync": Command(add=sync_commands.add_sync, run=sync_commands.sync),
    "status": Command(add=sync_commands.add_status, run=sync_commands.status),
    "runs": Command(add=run_commands.add_runs, run=run_commands.runs),
    "couplings": Command(add=record_commands.add_couplings, run=record_commands.couplings),
    "records": Command(add=record_commands.add_records, run=record_commands.records),
    "compare": Command(add=coupling_commands.add_compare, run=coupling_commands.compare),
    "couple": Command(add=coupling_commands.add_couple, run=coupling_commands.couple),
    "uncouple": Command(add=coupling_commands.add_uncouple, run=coupling_commands.uncouple),
    "create": Command(add=coupling_commands.add_create, run=coupling_commands.create),
    "synchronize": Command(
        add=coupling_commands.add_synchronize, run=coupling_commands.synchronize
    ),
    "match": Command(add=match_commands.add_match, run=match_commands.match),
    "candidates": Command(add=match_commands.add_candidates, run=match_commands.candidates),
    "changes": Command(add=change_commands.add_changes, run=change_commands.changes),
    "undo": Command(add=change_commands.add_undo, run=change_commands.undo),
    "export": Command(add=transfer_commands.add_export, run=transfer_commands.export),
    "import": Command(add=transfer_commands.add_import, run=transfer_commands.import_couplings),
    "errors": Command(add=record_commands.add_errors, run=record_commands.errors),
    "retry": Command(add=record_commands.add_retry, run=record_commands.retry),
    "reconcile": Command(add=record_commands.add_reconcile, run=record_commands.reconcile),
}
_SIGN_OUT = "sign-out"

_EPILOG = (
    "environment:\n"
    + "\n".join(f"  {name:<23}{meaning}" for name, meaning in VARIABLES.items())
    + "\n\nexit codes:\n  0  done\n  1  failed, or refused\n  2  the command line or a setting is "
    "wrong\n  3  done in part: some records or checks need somebody\n"
)


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    parsed = _parser().parse_args(arguments)
    terminal = Terminal(as_json=parsed.json)
    try:
        return _run(parsed, terminal)
    except UsageError as error:
        terminal.tell(f"coupler: {error}")
        return ExitCode.USAGE
    except ServiceError as error:
        terminal.tell(f"coupler: {error}")
        if terminal.as_json:
            terminal.show({"problem": error.problem or {"detail": str(error)}})
        return ExitCode.FAILED
    except KeyboardInterrupt:
        terminal.tell("coupler: stopped; what the service was asked to do goes on there.")
        return ExitCode.FAILED


def entry_point() -> None:
    """The console script ``coupler``."""
    sys.exit(main(sys.argv[1:]))


def _run(parsed: argparse.Namespace, terminal: Terminal) -> ExitCode:
    environment = dict(os.environ)
    cache = cache_file(environment)
    if parsed.command == _SIGN_OUT:
        forget(cache)
        return ExitCode.DONE
    settings = settings_from(environment, url=parsed.url)
    known: dict[str, str] = {}

    def token(fresh: bool) -> str:
        if fresh or "token" not in known:
            known["token"] = access_token(settings, cache, terminal.tell, fresh=fresh)
        return known["token"]

    api = Api(settings.url, token, sleep=time.sleep)
    context = Context(api=api, terminal=terminal, sleep=time.sleep)
    return COMMANDS[parsed.command].run(context, parsed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coupler",
        description="Keeps Business Central and Dynamics 365 Sales in step.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", default="", help="address of the service, before COUPLER_URL")
    common.add_argument("--json", action="store_true", help="one JSON document as the output")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        told = (command.run.__doc__ or "").strip().splitlines()[0]
        command.add(commands.add_parser(name, parents=[common], help=told, description=told))
    commands.add_parser(
        _SIGN_OUT,
        parents=[common],
        help="Forget who signed in.",
        description="Forget who signed in.",
    )
    return parser
