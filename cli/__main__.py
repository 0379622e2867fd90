"""``python -m cli`` is the same as ``coupler``."""

from __future__ import annotations

import sys

from cli.main import main

sys.exit(main(sys.argv[1:]))
