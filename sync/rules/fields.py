"""What each rule reads of its mapping and needs in it: these members a tenant cannot take away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFields:
    """What a rule cannot do without."""

    columns: frozenset[str] = frozenset()
    """CRM columns whose field mappings the rule relies on, as the default mapping has them."""
    reads: frozenset[str] = frozenset()
    """BC fields that the rule looks at, whether or not they are mapped."""


RULE_FIELDS: dict[str, RuleFields] = {
    "": RuleFields(),
    "contact": RuleFields(
        columns=frozenset({"fullname", "parentcustomerid"}),
        reads=frozenset({"companyNumber", "companyName"}),
    ),
    "currency": RuleFields(
        # Dataverse creates no currency without them.
        columns=frozenset(
            {
                "isocurrencycode",
                "currencyname",
                "currencysymbol",
                "currencyprecision",
                "exchangerate",
            }
        ),
        reads=frozenset({"code", "symbol"}),
    ),
    "price": RuleFields(
        columns=frozenset({"pricelevelid", "productid", "uomid", "amount"}),
        reads=frozenset(
            {
                "Sales_Code",
                "Item_No",
                "Unit_Price",
                "Unit_of_Measure_Code",
                "Minimum_Quantity",
                "Variant_Code",
                "Starting_Date",
                "Ending_Date",
            }
        ),
    ),
    "price_list": RuleFields(
        columns=frozenset({"name", "transactioncurrencyid"}), reads=frozenset({"Code"})
    ),
    "product": RuleFields(
        columns=frozenset(
            {"productnumber", "name", "price", "defaultuomscheduleid", "defaultuomid", "statecode"}
        )
    ),
    "unit_of_measure": RuleFields(
        columns=frozenset({"name", "baseuomname"}), reads=frozenset({"code"})
    ),
}
"""By the name of the rule."""
