"""What every list's query takes: how much, and where to go on."""

from __future__ import annotations

from typing import Annotated

from web.shapes import Number, Text

Limit = Annotated[int, Number(lowest=1, highest=1000)]
"""The most entries of a page."""

Continuation = Annotated[
    str, Text(longest=4000, pattern=r"[A-Za-z0-9_=-]*", says="a list's continuation")
]
"""Where the page before ended, as it told."""

USUAL_LIMIT = 100
