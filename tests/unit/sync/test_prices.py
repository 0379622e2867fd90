"""Which price of a price group, item and unit CRM gets."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.records import Record
from sync.prices import PriceRows, current_prices, price_key
from tests.support.table_jobs import bc_price

TODAY = date(2026, 6, 26)
UNITS = {"1000": "PCS"}


def current(*prices: Record) -> PriceRows:
    found = current_prices(prices, UNITS, TODAY)
    return found["RETAIL", "1000", "PCS"]


def test_the_newest_valid_price_counts_and_the_others_are_known() -> None:
    old, new = bc_price(1), bc_price(2, Starting_Date="2026-06-01")
    rows = current(old, new)
    assert rows.current == new["SystemId"]
    assert rows.others == (old["SystemId"],)


def test_a_price_of_tomorrow_or_of_yesterday_does_not_count() -> None:
    tomorrow = bc_price(1, Starting_Date="2026-06-27")
    yesterday = bc_price(2, Ending_Date="2026-06-25")
    assert current(tomorrow, yesterday).current == ""


def test_of_equally_new_prices_the_lower_counts() -> None:
    dear, cheap = bc_price(1, Unit_Price=90), bc_price(2, Unit_Price=80)
    assert current(dear, cheap).current == cheap["SystemId"]


def test_a_price_for_a_quantity_or_a_variant_does_not_count() -> None:
    assert current(bc_price(1, Minimum_Quantity=10)).current == ""
    assert current(bc_price(1, Variant_Code="RED")).current == ""


def test_a_price_without_unit_is_one_for_the_base_unit() -> None:
    assert price_key(bc_price(1), UNITS) == price_key(
        bc_price(2, Unit_of_Measure_Code="PCS"), UNITS
    )


@given(
    st.permutations([bc_price(n, Starting_Date=f"2026-0{n}-01", Unit_Price=n) for n in range(1, 8)])
)
def test_the_order_of_the_prices_does_not_matter(prices: list[Record]) -> None:
    rows = current(*prices)
    assert rows.current == bc_price(6)["SystemId"]
    assert sorted((rows.current, *rows.others)) == [bc_price(n)["SystemId"] for n in range(1, 8)]
