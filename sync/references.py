"""What a table's records need to know of other tables, apart from couplings.

What all of them need is loaded once per slice, only as far as the mapping needs it; what each
record needs of its own, page by page (``sync.record_references``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum, auto

from errors import ConfigurationError
from services.business_central import BusinessCentral, Endpoint
from services.dataverse import Dataverse
from services.records import Record
from sync.mapping import LookupTarget, TableMapping
from sync.prices import PriceKey, PriceRows


class Need(StrEnum):
    """One kind of reference data that all records share."""

    LOCAL_CURRENCY = auto()
    BASE_UNITS = auto()
    EXCHANGE_RATES = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCurrency:
    code: str
    """Business Central's local currency, which it writes as a blank or as this code."""
    crm_id: str
    """The CRM currency with that ISO code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the records of a page need of other tables, each for itself."""

    companies_of_contacts: Mapping[str, str] = field(default_factory=dict)
    """Ids of persons whose customer is to be known → the name of the company they work for."""
    customers: frozenset[str] = frozenset()
    """Ids of customers whose company contact is to be known."""
    price_groups: frozenset[str] = frozenset()
    """Codes of price groups whose currencies are to be known."""
    items: frozenset[str] = frozenset()
    """Numbers of items whose base unit and prices are to be known."""


@dataclass(slots=True, kw_only=True)
class References:
    """Reference data; a part that the mapping does not need, or that nobody asked for yet, is
    empty."""

    today: date
    local_currency: LocalCurrency | None = None
    base_units: dict[str, str] = field(default_factory=dict)
    """Unit group id → id of its base unit."""
    exchange_rates: dict[str, float] = field(default_factory=dict)
    """Currency code → units of it per unit of CRM's base currency, as CRM has it."""
    customer_of_contact: dict[str, str] = field(default_factory=dict)
    """Contact id → id of the customer that the person works for."""
    company_card_of_customer: dict[str, str] = field(default_factory=dict)
    """Customer id → number of its company contact."""
    price_group_currencies: dict[str, set[str]] = field(default_factory=dict)
    """Price group code → the currency codes of its prices, blank for local currency."""
    unit_of_item: dict[str, str] = field(default_factory=dict)
    """Item number → code of its base unit."""
    prices: dict[PriceKey, PriceRows] = field(default_factory=dict)


def needs_of(mapping: TableMapping, rule_needs: frozenset[Need]) -> frozenset[Need]:
    """What the mapping's lookups, constants and rule ask for."""
    needs = set(rule_needs)
    for each in mapping.fields:
        if each.lookup and each.lookup.blank_is_local_currency:
            needs.add(Need.LOCAL_CURRENCY)
        if each.lookup and each.lookup.target is LookupTarget.BASE_UNIT:
            needs.add(Need.BASE_UNITS)
    if any(constant.lookup_local_currency for constant in mapping.constants_in_crm):
        needs.add(Need.LOCAL_CURRENCY)
    return frozenset(needs)


def load_references(
    needs: frozenset[Need], bc: BusinessCentral, crm: Dataverse, today: date
) -> References:
    """Read what is needed; raises ``ConfigurationError`` where the services lack it."""
    references = References(today=today)
    if Need.LOCAL_CURRENCY in needs:
        references.local_currency = _local_currency(bc, crm)
    if Need.BASE_UNITS in needs:
        references.base_units = _base_units(crm)
    if Need.EXCHANGE_RATES in needs:
        references.exchange_rates = _exchange_rates(bc, crm, today)
    return references


def _local_currency_code(bc: BusinessCentral) -> str:
    companies = bc.fetch_pages(Endpoint.api("companyInformation"), select=("currencyCode",))
    code = next((record["currencyCode"] for page in companies for record in page.records), "")
    if not code:
        raise ConfigurationError(
            "local-currency-missing",
            "Business Central's company information names no local currency.",
            hint="Fill in LCY Code on the General Ledger Setup page.",
        )
    return str(code)


def _local_currency(bc: BusinessCentral, crm: Dataverse) -> LocalCurrency:
    code = _local_currency_code(bc)
    for page in crm.fetch_pages(
        "transactioncurrencies", select=("transactioncurrencyid", "isocurrencycode")
    ):
        for record in page.records:
            if record["isocurrencycode"] == code:
                return LocalCurrency(code=code, crm_id=record["transactioncurrencyid"])
    raise ConfigurationError(
        "local-currency-not-in-crm",
        f"Business Central's local currency {code} is not among the currencies of Dynamics 365 "
        "Sales.",
        hint=f"Add the currency {code} in Dynamics 365 Sales, then start again.",
    )


def _base_units(crm: Dataverse) -> dict[str, str]:
    pages = crm.fetch_pages(
        "uoms", select=("uomid", "_uomscheduleid_value"), filter="isschedulebaseuom eq true"
    )
    return {
        record["_uomscheduleid_value"]: record["uomid"] for page in pages for record in page.records
    }


def _exchange_rates(bc: BusinessCentral, crm: Dataverse, today: date) -> dict[str, float]:
    pages = bc.fetch_pages(
        Endpoint.api("currencyExchangeRates"),
        select=(
            "currencyCode",
            "startingDate",
            "exchangeRateAmount",
            "relationalCurrencyCode",
            "relationalExchangeRateAmount",
        ),
    )
    per_local = rates_per_local_currency(
        [record for page in pages for record in page.records], today
    )
    base = _base_currency_code(crm)
    if base == _local_currency_code(bc):
        return per_local
    if base not in per_local:
        raise ConfigurationError(
            "base-currency-without-rate",
            f"Dynamics 365 Sales counts in {base}, and Business Central has no exchange rate of it "
            f"that is valid on {today.isoformat()}.",
            hint=f"Enter a rate on the Currency Exchange Rates page of {base}.",
        )
    return {code: round(rate / per_local[base], 10) for code, rate in per_local.items()}


def _base_currency_code(crm: Dataverse) -> str:
    organizations = crm.fetch_pages("organizations", select=("_basecurrencyid_value",))
    base_id = next(r["_basecurrencyid_value"] for page in organizations for r in page.records)
    base = crm.fetch("transactioncurrencies", base_id, select=("isocurrencycode",))
    return base["isocurrencycode"] if base else ""


def rates_per_local_currency(rates: list[Record], today: date) -> dict[str, float]:
    """Units of each currency per unit of local currency, 10 decimals. Pure.

    Business Central says how much local currency an amount of the currency is worth, and may say
    it by way of another currency; Dataverse wants the inverse. The newest rate that is valid
    today counts. A currency without one is left out.
    """
    newest: dict[str, Record] = {}
    for rate in sorted(rates, key=lambda each: str(each["startingDate"])):
        if str(rate["startingDate"]) <= today.isoformat():
            newest[rate["currencyCode"]] = rate

    def per_local(code: str, through: frozenset[str]) -> float | None:
        rate = newest.get(code)
        if rate is None or code in through or not rate["relationalExchangeRateAmount"]:
            return None
        direct = float(rate["exchangeRateAmount"]) / float(rate["relationalExchangeRateAmount"])
        if not rate["relationalCurrencyCode"]:
            return direct
        relation = per_local(rate["relationalCurrencyCode"], through | {code})
        return None if relation is None else direct * relation

    found = {code: per_local(code, frozenset()) for code in newest}
    return {code: round(rate, 10) for code, rate in found.items() if rate is not None}
