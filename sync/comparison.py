"""Comparing all records of a table, page by page, and bringing them into step.

It is what a full synchronization does with each table, and what a pass does where the change feeds
cannot be read on. First Business Central's records are taken and brought into step with their CRM
partners, in both directions; then the CRM records that have no partner; then the couplings that
nobody met: their BC record was deleted, or left the mapping's scope. Where time is up, the cursor
is stored and the next slice goes on from there.

Where reading changes can go on afterwards is noted before anything is read, and counts only when
all is done: what changes meanwhile is met again by the first pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import batched
from typing import Protocol

from services.business_central import Endpoint
from services.records import Page
from sync.changes import fetch_changes, note_asked, take_changes
from sync.commit import commit_page, couples
from sync.crm_index import CrmIndex, build_index
from sync.hints import ASKED, HintReason, RecordHint, given_as
from sync.intake import expect_partner, take_bc_page, take_crm_records
from sync.job_model import Counters
from sync.mapping import Direction
from sync.page import synchronize
from sync.pair import Pair
from sync.prefetch import prefetched
from sync.table_model import Watermarks
from sync.watermark import BcWatermark, before
from sync.work import Work

PAGE_SIZE = 2000
"""Records of one page: what a crash costs, and two CreateMultiple requests."""

_FROM_BC = "bc"
_FROM_CRM = "crm"
_UNMET = "unmet"


type HandlePage = Callable[[Sequence[Pair]], dict[Direction, Counters]]
"""Handles the pairs of one page and stores what became of them; returns what was counted."""


class Progress(Protocol):
    """Where a comparison's progress is kept."""

    @property
    def phase(self) -> str: ...

    @property
    def cursor(self) -> str: ...

    @property
    def pending(self) -> Watermarks | None:
        """What ``begin`` stored for this comparison, None before."""

    def begin(self, watermarks: Watermarks) -> None:
        """Keep the watermarks that will count once the comparison is done."""

    def count(self, total: int, whole: int) -> None:
        """So many BC records there were when all couplings' keys were compared: of those that
        passes count (``BcTable.counted``), and in the whole table."""

    def move(self, phase: str) -> None:
        """A phase begins."""

    def confirm(self, *, couples: bool) -> None:
        """Note whether records are about to be coupled. Raises ``LeaseLostError`` where another
        worker took the table over: what it knows of the page's records by now is newer than what
        this one is about to store."""

    def page_done(
        self,
        cursor: str,
        *,
        expected: int | None,
        handled: int,
        counted: dict[Direction, Counters],
    ) -> None:
        """Everything up to the cursor is handled and stored. Raises where the work must stop."""


class Comparison:
    """Works on a held table until all of it was compared, or until time is up."""

    def __init__(
        self,
        work: Work,
        progress: Progress,
        *,
        now: Callable[[], datetime],
        is_time_up: Callable[[], bool],
        check_cancelled: Callable[[], None],
        handle: HandlePage | None = None,
        build: Callable[[Work], CrmIndex] = build_index,
    ) -> None:
        """``check_cancelled`` raises what is to be raised where nobody wants the rest.

        ``handle`` is what is done with the pairs of a page in place of bringing them into step;
        ``build`` reads the CRM side.
        """
        self._work = work
        self._progress = progress
        self._now = now
        self._is_time_up = is_time_up
        self._check_cancelled = check_cancelled
        self._handle_page = handle or self._bring_into_step
        self._is_for_good = handle is None and not work.preview
        self._build = build
        self._asked: list[RecordHint] = []
        """What people asked about records, which a pass left for a comparison."""
        self._new: set[str] = set()
        """BC records of pairs met without a coupling, which the index does not know."""

    def run(self) -> bool:
        """Whether all is compared, or another slice must go on.

        Raises the families of ``errors``; progress up to the last page is kept.
        """
        progress = self._progress
        fresh = not self._work.preview and progress.pending is None
        bc = bc_look(self._work, self._now()) if fresh else None
        index = self._build(self._work)
        if bc is not None:
            progress.begin(_watermarks(self._work, bc, index))
        if not progress.phase:
            progress.move(_FROM_BC)
        if index.known and progress.phase != _UNMET:
            self._expect_partners(index)
        self._asked = self._work.hints.left_for_comparison(self._work.mapping.name)
        done = self._take_bc(index) and self._take_crm(index) and self._take_unmet(index)
        if done and self._is_for_good:
            self._work.hints.remove_many(self._work.mapping.name, self._asked)
        return done

    def _take_bc(self, index: CrmIndex) -> bool:
        if self._progress.phase != _FROM_BC:
            return True
        met: set[str] = set()
        id_field = self._work.mapping.bc.id_field
        for page in prefetched(bc_pages(self._work, cursor=self._progress.cursor)):
            # A record may be on two pages where others come and go while they are read.
            new = [record for record in page.records if record[id_field] not in met]
            met.update(record[id_field] for record in new)
            pairs = take_bc_page(self._work, index, new)
            self._handle(pairs, page, handled=len(page.records))
            if page.next and self._is_time_up():
                return False
        self._progress.move(_FROM_CRM)
        return True

    def _take_crm(self, index: CrmIndex) -> bool:
        if self._progress.phase != _FROM_CRM:
            return True
        claimed, cursor = index.matches.claimed, self._progress.cursor
        left = [crm_id for crm_id in index.uncoupled if crm_id not in claimed and crm_id > cursor]
        for some in batched(left, PAGE_SIZE, strict=False):
            pairs = take_crm_records(self._work, list(some))
            self._handle(pairs, Page(records=[], next=some[-1]), handled=len(pairs))
            if some[-1] != left[-1] and self._is_time_up():
                return False
        self._progress.move(_UNMET)
        return True

    def _expect_partners(self, index: CrmIndex) -> None:
        """Read all BC records that uncoupled CRM records may fit before any is coupled: of two that
        fit the same one, neither gets it, on whatever page they are. What earlier slices matched
        and could not couple is claimed again by that, and not copied to Business Central."""
        for page in prefetched(bc_pages(self._work)):
            self._check_cancelled()
            self._work.prepare(bc=page.records)
            for record in page.records:
                expect_partner(self._work, index, record)

    def _take_unmet(self, index: CrmIndex) -> bool:
        """Couplings whose BC record is not among those of the mapping any more."""
        work, cursor = self._work, self._progress.cursor
        stamp, counts_all = work.mapping.bc.stamp_field, not work.mapping.bc.counted
        # Counted before the keys are read: what is created in between is met as a new record.
        whole = work.bc.peek(work.endpoint, filter="", since="", stamp=stamp).whole
        present = work.bc.fetch_ids(work.endpoint, work.mapping.bc.filter)
        known = self._new.union(index.by_bc_id)
        unmet = [bc_id for bc_id in sorted(known) if bc_id not in present and bc_id > cursor]
        if not unmet and not cursor:
            # Not by a look: a coupled record that is back under the filter since would be one more
            # than it told, and no new one for any pass (``sync.watermark``).
            self._progress.count(whole if counts_all else len(present), whole)
        for some in batched(unmet, PAGE_SIZE, strict=False):
            changes = fetch_changes(self._work, some, ())
            pairs = take_changes(self._work, changes).pairs
            self._handle(pairs, Page(records=[], next=some[-1]), handled=0)
            if some[-1] != unmet[-1] and self._is_time_up():
                return False
        return True

    def _handle(self, pairs: Sequence[Pair], page: Page, *, handled: int) -> None:
        """Handle a page's pairs, then store the checkpoint."""
        self._check_cancelled()
        note_asked(pairs, given_as(self._asked, ASKED), given_as(self._asked, (HintReason.COUPLE,)))
        counted = self._handle_page(pairs)
        self._new.update(pair.bc_id for pair in pairs if pair.entry is None)
        self._progress.page_done(
            page.next or "", expected=page.total, handled=handled, counted=counted
        )

    def _bring_into_step(self, pairs: Sequence[Pair]) -> dict[Direction, Counters]:
        """Bring pairs into step and store what became of them."""
        synchronize(self._work, pairs)
        coupling = not self._work.preview and any(couples(pair) for pair in pairs)
        self._progress.confirm(couples=coupling)
        return commit_page(self._work, pairs, self._now())


def bc_pages(work: Work, *, cursor: str = "") -> Iterator[Page]:
    """The BC records of the mapping from the cursor on."""
    mapping = work.mapping
    return work.bc.fetch_pages(
        work.endpoint,
        select=mapping.bc_select(),
        filter=mapping.bc.filter or None,
        page_size=PAGE_SIZE,
        cursor=cursor or None,
        count=not cursor,
    )


def bc_look(work: Work, now: datetime) -> Watermarks:
    """How the BC side looks now: where reading its changes would go on.

    Only what is of Business Central is filled in.
    """
    mapping = work.mapping
    stamp = mapping.bc.stamp_field
    whole = work.bc.peek(work.endpoint, filter="", since="", stamp=stamp)
    recent = work.bc.peek(
        work.endpoint, filter="", since=before(whole.newest, work.overlap), stamp=stamp
    )
    # A change between the two looks leaves the first one's stamp, which the next pass goes beyond.
    settles_at = (now + work.overlap).isoformat() if whole.newest else ""
    mark = BcWatermark(stamp=whole.newest, settles_at=settles_at)
    if recent.newest == whole.newest:
        mark = replace(mark, recent=recent.recent)
    ledger = work.bc.fetch_stock_changes(None)[0] if mapping.bc.has_stock else 0
    return Watermarks(bc=mark, ledger=ledger, origin=origin_look(work))


def origin_look(work: Work) -> str:
    """How the table looks that derived fields come from; changes whenever the table does."""
    origin = work.mapping.bc.derived_from
    if not origin:
        return ""
    peek = work.bc.peek(Endpoint.api(origin), filter="", since="", stamp="lastModifiedDateTime")
    return f"{peek.total} {peek.newest}"


def _watermarks(work: Work, bc: Watermarks, index: CrmIndex) -> Watermarks:
    today = work.context.references.today.isoformat()
    return replace(bc, crm=index.watermark, compared_on=today)
