"""What stands in the way of coupling pairs, many at a time: the rules of by hand, told in rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from couplings.model import Side
from sync.bulk.model import Told, ToldState, Want
from sync.by_hand.coupling import partners_in_words
from sync.by_hand.named_records import PLACES
from sync.by_hand.pairing import Wish
from sync.by_hand.side_by_side import PARENT_NOT_COUPLED, SideBySide, look_at_many
from sync.changes import fetch_crm
from sync.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Rows that may be coupled, and what is told of the others."""

    wishes: Sequence[tuple[Want, Wish]]
    refused: Sequence[Told]


def judge(work: Work, wants: Sequence[Want]) -> Judged:
    """Read the pairs' records and see which may be coupled; few requests for all of them. A row
    whose list knows no record for it has a blank id.

    Raises as the services do.
    """
    bc_ids = [each.bc_id for each in wants if each.bc_id]
    bc = work.bc.fetch_many(work.endpoint, bc_ids, work.mapping.bc_select())
    crm = fetch_crm(work, [each.crm_id for each in wants if each.crm_id])
    there = [each for each in wants if each.bc_id in bc and each.crm_id in crm]
    seen = look_at_many(work, [(bc[each.bc_id], crm[each.crm_id]) for each in there])
    refused = [_missing(work, each, "bc") for each in wants if each.bc_id not in bc]
    refused += [
        _missing(work, each, "crm") for each in wants if each.bc_id in bc and each.crm_id not in crm
    ]
    wishes = []
    for want, both in zip(there, seen, strict=True):
        why_not = _why_not(want, both)
        if why_not:
            refused.append(why_not)
        else:
            wishes.append((want, Wish(seen=both, first=want.first)))
    return Judged(wishes=wishes, refused=refused)


def replaced_in_words(seen: SideBySide) -> tuple[str, ...]:
    """The couplings that a pair takes the place of."""
    return tuple(message for _, message in partners_in_words(seen)) if seen.others else ()


def _why_not(want: Want, seen: SideBySide) -> Told | None:
    if seen.is_coupled:
        return None
    if seen.obstacles:
        parents = [each for each in seen.obstacles if each.code == PARENT_NOT_COUPLED]
        first = (parents or seen.obstacles)[0]
        return _refused(want, first.code, first.message, first.hint)
    if seen.others and not want.replaces:
        message = " ".join(replaced_in_words(seen))
        hint = "Uncouple them first, or couple with replace, which gives up the other partner."
        return _refused(want, "coupled-otherwise", message, hint)
    return None


def _missing(work: Work, want: Want, side: Side) -> Told:
    named = want.bc_id if side == "bc" else want.crm_id
    table = work.mapping.bc.name if side == "bc" else work.mapping.crm.entity_set
    message = f"There is no record {named} in {table} of {PLACES[side]}."
    return _refused(want, "record-unknown", message, "Leave the row out: the record was deleted.")


def _refused(want: Want, code: str, message: str, hint: str) -> Told:
    return Told(place=want.place, state=ToldState.REFUSED, code=code, message=message, hint=hint)
