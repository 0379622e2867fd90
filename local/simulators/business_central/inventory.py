"""Posting of inventory: entries of the item ledger, and what they make of an item's inventory.

An item's inventory is the sum of its entries and no field of its record, so that posting changes
neither the item's time stamp nor its ETag.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from local.simulators.business_central.fields import Row
from local.simulators.business_central.item_data import ITEM_LEDGER_ENTRIES, ITEMS
from local.simulators.business_central.store import Company
from local.simulators.business_central.values import checked
from local.simulators.core.simulator import SeedError

_INCREASE, _DECREASE = "Positive_x0020_Adjmt_x002E_", "Negative_x0020_Adjmt_x002E_"
_NEEDED = {"itemNumber", "quantity"}
_ALLOWED = _NEEDED | {"entryType", "documentNumber", "documentType", "description"}


def post_inventory(company: Company, lines: Any, now: str) -> list[Row]:
    """Post the lines of an item journal as of ``now`` and give their ledger entries.

    A line has ``itemNumber`` and ``quantity`` (negative: taken out), and may have ``entryType``
    (else an adjustment), ``documentNumber``, ``documentType`` and ``description``. Entries are
    numbered behind the last one. Raises ``SeedError`` or ``BcError``; run it in a transaction.
    """
    if not isinstance(lines, list):
        raise SeedError("post-inventory: the body is a list of lines.")
    return [_post(company, line, now) for line in lines]


def _post(company: Company, line: Any, now: str) -> Row:
    if not isinstance(line, dict) or not _NEEDED <= line.keys() <= _ALLOWED:
        raise SeedError(f"post-inventory: {line} has not the members {sorted(_ALLOWED)}.")
    fields = ITEM_LEDGER_ENTRIES.by_name
    given = {name: checked(fields[name], value) for name, value in line.items()}
    item = company[ITEMS.name].by_key(given["itemNumber"])
    if item is None or given["quantity"] == 0:
        raise SeedError(f"post-inventory: {line} names no item, or no quantity.")
    ledger = company[ITEM_LEDGER_ENTRIES.name]
    last = ledger.last()
    entry = ITEM_LEDGER_ENTRIES.empty_row() | {
        "id": str(uuid4()),
        "entryNumber": 1 if last is None else last["entryNumber"] + 1,
        "postingDate": now[:10],
        "entryType": _INCREASE if given["quantity"] > 0 else _DECREASE,
        **given,
        "lastModifiedDateTime": now,
    }
    ledger.put(entry)
    changed = item | {"inventory": item["inventory"] + given["quantity"]}
    company[ITEMS.name].put(changed, new_version=False)
    return entry
