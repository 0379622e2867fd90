from __future__ import annotations

import pytest

from errors import RefusedRequestError
from identity.model import TenantId
from storage.paging import continuation_after, resume
from storage.sorting import sorted_page
from tests.fakes.tables import MemoryAccount

TENANT, OTHER = TenantId("t1"), TenantId("t2")
POSITION = (("connection", "CUSTOMER"), ("bc", "é~/1"))
NAMES = ["Bea", "Al", "Eve", "Dan", "Cy"]


def table(tenant: TenantId = TENANT, name: str = "couplings"):
    return MemoryAccount().table(name, tenant)


def test_a_position_is_found_again():
    given = continuation_after(POSITION, of=table())
    assert resume(given, of=table()) == POSITION
    assert given.isascii()


@pytest.mark.parametrize("other", [table(OTHER), table(name="outcomes")])
def test_another_tenants_or_tables_continuation_is_refused(other):
    with pytest.raises(RefusedRequestError) as caught:
        resume(continuation_after(POSITION, of=other), of=table())
    assert caught.value.status == 400


@pytest.mark.parametrize("noise", [" ", "\n", "!", "*"])
def test_characters_that_a_decoder_might_skip_are_refused(noise):
    given = continuation_after(POSITION, of=table())
    with pytest.raises(RefusedRequestError):
        resume(given[:8] + noise + given[8:], of=table())


def page(order: str, limit: int, continuation: str | None = None):
    return sorted_page(
        NAMES,
        lambda name: (name,),
        order=order,
        limit=limit,
        continuation=continuation,
        of=table(),
    )


@pytest.mark.parametrize(
    ("order", "expected"), [("name", sorted(NAMES)), ("-name", sorted(NAMES, reverse=True))]
)
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 9])
def test_sorted_pages_together_hold_each_item_once_in_order(order, expected, limit):
    found, continuation = page(order, limit)
    while continuation is not None:
        more, continuation = page(order, limit, continuation)
        assert len(more) <= limit
        found += more
    assert found == expected


def test_a_continuation_of_another_order_is_refused():
    _, continuation = page("name", 2)
    with pytest.raises(RefusedRequestError):
        page("-name", 2, continuation)
