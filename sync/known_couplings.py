"""The couplings of a table as far as a pass has read them.

Few records are looked up one by one. Once many are met, as in the pass after a full
synchronization, which meets the echo of everything that was written, all couplings are read, a
thousand to a request, and kept until the pass ends: reading them for each page would grow with the
square of the table.

What is kept stays true because the pass holds the table: nobody else couples its records meanwhile.
What the pass itself stores is told by ``touch`` and looked up again when it is met once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from couplings.model import Coupling, CouplingIndexEntry
from couplings.store import CouplingStore
from sync.pair import Pair

_MANY = 500
"""From so many records on, all couplings are read."""


class KnownCouplings:
    """Finds the couplings of changed records of one table. Memory: an entry for each coupling of
    the table once many records were met, little before."""

    def __init__(self, couplings: CouplingStore, mapping: str) -> None:
        self._couplings = couplings
        self._mapping = mapping
        self._by_bc: dict[str, CouplingIndexEntry] = {}
        self._by_crm: dict[str, CouplingIndexEntry] = {}
        self._has_read_all = False
        self._touched: set[str] = set()

    def find(self, bc: Collection[str], crm: Collection[str]) -> list[CouplingIndexEntry]:
        """The couplings of these BC and CRM ids, each once, without their bases."""
        if len(self._unknown(bc)) + len(self._unknown(crm)) >= _MANY:
            self._read_all()
        of_bc = self._couplings.find_by_bc(self._mapping, self._unknown(bc))
        of_crm = self._couplings.find_by_crm(self._mapping, self._unknown(crm))
        found = {each.bc_id: entry_of(each) for each in (*of_bc.values(), *of_crm.values())}
        if self._has_read_all:
            known = [self._by_bc.get(each) for each in bc if each not in self._touched]
            known += [self._by_crm.get(each) for each in crm if each not in self._touched]
            found = {each.bc_id: each for each in known if each} | found
        return list(found.values())

    def touch(self, pairs: Iterable[Pair]) -> None:
        """What is known of the couplings of these pairs' records is about to be outdated."""
        if not self._has_read_all:
            return
        for pair in pairs:
            former = pair.entry.crm_id if pair.entry else pair.crm_id
            self._touched.update((pair.bc_id, pair.crm_id, former, pair.replaces))

    def _unknown(self, ids: Collection[str]) -> list[str]:
        return [each for each in ids if each in self._touched or not self._has_read_all]

    def _read_all(self) -> None:
        entries = list(self._couplings.scan_index(self._mapping))
        self._by_bc = {entry.bc_id: entry for entry in entries}
        self._by_crm = {entry.crm_id: entry for entry in entries}
        self._has_read_all = True
        self._touched.clear()


def entry_of(coupling: Coupling) -> CouplingIndexEntry:
    """As much of the coupling as deciding about many records needs."""
    base = coupling.base
    return CouplingIndexEntry(
        bc_id=coupling.bc_id,
        crm_id=coupling.crm_id,
        bc_key=coupling.bc_key,
        bc_digest=base.digest("bc") if base else "",
        crm_digest=base.digest("crm") if base else "",
        state=coupling.state,
        etag=coupling.etag,
    )
