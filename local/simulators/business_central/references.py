"""References between tables: what a request may name, and the errors where it does not exist.

Some references have two fields, the id and the code of the same record: whichever a request
gives sets the other, and a code that contradicts an id given before is refused. A request's
fields are validated in the order of its JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

from local.simulators.business_central.errors import (
    BcError,
    NotSimulatedError,
    dialog,
    invalid_relation,
)
from local.simulators.business_central.fields import ZERO_GUID, Row
from local.simulators.business_central.schema import API_SETS, COMPANY_SETS
from local.simulators.business_central.store import Company


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReference:
    """A field with the code of a record of another table."""

    field: str
    caption: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedReference:
    """An id field and, mostly, a code field that mean the same record of another table.

    ``noun`` is what messages call that record. ``caption`` is the AL caption of the code field
    where the table itself checks the reference; empty where the API page does, in its own words.
    """

    id_field: str
    code_field: str = ""
    target: str
    noun: str
    mismatch: str = ""
    caption: str = ""


_CURRENCY = PairedReference(
    id_field="currencyId",
    code_field="currencyCode",
    target="currencies",
    noun="Currency",
    mismatch="The currency values do not match to a specific Currency.",
)

_CODES: dict[str, tuple[CodeReference, ...]] = {
    "customers": (
        CodeReference(
            field="salespersonCode", caption="Salesperson Code", target="salespeoplePurchasers"
        ),
    ),
}

_PAIRS: dict[str, tuple[PairedReference, ...]] = {
    "customers": (
        _CURRENCY,
        PairedReference(id_field="paymentTermsId", target="paymentTerms", noun="Payment Terms"),
        PairedReference(
            id_field="shipmentMethodId", target="shipmentMethods", noun="Shipment Method"
        ),
        PairedReference(id_field="paymentMethodId", target="paymentMethods", noun="Payment Method"),
        PairedReference(id_field="taxAreaId", target="taxAreas", noun="Tax Area"),
    ),
    "items": (
        PairedReference(
            id_field="itemCategoryId",
            code_field="itemCategoryCode",
            target="itemCategories",
            noun="Item Category",
            mismatch="The item categories values do not match to a specific item category.",
        ),
        PairedReference(
            id_field="taxGroupId",
            code_field="taxGroupCode",
            target="taxGroups",
            noun="Tax Group",
        ),
        PairedReference(
            id_field="baseUnitOfMeasureId",
            code_field="baseUnitOfMeasureCode",
            target="unitsOfMeasure",
            noun="Unit of Measure",
            mismatch="The unit of measure values do not match to a specific Unit of Measure.",
            caption="Base Unit of Measure",
        ),
        PairedReference(
            id_field="generalProductPostingGroupId",
            code_field="generalProductPostingGroupCode",
            target="generalProductPostingGroups",
            noun="Gen. Product Posting Group",
            mismatch="The values do not match to a specific Gen. Product Posting Group.",
            caption="Gen. Prod. Posting Group",
        ),
        PairedReference(
            id_field="inventoryPostingGroupId",
            code_field="inventoryPostingGroupCode",
            target="inventoryPostingGroups",
            noun="Inventory Posting Group",
            mismatch="The values do not match to a specific Inventory Posting Group.",
            caption="Inventory Posting Group",
        ),
    ),
}


class References:
    """Validates the references of one request to one record, field by field."""

    def __init__(self, company: Company, entity_set: str) -> None:
        self._company = company
        self._table = COMPANY_SETS[entity_set].table
        self._codes = {each.field: each for each in _CODES.get(entity_set, ())}
        pairs = _PAIRS.get(entity_set, ())
        self._by_id = {each.id_field: each for each in pairs}
        self._by_code = {each.code_field: each for each in pairs if each.code_field}
        self._chosen: dict[str, Row] = {}

    def apply(self, row: Row, field: str) -> None:
        """Check the reference that ``field`` is part of, and set its other field in ``row``."""
        if field in self._codes:
            self._check_code(self._codes[field], row[field])
        elif field in self._by_id:
            self._choose_by_id(self._by_id[field], row)
        elif field in self._by_code:
            self._choose_by_code(self._by_code[field], row)

    def _check_code(self, reference: CodeReference, code: str) -> None:
        if code and self._company[reference.target].by_key(code) is None:
            related = API_SETS[reference.target].table
            raise invalid_relation(reference.caption, self._table, code, related)

    def _choose_by_id(self, pair: PairedReference, row: Row) -> None:
        record_id = row[pair.id_field]
        if record_id == ZERO_GUID:
            self._clear(pair, row)
            return
        if pair.target not in API_SETS:
            raise NotSimulatedError(f"'{pair.id_field}' (there are no {pair.target} in it)")
        found = self._company[pair.target].get(record_id)
        if found is None:
            raise self._unknown(pair, pair.id_field, record_id)
        self._set(pair, row, found)
        self._chosen[pair.id_field] = found

    def _choose_by_code(self, pair: PairedReference, row: Row) -> None:
        code = row[pair.code_field]
        if pair is _CURRENCY and code == self._company.local_currency:
            code = ""
        chosen = self._chosen.get(pair.id_field)
        if chosen is not None:
            if chosen["code"] != code:
                raise dialog(pair.mismatch)
            return
        if not code:
            self._clear(pair, row)
            return
        if pair.target not in API_SETS:
            raise NotSimulatedError(f"'{pair.code_field}' (there are no {pair.target} in it)")
        found = self._company[pair.target].by_key(code)
        if found is None:
            raise self._unknown(pair, pair.code_field, code)
        self._set(pair, row, found)

    def _clear(self, pair: PairedReference, row: Row) -> None:
        row[pair.id_field] = ZERO_GUID
        if pair.code_field:
            # the local currency has no record, yet its code is shown
            row[pair.code_field] = self._company.local_currency if pair is _CURRENCY else ""

    @staticmethod
    def _set(pair: PairedReference, row: Row, found: Row) -> None:
        row[pair.id_field] = found["id"]
        if pair.code_field:
            row[pair.code_field] = found["code"]

    def _unknown(self, pair: PairedReference, field: str, value: str) -> BcError:
        if pair.caption:
            caption = pair.caption if field == pair.code_field else f"{pair.caption} Id"
            return invalid_relation(caption, self._table, value, pair.noun)
        return dialog(f'The "{field}" does not match to a {pair.noun}.')
