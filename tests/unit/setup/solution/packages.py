"""Packages for tests: the real one, with whatever is to be wrong about it."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping

from solution.write_source import files


def zipped(changes: Mapping[str, str | bytes | None] | None = None) -> bytes:
    """The solution's files with these changed, added, or (None) left out."""
    wanted: dict[str, str | bytes | None] = {**files(), **(changes or {})}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in wanted.items():
            if text is not None:
                archive.writestr(name, text)
    return content.getvalue()


def encoded(changes: Mapping[str, str | bytes | None] | None = None) -> str:
    return base64.b64encode(zipped(changes)).decode()
