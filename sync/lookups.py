"""Resolving references through the couplings of other tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couplings.store import CouplingStore
from errors import ConfigurationError
from sync.mapping import Lookup, LookupBy, LookupTarget, TableMapping
from sync.plan import WaitingFor
from sync.references import References


class CouplingResolver:
    """Answers lookups from the couplings of the parent tables, read once when the slice begins.

    Parents finish before their children start, so what is read then holds for the whole slice.
    With ``assume_coupled`` (a preview) a reference to a record that is not coupled yet counts as
    resolved: the parent's own run would couple it first.
    """

    def __init__(
        self,
        mapping: TableMapping,
        couplings: CouplingStore,
        references: References,
        *,
        assume_coupled: bool = False,
    ) -> None:
        self._references = references
        self._assume_coupled = assume_coupled
        self._to_crm: dict[tuple[str, LookupBy], dict[str, str]] = {}
        self._to_bc: dict[tuple[str, LookupBy], dict[str, str]] = {}
        for lookup in (field.lookup for field in mapping.fields if field.lookup):
            for parent in lookup.mappings:
                self._load(parent, lookup, couplings)

    def _load(self, parent: str, lookup: Lookup, couplings: CouplingStore) -> None:
        place = (parent, lookup.by)
        if place in self._to_crm:
            return
        pairs = [
            (entry.bc_id if lookup.by is LookupBy.ID else entry.bc_key, entry.crm_id)
            for entry in couplings.scan_index(parent)
        ]
        self._to_crm[place] = dict(pairs)
        self._to_bc[place] = {crm_id: value for value, crm_id in pairs}

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
        found = _first(self._to_crm[parent, lookup.by].get(value) for parent in lookup.mappings)
        if found and lookup.target is LookupTarget.BASE_UNIT:
            found = self._references.base_units.get(found)
        if found is None and self._assume_coupled:
            return str(value)
        return found or WaitingFor(mappings=lookup.mappings, key=str(value))

    def to_bc(self, lookup: Lookup, crm_id: str) -> Any | WaitingFor:
        """The number, code or id of the record that ``crm_id`` names in CRM."""
        local = self._references.local_currency
        if lookup.blank_is_local_currency and local and crm_id == local.crm_id:
            return local.code
        found = _first(self._to_bc[parent, lookup.by].get(crm_id) for parent in lookup.mappings)
        return found or WaitingFor(mappings=lookup.mappings, key=crm_id)


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)
