"""The CRM side of a generated company: an organization that has sold a little already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.sample_data.business_central import LOCAL_CURRENCY
from local.sample_data.model import Rows
from local.sample_data.words import Words

_CREATED = "2025-03-03T08:00:00Z"
_LATER = {"createdon": _CREATED, "modifiedon": _CREATED}


def crm_organization(
    words: Words,
    business_central: Rows,
    currencies: Sequence[tuple[str, str, str, float]],
    *,
    known: int,
) -> Rows:
    """The organization with a user for every salesperson, some currencies and known accounts."""
    base = words.id("crm currency", LOCAL_CURRENCY)
    unit = words.id("crm business unit")
    users = [_user(words, unit, person) for person in business_central["salespeoplePurchasers"]]
    owner = users[0]["systemuserid"]
    customers = [c for c in business_central["customers"] if c["blocked"] == "_x0020_"][:known]
    return {
        "organization": [_organization(words, base)],
        "businessunits": [_business_unit(words, unit, base)],
        "systemusers": users,
        "transactioncurrencies": [
            _currency(words, LOCAL_CURRENCY, "Pound sterling", "£", 1.0),
            *(_currency(words, *each[:3], round(1 / each[3], 10)) for each in currencies),
        ],
        "uomschedules": [
            {
                "uomscheduleid": words.id("crm default unit group"),
                "name": "Default Unit",
                "baseuomname": "Primary Unit",
                "statecode": 0,
                "statuscode": 1,
                **_LATER,
            }
        ],
        "uoms": [
            {
                "uomid": words.id("crm primary unit"),
                "name": "Primary Unit",
                "_uomscheduleid_value": words.id("crm default unit group"),
                "_baseuom_value": None,
                "quantity": 1.0,
                "isschedulebaseuom": True,
                **_LATER,
            }
        ],
        "accounts": [_account(words, base, owner, customer) for customer in customers],
    }


def _organization(words: Words, base: str) -> dict[str, Any]:
    return {
        "organizationid": words.id("crm organization"),
        "name": "fabrikam-sales",
        "_basecurrencyid_value": base,
        "basecurrencyprecision": 2,
        "basecurrencysymbol": "£",
        "currencydecimalprecision": 2,
        "pricingdecimalprecision": 2,
        "createproductswithoutparentinactivestate": False,
        "expirechangetrackingindays": 7,
        "isdisabled": False,
        **_LATER,
    }


def _business_unit(words: Words, unit: str, base: str) -> dict[str, Any]:
    return {
        "businessunitid": unit,
        "name": "fabrikam-sales",
        "_organizationid_value": words.id("crm organization"),
        "_parentbusinessunitid_value": None,
        "_transactioncurrencyid_value": base,
        "isdisabled": False,
        **_LATER,
    }


def _user(words: Words, unit: str, salesperson: dict[str, Any]) -> dict[str, Any]:
    first, _, last = salesperson["displayName"].partition(" ")
    return {
        "systemuserid": words.id("crm user", salesperson["code"]),
        "fullname": salesperson["displayName"],
        "firstname": first,
        "lastname": last,
        "internalemailaddress": salesperson["email"],
        "domainname": salesperson["email"],
        "mobilephone": words.phone(),
        "title": "Sales",
        "_businessunitid_value": unit,
        "accessmode": 0,
        "islicensed": True,
        "isdisabled": False,
        "isintegrationuser": False,
        "applicationid": None,
        **_LATER,
    }


def _currency(words: Words, code: str, name: str, symbol: str, rate: float) -> dict[str, Any]:
    return {
        "transactioncurrencyid": words.id("crm currency", code),
        "isocurrencycode": code,
        "currencyname": name,
        "currencysymbol": symbol or code,
        "currencyprecision": 2,
        "exchangerate": rate,
        "statecode": 0,
        "statuscode": 1,
        **_LATER,
    }


def _account(words: Words, base: str, owner: str, customer: dict[str, Any]) -> dict[str, Any]:
    """An account that somebody entered by hand: the number is right, not all else is there."""
    return {
        "accountid": words.id("crm account", customer["number"]),
        "name": customer["displayName"],
        "accountnumber": customer["number"],
        "customertypecode": 3,
        "telephone1": customer["phoneNumber"],
        "address1_city": customer["city"],
        "_transactioncurrencyid_value": base,
        "_ownerid_value": owner,
        "_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "systemuser",
        "statecode": 0,
        "statuscode": 1,
        **_LATER,
    }
