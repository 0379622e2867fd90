"""Having records get partners on the other side because a person asks for it.

The next pass makes them, as it makes partners of new records: under ids that follow from the
records, so that nothing is made twice; and it looks for a partner that is there already first,
by the mapping's keys. A record whose coupling was removed gets one again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from couplings.model import Side
from errors import RefusedRequestError
from services.records import Record
from sync.by_hand.named_records import PLACES, find_bc, find_crm
from sync.crm_index import in_scope
from sync.hints import HintReason, HintStore, RecordHint
from sync.mapping import TableMapping
from sync.outcome_model import RecordKey
from sync.requests import PassRequests
from sync.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What became of a wish for partners, in numbers of records."""

    asked: int = 0
    """They are looked at by the next pass."""
    coupled: int = 0
    """They have partners already."""
    outside: int = 0
    """They are outside the filter of the table mapping."""


class Standing(Enum):
    """How a record stands that somebody wants a partner for."""

    FREE = "free"  # it may get one
    COUPLED = "coupled"  # it has one
    OUTSIDE = "outside"  # it is outside the filter of the table mapping


class PartnerCreation:
    """Has records of one table mapping of one connection get partners."""

    def __init__(
        self,
        open_work: Callable[[], Work],
        *,
        hints: HintStore,
        requests: PassRequests,
        now: Callable[[], datetime],
    ) -> None:
        """``open_work`` opens the two services; it may raise."""
        self._open_work = open_work
        self._hints = hints
        self._requests = requests
        self._now = now

    def ask(self, *, bc: Sequence[str], crm: Sequence[str]) -> Wanted:
        """Have these BC records created in CRM, and these CRM records in Business Central.

        Idempotent. Raises ``RefusedRequestError``: 404 for records that do not exist, 409 where the
        mapping creates none on that side.
        """
        work = self._open_work()
        if bc:
            check_creates(work.mapping, "crm")
        if crm:
            check_creates(work.mapping, "bc")
        how = standings(work, _records(work, bc, crm))
        self._look_at(work.mapping.name, [key for key in how if how[key] is Standing.FREE])
        counted = Counter(how.values())
        return Wanted(
            asked=counted[Standing.FREE],
            coupled=counted[Standing.COUPLED],
            outside=counted[Standing.OUTSIDE],
        )

    def _look_at(self, mapping: str, records: Sequence[RecordKey]) -> None:
        if records:
            want_partners(self._hints, mapping, records, self._now())
            self._requests.request(mapping)


def want_partners(
    hints: HintStore, mapping: str, records: Iterable[RecordKey], due_at: datetime
) -> None:
    """Have the next pass see that these records get partners; idempotent."""
    wanted = (
        RecordHint(
            side="bc" if side == "bc" else "crm",
            record_id=record_id,
            reason=HintReason.COUPLE,
            due_at=due_at,
        )
        for side, record_id in records
    )
    hints.add_many(mapping, wanted)


def _records(work: Work, bc: Sequence[str], crm: Sequence[str]) -> dict[RecordKey, Record]:
    """The records that are named, each once."""
    found: dict[RecordKey, Record] = {
        ("bc", str(record[work.mapping.bc.id_field])): record
        for record in find_bc(work, bc).values()
    }
    found |= {
        ("crm", str(record[work.mapping.crm.id_column])): record
        for record in find_crm(work, crm).values()
    }
    return found


def standings(work: Work, records: Mapping[RecordKey, Record]) -> dict[RecordKey, Standing]:
    """How each of these records stands; few requests for all of them."""
    scopes = {"bc": work.mapping.bc.scope, "crm": work.mapping.crm.scope}
    coupled = _coupled(work, records)

    def standing(key: RecordKey) -> Standing:
        if key in coupled:
            return Standing.COUPLED
        return Standing.FREE if in_scope(scopes[key[0]], records[key]) else Standing.OUTSIDE

    return {key: standing(key) for key in records}


def _coupled(work: Work, keys: Iterable[RecordKey]) -> set[RecordKey]:
    name, ids = work.mapping.name, list(keys)
    by_bc = work.couplings.find_by_bc(name, [each for side, each in ids if side == "bc"])
    by_crm = work.couplings.find_by_crm(name, [each for side, each in ids if side == "crm"])
    return {*(("bc", each) for each in by_bc), *(("crm", each) for each in by_crm)}


def check_creates(mapping: TableMapping, side: Side) -> None:
    """Raises ``RefusedRequestError`` (409) where the mapping creates no records on that side."""
    if not (mapping.creates_in_crm if side == "crm" else mapping.creates_in_bc):
        raise RefusedRequestError(
            409,
            "creates-none",
            f"{mapping.name} creates no records in {PLACES[side]}.",
            hint="Create them there by hand, then couple them.",
        )
