"""Reconciling: comparing both systems with the couplings, and telling where they do not agree.

It reads as a comparison of the whole table does (``sync.comparison``), plans each pair as a pass
would, and writes nothing to either system and couples nothing. Unlike a pass it does not believe
the base snapshots: records that seem unchanged are compared value by value all the same. Couplings
of which only half is there, and records that mean the same, are looked for besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from couplings.halves import HalfCoupling
from couplings.model import CouplingIndexEntry
from errors import RecordError
from services.records import Record
from sync.comparison import Comparison, Progress, bc_pages
from sync.crm_index import CrmIndex, build_index
from sync.drift import Drift, DriftKind
from sync.intake import RESTORE_UNFINISHED, load_partners
from sync.job_model import Counters
from sync.mapping import Direction
from sync.outcome_model import SETTLED, OutcomeKind, RecordKey
from sync.page import synchronize
from sync.pair import Pair
from sync.reconcile_judge import Known, Met, judge
from sync.reconcile_twins import Twins
from sync.reconcile_values import Prints
from sync.table_model import Watermarks
from sync.work import Work

type Keep = Callable[[Sequence[Drift]], None]
"""Keeps drift as it is found. A later one of the same record counts in place of an earlier one."""


class Reconciliation:
    """Reconciles one table, in slices as a comparison does."""

    def __init__(
        self,
        work: Work,
        progress: Progress,
        keep: Keep,
        *,
        now: Callable[[], datetime],
        is_time_up: Callable[[], bool],
        check_cancelled: Callable[[], None],
    ) -> None:
        """``work`` is a preview's that does not take references for resolved which are not."""
        self._work = work
        self._progress = progress
        self._keep = keep
        self._now = now
        self._outcomes: dict[RecordKey, Known] = {}
        self._ambiguous: dict[str, str] = {}
        """CRM records that a BC record could not choose between → the outcome's code."""
        self._prints = Prints(work)
        self._twins = Twins(work)
        self._resumed = bool(progress.phase)
        self._comparison = Comparison(
            work,
            progress,
            now=now,
            is_time_up=is_time_up,
            check_cancelled=check_cancelled,
            handle=self._handle,
            build=self._build_index,
        )

    def run(self) -> bool:
        """Whether all was compared, or another slice must go on. Raises as a comparison does."""
        outcomes = self._work.outcomes.scan(mapping=self._name)
        # What a policy settled is in step; its row only remembers, beside what is told now.
        told = (each for each in outcomes if each.code != SETTLED)
        self._outcomes = {each.key: (each.kind, each.code) for each in told}
        if not self._comparison.run():
            return False
        if self._resumed:
            self._see_all_of_bc()
        self._keep([self._half(each) for each in self._work.couplings.halves(self._name)])
        self._keep([*self._duplicates(), *self._made_twice()])
        return True

    @property
    def _name(self) -> str:
        return self._work.mapping.name

    def _build_index(self, work: Work) -> CrmIndex:
        def watch(record: Record, entry: CouplingIndexEntry | None) -> None:
            self._prints.add(record, entry)
            self._twins.add_crm(record, entry)

        return build_index(work, watch)

    def _handle(self, pairs: Sequence[Pair]) -> dict[Direction, Counters]:
        """Tell the drift of a page; counts the pairs in step as unchanged."""
        self._doubt([pair for pair in pairs if _seems_in_step(pair)])
        met = [Met.of(pair) for pair in pairs]
        synchronize(self._work, pairs)
        found = [drift for each in met if (drift := self._judge(each))]
        self._keep(found)
        self._note_keys(met)
        self._note_ambiguous(pairs)
        in_step = len(pairs) - len(found)
        return {Direction.TO_CRM: Counters(unchanged=in_step), Direction.FROM_CRM: Counters()}

    def _doubt(self, pairs: Sequence[Pair]) -> None:
        """Look closely at pairs that hold what they held at last agreement and are not equal."""
        doubtful = [
            pair for pair in pairs if pair.bc and not self._prints.fit(pair.bc, pair.crm_id)
        ]
        for pair in doubtful:
            pair.settled = False
            pair.actions.clear()
        load_partners(self._work, doubtful)

    def _judge(self, met: Met) -> Drift | None:
        return judge(self._work, met, self._known(met), self._now())

    def _known(self, met: Met) -> Known | None:
        """What the outcome of either record says; ids as they were met."""
        pair, entry = met.pair, met.entry
        keys: list[RecordKey] = [("bc", pair.bc_id), ("crm", pair.crm_id)]
        if entry:
            keys += [("bc", entry.bc_id), ("crm", entry.crm_id)]
        return next((self._outcomes[key] for key in keys if key in self._outcomes), None)

    def _note_ambiguous(self, pairs: Sequence[Pair]) -> None:
        for pair in pairs:
            known = self._outcomes.get(("bc", pair.bc_id))
            if pair.bc and known and known[0] is OutcomeKind.AMBIGUOUS:
                self._ambiguous |= dict.fromkeys(self._twins.candidates(pair.bc), known[1])

    def _note_keys(self, met: Sequence[Met]) -> None:
        for each in met:
            pair, entry = each.pair, each.entry
            partner = entry.crm_id if entry else pair.crm_id if pair.matched else ""
            problem = pair.problem
            is_told = problem and not entry and problem.code != RESTORE_UNFINISHED
            if pair.bc is None or each.origin == "crm" or is_told:
                continue  # what is to be said of an uncoupled record is said already
            self._twins.add_bc(pair.bc_id, pair.bc, partner)

    def _see_all_of_bc(self) -> None:
        """Earlier slices saw BC records whose keys this one does not know."""
        mapping, context = self._work.mapping, self._work.context
        coupled = {each.bc_id: each.crm_id for each in self._work.couplings.scan_index(self._name)}
        for page in bc_pages(self._work):
            self._work.prepare(bc=page.records)
            for record in page.records:
                bc_id = record[mapping.bc.id_field]
                partner = coupled.get(bc_id, "")
                if not partner and ("bc", bc_id) in self._outcomes:
                    continue
                with suppress(RecordError):
                    self._twins.add_bc(bc_id, self._work.rule.derive(record, context), partner)

    # Beside the pairs

    def _half(self, half: HalfCoupling) -> Drift:
        there, missing = ("bc", "crm") if half.side == "bc" else ("crm", "bc")
        return Drift(
            mapping=self._name,
            kind=DriftKind.ONE_SIDED,
            side=half.side,
            record_id=half.bc_id if half.side == "bc" else half.crm_id,
            bc_id=half.bc_id,
            crm_id=half.crm_id,
            message=f"Of the coupling's two rows only the one of the {there} record is there.",
            plan=f"The row of the {missing} record is restored, unless that is coupled otherwise."
            if half.side == "bc"
            else "The row is removed; then a pass couples the records anew.",
            run_id=self._work.run_id,
            found_at=self._now(),
        )

    def _duplicates(self) -> Iterator[Drift]:
        for side, record_id, name, twins in self._twins.find():
            outcome = self._outcomes.get((side, record_id))
            ambiguous = self._ambiguous.get(record_id, "") if side == "crm" else ""
            named = ", ".join(twin.name or twin.record_id for twin in twins)
            yield Drift(
                mapping=self._name,
                kind=DriftKind.DUPLICATE,
                side=side,
                record_id=record_id,
                bc_id=record_id if side == "bc" else "",
                crm_id=record_id if side == "crm" else "",
                name=name,
                twins=tuple(twins),
                message=f"The record has the same key as {named} and is not coupled.",
                plan="A person merges the records, or makes their keys different.",
                explained_by=outcome[1] if outcome else ambiguous,
                run_id=self._work.run_id,
                found_at=self._now(),
            )

    def _made_twice(self) -> Iterator[Drift]:
        """Records that Coupler made of one that is coupled with another record by now."""
        for side, record_id, source in dict.fromkeys(self._twins.made):
            other = "Dynamics 365 Sales" if side == "bc" else "Business Central"
            yield Drift(
                mapping=self._name,
                kind=DriftKind.DUPLICATE,
                side=side,
                record_id=record_id,
                bc_id=record_id if side == "bc" else source,
                crm_id=record_id if side == "crm" else source,
                message=f"Coupler made the record of {source} in {other}, which is coupled with "
                "another one.",
                plan="A person decides which of the two is right, couples it, and deletes the "
                "other one.",
                run_id=self._work.run_id,
                found_at=self._now(),
            )


def _seems_in_step(pair: Pair) -> bool:
    return pair.settled and pair.entry is not None and pair.problem is None


class WholeTable:
    """The progress of a reconciliation that is done in one go and kept nowhere."""

    def __init__(self) -> None:
        self.phase = ""
        self.cursor = ""
        self.pending: Watermarks | None = None

    def begin(self, watermarks: Watermarks) -> None:
        """Nothing goes on from here."""

    def count(self, total: int, whole: int) -> None:
        """Nobody asks how many there were."""

    def move(self, phase: str) -> None:
        self.phase, self.cursor = phase, ""

    def confirm(self, *, couples: bool) -> None:
        """Nobody takes it over."""

    def page_done(
        self,
        cursor: str,
        *,
        expected: int | None,
        handled: int,
        counted: dict[Direction, Counters],
    ) -> None:
        """Each page is followed by the next one."""
        del expected, handled, counted
        self.cursor = cursor


def reconcile_table(work: Work, *, now: Callable[[], datetime]) -> list[Drift]:
    """All drift of a table, what outcomes explain included; nothing is written anywhere.

    ``work`` as for a whole table (``whole=True``) and no preview. What changes while it reads is
    taken for drift. Raises the families of ``errors``.
    """
    found: dict[tuple[str, str], Drift] = {}

    def keep(drifts: Sequence[Drift]) -> None:
        found.update({(drift.side, drift.record_id): drift for drift in drifts})

    reconciliation = Reconciliation(
        replace(work, preview=True),
        WholeTable(),
        keep,
        now=now,
        is_time_up=lambda: False,
        check_cancelled=lambda: None,
    )
    reconciliation.run()
    return list(found.values())
