"""The Business Central side of a generated company."""

from __future__ import annotations

from typing import Any

from local.sample_data.model import Rows
from local.sample_data.words import Words

ZERO_ID = "00000000-0000-0000-0000-000000000000"
MODIFIED = "2026-01-15T09:30:00.000Z"
NO_DATE = "0001-01-01"
LOCAL_CURRENCY = "GBP"

CURRENCIES = [
    ("EUR", "Euro", "€", 0.86),
    ("USD", "US dollar", "$", 0.79),
    ("CHF", "Swiss franc", "", 0.90),
    ("SEK", "Swedish krona", "", 0.075),
    ("DKK", "Danish krone", "", 0.115),
    ("CAD", "Canadian dollar", "$", 0.58),
]
"""Code, name, symbol and worth in local currency."""

UNITS = [("PCS", "Piece"), ("BOX", "Box"), ("SET", "Set"), ("HOUR", "Hour"), ("DAY", "Day")]
SALESPEOPLE = ["AH", "BK", "CM", "DP", "EW", "FT", "GN", "HS"]
PRICE_GROUPS = [("RETAIL", "Retail shops"), ("TRADE", "Trade customers"), ("KEY", "Key accounts")]

_CONTACTS_PER_CUSTOMER = 1.2
_ITEMS_PER_CUSTOMER = 0.2
_PRICES_PER_ITEM = 2


class BusinessCentralCompany:
    """Builds the rows of one company, each set in the JSON shape of its API."""

    def __init__(self, words: Words, name: str, customers: int) -> None:
        self._words = words
        self._name = name
        self._customers = customers
        self._next_contact = 1

    def rows(self) -> Rows:
        customers = [self._customer(number) for number in range(self._customers)]
        contacts, relations = self._contacts(customers)
        items = [self._item(n) for n in range(max(8, int(self._customers * _ITEMS_PER_CUSTOMER)))]
        return {
            "companies": [self._company()],
            "companyInformation": [self._company_information()],
            "salespeoplePurchasers": [self._salesperson(code) for code in SALESPEOPLE],
            "currencies": [self._currency(*each[:3]) for each in CURRENCIES],
            "currencyExchangeRates": [self._rate(each[0], each[3]) for each in CURRENCIES],
            "unitsOfMeasure": [self._unit(*each) for each in UNITS],
            "customers": customers,
            "contacts": contacts,
            "contactsInformation": relations,
            "items": items,
            "resources": [self._resource(number) for number in range(6)],
            "customerPriceGroups": [self._price_group(*each) for each in PRICE_GROUPS],
            "salesPrices": [price for item in items for price in self._prices(item)],
        }

    def _company(self) -> dict[str, Any]:
        return {
            "id": self._words.id("company", self._name),
            "systemVersion": "28.0.0.0",
            "timestamp": 1,
            "name": self._name,
            "displayName": self._name,
            "businessProfileId": "",
            "systemCreatedAt": MODIFIED,
            "systemCreatedBy": ZERO_ID,
            "systemModifiedAt": MODIFIED,
            "systemModifiedBy": ZERO_ID,
        }

    def _company_information(self) -> dict[str, Any]:
        return {
            "id": self._words.id("company information", self._name),
            "displayName": self._name,
            "currencyCode": LOCAL_CURRENCY,
            "lastModifiedDateTime": MODIFIED,
        }

    def _salesperson(self, code: str) -> dict[str, Any]:
        return {
            "id": self._words.id("salesperson", code),
            "code": code,
            "displayName": self._words.person()[:50],
            "email": f"{code.lower()}@fabrikam.example",
            "email2": "",
            "phoneNo": self._words.phone(),
            "jobTitle": "Sales",
            "commisionPercent": 5,
            "privacyBlocked": False,
            "blocked": False,
            "lastModifiedDateTime": MODIFIED,
        }

    def _currency(self, code: str, name: str, symbol: str) -> dict[str, Any]:
        return {
            "id": self._words.id("currency", code),
            "code": code,
            "displayName": name,
            "symbol": symbol,
            "amountDecimalPlaces": "2:2",
            "amountRoundingPrecision": 0.01,
            "lastModifiedDateTime": MODIFIED,
        }

    def _rate(self, code: str, worth: float) -> dict[str, Any]:
        return {
            "id": self._words.id("rate", code),
            "currencyCode": code,
            "startingDate": "2026-01-01",
            "exchangeRateAmount": 100,
            "relationalCurrencyCode": "",
            "relationalExchangeRateAmount": round(worth * 100, 4),
            "lastModifiedDateTime": MODIFIED,
        }

    def _unit(self, code: str, name: str) -> dict[str, Any]:
        return {
            "id": self._words.id("unit", code),
            "code": code,
            "displayName": name,
            "internationalStandardCode": "",
            "symbol": "",
            "lastModifiedDateTime": MODIFIED,
        }

    def _customer(self, position: int) -> dict[str, Any]:
        number = f"C{position + 10001:06d}"
        currency = self._words.random.choice([LOCAL_CURRENCY, LOCAL_CURRENCY, "EUR", "USD"])
        local = currency == LOCAL_CURRENCY
        return {
            "id": self._words.id("customer", number),
            "number": number,
            "displayName": self._words.company(),
            "type": "Company",
            **self._words.address(),
            "phoneNumber": self._words.phone(),
            "email": f"office@{number.lower()}.example",
            "website": f"https://www.{number.lower()}.example",
            "salespersonCode": self._words.random.choice(SALESPEOPLE),
            "balanceDue": 0,
            "creditLimit": self._words.random.choice([0, 1000, 5000, 25000]),
            "taxLiable": False,
            "taxAreaId": ZERO_ID,
            "taxAreaDisplayName": "",
            "taxRegistrationNumber": "",
            "currencyId": ZERO_ID if local else self._words.id("currency", currency),
            "currencyCode": currency,
            "paymentTermsId": ZERO_ID,
            "shipmentMethodId": ZERO_ID,
            "paymentMethodId": ZERO_ID,
            "blocked": "All" if position % 97 == 96 else "_x0020_",
            "lastModifiedDateTime": MODIFIED,
        }

    def _contacts(
        self, customers: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """A card for every customer and the persons who work there, and who belongs to whom."""
        contacts: list[dict[str, Any]] = []
        relations: list[dict[str, Any]] = []
        due = 0.0
        for customer in customers:
            card = self._contact(customer, "Company", customer["displayName"], "")
            staff = [card]
            due += _CONTACTS_PER_CUSTOMER
            while due >= 1:
                due -= 1
                name = self._words.person()
                staff.append(self._contact(customer, "Person", name, card["number"]))
            contacts += staff
            relations += [self._relation(contact, customer) for contact in staff]
        return contacts, relations

    def _contact(
        self, customer: dict[str, Any], kind: str, name: str, company_number: str
    ) -> dict[str, Any]:
        number = f"CT{self._next_contact:06d}"
        self._next_contact += 1
        person = kind == "Person"
        host = customer["email"].partition("@")[2]
        mailbox = name.lower().replace(" ", ".").replace("'", "")
        return {
            "id": self._words.id("contact", number),
            "number": number,
            "type": kind,
            "displayName": name,
            "jobTitle": self._words.job() if person else "",
            "companyNumber": company_number or number,
            "companyName": customer["displayName"],
            "contactBusinessRelation": "Customer",
            **{name: customer[name] for name in ("addressLine1", "addressLine2", "city", "state")},
            "country": customer["country"],
            "postalCode": customer["postalCode"],
            "phoneNumber": customer["phoneNumber"],
            "mobilePhoneNumber": self._words.phone() if person else "",
            "email": f"{mailbox}.{number.lower()}@{host}" if person else customer["email"],
            "website": customer["website"],
            "searchName": name.upper(),
            "privacyBlocked": False,
            "taxRegistrationNumber": "",
            "lastInteractionDate": NO_DATE,
            "lastModifiedDateTime": MODIFIED,
        }

    def _relation(self, contact: dict[str, Any], customer: dict[str, Any]) -> dict[str, Any]:
        return {
            "contactId": contact["id"],
            "contactNumber": contact["number"],
            "contactName": contact["displayName"],
            "contactType": contact["type"],
            "relatedId": customer["id"],
            "relatedType": "Customer",
        }

    def _item(self, position: int) -> dict[str, Any]:
        number = f"{position + 1001}-F"
        unit = self._words.random.choice(["PCS", "PCS", "PCS", "BOX", "SET"])
        price = round(self._words.random.uniform(5, 900), 2)
        return {
            "id": self._words.id("item", number),
            "number": number,
            "displayName": self._words.thing(),
            "displayName2": "",
            "type": "Inventory",
            "itemCategoryId": ZERO_ID,
            "itemCategoryCode": "",
            "blocked": position % 50 == 49,
            "gtin": "",
            # now and then more was shipped than was booked in
            "inventory": self._words.random.randint(-3, 250),
            "unitPrice": price,
            "priceIncludesTax": False,
            "unitCost": round(price * 0.6, 2),
            "taxGroupId": ZERO_ID,
            "taxGroupCode": "",
            "baseUnitOfMeasureId": self._words.id("unit", unit),
            "baseUnitOfMeasureCode": unit,
            "generalProductPostingGroupId": ZERO_ID,
            "generalProductPostingGroupCode": "",
            "inventoryPostingGroupId": ZERO_ID,
            "inventoryPostingGroupCode": "",
            "lastModifiedDateTime": MODIFIED,
        }

    def _resource(self, position: int) -> dict[str, Any]:
        name = self._words.person()
        number = f"R{position + 1:03d}"
        return {
            "SystemId": self._words.id("resource", number),
            "No": number,
            "Name": name,
            "Type": "Person",
            "Base_Unit_of_Measure": "HOUR",
            "Resource_Group_No": "",
            "Direct_Unit_Cost": 40,
            "Indirect_Cost_Percent": 10,
            "Unit_Cost": 44,
            "Price_Profit_Calculation": "Profit_x003D_Price-Cost",
            "Profit_Percent": 50,
            "Unit_Price": 88,
            "Gen_Prod_Posting_Group": "SERVICES",
            "VAT_Prod_Posting_Group": "VAT10",
            "Privacy_Blocked": False,
            "Search_Name": name.upper(),
            "Blocked": False,
            "Capacity": 160,
            "SystemModifiedAt": MODIFIED,
        }

    def _price_group(self, code: str, description: str) -> dict[str, Any]:
        return {
            "SystemId": self._words.id("price group", code),
            "Code": code,
            "Description": description,
            "Price_Calculation_Method": "_x0020_",
            "Allow_Line_Disc": True,
            "Allow_Invoice_Disc": True,
            "Price_Includes_VAT": False,
            "VAT_Bus_Posting_Gr_Price": "",
            "SystemModifiedAt": MODIFIED,
        }

    def _prices(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """A price in some groups; now and then a quantity break, which CRM cannot hold."""
        groups = [code for code, _ in PRICE_GROUPS][:_PRICES_PER_ITEM]
        prices = [self._price(item, group, 0, 0.9) for group in groups]
        if self._words.random.random() < 0.05:
            prices.append(self._price(item, groups[0], 10, 0.8))
        return prices

    def _price(
        self, item: dict[str, Any], group: str, minimum: int, factor: float
    ) -> dict[str, Any]:
        return {
            "SystemId": self._words.id("price", item["number"], group, str(minimum)),
            "Item_No": item["number"],
            "Sales_Type": "Customer_x0020_Price_x0020_Group",
            "Sales_Code": group,
            "Variant_Code": "",
            "Currency_Code": "",
            "Unit_of_Measure_Code": item["baseUnitOfMeasureCode"],
            "Minimum_Quantity": minimum,
            "Unit_Price": round(item["unitPrice"] * factor, 2),
            "Starting_Date": "2026-01-01",
            "Ending_Date": NO_DATE,
            "Price_Includes_VAT": False,
            "Allow_Line_Disc": True,
            "Allow_Invoice_Disc": True,
            "VAT_Bus_Posting_Gr_Price": "",
            "SystemModifiedAt": MODIFIED,
        }
