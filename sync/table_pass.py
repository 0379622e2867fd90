"""One pass over a table: what changed on either side since the last one is brought into step.

In this order: records that somebody hinted at; what changed in CRM; what changed in Business
Central; records that are gone there. The order matters after a crash. A record that was created in
Business Central and not coupled yet shows up in its change feed as if a person had made it; what
it was made of comes first, because neither its hint nor its place in CRM's feed was passed yet,
and finds it there:

    a pass that dies                          the next one
    CRM's feed: account A is new
    creates customer C, made of A
    dies before coupling them
                                              CRM's feed: A again, C exists: couples them
                                              Business Central's feed: C is coupled already

A watermark is promoted when its feed was handled wholly. The cost follows what changed: where
nothing did, Business Central is asked twice at most, CRM once, nothing is written there, and no
record that waits for another is looked at unless that one's table coupled something.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import batched

from errors import WatermarkExpiredError
from services.records import Peek
from sync.changes import Changes, fetch_changes, take_changes
from sync.commit import commit_page, couples
from sync.comparison import PAGE_SIZE, Comparison, origin_look
from sync.hints import ASKED, BEFORE_THE_FIRST, HintReason, HintStore, RecordHint, given_as
from sync.job_model import Counters
from sync.known_couplings import KnownCouplings
from sync.lease_keeper import LeaseKeeper
from sync.mapping import Direction
from sync.missing import take_left, take_missing
from sync.page import synchronize
from sync.pair import Action
from sync.pass_progress import PassProgress
from sync.table_job import begun, compared, counted, uncounted
from sync.table_model import TableState
from sync.waking import has_news, ready_hints
from sync.watermark import Fresh
from sync.work import Work

_CRM = "crm"
_BC = "bc"
_COMPARED_EVERY = timedelta(days=7)
"""What no change feed can tell of is found in the end: a change that was stamped by a clock that
had been set back further than the overlap window."""
_MOST_POINT_READS = 50
"""So many couplings are looked up by number singly; then all of them are read."""


class TablePass:
    """Works on a held table until everything that changed was handled, or until time is up."""

    def __init__(
        self,
        work: Work,
        hints: HintStore,
        keeper: LeaseKeeper[TableState],
        *,
        now: Callable[[], datetime],
        is_time_up: Callable[[], bool],
        parents: Callable[[], Mapping[str, int]],
        on_coupled: Callable[[], None],
    ) -> None:
        """``parents`` tells ``TableState.couplings`` of each parent; ``on_coupled`` is told when
        records were coupled that others may wait for."""
        self._parents = parents
        self._on_coupled = on_coupled
        self._work = work
        self._hints = hints
        self._keeper = keeper
        self._now = now
        self._is_time_up = is_time_up
        self._mark = keeper.held.watermarks.bc
        """Business Central's watermark as it was when the pass began."""
        self._known = KnownCouplings(work.couplings, work.mapping.name)
        self._fresh = Fresh()
        """BC records that became known in this pass: it never counts too few."""
        self._counted = {Direction.TO_CRM: Counters(), Direction.FROM_CRM: Counters()}

    def run(self) -> bool:
        """Whether everything was handled, or another message must go on.

        Raises the families of ``errors``; progress up to the last page is kept.
        """
        started = self._now()
        self._keeper.checkpoint(
            watermarks=uncounted(self._keeper.held.watermarks),
            started_at=self._keeper.held.started_at if self._keeper.held.phase else started,
        )
        if not self._keeper.held.is_synchronized:
            return self._take_what_is_asked(started)
        self._look_at_waiting(started)
        if not self._take_hints(started, frozenset(HintReason)):
            return False
        try:
            because = self._why_compare()
            done = self._compare(because) if because else self._take_changes()
        except WatermarkExpiredError as expired:
            self._keeper.checkpoint(compare_because=expired.message, phase="", cursor="")
            return False
        if done and self._keeper.held.compare_because:
            return False  # something that was met calls for comparing everything
        if done:
            self._keeper.note(couplings=self._keeper.held.couplings_ended)
        return done

    @property
    def counted(self) -> dict[Direction, Counters]:
        """What was done in this pass, by direction."""
        return self._counted

    # Hints

    def _take_what_is_asked(self, due: datetime) -> bool:
        """All that is done about a table that was never synchronized wholly."""
        done = self._take_hints(due, BEFORE_THE_FIRST)
        if done:
            self._keeper.note(couplings=self._keeper.held.couplings_ended)
        return done

    def _take_hints(self, due: datetime, reasons: Collection[HintReason]) -> bool:
        mapping = self._work.mapping.name
        while hints := self._hints.due(mapping, due, PAGE_SIZE, reasons=reasons):
            changes = fetch_changes(
                self._work,
                [hint.record_id for hint in hints if hint.side == "bc"],
                [hint.record_id for hint in hints if hint.side == "crm"],
            )
            changes.asked = given_as(hints, ASKED)
            changes.anew = given_as(hints, (HintReason.COUPLE,))
            left = self._handle(changes)
            self._leave([each for each in hints if each.reason in ASKED and each.record_id in left])
            # What was hinted again meanwhile, or for later by the page itself, stays.
            self._hints.remove_many(mapping, hints)
            self._keeper.checkpoint()
            if self._is_time_up():
                return False
        return True

    def _leave(self, asked: Sequence[RecordHint]) -> None:
        """Leave what people asked for a comparison, which begins anew: one that is under way may be
        beyond these records."""
        if asked:
            left = [replace(each, by_comparison=True) for each in asked]
            self._hints.add_many(self._work.mapping.name, left)
            self._keeper.checkpoint(phase="", cursor="", pending=None, pending_of="")

    def _look_at_waiting(self, due: datetime) -> None:
        """Hint at records that may go on because a parent coupled something."""
        work, parents = self._work, self._parents()
        if has_news(parents, self._keeper.held.seen_couplings):
            mapping = work.mapping.name
            self._hints.add_many(mapping, ready_hints(work.outcomes, work.couplings, mapping, due))
            self._keeper.note(seen_couplings=parents)

    # Comparing everything

    def _why_compare(self) -> str:
        """Why all records are to be compared; empty where the change feeds are enough."""
        state, mapping = self._keeper.held, self._work.mapping
        marks = state.watermarks
        if state.compare_because:
            return state.compare_because
        if state.lineage != mapping.lineage:
            return "The table mapping was changed."
        if not marks.crm:
            return "Dynamics 365 Sales does not track the changes of this table."
        if mapping.bc.compared_daily and marks.compared_on != self._today():
            return "What counts depends on the day, and a new one has begun."
        if self._days_since(marks.compared_on) >= _COMPARED_EVERY:
            return "The last comparison of all records is a week old."
        if mapping.bc.derived_from and marks.origin != origin_look(self._work):
            return f"What is derived from {mapping.bc.derived_from} may have changed."
        return ""

    def _today(self) -> str:
        return self._now().date().isoformat()

    def _days_since(self, day: str) -> timedelta:
        return self._now().date() - date.fromisoformat(day)

    def _compare(self, because: str) -> bool:
        lineage = self._work.mapping.lineage
        progress = PassProgress(self._keeper, self._count, because, lineage)
        started = self._keeper.held.started_at
        comparison = Comparison(
            self._work,
            progress,
            now=self._now,
            is_time_up=self._is_time_up,
            check_cancelled=lambda: None,
        )
        if not comparison.run():
            return False
        self._on_coupled()
        if started:
            self._work.outcomes.clear_older(self._work.mapping.name, started)
        self._keeper.checkpoint(**compared(self._keeper.held, self._work, because=because))
        return True

    # Reading changes

    def _take_changes(self) -> bool:
        return self._take_crm_feed() and self._take_bc_feed()

    def _take_crm_feed(self) -> bool:
        state, mapping = self._keeper.held, self._work.mapping
        if state.phase == _BC:
            return True
        pages = self._work.crm.fetch_changes(
            mapping.crm.entity_set,
            select=mapping.crm_select(),
            watermark=state.watermarks.crm,
            cursor=state.cursor if state.phase == _CRM else None,
            page_size=PAGE_SIZE,
        )
        for page in pages:
            key = mapping.crm.id_column
            found = {record[key]: record for record in page.changed}
            gone = dict.fromkeys(page.deleted)
            self._handle(Changes(crm={**gone, **found}))
            if page.next:
                self._keeper.checkpoint(phase=_CRM, cursor=page.next)
                if self._is_time_up():
                    return False
            elif page.watermark:
                marks = replace(self._keeper.held.watermarks, crm=page.watermark)
                self._keeper.note(watermarks=marks, phase="", cursor="")
        return True

    def _take_bc_feed(self) -> bool:
        state, mapping = self._keeper.held, self._work.mapping
        mark, began = self._mark, self._now()
        # Counted before the feed is read: a record created in between is taken for one more that
        # may be gone, which costs a comparison of keys and misses nothing.
        peek = self._work.bc.peek(
            self._work.endpoint,
            filter=mapping.bc.counted_filter,
            since=mark.since(self._work.overlap),
            stamp=mapping.bc.stamp_field,
        )
        resumed = state.phase == _BC
        if resumed or not mark.is_quiet(peek):
            newest = state.newest if resumed else peek.newest
            if not self._read_bc(newest, began, resumed=resumed):
                return False
        self._take_stock()
        total, whole = self._take_missing(peek)
        self._keeper.note(watermarks=counted(self._keeper.held.watermarks, total, whole))
        return True

    def _read_bc(self, newest: str, began: datetime, *, resumed: bool) -> bool:
        """Handle what changed; False where time was up."""
        state, mapping, mark = self._keeper.held, self._work.mapping, self._mark
        pages = self._work.bc.fetch_changes(
            self._work.endpoint,
            select=mapping.bc_select(),
            stamp=mapping.bc.stamp_field,
            since=mark.since(self._work.overlap),
            page_size=PAGE_SIZE,
            cursor=state.cursor if resumed else None,
        )
        stamps: dict[str, str] = {}
        for page in pages:
            found = {record[mapping.bc.id_field]: record for record in page.records}
            self._handle(Changes(bc=dict(found)))
            stamps |= {each: row[mapping.bc.stamp_field] for each, row in found.items()}
            if page.next:
                self._keeper.checkpoint(phase=_BC, cursor=page.next, newest=newest)
                if self._is_time_up():
                    return False
        advanced = mark.uncounted().advanced(
            stamps, newest=newest, overlap=self._work.overlap, began=began
        )
        if resumed:
            advanced = advanced.of_unknown_window()
        marks = replace(self._keeper.held.watermarks, bc=advanced)
        self._keeper.checkpoint(watermarks=marks, phase="", cursor="")
        return True

    def _take_stock(self) -> None:
        """Items whose stock moved: their own stamps do not tell."""
        mapping, marks = self._work.mapping, self._keeper.held.watermarks
        if not mapping.bc.has_stock:
            return
        last, numbers = self._work.bc.fetch_stock_changes(marks.ledger)
        if last == marks.ledger:
            return
        moved = self._coupled_by_key(numbers)
        for some in batched(moved, PAGE_SIZE, strict=False):
            self._handle(fetch_changes(self._work, some, ()))
        self._keeper.checkpoint(watermarks=replace(marks, ledger=last))

    def _coupled_by_key(self, keys: Sequence[str]) -> list[str]:
        """Ids of the coupled records of these numbers."""
        name, couplings = self._work.mapping.name, self._work.couplings
        if len(keys) > _MOST_POINT_READS:
            wanted = set(keys)
            return [each.bc_id for each in couplings.scan_index(name) if each.bc_key in wanted]
        found = [couplings.find_entry_by_key(name, key) for key in keys]
        return [entry.bc_id for entry in found if entry]

    def _take_missing(self, peek: Peek) -> tuple[int, int]:
        """Look for records that are gone where the count says so; returns how many are counted,
        and how many the table has."""
        total, mark, before = peek.total, self._mark, self._fresh
        if mark.may_miss(peek, before):
            total = take_missing(self._work, self._handle)
            total += self._fresh.counted - before.counted  # restored ones, or they go unnoticed
            if not self._work.mapping.bc.counted:
                return total, total
        elif mark.may_miss_outside(peek, before):
            take_left(self._work, self._handle)
        else:
            return total, peek.whole
        # Of what was met some came after the count: it would hide a deletion if it were left out.
        return total, peek.whole + self._fresh.anywhere

    # Pages

    def _handle(self, changes: Changes) -> set[str]:
        """Bring changed records into step, and store what became of them; returns the ids of those
        that are left for a comparison."""
        taken = take_changes(self._work, changes, self._known)
        self._fresh += taken.fresh
        if taken.pairs:
            synchronize(self._work, taken.pairs)
            made = sum(1 for pair in taken.pairs if pair.actions.get("bc") is Action.INSERT)
            self._fresh += Fresh(counted=made, anywhere=made)
            coupling = any(couples(pair) for pair in taken.pairs)
            # Raises where the table was lost to a worker that knows better.
            self._keeper.checkpoint(**begun(self._keeper.held, couples=coupling))
            self._known.touch(taken.pairs)
            self._count(commit_page(self._work, taken.pairs, self._now()))
            if coupling:
                self._on_coupled()
        if taken.forgotten:
            self._work.outcomes.clear_many(
                self._work.mapping.name, taken.forgotten, carried_out=True
            )
        if taken.orphans:
            self._keeper.checkpoint(compare_because=_why_orphans(taken.orphans))
        elif taken.unmatched:
            self._keeper.checkpoint(compare_because=_why_unmatched(taken.unmatched))
        return {*taken.orphans, *taken.unmatched}

    def _count(self, counted: dict[Direction, Counters]) -> None:
        for direction, counters in counted.items():
            self._counted[direction] += counters


def _why_unmatched(records: Sequence[str]) -> str:
    return (
        f"{len(records)} new records, {records[0]} for one: by its match criteria, only comparing "
        "everything finds their partners."
    )


def _why_orphans(orphans: Sequence[str]) -> str:
    return (
        f"{len(orphans)} records that Coupler made were not coupled yet, {orphans[0]} for one: "
        "comparing everything finds what they belong to."
    )
