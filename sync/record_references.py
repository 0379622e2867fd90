"""What single records need to know of other tables, read for the page that they are on.

A rule says what the records of a page ask for (``Rule.asks_for``). For few records only that is
read, for many the whole tables are, once: their pages are few requests, whatever the number of
records. So a pass costs what changed, and a comparison of everything no more than it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from services.business_central import BusinessCentral, Endpoint
from services.records import Record
from sync.prices import current_prices
from sync.references import Asked, References

_MANY = 500
"""So many records' needs are asked for by their keys."""
_MANY_PRICE_GROUPS = 10
"""So many price groups are asked for one by one; each takes some requests."""

_CUSTOMERS = Endpoint.api("customers")
_ITEMS = Endpoint.api("items")
_PRICES = Endpoint.page("SalesPrices")
_RELATIONS = "contactsInformation($select=contactId,contactNumber,contactType)"
_ITEM_FIELDS = ("number", "baseUnitOfMeasureCode")
_GROUP_FIELDS = ("Sales_Type", "Sales_Code", "Currency_Code")
_PRICE_FIELDS = (
    "SystemId",
    "Sales_Type",
    "Sales_Code",
    "Item_No",
    "Unit_of_Measure_Code",
    "Minimum_Quantity",
    "Variant_Code",
    "Unit_Price",
    "Starting_Date",
    "Ending_Date",
)
_PRICE_GROUP = "Customer_x0020_Price_x0020_Group"

type _Person = tuple[str, str]
"""Id of a contact and the name of its company: one that moved to another is asked for anew."""


class _Part[Key]:
    """One kind of reference data, as far as it was asked for."""

    def __init__(
        self, most: int, load_some: Callable[[list[Key]], bool], load_all: Callable[[], None]
    ) -> None:
        """``load_some`` is False where all must be loaded to know."""
        self._most = most
        self._load_some = load_some
        self._load_all = load_all
        self._known: set[Key] = set()
        self._is_whole = False

    def ask(self, keys: Iterable[Key]) -> None:
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        if self._is_whole or not new:
            return
        is_much = len(self._known) + len(new) > self._most
        if is_much or not self._load_some(new):
            self._load_all()
            self._is_whole = True
        self._known.update(new)


class RecordReferences:
    """Completes the references of one slice by what its records ask for."""

    def __init__(self, bc: BusinessCentral, references: References) -> None:
        self._bc = bc
        self._references = references
        self._persons = _Part[_Person](_MANY, self._load_persons, self._load_relations)
        self._cards = _Part[str](_MANY, self._load_cards, self._load_relations)
        self._groups = _Part[str](_MANY_PRICE_GROUPS, self._load_groups, self._load_all_groups)
        self._items = _Part[str](_MANY, self._load_items, self._load_all_items)
        self._has_relations = False

    def load(self, asked: Asked) -> None:
        """Read what is asked for and not known yet. Raises the families of ``services``."""
        self._persons.ask(asked.companies_of_contacts.items())
        self._cards.ask(sorted(asked.customers))
        self._groups.ask(sorted(asked.price_groups))
        self._items.ask(sorted(asked.items))

    # Customers and contacts

    def _load_persons(self, persons: Sequence[_Person]) -> bool:
        """The customers of persons, by the names of their companies.

        Business Central tells relations of given customers only, and a person does not name its
        customer. It bears the company's name, though, as the customer does; whether it is that
        customer's person, the relations then tell. So nothing is taken for known by a name, and
        who is found under none may still be a customer's person: then all relations are read.
        """
        names = sorted({name for _, name in persons})
        if not all(names):
            return False
        customers = self._bc.fetch_many_by(
            _CUSTOMERS, "displayName", names, ("id",), expand=_RELATIONS
        )
        found = self._note_relations(customers)
        return all(contact in found for contact, _ in persons)

    def _load_cards(self, customers: Sequence[str]) -> bool:
        self._note_relations(
            self._bc.fetch_many_by(_CUSTOMERS, "id", customers, ("id",), expand=_RELATIONS)
        )
        return True

    def _load_relations(self) -> None:
        if self._has_relations:
            return
        pages = self._bc.fetch_pages(_CUSTOMERS, select=("id",), expand=_RELATIONS)
        self._note_relations(chain.from_iterable(page.records for page in pages))
        self._has_relations = True

    def _note_relations(self, customers: Iterable[Record]) -> set[str]:
        """Returns the ids of the persons among the customers' contacts."""
        references, persons = self._references, set[str]()
        for customer in customers:
            for contact in customer["contactsInformation"]:
                if contact["contactType"] == "Company":
                    references.company_card_of_customer[customer["id"]] = contact["contactNumber"]
                else:
                    references.customer_of_contact[contact["contactId"]] = customer["id"]
                    persons.add(contact["contactId"])
        return persons

    # Price groups

    def _load_groups(self, groups: Sequence[str]) -> bool:
        """The currencies of price groups: a price in each, however many prices there are."""
        return all(self._load_currencies(group) for group in groups)

    def _load_currencies(self, group: str) -> bool:
        currencies = self._references.price_group_currencies
        while price := self._bc.fetch_another(
            _PRICES,
            where={"Sales_Code": group},
            field="Currency_Code",
            than=sorted(currencies.get(group, ())),
            select=_GROUP_FIELDS,
        ):
            if price["Sales_Type"] != _PRICE_GROUP:
                return False  # a customer or campaign of the same code hides the group's prices
            currencies.setdefault(group, set()).add(price["Currency_Code"])
        return True

    def _load_all_groups(self) -> None:
        found: dict[str, set[str]] = {}
        for page in self._bc.fetch_pages(_PRICES, select=_GROUP_FIELDS):
            for price in page.records:
                if price["Sales_Type"] == _PRICE_GROUP:
                    found.setdefault(price["Sales_Code"], set()).add(price["Currency_Code"])
        self._references.price_group_currencies = found

    # Items

    def _load_items(self, items: Sequence[str]) -> bool:
        units = self._bc.fetch_many_by(_ITEMS, "number", items, _ITEM_FIELDS)
        prices = self._bc.fetch_many_by(_PRICES, "Item_No", items, _PRICE_FIELDS)
        self._note_items(units, prices)
        return True

    def _load_all_items(self) -> None:
        units = self._bc.fetch_pages(_ITEMS, select=_ITEM_FIELDS)
        prices = self._bc.fetch_pages(_PRICES, select=_PRICE_FIELDS)
        self._note_items(
            chain.from_iterable(page.records for page in units),
            chain.from_iterable(page.records for page in prices),
        )

    def _note_items(self, items: Iterable[Record], prices: Iterable[Record]) -> None:
        references = self._references
        for item in items:
            references.unit_of_item[item["number"]] = item["baseUnitOfMeasureCode"]
        references.prices |= current_prices(prices, references.unit_of_item, references.today)
