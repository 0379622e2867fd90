"""Resolving references through the couplings of other tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couplings.model import CouplingIndexEntry
from couplings.store import CouplingStore
from errors import ConfigurationError
from sync.mapping import Lookup, LookupBy, LookupTarget, TableMapping
from sync.plan import WaitingFor
from sync.references import References

_MOST_POINT_READS = 100
"""So many couplings of a parent are looked up singly; then all of them are read."""


class CouplingResolver:
    """Answers lookups from the couplings of the parent tables, which do not change meanwhile:
    parents finish before their children start, and what couples later is seen by the next pass.

    With ``whole`` the parents' couplings are read at once, for work on whole tables; else singly
    as they are asked for, so that the cost follows what changed. With ``assume_coupled`` (a
    preview) a reference to a record that is not coupled yet counts as resolved: the parent's own
    run would couple it first.
    """

    def __init__(
        self,
        mapping: TableMapping,
        couplings: CouplingStore,
        references: References,
        *,
        whole: bool = True,
        assume_coupled: bool = False,
    ) -> None:
        self._references = references
        self._assume_coupled = assume_coupled
        lookups = [field.lookup for field in mapping.fields if field.lookup]
        names = dict.fromkeys(name for lookup in lookups for name in lookup.mappings)
        self._parents = {name: _Parent(name, couplings, whole=whole) for name in names}

    @property
    def local_currency(self) -> str:
        if self._references.local_currency is None:
            raise ConfigurationError(
                "local-currency-not-loaded", "The mapping does not say that it needs the currency."
            )
        return self._references.local_currency.crm_id

    def to_crm(self, lookup: Lookup, value: Any) -> str | WaitingFor:
        """The CRM id of the record that ``value`` names in Business Central."""
        local = self._references.local_currency
        if lookup.blank_is_local_currency and local and value == local.code:
            return local.crm_id
        found = _first(
            self._parents[name].crm_of(lookup.by, str(value)) for name in lookup.mappings
        )
        if found and lookup.target is LookupTarget.BASE_UNIT:
            found = self._references.base_units.get(found)
        if found is None and self._assume_coupled:
            return str(value)
        return found or WaitingFor(mappings=lookup.mappings, key=str(value), ref=str(value))

    def to_bc(self, lookup: Lookup, crm_id: str) -> Any | WaitingFor:
        """The number, code or id of the record that ``crm_id`` names in CRM."""
        local = self._references.local_currency
        if lookup.blank_is_local_currency and local and crm_id == local.crm_id:
            return local.code
        found = _first(self._parents[name].bc_of(lookup.by, crm_id) for name in lookup.mappings)
        return found or WaitingFor(mappings=lookup.mappings, key=crm_id, ref=crm_id)


class _Parent:
    """The couplings of one parent table, as far as they were asked for."""

    def __init__(self, mapping: str, couplings: CouplingStore, *, whole: bool) -> None:
        self._mapping = mapping
        self._couplings = couplings
        self._is_whole = False
        self._point_reads = 0
        self._by_bc_id: dict[str, CouplingIndexEntry | None] = {}
        self._by_key: dict[str, CouplingIndexEntry | None] = {}
        self._by_crm_id: dict[str, CouplingIndexEntry | None] = {}
        if whole:
            self._load_all()

    def crm_of(self, by: LookupBy, value: str) -> str | None:
        """The CRM id of the record of that id or key."""
        known = self._by_bc_id if by is LookupBy.ID else self._by_key
        if self._must_ask(value, known):
            store = self._couplings
            found = (
                store.find_entry(self._mapping, value)
                if by is LookupBy.ID
                else store.find_entry_by_key(self._mapping, value)
            )
            known[value] = found
        entry = known.get(value)
        return entry.crm_id if entry else None

    def bc_of(self, by: LookupBy, crm_id: str) -> str | None:
        """The id or key of the record that is coupled to the CRM record."""
        if self._must_ask(crm_id, self._by_crm_id):
            self._by_crm_id[crm_id] = self._couplings.find_entry_by_crm(self._mapping, crm_id)
        entry = self._by_crm_id.get(crm_id)
        if entry is None:
            return None
        return entry.bc_id if by is LookupBy.ID else entry.bc_key

    def _must_ask(self, value: str, known: dict[str, CouplingIndexEntry | None]) -> bool:
        if self._is_whole or value in known:
            return False
        self._point_reads += 1
        if self._point_reads > _MOST_POINT_READS:
            self._load_all()
        return not self._is_whole

    def _load_all(self) -> None:
        entries = list(self._couplings.scan_index(self._mapping))
        self._by_bc_id = {entry.bc_id: entry for entry in entries}
        self._by_key = {entry.bc_key: entry for entry in entries}
        self._by_crm_id = {entry.crm_id: entry for entry in entries}
        self._is_whole = True


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)
