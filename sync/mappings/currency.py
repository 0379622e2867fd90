"""CURRENCY: Business Central's currencies with their rates of today."""

from sync.mapping import (
    BcTable,
    CrmTable,
    Direction,
    FieldMapping,
    MatchKey,
    TableMapping,
)

CURRENCY = TableMapping(
    name="CURRENCY",
    bc=BcTable(
        name="currencies",
        key="code",
        title=("displayName",),
        derived_from="currencyExchangeRates",
        compared_daily=True,
        also_read=("amountDecimalPlaces", "symbol"),
    ),
    crm=CrmTable(
        name="transactioncurrency",
        entity_set="transactioncurrencies",
        id_column="transactioncurrencyid",
        title="currencyname",
    ),
    direction=Direction.TO_CRM,
    fields=(
        FieldMapping(
            bc="code",
            crm="isocurrencycode",
            direction=Direction.TO_CRM,
            transformation="code",
            crm_length=5,
            only_on_insert=True,
        ),
        FieldMapping(
            bc="displayName",
            crm="currencyname",
            direction=Direction.TO_CRM,
            transformation="text",
            crm_length=100,
            keep_if_blank=True,
        ),
        FieldMapping(
            bc="symbolOrCode",
            crm="currencysymbol",
            direction=Direction.TO_CRM,
            transformation="text",
            crm_length=10,
            derived="`symbol`, or `code` where the currency has no symbol (CRM demands one)",
        ),
        FieldMapping(
            bc="amountDecimalPlaces",
            crm="currencyprecision",
            direction=Direction.TO_CRM,
            transformation="decimal_places",
            only_on_insert=True,
        ),
        FieldMapping(
            bc="exchangeRate",
            crm="exchangerate",
            direction=Direction.TO_CRM,
            derived="the rate of `currencyExchangeRates` that is valid today, inverted as CRM has "
            "it (foreign currency per local currency, 10 decimals)",
        ),
    ),
    match=(MatchKey.of(("code", "isocurrencycode")),),
    creates_in_crm=True,
    creates_in_bc=False,
    rule="currency",
)
