"""Step ``currencies``: the company's local currency, and the one that CRM counts in.

The local currency need not be CRM's base currency. Then amounts are converted, for which Business
Central must know CRM's base currency and a rate of it ("Allow for different currencies").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from setup.checks.findings import Trouble, failed, failed_by, not_checked, passed
from setup.model import Finding

LOCAL_CURRENCY = "local-currency"
LOCAL_CURRENCY_IN_CRM = "local-currency-in-crm"
BASE_CURRENCY = "base-currency"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyFacts:
    local: str | Trouble
    """Code of the company's local currency, empty where none is set."""
    crm: Mapping[str, str] | Trouble
    """ISO codes of CRM's currencies by id."""
    base_id: str | Trouble
    """The id of the organization's base currency."""
    known: frozenset[str] | Trouble
    """Codes of Business Central's currencies."""
    rates: Mapping[str, float] | Trouble
    """Of each currency with a rate that is valid today."""


def check_currencies(facts: CurrencyFacts) -> list[Finding]:
    return [_local(facts), _in_crm(facts), _base(facts)]


def _local(facts: CurrencyFacts) -> Finding:
    if isinstance(facts.local, Trouble):
        return failed_by(LOCAL_CURRENCY, "", facts.local)
    if not facts.local:
        return failed(
            LOCAL_CURRENCY,
            "LCY Code",
            "Business Central's company information names no local currency.",
            "Fill in LCY Code on the page General Ledger Setup.",
        )
    return passed(LOCAL_CURRENCY, facts.local, f"The local currency is {facts.local}.")


def _in_crm(facts: CurrencyFacts) -> Finding:
    if isinstance(facts.crm, Trouble):
        return failed_by(LOCAL_CURRENCY_IN_CRM, "", facts.crm)
    if isinstance(facts.local, Trouble) or not facts.local:
        return not_checked(LOCAL_CURRENCY_IN_CRM, "", "Waits for the local currency.")
    if facts.local not in facts.crm.values():
        return failed(
            LOCAL_CURRENCY_IN_CRM,
            facts.local,
            f"The local currency {facts.local} is not among the currencies of Dynamics 365 Sales.",
            f"Add the currency {facts.local} in Dynamics 365 Sales: Advanced Settings, Business "
            "Management, Currencies.",
        )
    return passed(LOCAL_CURRENCY_IN_CRM, facts.local, "Dynamics 365 Sales has that currency.")


def _base(facts: CurrencyFacts) -> Finding:
    for each in (facts.base_id, facts.crm, facts.known, facts.rates):
        if isinstance(each, Trouble):
            return failed_by(BASE_CURRENCY, "", each)
    assert not isinstance(facts.base_id, Trouble)
    assert not isinstance(facts.crm, Trouble)
    base = facts.crm.get(facts.base_id, "")
    if isinstance(facts.local, Trouble) or not facts.local:
        return not_checked(BASE_CURRENCY, base, "Waits for the local currency.")
    if base == facts.local:
        return passed(BASE_CURRENCY, base, "Dynamics 365 Sales counts in the local currency.")
    return _foreign_base(base, facts)


def _foreign_base(base: str, facts: CurrencyFacts) -> Finding:
    assert not isinstance(facts.known, Trouble)
    assert not isinstance(facts.rates, Trouble)
    if base not in facts.known:
        return failed(
            BASE_CURRENCY,
            base,
            f"Dynamics 365 Sales counts in {base}, which is no currency of Business Central.",
            f"Add the currency {base} on the page Currencies in Business Central, with an exchange "
            "rate.",
        )
    if base not in facts.rates:
        return failed(
            BASE_CURRENCY,
            base,
            f"Dynamics 365 Sales counts in {base}, of which Business Central has no exchange rate "
            "that is valid today.",
            f"Enter a rate on the page Currency Exchange Rates of {base}.",
        )
    return passed(
        BASE_CURRENCY,
        base,
        f"Dynamics 365 Sales counts in {base}; amounts are converted at Business Central's rate.",
    )
