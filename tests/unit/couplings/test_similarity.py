"""Which names are proposed as the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from couplings.similarity import Proposal, Proposals

NAMES = st.lists(
    st.lists(
        st.sampled_from(["nordic", "furniture", "light", "lights", "company", "ltd"]),
        min_size=1,
        max_size=3,
    ).map(" ".join),
    max_size=8,
)


def proposed(bc: list[str], crm: list[str], threshold: int = 80) -> set[tuple[int, int, int]]:
    proposals = Proposals(threshold)
    for number, name in enumerate(bc):
        proposals.add_bc(str(number), name)
    for number, name in enumerate(crm):
        proposals.add_crm(str(number), name)
    return {(int(each.bc_id), int(each.crm_id), each.percent) for each in proposals.find()}


def test_names_with_a_small_difference_are_proposed():
    assert proposed(["Guildford Water Department"], ["Guildford Water Dept."]) == {(0, 0, 86)}
    assert proposed(["Michael Feit - M\u00f6belhaus"], ["Michael Feit Moebelhaus"]) == {(0, 0, 97)}


def test_names_below_the_threshold_are_not():
    assert proposed(["Adatum Corporation"], ["Adatum Leasing Ltd."]) == set()


def test_names_that_share_no_beginning_of_a_word_are_not_compared():
    assert proposed(["Contoso"], ["Kontoso"], threshold=50) == set()


def test_a_word_that_many_names_have_tells_nothing():
    many = [f"Hotel {number:03}" for number in range(30)]
    assert proposed(many, ["Hotel"], threshold=50) == set()


def test_the_best_ones_of_many_are_kept():
    alike = [f"Nordic Light {letter * 6}" for letter in "abcdefgh"]
    found = proposed(["Nordic Light aaaaaa", *["x"] * 3], alike, threshold=50)
    assert found == {(0, 0, 100)}  # the seven others are all as good, and too many


@given(NAMES, NAMES)
def test_the_sides_may_be_swapped(bc, crm):
    swapped = {(bc_id, crm_id, percent) for crm_id, bc_id, percent in proposed(crm, bc)}
    assert proposed(bc, crm) == swapped


@given(NAMES, NAMES, st.randoms())
def test_the_order_in_which_names_are_added_does_not_matter(bc, crm, random):
    def found(order: list[int]) -> list[Proposal]:
        proposals = Proposals(70)
        for number in order:
            if number < len(bc):
                proposals.add_bc(str(number), bc[number])
            if number < len(crm):
                proposals.add_crm(str(number), crm[number])
        return proposals.find()

    order = list(range(max(len(bc), len(crm))))
    shuffled = random.sample(order, len(order))
    assert found(order) == found(shuffled)
