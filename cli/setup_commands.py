"""``doctor`` and ``setup``: is everything as it must be, and the setup guide."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from cli.context import Context
from cli.errors import ExitCode, UsageError
from cli.terminal import table


def add_doctor(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="one connection; all where none is named")


def doctor(context: Context, arguments: Namespace) -> ExitCode:
    """Check the sign-in, and every connection with all checks of the setup guide."""
    names = [str(each["connection_id"]) for each in context.connections()]
    if arguments.connection:
        names = [arguments.connection]
    guides = {name: context.api.post("connections", name, "setup") for name in names}
    views = [_findings(name, guide) for name, guide in guides.items()]
    context.terminal.show(guides, *views)
    if not names:
        context.terminal.tell("You are signed in, and there is no connection yet: coupler setup.")
    codes = {_exit_code(guide) for guide in guides.values()}
    worst_first = (ExitCode.FAILED, ExitCode.PARTIAL)
    return next((code for code in worst_first if code in codes), ExitCode.DONE)


def add_setup(parser: ArgumentParser) -> None:
    parser.add_argument("connection", nargs="?", help="the connection; may be left out with --file")
    parser.add_argument("--file", type=Path, help="JSON document of the connection to create")
    parser.add_argument("--step", help="run the checks of this step only")
    parser.add_argument("--enable", action="store_true", help="enable it once every check passed")
    parser.add_argument("--disable", metavar="WHY", help="put the connection on hold")


def setup(context: Context, arguments: Namespace) -> ExitCode:
    """Create a connection, run the guide's checks, enable or disable it."""
    if arguments.file:
        created = context.api.post("connections", body=_document(arguments.file))
        arguments.connection = created["connection_id"]
        context.terminal.tell(f"The connection is {arguments.connection}.")
    name = context.connection(arguments.connection)
    if arguments.disable:
        held = context.api.post("connections", name, "disable", body={"reason": arguments.disable})
        context.terminal.show(held, f"{name} is on hold.")
        return ExitCode.DONE
    path = ("connections", name, "setup", *([arguments.step] if arguments.step else []))
    guide = context.api.post(*path)
    if arguments.step:
        guide = {"steps": [guide]}
    if not arguments.enable:
        context.terminal.show(guide, _findings(name, guide))
        return _exit_code(guide)
    if _exit_code(guide) is ExitCode.FAILED:
        context.terminal.show(guide, _findings(name, guide))
        context.terminal.tell(f"{name} is not enabled: do what is told above, then try again.")
        return ExitCode.FAILED
    enabled = context.api.post("connections", name, "enable")
    context.terminal.show(enabled, f"{name} is enabled.")
    return ExitCode.DONE


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no JSON document that can be read: {error}") from error


def _exit_code(guide: dict[str, Any]) -> ExitCode:
    """Failed before partial: what keeps a connection from being enabled counts most."""
    results = {finding["result"] for step in guide["steps"] for finding in step["findings"]}
    if "failed" in results:
        return ExitCode.FAILED
    return ExitCode.PARTIAL if "warning" in results else ExitCode.DONE


def _findings(name: str, guide: dict[str, Any]) -> Any:
    rows = [
        (step["step"], finding["result"], finding["subject"] or finding["check"], _told(finding))
        for step in guide["steps"]
        for finding in step["findings"]
    ]
    return table(f"Setup of {name}", ("Step", "Result", "What", "What to do"), rows)


def _told(finding: dict[str, Any]) -> str:
    return f"{finding['message']} {finding['hint']}".strip()
