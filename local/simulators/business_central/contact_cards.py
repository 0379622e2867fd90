"""Customers and contacts belong together: a customer has a contact card, and both stay equal.

Creating a customer creates its card; what is changed on one is written to the other; the persons
of a card's company are the customer's contacts.
"""

from __future__ import annotations

from typing import override
from uuid import uuid4

from local.simulators.business_central.errors import (
    NotSimulatedError,
    dialog,
    invalid_relation,
)
from local.simulators.business_central.fields import Row
from local.simulators.business_central.rules import (
    Rules,
    Writer,
    check_email,
    check_phone,
    next_number,
    require_name,
)
from local.simulators.business_central.store import Company

_SHARED = (
    "displayName",
    "addressLine1",
    "addressLine2",
    "city",
    "state",
    "country",
    "postalCode",
    "phoneNumber",
    "email",
    "website",
    "taxRegistrationNumber",
)
"""Fields that a customer and its contact card have in common."""


class CustomerRules(Rules):
    """Triggers of the table Customer."""

    @override
    def prepare_insert(self, company: Company, row: Row, given: set[str]) -> None:
        require_name(row, given)
        row["number"] = row["number"] or next_number(company["customers"], "C", 5, step=10)
        if not row["currencyCode"]:
            row["currencyCode"] = company.local_currency
        _check_customer(row)

    @override
    def inserted(self, writer: Writer, row: Row) -> None:
        number = next_contact_number(writer.company)
        is_company = row["type"] == "Company"
        writer.store(
            "contacts",
            writer.company["contacts"].schema.empty_row()
            | {field: row[field] for field in _SHARED}
            | {
                "id": str(uuid4()),
                "number": number,
                "type": row["type"],
                "companyNumber": number if is_company else "",
                "companyName": row["displayName"] if is_company else "",
                "contactBusinessRelation": "Customer",
                "searchName": row["displayName"].upper(),
            },
        )
        writer.company.cards.put({"id": row["id"], "contactNumber": number})

    @override
    def prepare_modify(self, company: Company, old: Row, row: Row) -> None:
        require_name(row, {"displayName"})
        _check_customer(row)

    @override
    def modified(self, writer: Writer, old: Row, row: Row) -> None:
        card = card_of(writer.company, row["id"])
        if card is not None:
            changed = card | {field: row[field] for field in _SHARED}
            _complete_names(card, changed)
            _store_contact(writer, card, changed)

    @override
    def check_delete(self, company: Company, row: Row) -> None:
        if company["salesOrders"].find("customerId", row["id"]):
            raise dialog(
                f"You cannot delete Customer {row['number']} because there is at least one "
                "outstanding Sales Order for this customer."
            )
        if company["salesInvoices"].find("customerId", row["id"]):
            raise dialog(
                f"You cannot delete Customer {row['number']} because it has ledger entries in a "
                "fiscal year that has not been closed yet."
            )

    @override
    def deleted(self, writer: Writer, row: Row) -> None:
        card = card_of(writer.company, row["id"])
        if card is None:
            return
        writer.company.cards.delete(row["id"])
        for contact in _contacts_of(writer.company, card["number"]):
            if contact["contactBusinessRelation"] == "Customer":
                writer.store("contacts", contact | {"contactBusinessRelation": "None"})


class ContactRules(Rules):
    """Triggers of the table Contact."""

    @override
    def prepare_insert(self, company: Company, row: Row, given: set[str]) -> None:
        require_name(row, given)
        row["number"] = row["number"] or next_contact_number(company)
        row["searchName"] = row["searchName"] or row["displayName"].upper()
        _join_company(company, row)
        _check_contact(row)

    @override
    def prepare_modify(self, company: Company, old: Row, row: Row) -> None:
        require_name(row, {"displayName"})
        if row["type"] != old["type"]:
            raise NotSimulatedError("changing the type of a contact")
        _complete_names(old, row)
        _join_company(company, row)
        _check_contact(row)

    @override
    def modified(self, writer: Writer, old: Row, row: Row) -> None:
        _rename_company(writer, old, row)
        link = writer.company.cards.by_key(row["number"])
        if link is None:
            return
        customer = writer.company["customers"].get(link["id"])
        if customer is not None:
            writer.store("customers", customer | {field: row[field] for field in _SHARED})

    @override
    def check_delete(self, company: Company, row: Row) -> None:
        persons = [each for each in _contacts_of(company, row["number"]) if each["id"] != row["id"]]
        linked = company.cards.by_key(row["number"]) is not None
        if linked or persons or row["contactBusinessRelation"] not in ("None", "Customer"):
            raise NotSimulatedError("deleting a contact that other records refer to")
        if any(each["contactNumber"] == row["number"] for each in company["opportunities"].rows()):
            raise NotSimulatedError("deleting a contact that has opportunities")


def card_of(company: Company, customer_id: str) -> Row | None:
    """The contact card that stands for a customer."""
    link = company.cards.get(customer_id)
    return None if link is None else company["contacts"].by_key(link["contactNumber"])


def contacts_information(company: Company, customer: Row) -> list[Row]:
    """A customer's contacts: its card and the persons of the card's company, ordered by id."""
    card = card_of(company, customer["id"])
    if card is None:
        return []
    return [
        {
            "contactId": contact["id"],
            "contactNumber": contact["number"],
            "contactName": contact["displayName"],
            "contactType": contact["type"],
            "relatedId": customer["id"],
            "relatedType": "Customer",
        }
        for contact in sorted(
            company["contacts"].find("companyNumber", card["number"]) or [card],
            key=lambda contact: contact["id"],
        )
    ]


def next_contact_number(company: Company) -> str:
    """The next free number of the contacts' series."""
    return next_number(company["contacts"], "CT", 6)


def _contacts_of(company: Company, number: str) -> list[Row]:
    """A contact and the persons of its company."""
    found = company["contacts"].find("companyNumber", number)
    if found:
        return found
    alone = company["contacts"].by_key(number)
    return [] if alone is None else [alone]


def _join_company(company: Company, row: Row) -> None:
    """Set what a contact takes from its company: a company is its own."""
    if row["type"] == "Company":
        row["companyNumber"], row["companyName"] = row["number"], row["displayName"]
        return
    number = row["companyNumber"]
    if not number:
        row["companyName"] = ""
        return
    parent = company["contacts"].by_key(number)
    if parent is None or parent["type"] != "Company":
        raise invalid_relation("Company No.", "Contact", number, "Contact")
    row["companyName"] = parent["displayName"]
    row["contactBusinessRelation"] = parent["contactBusinessRelation"]


def _complete_names(old: Row, row: Row) -> None:
    """Let the search name and the name of a company follow a changed name."""
    if row["searchName"] in ("", old["displayName"].upper()):
        row["searchName"] = row["displayName"].upper()
    if row["type"] == "Company":
        row["companyName"] = row["displayName"]


def _store_contact(writer: Writer, old: Row, row: Row) -> None:
    stored = writer.store("contacts", row)
    _rename_company(writer, old, stored)


def _rename_company(writer: Writer, old: Row, row: Row) -> None:
    """Carry a company's new name to its persons."""
    if row["type"] != "Company" or row["displayName"] == old["displayName"]:
        return
    for person in writer.company["contacts"].find("companyNumber", row["number"]):
        if person["id"] != row["id"]:
            writer.store("contacts", person | {"companyName": row["displayName"]})


def _check_customer(row: Row) -> None:
    where = f"Customer No.='{row['number']}'"
    check_phone(row["phoneNumber"], "Phone No.", where)
    check_email(row["email"])


def _check_contact(row: Row) -> None:
    where = f"Contact No.='{row['number']}'"
    check_phone(row["phoneNumber"], "Phone No.", where)
    check_phone(row["mobilePhoneNumber"], "Mobile Phone No.", where)
    check_email(row["email"])
