"""Records that Business Central does not have any more: no change feed tells of them.

When they are looked for, ``sync.watermark`` says. Coupled records that it counts are found by
comparing all ids of those; coupled ones that left the filter are looked at one by one, they are
few, and their number does not grow with the table.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import batched

from sync.changes import Changes, fetch_changes
from sync.comparison import PAGE_SIZE
from sync.crm_index import in_scope
from sync.partnerless import LEFT_FILTER
from sync.work import Work

type Handle = Callable[[Changes], object]
"""Brings changed records into step, and stores what became of them."""


def take_missing(work: Work, handle: Handle) -> int:
    """Handle coupled and reported records that are not among those counted now.

    They are gone, or left the filter. Returns how many are counted; those that ``handle`` makes,
    or meets as new ones, come on top of them.
    """
    counted, name = work.mapping.bc.counted, work.mapping.name
    present = work.bc.fetch_ids(work.endpoint, work.mapping.bc.counted_filter)
    known = [entry.bc_id for entry in work.couplings.scan_index(name)]
    known += work.outcomes.record_ids(name, "bc")
    missing = [bc_id for bc_id in dict.fromkeys(known) if bc_id not in present]
    back = 0
    for some in batched(missing, PAGE_SIZE, strict=False):
        changes = fetch_changes(work, some, ())
        # Back since the ids were read: whoever meets it next does not take it for a new one.
        back += sum(1 for record in changes.bc.values() if record and in_scope(counted, record))
        handle(changes)
    return len(present) + back


def take_left(work: Work, handle: Handle) -> None:
    """Handle those of the coupled records that had left the filter which are gone."""
    told = work.outcomes.scan(mapping=work.mapping.name, code=LEFT_FILTER)
    left = dict.fromkeys(each.record_id if each.side == "bc" else each.partner_id for each in told)
    id_field = work.mapping.bc.id_field
    for some in batched(left, PAGE_SIZE, strict=False):
        present = work.bc.fetch_many(work.endpoint, list(some), (id_field,))
        gone = [bc_id for bc_id in some if bc_id not in present]
        if gone:
            handle(Changes(bc=dict.fromkeys(gone)))
