"""What the simulators are seeded with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

type Rows = dict[str, list[dict[str, Any]]]
"""Rows by entity set (or web service's file name), in the APIs' own JSON shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleData:
    company: str
    """Name of the Business Central company to connect."""
    business_central: Rows
    crm: Rows
