"""Repairing drift through the normal engine: hints at the records, and passes that follow them.

Nothing is written to a record here. What a pass does with a hinted record is decided by the same
plan as ever, from the records as they are then: repairing drift that healed meanwhile does nothing,
and repairing twice does no more than once. Only half a coupling, which no pass can see, is mended
here, in one guarded write. Which of several duplicates is right is for people to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from couplings.model import Side
from couplings.store import CouplingStore
from sync.drift import Drift, DriftKind
from sync.drift_store import DriftStore
from sync.hints import HintReason, HintStore, RecordHint
from sync.requests import PassRequests
from sync.table_state import TableStateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftId:
    """Names one row of drift."""

    mapping: str
    side: Side
    record_id: str

    @classmethod
    def of(cls, drift: Drift) -> DriftId:
        return cls(mapping=drift.mapping, side=drift.side, record_id=drift.record_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which drift is meant: of these mappings, of these kinds, with these ids. Each that is empty
    leaves nothing out."""

    mappings: frozenset[str] = frozenset()
    kinds: frozenset[DriftKind] = frozenset()
    ids: frozenset[DriftId] = frozenset()

    def takes(self, drift: Drift) -> bool:
        return (
            (not self.mappings or drift.mapping in self.mappings)
            and (not self.kinds or drift.kind in self.kinds)
            and (not self.ids or DriftId.of(drift) in self.ids)
        )


@dataclass(slots=True, kw_only=True)
class Repaired:
    """What was begun, and what was not."""

    begun: Counter[DriftKind] = field(default_factory=Counter)
    for_people: int = 0
    """Duplicates: a person has to decide."""
    explained: int = 0
    """Told by outcomes, where what to do about them is said and done."""
    unsynchronized: list[str] = field(default_factory=list)
    """Mappings that were never synchronized fully, which is what has to be done first."""


class Repair:
    """Repairs the drift of one connection."""

    def __init__(
        self,
        *,
        drift: DriftStore,
        couplings: CouplingStore,
        hints: HintStore,
        requests: PassRequests,
        states: TableStateStore,
        now: Callable[[], datetime],
    ) -> None:
        self._drift = drift
        self._couplings = couplings
        self._hints = hints
        self._requests = requests
        self._states = states
        self._now = now

    def __call__(self, selection: Selection) -> Repaired:
        """Begin the repair of what was selected; idempotent. Cost: one read of the drift's rows,
        and a hundredth of a write for each."""
        repaired = Repaired()
        states = self._states.load_all()
        for mapping, kinds in self._found(selection).items():
            known = states.get(mapping)
            if known is None or not known.is_synchronized:
                repaired.unsynchronized.append(mapping)
                continue
            if DriftKind.ONE_SIDED in kinds:
                self._mend(mapping, selection)
            before = repaired.begun.total()
            self._hints.add_many(mapping, self._actions(mapping, selection, repaired))
            if repaired.begun.total() > before:
                self._requests.request(mapping)
        return repaired

    def _found(self, selection: Selection) -> dict[str, set[DriftKind]]:
        """The kinds of drift of the mappings that are meant."""
        named = {each.mapping for each in selection.ids} or selection.mappings
        found: dict[str, set[DriftKind]] = {}
        for count in self._drift.summary():
            if not named or count.mapping in named:
                found.setdefault(count.mapping, set()).add(count.kind)
        return found

    def _mend(self, mapping: str, selection: Selection) -> None:
        """Mend the selected halves that are still there; found anew, because versions count."""
        for half in list(self._couplings.halves(mapping)):
            record_id = half.bc_id if half.side == "bc" else half.crm_id
            drift = self._drift.find(mapping, half.side, record_id)
            if drift and drift.kind is DriftKind.ONE_SIDED and selection.takes(drift):
                self._couplings.mend(mapping, half)

    def _actions(
        self, mapping: str, selection: Selection, repaired: Repaired
    ) -> Iterator[RecordHint]:
        """Hints at what is to be repaired, counted as they are given."""
        for drift in filter(selection.takes, self._drift.scan(mapping)):
            if drift.is_explained:
                repaired.explained += 1
            elif drift.kind is DriftKind.DUPLICATE:
                repaired.for_people += 1
            else:
                repaired.begun[drift.kind] += 1
                yield from self._hints_at(drift)

    def _hints_at(self, drift: Drift) -> Iterator[RecordHint]:
        ids: dict[Side, str] = {"bc": drift.bc_id, "crm": drift.crm_id}
        for side, record_id in ids.items():
            if record_id and (drift.kind is DriftKind.ONE_SIDED or side == drift.side):
                yield RecordHint(
                    side=side,
                    record_id=record_id,
                    reason=HintReason.RETRY,
                    due_at=self._now(),
                )
