"""What people decide about records that are not in step.

A decision is kept on the record's outcome, and a hint has the record looked at; whoever handles it
reads both records again and carries the decision out if it still makes sense. The order is outcome,
hint, request of a pass, so a decision that was answered is never forgotten:

    person                                    worker, handling the same record
                                              reads the outcome: no decision
    stores the decision on the outcome
    writes the hint anew
                                              stores what became of the record; the decision, which
                                              it did not know of, stays on the row
                                              removes its hint: refused, it was written again
                                              the next pass carries the decision out

Every step may be repeated: asking twice is asking once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import batched

from couplings.model import Side, digest_of
from errors import RefusedRequestError
from sync.hints import HintReason, HintStore, RecordHint
from sync.mapping import Direction, TableMapping
from sync.outcome_model import TO_STAY_UNCOUPLED
from sync.outcomes import Decision, DecisionKind, FieldDetail, Outcome, OutcomeStore, RecordKey
from sync.requests import PassRequests

_HINTS_AT_ONCE = 1000
_TRIES = 3
"""How often a decision is stored anew where a worker stores the outcome at the same moment."""

_DIRECTION_OF_WINNER = {"bc": Direction.TO_CRM, "crm": Direction.FROM_CRM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for: records by table mapping, each of which is passed over soon."""

    records: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.records.values())


def version_of(outcome: Outcome) -> str:
    """Stands for the values in conflict as an outcome shows them; changes whenever they do."""
    return f'"{digest_of({each.crm_column: each.seen for each in outcome.fields})}"'


class Decisions:
    """The decisions about one connection's records."""

    def __init__(
        self,
        outcomes: OutcomeStore,
        hints: HintStore,
        requests: PassRequests,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._outcomes = outcomes
        self._hints = hints
        self._requests = requests
        self._now = now

    def load(self, mapping: str, key: RecordKey) -> Outcome:
        """The outcome of one record; raises ``RefusedRequestError`` (404) where it has none."""
        found = self._outcomes.find(mapping, [key]).get(key)
        if found is None:
            raise RefusedRequestError(
                404,
                "outcome-unknown",
                "There is nothing to tell about this record: it is in step, or not known.",
            )
        return found

    def retry(self, mapping: str, key: RecordKey) -> Asked:
        """Have one record tried again, parked or not. Raises as ``load``."""
        return self._look_at([self.load(mapping, key)], _reason_to_retry)

    def retry_group(self, *, mapping: str | None = None, code: str | None = None) -> Asked:
        """Have all records tried again that have an outcome, or those of a mapping and code.

        Ignored ones are left alone. Records that were taken apart, or left without partner, are
        meant to be so: they are coupled only where their code is named.
        """
        records: dict[str, int] = {}
        wanted = (
            each
            for each in self._outcomes.scan(mapping=mapping, code=code)
            if not each.ignored and (code or each.code not in TO_STAY_UNCOUPLED)
        )
        for some in batched(wanted, _HINTS_AT_ONCE, strict=False):
            for name, number in self._look_at(some, _reason_to_retry).records.items():
                records[name] = records.get(name, 0) + number
        return Asked(records=records)

    def resolve(
        self, mapping: str, key: RecordKey, winners: Mapping[str, Side] | Side, version: str
    ) -> Asked:
        """Decide an update conflict: for the whole record, or field by field.

        ``winners``: the side whose values count, or that side for each BC field or CRM column.
        ``version``: as ``version_of`` gave it for the values that the person saw.

        Raises ``RefusedRequestError``: 404 as ``load``; 409 where the record is in no conflict, or
        its values are not those any more; 422 for a field that is not in conflict.
        """

        def decide(outcome: Outcome) -> Decision:
            held = [each for each in outcome.fields if each.winner is None]
            if not held:
                raise _refused(409, "not-in-conflict", "No field of this record is in conflict.")
            if version != version_of(outcome):
                raise ConflictChangedError(outcome)
            chosen = _chosen(held, winners)
            return Decision(
                kind=DecisionKind.RESOLVE,
                winners={
                    each.crm_column: chosen[each.crm_column]
                    for each in held
                    if each.crm_column in chosen
                },
                seen={each.crm_column: each.seen for each in held},
            )

        return self._decide(mapping, key, decide)

    def restore(self, mapping: TableMapping, key: RecordKey) -> Asked:
        """Have a deleted record created anew from the one that remains.

        Raises ``RefusedRequestError``: 404 as ``load``; 409 where neither record was deleted, or
        the mapping creates none on that side.
        """

        def decide(outcome: Outcome) -> Decision:
            if not outcome.code.startswith("deleted-in-"):
                raise _refused(409, "not-deleted", "Neither record of this pair was deleted.")
            in_bc = outcome.code == "deleted-in-bc"
            if not (mapping.creates_in_bc if in_bc else mapping.creates_in_crm):
                raise _refused(
                    409,
                    "not-restorable",
                    f"{mapping.name} creates no records on that side.",
                    hint="Remove the coupling, or create the record there by hand.",
                )
            return Decision(kind=DecisionKind.RESTORE)

        return self._decide(mapping.name, key, decide)

    def uncouple(self, mapping: str, key: RecordKey) -> Asked:
        """Have a pair's coupling removed; both records stay as they are.

        Raises ``RefusedRequestError``: 404 as ``load``; 409 where the record is not coupled.
        """

        def decide(outcome: Outcome) -> Decision:
            if not outcome.partner_id:
                raise _refused(409, "not-coupled", "This record is not coupled.")
            return Decision(kind=DecisionKind.UNCOUPLE)

        return self._decide(mapping, key, decide)

    def ignore(self, mapping: str, key: RecordKey, *, ignored: bool) -> Outcome:
        """Hear no more of a record until something else is to be said about it, or hear of it
        again. Raises as ``load``."""
        return self._change(mapping, key, lambda outcome: replace(outcome, ignored=ignored))

    def _decide(self, mapping: str, key: RecordKey, decide: Callable[[Outcome], Decision]) -> Asked:
        changed = self._change(
            mapping, key, lambda outcome: replace(outcome, decision=decide(outcome))
        )
        return self._look_at([changed], lambda _: HintReason.RESOLVE)

    def _change(
        self, mapping: str, key: RecordKey, change: Callable[[Outcome], Outcome]
    ) -> Outcome:
        for _ in range(_TRIES):
            changed = change(self.load(mapping, key))
            if self._outcomes.change(changed):
                return changed
        raise _refused(
            409,
            "outcome-changes",
            "The record is being synchronized just now.",
            hint="Read its outcome again, then repeat the request if it is still wanted.",
        )

    def _look_at(
        self, outcomes: Sequence[Outcome], reason_of: Callable[[Outcome], HintReason]
    ) -> Asked:
        by_mapping: dict[str, list[RecordHint]] = {}
        for each in outcomes:
            hint = RecordHint(
                side="bc" if each.side == "bc" else "crm",
                record_id=each.record_id,
                reason=reason_of(each),
                due_at=self._now(),
            )
            by_mapping.setdefault(each.mapping, []).append(hint)
        for mapping, hints in by_mapping.items():
            self._hints.add_many(mapping, hints)
            self._requests.request(mapping)
        return Asked(records={mapping: len(hints) for mapping, hints in by_mapping.items()})


class ConflictChangedError(RefusedRequestError):
    """The values in conflict are not those that the person saw; ``errors`` tells them."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(
            409,
            "conflict-changed",
            "The values in conflict changed since you read them.",
            hint="Read the outcome again and decide about the values that it shows now.",
        )
        self.errors = tuple(
            {
                "member": each.crm_column,
                "message": f"is {each.bc_value!r} in Business Central, {each.crm_value!r} in "
                "Dynamics 365 Sales",
            }
            for each in outcome.fields
        )


def _reason_to_retry(outcome: Outcome) -> HintReason:
    """Trying a record again that is to stay without partner is giving it one."""
    return HintReason.COUPLE if outcome.code in TO_STAY_UNCOUPLED else HintReason.RETRY


def _chosen(held: list[FieldDetail], winners: Mapping[str, Side] | Side) -> dict[str, Direction]:
    if isinstance(winners, str):
        return {each.crm_column: _DIRECTION_OF_WINNER[winners] for each in held}
    columns = {each.crm_column: each.crm_column for each in held}
    columns |= {each.bc_field: each.crm_column for each in held}
    for name in winners:
        if name not in columns:
            raise _refused(
                422,
                "field-not-in-conflict",
                f"{name!r} is no field in conflict.",
                hint=f"Fields in conflict: {', '.join(each.bc_field for each in held)}.",
            )
    return {columns[name]: _DIRECTION_OF_WINNER[side] for name, side in winners.items()}


def _refused(status: int, code: str, message: str, *, hint: str = "") -> RefusedRequestError:
    return RefusedRequestError(status, code, message, hint=hint)
