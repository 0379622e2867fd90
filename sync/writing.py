"""Writing the pairs of a page to both systems, and what came of it.

The order of writes makes every crash point harmless: records are created under ids that Coupler
chose, so a second attempt finds them; companions are upserted; changes of existing records carry
the version that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from couplings.model import BaseSnapshot
from errors import RecordError, TransientError
from services.records import Record, Write, WriteKind, WriteResult, WriteStatus
from sync.outcomes import OutcomeKind
from sync.pair import Action, Pair, Problem
from sync.planning import count_pair
from sync.projection import bc_constants, crm_body, crm_constants, project_crm
from sync.rules.base import Written
from sync.work import Work

type _Apply = Callable[[Sequence[Write]], list[WriteResult]]
type _WriteOf = Callable[[Work, Pair], Write | None]
type _Handler = Callable[[Work, Pair, WriteResult], None]


def write(work: Work, pairs: Sequence[Pair]) -> None:
    """Carry out the plans of these pairs; each is settled afterwards or is to be read again.

    Raises ``TransientError`` where a service could not process some of the writes.
    """
    new_in_crm = [pair for pair in pairs if pair.crm is None and not pair.deletes]
    new_in_bc = [pair for pair in pairs if pair.bc is None and not pair.deletes]
    coupled = [pair for pair in pairs if pair.exists_on_both_sides]
    crm, bc = work.crm.apply, work.bc.apply
    _apply(crm, work, new_in_crm, _insert_in_crm, _inserted_in_crm)
    _apply(bc, work, new_in_bc, _insert_in_bc, _inserted_in_bc)
    _write_companions(work, _going_on([*new_in_crm, *coupled]))
    _apply(crm, work, _going_on(new_in_crm), _finish_in_crm, _updated)
    _apply(crm, work, _going_on(coupled), _update_in_crm, _updated)
    _apply(bc, work, _going_on(coupled), _update_in_bc, _updated)
    _apply(crm, work, [p for p in pairs if p.deletes == "crm"], _delete_in_crm, _deleted)
    _apply(bc, work, [p for p in pairs if p.deletes == "bc"], _delete_in_bc, _deleted)
    for pair in _going_on([*new_in_crm, *coupled]):
        count_pair(pair)
        pair.settled = True


def _going_on(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if _goes_on(pair)]


def _goes_on(pair: Pair) -> bool:
    return not pair.settled and not pair.reread


def _insert_in_crm(work: Work, pair: Pair) -> Write | None:
    mapping, insertion = work.mapping, pair.insertion
    if insertion is None:
        raise ValueError("the insertion was not planned")
    now = {name: value for name, value in insertion.values.items() if name not in insertion.later}
    body = crm_constants(mapping.constants_in_crm, work.context.resolver) | crm_body(mapping, now)
    body = {name: value for name, value in body.items() if value is not None}
    return Write(kind=WriteKind.INSERT, table=mapping.crm.entity_set, id=pair.crm_id, values=body)


def _insert_in_bc(work: Work, pair: Pair) -> Write | None:
    if pair.insertion is None:
        raise ValueError("the insertion was not planned")
    body = bc_constants(work.mapping.constants_in_bc) | pair.insertion.values
    return Write(kind=WriteKind.INSERT, table=work.mapping.bc.name, id=pair.bc_id, values=body)


def _finish_in_crm(work: Work, pair: Pair) -> Write | None:
    """What a new record gets once its companions are there; it is still Coupler's alone."""
    later = pair.insertion.later if pair.insertion else {}
    body = crm_body(work.mapping, later) | work.rule.last_columns(_written(pair), work.context)
    if not body:
        return None
    return Write(
        kind=WriteKind.UPDATE, table=work.mapping.crm.entity_set, id=pair.crm_id, values=body
    )


def _update_in_crm(work: Work, pair: Pair) -> Write | None:
    body = crm_body(work.mapping, pair.plan.to_crm)
    if pair.first_time and _is_made_by_coupler(work, pair):
        # An earlier attempt made it and did not live to finish it, or was refused.
        body |= work.rule.last_columns(_written(pair), work.context)
    if not body:
        return None
    return Write(
        kind=WriteKind.UPDATE,
        table=work.mapping.crm.entity_set,
        id=pair.crm_id,
        values=body,
        version=_version(pair.crm),
    )


def _is_made_by_coupler(work: Work, pair: Pair) -> bool:
    return pair.crm_id == work.context.ids.of(work.mapping.name, "bc", pair.bc_id)


def _update_in_bc(work: Work, pair: Pair) -> Write | None:
    if not pair.plan.to_bc:
        return None
    return Write(
        kind=WriteKind.UPDATE,
        table=work.mapping.bc.name,
        id=pair.bc_id,
        values=dict(pair.plan.to_bc),
        version=_version(pair.bc),
    )


def _delete_in_crm(work: Work, pair: Pair) -> Write | None:
    table, version = work.mapping.crm.entity_set, _version(pair.crm)
    return Write(kind=WriteKind.DELETE, table=table, id=pair.crm_id, values={}, version=version)


def _delete_in_bc(work: Work, pair: Pair) -> Write | None:
    table, version = work.mapping.bc.name, _version(pair.bc)
    return Write(kind=WriteKind.DELETE, table=table, id=pair.bc_id, values={}, version=version)


def _deleted(work: Work, pair: Pair, result: WriteResult) -> None:
    """A record that is gone already was deleted by an earlier attempt, or by a person."""
    del work
    if result.status is WriteStatus.STALE:
        pair.deletes, pair.reread = None, True  # somebody edited it: it is not deleted unseen
        return
    if result.status is not WriteStatus.MISSING:
        _refuse_unless_written(pair, result)
    if not pair.settled and pair.deletes:
        pair.did(pair.deletes, Action.DELETE)
        pair.uncouple = pair.settled = True


def _version(record: Record | None) -> str | None:
    return record.get("@odata.etag") if record else None


def _written(pair: Pair) -> Written:
    changed = pair.insertion.values if pair.crm is None and pair.insertion else pair.plan.to_crm
    return Written(
        crm_id=pair.crm_id,
        bc=pair.bc or {},
        columns=pair.columns,
        changed=frozenset(changed),
        first_time=pair.first_time,
    )


def _write_companions(work: Work, pairs: Sequence[Pair]) -> None:
    """Upsert the companions, stage by stage; a pair whose companion is refused stops there."""
    staged = [(pair, work.rule.companions(_written(pair), work.context)) for pair in pairs]
    for stage in range(max((len(stages) for _, stages in staged), default=0)):
        writes = [
            (pair, write)
            for pair, stages in staged
            if _goes_on(pair) and len(stages) > stage
            for write in stages[stage]
        ]
        results = work.crm.apply([write for _, write in writes])
        _check_processed(work, results)
        for (pair, _), result in zip(writes, results, strict=True):
            _refuse_unless_written(pair, result)


def _apply(
    apply: _Apply, work: Work, pairs: Sequence[Pair], write_of: _WriteOf, handle: _Handler
) -> None:
    planned = [(pair, write) for pair in pairs if (write := write_of(work, pair))]
    results = apply([write for _, write in planned])
    _check_processed(work, results)
    for (pair, _), result in zip(planned, results, strict=True):
        handle(work, pair, result)


def _check_processed(work: Work, results: Sequence[WriteResult]) -> None:
    """Raise ``TransientError`` where the service, and not single records, is what failed.

    A failure on some records among others is theirs. Where all failed, a second try tells: a
    record that is alone in its page must not keep its whole table waiting for ever.
    """
    failed = [each for each in results if each.status is WriteStatus.FAILED]
    throttled = [each for each in results if each.status is WriteStatus.THROTTLED]
    if throttled or (failed and len(failed) == len(results) and not work.failures):
        result = (throttled or failed)[0]
        raise TransientError(
            "writes-not-processed",
            f"Writing to {result.write.table} did not succeed: {result.message or result.code}",
            hint="The page is handled again by itself.",
        )


def _inserted_in_crm(work: Work, pair: Pair, result: WriteResult) -> None:
    del work
    if result.status is WriteStatus.EXISTS:
        pair.reread = True  # an earlier attempt made it: adopt the record as it is now
        return
    _refuse_unless_written(pair, result)
    if not pair.settled:
        pair.did("crm", Action.INSERT)


def _inserted_in_bc(work: Work, pair: Pair, result: WriteResult) -> None:
    """A new BC record brings values of its own (its number): the next round takes them to CRM."""
    if result.status is WriteStatus.EXISTS:
        pair.reread = True
        return
    _refuse_unless_written(pair, result)
    if pair.settled:
        return
    pair.did("bc", Action.INSERT)
    pair.base = _transferred(work, pair)
    if result.record is None:
        pair.reread = True
    else:
        adopt_bc(work, pair, result.record)


def _transferred(work: Work, pair: Pair) -> BaseSnapshot:
    """What a BC record was made of: all else that it holds was set by Business Central."""
    sent = pair.insertion.values if pair.insertion else {}
    columns = project_crm(work.mapping, pair.crm or {})
    mapped = [field for field in work.mapping.fields if field.bc in sent]
    return BaseSnapshot(
        bc={field.bc: sent[field.bc] for field in mapped},
        crm={field.crm: columns[field.crm] for field in mapped},
    )


def adopt_bc(work: Work, pair: Pair, record: Record) -> None:
    """Go on with a BC record as it was just read or written."""
    mapping = work.mapping
    try:
        pair.bc = work.rule.derive(record, work.context)
    except RecordError:
        # What is derived from other tables was read before this record existed.
        pair.bc = record
    pair.key = str(record[mapping.bc.key])
    pair.name = mapping.bc.name_of(record)


def _updated(work: Work, pair: Pair, result: WriteResult) -> None:
    del work
    if result.status in (WriteStatus.STALE, WriteStatus.MISSING):
        pair.reread = True  # reading again tells what the record is now, or that it is gone
        return
    _refuse_unless_written(pair, result)


def _refuse_unless_written(pair: Pair, result: WriteResult) -> None:
    if result.status is WriteStatus.WRITTEN or pair.settled:
        return
    table, said = result.write.table, result.message or result.code
    if result.status is WriteStatus.FAILED:
        pair.stop(
            Problem(
                kind=OutcomeKind.FAILED,
                code=f"service-failed-{result.code}" if result.code else "service-failed",
                message=f"{table} failed on the record: {said}",
                partner=result.write.id,
                hint="It is tried again by itself. If it stays so, look at what runs in the "
                "service when this record is saved.",
                again=True,
            )
        )
        return
    pair.stop(
        Problem(
            kind=OutcomeKind.FAILED,
            code=f"refused-{result.code}" if result.code else "refused",
            message=f"{table} refused the record: {result.message}",
            partner=result.write.id,
            hint="Change the value that the service names, on the side where it was entered.",
            refused=True,
        )
    )
