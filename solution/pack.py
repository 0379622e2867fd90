"""Zip the solution's source so that equal sources make equal bytes.

    python -m solution.pack coupler_solution.zip

The package is what the setup guide imports into a CRM organization
(``POST connections/{id}/solution``), and what an administrator may import by hand.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

SOURCE = Path(__file__).with_name("source")
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can name
_READABLE = 0o644 << 16


def packed(source: Path = SOURCE) -> bytes:
    """The package: every file of the source, in the order of their names, at one fixed time."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(source).as_posix(), _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # whatever system packs it
            entry.external_attr = _READABLE
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Zip Coupler's CRM solution.")
    parser.add_argument("target", type=Path, help="the zip file to write")
    target: Path = parser.parse_args().target
    target.write_bytes(packed())


if __name__ == "__main__":
    main()
