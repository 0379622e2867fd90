"""Making the rows of a result of what was resolved. Pure.

Rows are numbered in the order of the records' numbers and names, so that two matches of the same
records have the same rows at the same places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from couplings.matching import AmbiguousMatch, ExactMatch, Matches
from couplings.similarity import Proposal
from sync.mapping import MatchKey
from sync.matching.model import Candidate, Counts, Criterion, MatchKind, MatchRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a record, or a pair, cannot be accepted as it is."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is kept of a record while a table is matched."""

    number: str
    name: str
    values: tuple[str, ...]
    """Of the fields of all criteria, one criterion after the other."""


@dataclass(slots=True, kw_only=True)
class Surveyed:
    """The uncoupled records of both sides, and what keeps some from being coupled."""

    bc: dict[str, Known] = field(default_factory=dict)
    crm: dict[str, Known] = field(default_factory=dict)
    bc_reasons: dict[str, Reason] = field(default_factory=dict)
    """Of records that take no part: they are compared with nobody."""
    crm_reasons: dict[str, Reason] = field(default_factory=dict)
    """Of records that are compared and may not be coupled: their partners are to have no others."""
    not_created: dict[str, Reason] = field(default_factory=dict)
    """Of BC records that would not be created in CRM, should nothing fit them."""
    made: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of which Coupler made the one of the other, and did not live to couple them."""


class RowMaker:
    """Makes the rows of one result, and counts them; iterate once."""

    def __init__(self, criteria: Sequence[MatchKey], surveyed: Surveyed) -> None:
        self._criteria = criteria
        self._surveyed = surveyed
        lengths = [len(each.fields) for each in criteria]
        self._spans = [slice(sum(lengths[:n]), sum(lengths[: n + 1])) for n in range(len(lengths))]
        self.counts = Counts()

    def rows(
        self,
        matches: Matches,
        proposals: Sequence[Proposal],
        unfit: Mapping[tuple[str, str], Reason],
    ) -> Iterator[MatchRow]:
        """All rows, kind by kind; ``unfit`` tells which exact matches may not be coupled."""
        yield from self._counted(self._exact(matches.exact, unfit))
        yield from self._counted(self._ambiguous(matches.ambiguous))
        yield from self._counted(self._proposed(proposals))
        named = {each.bc_id for each in proposals}
        left = [each for each in matches.unmatched_bc if each not in named]
        yield from self._counted(self._unmatched_bc([*left, *self._surveyed.bc_reasons]))
        named = {each.crm_id for each in proposals}
        left = [each for each in matches.unmatched_crm if each not in named]
        yield from self._counted(self._unmatched_crm(left))

    def _counted(self, rows: Iterable[MatchRow]) -> Iterator[MatchRow]:
        for row in rows:
            counts = self.counts
            self.counts = replace(
                counts,
                left_out=counts.left_out + bool(row.code),
                **{name: getattr(counts, name) + number for name, number in _counts_of(row)},
            )
            yield row

    def _exact(
        self, exact: Sequence[ExactMatch], unfit: Mapping[tuple[str, str], Reason]
    ) -> Iterator[MatchRow]:
        found: list[tuple[str, str, int | None]] = [
            (bc_id, crm_id, None) for bc_id, crm_id in self._surveyed.made
        ]
        found += [(each.bc_id, each.crm_id, each.level) for each in exact]
        found.sort(key=lambda each: self._place_of_bc(each[0]))
        for number, (bc_id, crm_id, level) in enumerate(found):
            reason = unfit.get((bc_id, crm_id)) or self._surveyed.crm_reasons.get(crm_id)
            yield _because(
                reason,
                MatchRow(
                    kind=MatchKind.EXACT,
                    place=f"{number:08}",
                    bc=(self._bc(bc_id, level),),
                    crm=(self._crm(crm_id, level),),
                    bc_total=1,
                    crm_total=1,
                    level=level,
                    criterion=self._criterion(level),
                ),
            )

    def _ambiguous(self, groups: Sequence[AmbiguousMatch]) -> Iterator[MatchRow]:
        sorted_groups = [
            (
                each.level,
                sorted(each.bc_ids, key=self._place_of_bc),
                sorted(each.crm_ids, key=self._place_of_crm),
            )
            for each in groups
        ]
        sorted_groups.sort(key=lambda each: self._place_of_bc(each[1][0]))
        for number, (level, bc_ids, crm_ids) in enumerate(sorted_groups):
            yield MatchRow(
                kind=MatchKind.AMBIGUOUS,
                place=f"{number:08}",
                bc=tuple(self._bc(each, level) for each in bc_ids),
                crm=tuple(self._crm(each, level) for each in crm_ids),
                bc_total=len(bc_ids),
                crm_total=len(crm_ids),
                level=level,
                criterion=self._criterion(level),
            )

    def _proposed(self, proposals: Sequence[Proposal]) -> Iterator[MatchRow]:
        found = sorted(
            proposals,
            key=lambda each: (-each.percent, self._place_of_bc(each.bc_id), each.crm_id),
        )
        for number, each in enumerate(found):
            yield _because(
                self._surveyed.crm_reasons.get(each.crm_id),
                MatchRow(
                    kind=MatchKind.PROPOSED,
                    place=f"{number:08}",
                    bc=(self._bc(each.bc_id, None),),
                    crm=(self._crm(each.crm_id, None),),
                    bc_total=1,
                    crm_total=1,
                    percent=each.percent,
                ),
            )

    def _unmatched_bc(self, ids: Iterable[str]) -> Iterator[MatchRow]:
        for number, bc_id in enumerate(sorted(ids, key=self._place_of_bc)):
            row = MatchRow(
                kind=MatchKind.UNMATCHED,
                place=f"bc-{number:08}",
                bc=(self._bc(bc_id, None),),
                bc_total=1,
            )
            reasons = self._surveyed.bc_reasons, self._surveyed.not_created
            yield _because(reasons[0].get(bc_id) or reasons[1].get(bc_id), row)

    def _unmatched_crm(self, ids: Iterable[str]) -> Iterator[MatchRow]:
        for number, crm_id in enumerate(sorted(ids, key=self._place_of_crm)):
            row = MatchRow(
                kind=MatchKind.UNMATCHED,
                place=f"crm-{number:08}",
                crm=(self._crm(crm_id, None),),
                crm_total=1,
            )
            yield _because(self._surveyed.crm_reasons.get(crm_id), row)

    def _place_of_bc(self, bc_id: str) -> tuple[str, str, str]:
        known = self._surveyed.bc[bc_id]
        return known.number, known.name, bc_id

    def _place_of_crm(self, crm_id: str) -> tuple[str, str]:
        return self._surveyed.crm[crm_id].name.casefold(), crm_id

    def _bc(self, bc_id: str, level: int | None) -> Candidate:
        return self._candidate(bc_id, self._surveyed.bc[bc_id], level)

    def _crm(self, crm_id: str, level: int | None) -> Candidate:
        return self._candidate(crm_id, self._surveyed.crm[crm_id], level)

    def _candidate(self, record_id: str, known: Known, level: int | None) -> Candidate:
        values = () if level is None else known.values[self._spans[level]]
        return Candidate(record_id=record_id, number=known.number, name=known.name, values=values)

    def _criterion(self, level: int | None) -> Criterion:
        if level is None:
            return Criterion()
        fields = self._criteria[level].fields
        return Criterion(
            bc=tuple(each.bc for each in fields),
            crm=tuple(each.crm for each in fields),
            compare=tuple(each.compare.value for each in fields),
        )


def _because(reason: Reason | None, row: MatchRow) -> MatchRow:
    if reason is None:
        return row
    return replace(row, code=reason.code, message=reason.message, hint=reason.hint)


def _counts_of(row: MatchRow) -> list[tuple[str, int]]:
    match row.kind:
        case MatchKind.AMBIGUOUS:
            members = [("ambiguous_bc", row.bc_total), ("ambiguous_crm", row.crm_total)]
            return [("ambiguous", 1), *members]
        case MatchKind.UNMATCHED:
            return [("unmatched_bc", row.bc_total), ("unmatched_crm", row.crm_total)]
        case _:
            return [(row.kind.value, 1)]
