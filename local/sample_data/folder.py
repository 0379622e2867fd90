"""Sample data from a folder: ``business_central/*.json`` and ``crm/*.json``, one array each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.sample_data.model import Rows, SampleData

_NOT_LOADED = {"currencies_all"}
"""A superset of another file, kept beside it for reference."""


class FolderError(Exception):
    """The folder does not hold sample data; the text says what is missing."""


def load_folder(folder: Path) -> SampleData:
    """Read all files; raises ``FolderError``."""
    business_central = _read(folder / "business_central")
    crm = _read(folder / "crm")
    companies = business_central.get("companies", [])
    if not companies:
        raise FolderError(f"{folder / 'business_central' / 'companies.json'} names no company.")
    return SampleData(company=companies[0]["name"], business_central=business_central, crm=crm)


def _read(folder: Path) -> Rows:
    if not folder.is_dir():
        raise FolderError(
            f"{folder} is no folder. Sample data is a folder with business_central/ and crm/ in it."
        )
    return {
        path.stem: _array(path)
        for path in sorted(folder.glob("*.json"))
        if path.stem not in _NOT_LOADED
    }


def _array(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FolderError(f"{path} is not JSON: {error}") from error
    if not isinstance(rows, list):
        raise FolderError(f"{path} is not a JSON array of records.")
    return rows
