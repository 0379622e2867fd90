"""Rows of a result: every uncoupled record is in exactly one kind, whatever order they came in."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from couplings.match_keys import key_text
from couplings.matching import Matching
from couplings.similarity import Proposal
from sync.mapping import MatchKey
from sync.matching.model import Counts, MatchKind, MatchRow
from sync.matching.rows import Known, Reason, RowMaker, Surveyed

CRITERIA = (MatchKey.of(("number", "accountnumber")), MatchKey.of(("displayName", "name")))
TEXTS = st.sampled_from(["", "a", "b", "c"])
RECORDS = st.lists(st.tuples(TEXTS, TEXTS), max_size=8)


def made(
    bc: dict[str, tuple[str, str]],
    crm: dict[str, tuple[str, str]],
    *,
    blocked: frozenset[str] = frozenset(),
    order: int = 0,
) -> tuple[list[MatchRow], Counts]:
    """The rows of records by what they hold in the two criteria, added in some order."""
    surveyed, matching = Surveyed(), Matching(len(CRITERIA))
    sides = [*(("bc", each) for each in bc), *(("crm", each) for each in crm)]
    Random(order).shuffle(sides)
    for side, record_id in sides:
        values = bc[record_id] if side == "bc" else crm[record_id]
        known = Known(number=values[0] if side == "bc" else "", name=values[1], values=values)
        if side == "crm":
            surveyed.crm[record_id] = known
            matching.add_crm(record_id, values)
            continue
        surveyed.bc[record_id] = known
        if record_id in blocked:
            surveyed.bc_reasons[record_id] = Reason(code="blocked", message="It is.")
        else:
            matching.add_bc(record_id, values)
    matches = matching.resolve()
    pairs = zip(matches.unmatched_bc[:1], matches.unmatched_crm[:1], strict=False)
    proposals = [Proposal(bc_id=b, crm_id=c, percent=90) for b, c in pairs]
    maker = RowMaker(CRITERIA, surveyed)
    return list(maker.rows(matches, proposals, {})), maker.counts


def numbered(side: str, records: list[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {f"{side}{number}": values for number, values in enumerate(records)}


@given(bc=RECORDS, crm=RECORDS, left_out=st.integers(0, 8))
def test_every_record_is_in_exactly_one_row(bc, crm, left_out):
    blocked = frozenset(list(numbered("b", bc))[:left_out])
    rows, _ = made(numbered("b", bc), numbered("c", crm), blocked=blocked)
    for ids, records in (
        ([each.record_id for row in rows for each in row.bc], numbered("b", bc)),
        ([each.record_id for row in rows for each in row.crm], numbered("c", crm)),
    ):
        assert sorted(ids) == sorted(records)


@given(bc=RECORDS, crm=RECORDS, order=st.integers())
def test_the_rows_do_not_depend_on_the_order_in_which_records_came(bc, crm, order):
    records = numbered("b", bc), numbered("c", crm)
    assert made(*records, order=order) == made(*records)


@given(bc=RECORDS, crm=RECORDS)
def test_counts_are_those_of_the_rows_and_places_are_in_order(bc, crm):
    rows, counts = made(numbered("b", bc), numbered("c", crm))
    for kind in (MatchKind.EXACT, MatchKind.AMBIGUOUS, MatchKind.PROPOSED):
        of_kind = [row for row in rows if row.kind is kind]
        assert getattr(counts, kind.value) == len(of_kind)
        assert [row.place for row in of_kind] == sorted({row.place for row in of_kind})
    ambiguous = [row for row in rows if row.kind is MatchKind.AMBIGUOUS]
    assert counts.ambiguous_bc == sum(row.bc_total for row in ambiguous)
    unmatched = [row for row in rows if row.kind is MatchKind.UNMATCHED]
    assert counts.unmatched_bc + counts.unmatched_crm == len(unmatched)
    assert [row.place for row in unmatched] == sorted(row.place for row in unmatched)


@given(bc=RECORDS, crm=RECORDS)
def test_the_values_of_a_row_are_those_of_the_criterion_that_decided(bc, crm):
    rows, _ = made(numbered("b", bc), numbered("c", crm))
    for row in rows:
        if row.kind not in (MatchKind.EXACT, MatchKind.AMBIGUOUS):
            continue
        assert row.level is not None
        names = [field.bc for field in CRITERIA[row.level].fields]
        assert list(row.criterion.bc) == names
        texts = {
            key_text(dict(zip(names, each.values, strict=True)), CRITERIA[row.level], "bc")
            for each in row.bc
        }
        assert len(texts) == 1


def test_a_group_tells_all_of_many_and_how_many_there_are():
    crm = {f"c{number:03}": ("a", "") for number in range(80)}
    [row], counts = made({"b": ("a", "")}, crm)
    assert (len(row.crm), row.crm_total, counts.ambiguous_crm) == (80, 80, 80)
