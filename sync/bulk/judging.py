"""What stands in the way of wants about many pairs: the rules of by hand, told in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from couplings.model import Coupling, Side
from errors import RefusedRequestError
from services.records import Record
from sync.bulk.model import Action, Told, ToldState, Want
from sync.by_hand.coupling import check_direction, partners_in_words, refusal_of
from sync.by_hand.named_records import PLACES
from sync.by_hand.pairing import Wish
from sync.by_hand.partner_creation import Standing, check_creates, standings
from sync.by_hand.side_by_side import SideBySide, look_at_many
from sync.fetching import fetch_bc, fetch_crm
from sync.outcome_model import RecordKey
from sync.work import Work


@dataclass(slots=True, kw_only=True)
class Judged:
    """Rows by what is to be done about them, and what is told of those where nothing is."""

    couple: list[tuple[Want, Wish]] = field(default_factory=list)
    """Pairs that may be coupled, or are coupled already."""
    uncouple: list[tuple[Want, Coupling]] = field(default_factory=list)
    create: list[tuple[Want, RecordKey]] = field(default_factory=list)
    """Records that may get partners."""
    told: list[Told] = field(default_factory=list)


def judge(work: Work, wants: Sequence[Want]) -> Judged:
    """Read what the rows of a page are about and see what may be done; few requests for all.

    Of rows that name the same record the first one counts. Raises as the services do.
    """
    judged = Judged()
    single = _named_once([_normal(each) for each in wants], judged)
    of_action: dict[Action, list[Want]] = {action: [] for action in Action}
    for want in single:
        of_action[want.action].append(want)
    _judge_pairs(work, of_action[Action.COUPLE], judged)
    _judge_partings(work, of_action[Action.UNCOUPLE], judged)
    _judge_creations(work, "crm", of_action[Action.CREATE_IN_CRM], judged)
    _judge_creations(work, "bc", of_action[Action.CREATE_IN_BC], judged)
    return judged


def replaced_in_words(seen: SideBySide) -> tuple[str, ...]:
    """The couplings that a pair takes the place of."""
    return tuple(message for _, message in partners_in_words(seen)) if seen.others else ()


def refused(want: Want, code: str, message: str, hint: str = "") -> Told:
    """What is told of a row where nothing is done."""
    return Told(place=want.place, state=ToldState.REFUSED, code=code, message=message, hint=hint)


def _normal(want: Want) -> Want:
    return replace(want, bc_id=want.bc_id.lower(), crm_id=want.crm_id.lower())


def _named_once(wants: Iterable[Want], judged: Judged) -> list[Want]:
    """The rows without those that name a record of an earlier one: which is meant nobody knows."""
    named: set[RecordKey] = set()
    single: list[Want] = []
    for want in wants:
        keys: list[RecordKey] = [("bc", want.bc_id), ("crm", want.crm_id)]
        twice = [key for key in keys if key[1] and key in named]
        if twice:
            side, record_id = twice[0]
            place = PLACES["bc" if side == "bc" else "crm"]
            message = f"An earlier row is about the record {record_id} of {place}, too."
            judged.told.append(refused(want, "named-twice", message, "Leave one of them out."))
        else:
            named.update(keys)
            single.append(want)
    return single


def _judge_pairs(work: Work, wants: Sequence[Want], judged: Judged) -> None:
    bc, crm = _read(work, [each.bc_id for each in wants], [each.crm_id for each in wants])
    there: list[Want] = []
    for want in wants:
        if want.bc_id not in bc:
            judged.told.append(_unknown(work, want, "bc"))
        elif want.crm_id not in crm:
            judged.told.append(_unknown(work, want, "crm"))
        elif impossible := _refusal(partial(check_direction, work.mapping, want.first)):
            judged.told.append(_refused_by(want, impossible))
        else:
            there.append(want)
    if not there:
        return
    pairs = look_at_many(work, [(bc[each.bc_id], crm[each.crm_id]) for each in there])
    for want, seen in zip(there, pairs, strict=True):
        if refusal := refusal_of(seen, replaces=want.replaces):
            judged.told.append(_refused_by(want, refusal))
        else:
            judged.couple.append((want, Wish(seen=seen, first=want.first)))


def _judge_partings(work: Work, wants: Sequence[Want], judged: Judged) -> None:
    found = work.couplings.find_by_bc(work.mapping.name, [each.bc_id for each in wants])
    for want in wants:
        coupling = found.get(want.bc_id)
        if coupling is None:
            judged.told.append(Told(place=want.place, state=ToldState.ALREADY))
        elif want.crm_id not in ("", coupling.crm_id):
            message = f"{coupling.name} is coupled with {coupling.crm_id}, not {want.crm_id}."
            judged.told.append(refused(want, "coupled-otherwise", message))
        else:
            judged.uncouple.append((want, coupling))


def _judge_creations(work: Work, side: Side, wants: Sequence[Want], judged: Judged) -> None:
    """Wants of partners on this side, for records of the other one."""
    if refusal := _refusal(partial(check_creates, work.mapping, side)):
        judged.told += [_refused_by(each, refusal) for each in wants]
        return
    of: Side = "bc" if side == "crm" else "crm"
    ids = [each.bc_id if of == "bc" else each.crm_id for each in wants]
    bc, crm = _read(work, ids, []) if of == "bc" else _read(work, [], ids)
    records: dict[RecordKey, Record] = {
        (of, record_id): each for record_id, each in (bc if of == "bc" else crm).items()
    }
    how = standings(work, records)
    for want, record_id in zip(wants, ids, strict=True):
        standing = how.get((of, record_id))
        if standing is None:
            judged.told.append(_unknown(work, want, of))
        elif standing is Standing.OUTSIDE:
            message = f"The record is outside the filter of {work.mapping.name}."
            hint = "Change the record, or the filter of the table mapping."
            judged.told.append(refused(want, "out-of-filter", message, hint))
        elif standing is Standing.COUPLED:
            judged.told.append(Told(place=want.place, state=ToldState.ALREADY))
        else:
            judged.create.append((want, (of, record_id)))


def _read(
    work: Work, bc: Sequence[str], crm: Sequence[str]
) -> tuple[dict[str, Record], dict[str, Record]]:
    """The records of these ids that exist; a blank id is none."""
    bc_ids, crm_ids = [each for each in bc if each], [each for each in crm if each]
    return fetch_bc(work, bc_ids), fetch_crm(work, crm_ids)


def _unknown(work: Work, want: Want, side: Side) -> Told:
    named = want.bc_id if side == "bc" else want.crm_id
    table = work.mapping.bc.name if side == "bc" else work.mapping.crm.entity_set
    message = f"There is no record {named} in {table} of {PLACES[side]}."
    return refused(want, "record-unknown", message, "Leave the row out, or name another record.")


def _refusal(check: Callable[[], None]) -> RefusedRequestError | None:
    try:
        check()
    except RefusedRequestError as refusal:
        return refusal
    return None


def _refused_by(want: Want, refusal: RefusedRequestError) -> Told:
    return refused(want, refusal.code, refusal.message, refusal.hint)
