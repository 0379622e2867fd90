"""Products: priced in a price list of their own before they are activated.

CRM creates a product as a draft and lets it be sold only when it is active; the incumbent keeps a
"<number> Default Price List" in local currency for every product, with one item: the product's
price for its default unit.
"""

from __future__ import annotations

from errors import RecordError
from services.records import Record, Write, WriteKind
from sync.mappings.common import CRM_CURRENCY_AMOUNT, DEFAULT_PRICE_LIST_SUFFIX
from sync.rules.base import Rule, RuleContext, Written
from sync.transformations import unit_group_name

_PRICED_BY = frozenset({"price", "defaultuomid", "productnumber"})


class ProductRule(Rule):
    def check_match(self, bc: Record, crm: Record, context: RuleContext) -> None:
        """A product in use cannot change its unit group, and its price is for its unit."""
        field = next(f for f in context.mapping.fields if f.crm == "defaultuomscheduleid")
        if field.lookup is None:
            raise LookupError("the product mapping must look up defaultuomscheduleid")
        unit_group = context.resolver.to_crm(field.lookup, bc[field.bc])
        if crm["_defaultuomscheduleid_value"] == unit_group:
            return
        raise RecordError(
            "unit-group-differs",
            f"The product of this number in Dynamics 365 Sales uses another unit group than "
            f"{unit_group_name(bc[field.bc])}, the one of its base unit in Business Central.",
            field=field.bc,
            value=str(bc[field.bc]),
            hint="Give the product another number and retire it in Dynamics 365 Sales; the next "
            "synchronization creates it anew with the right unit group.",
        )

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
