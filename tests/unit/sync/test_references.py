"""Reference data, read from fake services."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ConfigurationError
from services.business_central import BusinessCentral
from services.dataverse import Dataverse
from sync.mappings import MAPPINGS
from sync.references import (
    Need,
    References,
    load_references,
    needs_of,
    rates_per_local_currency,
)
from sync.rules import RULES
from tests.fakes.services import FakeBusinessCentral, FakeDataverse

TODAY = date(2026, 6, 26)


def rate(code: str, amount: float, local: float, *, through: str = "", start: str = "2026-01-01"):
    """``amount`` of the currency is worth ``local`` of the local or of another currency."""
    return {
        "id": f"{code} {start}",
        "currencyCode": code,
        "startingDate": start,
        "exchangeRateAmount": amount,
        "relationalCurrencyCode": through,
        "relationalExchangeRateAmount": local,
    }


class Services:
    def __init__(self) -> None:
        self.bc = FakeBusinessCentral(
            {
                "companyInformation": "id",
                "currencyExchangeRates": "id",
            }
        )
        self.crm = FakeDataverse(
            {
                "transactioncurrencies": "transactioncurrencyid",
                "organizations": "organizationid",
                "uoms": "uomid",
            }
        )
        self.bc.put("companyInformation", {"id": "i", "currencyCode": "GBP"})
        self.crm.put(
            "transactioncurrencies", {"transactioncurrencyid": "gbp", "isocurrencycode": "GBP"}
        )
        self.crm.put("organizations", {"organizationid": "o", "_basecurrencyid_value": "gbp"})

    def load(self, *needs: Need) -> References:
        return load_references(
            frozenset(needs), cast(BusinessCentral, self.bc), cast(Dataverse, self.crm), TODAY
        )

    def base_currency(self, code: str) -> None:
        self.crm.put(
            "transactioncurrencies", {"transactioncurrencyid": "base", "isocurrencycode": code}
        )
        self.crm.put("organizations", {"organizationid": "o", "_basecurrencyid_value": "base"})


@pytest.fixture
def services() -> Services:
    return Services()


# rates


def test_a_rate_is_the_inverse_of_business_central_s():
    assert rates_per_local_currency([rate("USD", 100, 80)], TODAY) == {"USD": 1.25}


def test_a_rate_by_way_of_another_currency_is_multiplied():
    rates = [rate("DKK", 100, 13.4, through="EUR"), rate("EUR", 100, 80)]
    found = rates_per_local_currency(rates, TODAY)
    assert found["EUR"] == 1.25
    assert found["DKK"] == pytest.approx(100 / 13.4 * 1.25, abs=1e-9)


def test_the_newest_rate_that_is_valid_today_counts():
    rates = [
        rate("USD", 100, 50, start="2026-06-26"),
        rate("USD", 100, 20, start="2026-06-27"),
        rate("USD", 100, 80, start="2025-01-01"),
    ]
    assert rates_per_local_currency(rates, TODAY) == {"USD": 2.0}


@pytest.mark.parametrize(
    "rates",
    [
        [rate("USD", 100, 80, start="2026-06-27")],
        [rate("USD", 100, 0)],
        [rate("USD", 100, 80, through="EUR")],
        [rate("USD", 100, 80, through="EUR"), rate("EUR", 100, 80, through="USD")],
    ],
    ids=["not yet valid", "worth nothing", "by way of an unknown one", "in a circle"],
)
def test_a_currency_without_a_usable_rate_is_left_out(rates):
    assert rates_per_local_currency(rates, TODAY) == {}


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(1, 1000), st.integers(1, 1000)), max_size=8
    )
)
def test_the_order_of_rates_does_not_matter_where_their_days_differ(rows):
    rates = [
        rate(code, amount, local, start=f"2026-01-{day:02d}")
        for day, (code, amount, local) in enumerate(rows, 1)
    ]
    assert rates_per_local_currency(rates, TODAY) == rates_per_local_currency(rates[::-1], TODAY)


def test_rates_are_given_per_unit_of_crm_s_base_currency(services):
    services.base_currency("USD")
    for each in (rate("USD", 100, 80), rate("EUR", 100, 50)):
        services.bc.put("currencyExchangeRates", each)
    assert services.load(Need.EXCHANGE_RATES).exchange_rates == {"USD": 1.0, "EUR": 1.6}


def test_rates_stay_as_they_are_where_the_base_currency_is_the_local_one(services):
    services.bc.put("currencyExchangeRates", rate("USD", 100, 80))
    assert services.load(Need.EXCHANGE_RATES).exchange_rates == {"USD": 1.25}


def test_a_base_currency_without_a_rate_stops_the_table_instead_of_spoiling_every_rate(services):
    services.base_currency("CHF")
    services.bc.put("currencyExchangeRates", rate("USD", 100, 80))
    with pytest.raises(ConfigurationError, match="CHF") as refusal:
        services.load(Need.EXCHANGE_RATES)
    assert refusal.value.hint


# the other loaders


def test_nothing_is_read_that_is_not_needed():
    nothing = cast(Any, None)
    assert load_references(frozenset(), nothing, nothing, TODAY) == References(today=TODAY)


def test_the_local_currency_is_the_company_s_as_crm_knows_it(services):
    local = services.load(Need.LOCAL_CURRENCY).local_currency
    assert local
    assert (local.code, local.crm_id) == ("GBP", "gbp")


@pytest.mark.parametrize(
    ("code", "refusal"), [("", "names no local currency"), ("CHF", "CHF is not among")]
)
def test_a_local_currency_that_is_unknown_is_told_with_what_to_do(services, code, refusal):
    services.bc.put("companyInformation", {"id": "i", "currencyCode": code})
    with pytest.raises(ConfigurationError, match=refusal) as error:
        services.load(Need.LOCAL_CURRENCY)
    assert error.value.hint


def test_base_units_are_known_by_their_groups(services):
    services.crm.put("uoms", {"uomid": "pcs", "_uomscheduleid_value": "group"})
    assert services.load(Need.BASE_UNITS).base_units == {"group": "pcs"}


def test_a_mapping_s_lookups_constants_and_rule_say_what_it_needs():
    def needs(name: str) -> frozenset[Need]:
        mapping = MAPPINGS[name]
        return needs_of(mapping, RULES[mapping.rule].needs)

    assert needs("SALESPEOPLE") == frozenset()
    assert needs("CUSTOMER") == {Need.LOCAL_CURRENCY}
    assert needs("CONTACT") == frozenset()
    assert needs("ITEM-PRODUCT") == {Need.LOCAL_CURRENCY, Need.BASE_UNITS}
    assert needs("SALESPRC-PRODPRICE") == {Need.BASE_UNITS}
