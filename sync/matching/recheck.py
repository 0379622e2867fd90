"""Whether exact matches still hold when they are about to be coupled.

Between the look that an administrator accepted and the coupling people go on working:

    administrator                             a salesperson in CRM
    sees: customer 10000 fits one account
    accepts all exact matches
                                              makes a second account with the number 10000
    the match is checked: two fit now, so neither is coupled

Both records are read again, and with them the uncoupled ones that share a key with either. Where no
service can be asked for a key (``MatchKey.can_be_asked``), only the two records are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from couplings.match_keys import MatchKey, key_text
from couplings.matching import MatchIndex
from errors import RecordError
from services.records import Record
from sync.candidates import bc_candidates, crm_candidates
from sync.crm_index import CrmIndex, add_uncoupled
from sync.intake import expect_partner
from sync.matching.model import Fate, MatchRow, RowState
from sync.matching.survey import read_pairs
from sync.work import Work

type IdPair = tuple[str, str]
_NAMED = 3
"""How many rivals a refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holding:
    """An exact match whose records still fit each other."""

    row: MatchRow
    bc: Record
    derived: Record
    crm: Record


def refusals(work: Work, rows: Sequence[MatchRow]) -> dict[IdPair, Fate]:
    """The exact matches that do not hold any more, by their ids, and why; few requests for many.

    Raises as the services do.
    """
    gone = {id_pair(row): row for row in rows}
    fates: dict[IdPair, Fate] = {}
    of_level: dict[int, list[_Holding]] = {}
    for pair, bc, crm in read_pairs(work, list(gone)):
        row = gone.pop(pair)
        if row.level is None:
            continue  # Coupler made the one of the other, as their ids tell
        try:
            derived = work.rule.derive(bc, work.context)
        except RecordError as error:
            fates[pair] = _refused(error.code, error.message, error.hint)
            continue
        if _fit(work.mapping.match[row.level], derived, crm):
            holding = _Holding(row=row, bc=bc, derived=derived, crm=crm)
            of_level.setdefault(row.level, []).append(holding)
        else:
            fates[pair] = _changed(work, row, derived, crm)
    fates |= {pair: _gone(row) for pair, row in gone.items()}
    for level, matches in of_level.items():
        fates |= _rivalled(work, work.mapping.match[: level + 1], matches)
    return fates


def id_pair(row: MatchRow) -> IdPair:
    """The ids of the records of an exact match."""
    return row.bc[0].record_id, row.crm[0].record_id


def _fit(key: MatchKey, derived: Record, crm: Record) -> bool:
    text = key_text(derived, key, "bc")
    return text != "" and text == key_text(crm, key, "crm")


@dataclass(slots=True)
class _Rivals:
    """Uncoupled records that share a key with one of some matches, those of the matches included;
    and what shares one with those, since a record that fits another one better is no rival."""

    work: Work
    keys: tuple[MatchKey, ...]
    """The keys by which the matches were found, and those before."""
    index: CrmIndex
    bc: dict[str, Record] = field(default_factory=dict)
    """With what is derived from them."""
    crm: dict[str, Record] = field(default_factory=dict)

    def load(self, bc: Sequence[Record], crm: Sequence[Record]) -> None:
        """Take in these records, and all that could compete with them."""
        may_ask = all(key.can_be_asked for key in self.keys)
        while bc or crm:
            derived = self._take(bc, crm)
            if not may_ask:
                return
            bc, crm = (
                [each for each in bc_candidates(self.work, crm, self.keys) if self._is_new(each)],
                self._new_in_crm(crm_candidates(self.work, derived, self.keys)),
            )

    def of(self, match: _Holding) -> list[str]:
        """The names of others that have in one of the keys what a record of the match has."""
        bc_id, crm_id = id_pair(match.row)
        id_column = self.work.mapping.crm.id_column
        named = [
            str(each.get(self.work.mapping.crm.title) or each[id_column])
            for each in self.crm.values()
            if each[id_column] != crm_id and self._share(match.derived, each)
        ]
        return named + [
            self.work.mapping.bc.name_of(each)
            for key, each in self.bc.items()
            if key != bc_id and self._share(each, match.crm)
        ]

    def _take(self, bc: Sequence[Record], crm: Sequence[Record]) -> list[Record]:
        work, id_field = self.work, self.work.mapping.bc.id_field
        self.crm |= {each[work.mapping.crm.id_column]: each for each in crm}
        for record in crm:
            add_uncoupled(self.index, work, record)
        work.prepare(bc=bc)
        derived = []
        for record in bc:
            expect_partner(work, self.index, record)
            try:
                derived.append(work.rule.derive(record, work.context))
            except RecordError:
                derived.append(record)  # it competes for nothing, as the index knows
        self.bc |= {each[id_field]: each for each in derived}
        return derived

    def _is_new(self, record: Record) -> bool:
        return record[self.work.mapping.bc.id_field] not in self.bc

    def _new_in_crm(self, records: Sequence[Record]) -> list[Record]:
        id_column = self.work.mapping.crm.id_column
        return [each for each in records if each[id_column] not in self.crm]

    def _share(self, derived: Record, crm: Record) -> bool:
        return any(_fit(key, derived, crm) for key in self.keys)


def _rivalled(
    work: Work, keys: tuple[MatchKey, ...], matches: Sequence[_Holding]
) -> dict[IdPair, Fate]:
    """The matches by the last of these keys that are none any more, among all that compete."""
    index = CrmIndex(by_bc_id={}, matches=MatchIndex(keys))
    rivals = _Rivals(work, keys, index)
    rivals.load([each.bc for each in matches], [each.crm for each in matches])
    fates = {}
    for each in matches:
        bc_id, crm_id = id_pair(each.row)
        if index.matches.find(bc_id, each.derived).crm_id != crm_id:
            others = ", ".join(rivals.of(each)[:_NAMED])
            fates[bc_id, crm_id] = _refused(
                "match-ambiguous",
                f"{_names(each.row)}: by now another record fits one of the two as well: {others}.",
                "Match the table again and pick one, or make the values different.",
            )
    return fates


def _changed(work: Work, row: MatchRow, derived: Record, crm: Record) -> Fate:
    fields = work.mapping.match[row.level or 0].fields
    now = ", ".join(
        f"{each.bc} is {derived.get(each.bc)!r} and {each.crm} is {crm.get(each.crm)!r}"
        for each in fields
    )
    return _refused(
        "match-changed",
        f"{_names(row)} do not fit each other any more: {now}.",
        "Match the table again, or couple the two one at a time.",
    )


def _gone(row: MatchRow) -> Fate:
    return _refused(
        "record-gone",
        f"{_names(row)}: one of the two was deleted since they were matched.",
        "Match the table again.",
    )


def _refused(code: str, message: str, hint: str) -> Fate:
    return Fate(state=RowState.REFUSED, code=code, message=message, hint=hint)


def _names(row: MatchRow) -> str:
    bc, crm = row.bc[0], row.crm[0]
    return f"{bc.number} {bc.name}".strip() + f" and {crm.name or crm.record_id}"
