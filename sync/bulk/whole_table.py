"""Taking all pairs of a table apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from couplings.store import CouplingStore
from sync.bulk.model import Action, Told, Want


class WholeTable:
    """Every coupling of a table mapping, as it is found; no report is kept of each."""

    strict = False
    check_only = False

    def __init__(self, couplings: CouplingStore, mapping: str) -> None:
        self._couplings = couplings
        self._mapping = mapping

    def count(self) -> int | None:
        return self._couplings.count(self._mapping)

    def page(self, after: str, limit: int) -> Sequence[Want]:
        entries = islice(self._couplings.scan_index(self._mapping, after=after), limit)
        return [
            Want(place=each.bc_id, action=Action.UNCOUPLE, bc_id=each.bc_id, crm_id=each.crm_id)
            for each in entries
        ]

    def tell(self, told: Sequence[Told]) -> None:
        """The couplings themselves, and the outcomes, tell what became of them."""
