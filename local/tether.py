"""Runs a command that ends with the process that started it.

``python -m local.tether PARENT_PID COMMAND...`` asks the kernel for SIGTERM on the parent's death,
then becomes the command. Where the kernel offers no such thing it only becomes the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; survives exec


def main() -> None:
    """Tether this process, then replace it by the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)  # it died before the kernel was told to watch it
    os.execvp(command[0], command)  # noqa: S606 - the launcher's own command, no shell


if __name__ == "__main__":
    main()
