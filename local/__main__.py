"""``python -m local COMMAND``: run, demo, bench or soak the service on this machine."""

from __future__ import annotations

import importlib
import sys

_COMMANDS = {
    "run": "start every part and leave it up until Ctrl-C",
    "demo": "couple and synchronize a sample company, and show the result",
    "bench": "measure a full synchronization, incremental passes and a match",
    "soak": "edit both sides under faults and kills, and see that nothing is lost",
}


def main() -> int:
    """Hand the rest of the command line to the command's module."""
    command, *arguments = sys.argv[1:] or [""]
    if command not in _COMMANDS:
        print("usage: python -m local COMMAND [--help]\n", file=sys.stderr)
        for name, purpose in _COMMANDS.items():
            print(f"  {name:<8}{purpose}", file=sys.stderr)
        return 0 if command in ("-h", "--help") else 2
    return int(importlib.import_module(f"local.{command}").main(arguments))


if __name__ == "__main__":
    sys.exit(main())
