"""Currencies: their symbol and their rate of today."""

from __future__ import annotations

from typing import ClassVar

from errors import RecordError
from services.records import Record
from sync.references import Need
from sync.rules.base import Rule, RuleContext


class CurrencyRule(Rule):
    needs: ClassVar[frozenset[Need]] = frozenset({Need.EXCHANGE_RATES})

    def derive(self, record: Record, context: RuleContext) -> Record:
        code = record["code"]
        rate = context.references.exchange_rates.get(code)
        if rate is None:
            raise RecordError(
                "no-exchange-rate",
                f"Business Central has no exchange rate of {code} that is valid on "
                f"{context.references.today.isoformat()}.",
                field="exchangeRate",
                hint=f"Enter a rate on the Currency Exchange Rates page of {code}.",
            )
        return record | {"exchangeRate": rate, "symbolOrCode": record["symbol"] or code}
