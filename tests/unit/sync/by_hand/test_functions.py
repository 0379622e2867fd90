"""What a call may name, before anything is looked at."""

from __future__ import annotations

import pytest

from errors import RefusedRequestError
from sync.by_hand.functions import _selection


def test_records_of_both_sides_are_named_together():
    chosen = _selection(["10000"], ["a", "b"])
    assert (list(chosen.bc), list(chosen.crm), chosen.everything) == (["10000"], ["a", "b"], False)


@pytest.mark.parametrize(("bc", "crm"), [([], []), (["1"] * 300, ["2"] * 201)])
def test_nothing_and_too_much_are_refused(bc, crm):
    with pytest.raises(RefusedRequestError) as refused:
        _selection(bc, crm)
    assert (refused.value.status, refused.value.code) == (422, "selection-unclear")
