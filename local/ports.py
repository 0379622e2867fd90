"""Which port each part of the local platform listens on, all derived from one base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

DEFAULT_BASE = 7070
_LOWEST, _HIGHEST, _SPAN = 1024, 65535, 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Ports on 127.0.0.1. Bases 100 apart keep two copies of the platform out of each other's way.

    The function host and Azurite speak HTTP, the four simulators HTTPS.
    """

    base: int
    host: int
    azurite_blob: int
    azurite_queue: int
    azurite_table: int
    entra: int
    key_vault: int
    dataverse: int
    business_central: int

    @classmethod
    def from_base(cls, base: int = DEFAULT_BASE) -> Self:
        """The ports above ``base``; raises ``ValueError`` where one would be out of range."""
        if not _LOWEST <= base <= _HIGHEST - _SPAN:
            raise ValueError(f"PORT_BASE is {base}: use {_LOWEST} to {_HIGHEST - _SPAN}")
        return cls(
            base=base,
            host=base + 1,
            azurite_blob=base + 10,
            azurite_queue=base + 11,
            azurite_table=base + 12,
            entra=base + 20,
            key_vault=base + 21,
            dataverse=base + 22,
            business_central=base + 23,
        )
