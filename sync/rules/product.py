"""Products: priced in a price list of their own before they are activated.

CRM creates a product as a draft and lets it be sold only when it is active; the incumbent keeps a
"<number> Default Price List" in local currency for every product, with one item: the product's
price for its default unit.
"""

from __future__ import annotations

from services.records import Record, Write, WriteKind
from sync.mappings.common import CRM_CURRENCY_AMOUNT, DEFAULT_PRICE_LIST_SUFFIX
from sync.rules.base import Rule, RuleContext, Written

_PRICED_BY = frozenset({"price", "defaultuomid", "productnumber"})


class ProductRule(Rule):
    def companions(self, written: Written, context: RuleContext) -> list[list[Write]]:
        if not written.first_time and written.changed.isdisjoint(_PRICED_BY):
            return []
        price_list = _price_list_id(written, context)
        currency = f"/transactioncurrencies({context.resolver.local_currency})"
        columns = written.columns
        return [
            [
                Write(
                    kind=WriteKind.UPSERT,
                    table="pricelevels",
                    id=price_list,
                    values={
                        "name": f"{columns['productnumber']}{DEFAULT_PRICE_LIST_SUFFIX}",
                        "transactioncurrencyid@odata.bind": currency,
                    },
                )
            ],
            [
                Write(
                    kind=WriteKind.UPSERT,
                    table="productpricelevels",
                    id=context.ids.of(context.mapping.name, "default price", written.crm_id),
                    values={
                        "pricelevelid@odata.bind": f"/pricelevels({price_list})",
                        "productid@odata.bind": f"/products({written.crm_id})",
                        "uomid@odata.bind": f"/uoms({columns['defaultuomid']})",
                        "pricingmethodcode": CRM_CURRENCY_AMOUNT,
                        "amount": columns["price"],
                    },
                )
            ],
        ]

    def last_columns(self, written: Written, context: RuleContext) -> Record:
        return {"pricelevelid@odata.bind": f"/pricelevels({_price_list_id(written, context)})"}


def _price_list_id(written: Written, context: RuleContext) -> str:
    return context.ids.of(context.mapping.name, "default price list", written.crm_id)
