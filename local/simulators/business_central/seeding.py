"""Loads companies and records as they are in files, after checking them against the schema."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from local.simulators.business_central.documents import LINES_OF
from local.simulators.business_central.fields import ZERO_GUID, EntitySet, Row
from local.simulators.business_central.master_data import (
    COMPANIES,
    COMPANY_INFORMATION,
    CONTACTS_INFORMATION,
)
from local.simulators.business_central.schema import COMPANY_SETS, seed_name
from local.simulators.business_central.store import Company, Environment
from local.simulators.business_central.values import fits
from local.simulators.core.simulator import SeedError

type SeedData = dict[str, list[dict[str, Any]]]


def seed(environment: Environment, data: SeedData, company_name: str) -> dict[str, int]:
    """Load all rows or none; raises ``SeedError`` naming set, row and field.

    A row whose id exists replaces the given fields of that record; where only calculated fields
    (an item's inventory, a customer's balance) change, its version and time stamp stay. Nobody is
    notified.
    """
    companies = dict(environment.companies)
    waiting = {each.id: list(each.waiting_links) for each in companies.values()}
    try:
        with environment.journal.transaction(silent=True):
            return _seed(environment, data, company_name)
    except SeedError:
        environment.companies = companies
        for each in companies.values():
            each.waiting_links = waiting[each.id]
        raise


def _seed(environment: Environment, data: SeedData, company_name: str) -> dict[str, int]:
    seeded = dict.fromkeys(data, 0)
    for row in data.get(COMPANIES.name, []):
        _add_company(environment, _checked(COMPANIES, row, COMPANIES.empty_row()))
        seeded[COMPANIES.name] += 1
    names = [name for name in data if name != COMPANIES.name]
    if names:
        company = _company(environment, company_name)
        for name in names:
            seeded[name] = _seed_set(company, name, data[name])
        _link_contact_cards(company)
        _derive_local_currency(company)
    for company in environment.companies.values():
        _complete_company_information(company)
    return seeded


def _add_company(environment: Environment, row: Row) -> None:
    existing = environment.company(row["id"]) or environment.company(row["name"])
    if existing is None:
        environment.add_company(row)
    elif existing.row != row:
        raise SeedError(f"companies: {row['name']} exists already with other values.")


def _company(environment: Environment, name: str) -> Company:
    company = environment.company(name) if name else environment.first_company()
    if company is None:
        raise SeedError(f"There is no company '{name}': seed 'companies' first.")
    return company


def _seed_set(company: Company, name: str, rows: list[dict[str, Any]]) -> int:
    schema = COMPANY_SETS.get(seed_name(name))
    if schema is None:
        raise SeedError(f"There is no entity set '{name}' in this simulator.")
    if schema is CONTACTS_INFORMATION:
        company.waiting_links += map(_link, rows)
        return len(rows)
    if schema is COMPANY_INFORMATION:
        given = {row.get("id") for row in rows}
        for existing in list(company[schema.name].rows()):
            if existing["id"] not in given:
                company[schema.name].delete(existing["id"])  # a company has exactly one
    for row in rows:
        _put(company, schema, row)
    return len(rows)


def _put(company: Company, schema: EntitySet, given: dict[str, Any]) -> None:
    table = company[schema.name]
    lines_of = LINES_OF.get(schema.name)
    if lines_of is not None and lines_of.name in given:
        given = dict(given)
        for line in given.pop(lines_of.name):
            _put(company, lines_of, line)
    old = table.get(given.get(schema.id_field, ""))
    row = _checked(schema, given, old or schema.empty_row())
    same_key = table.by_key(*schema.key_of(row))
    if same_key is not None and same_key[schema.id_field] != row[schema.id_field]:
        raise SeedError(f"{schema.name}: a second record with {schema.key_text(row)}.")
    table.put(row, new_version=old is None or _changed_beside_flows(schema, old, row))


def _changed_beside_flows(schema: EntitySet, old: Row, row: Row) -> bool:
    changed = {name for name in row if row[name] != old.get(name)}
    return bool(changed - {each.name for each in schema.fields if each.flow})


def _checked(schema: EntitySet, given: dict[str, Any], base: Row) -> Row:
    if schema.id_field not in given:
        raise SeedError(f"{schema.name}: a row without '{schema.id_field}': {given}.")
    known = schema.by_name | schema.hidden if schema.hidden else schema.by_name
    for name, value in given.items():
        if name not in known:
            raise SeedError(f"{schema.name} {given[schema.id_field]}: there is no field '{name}'.")
        unset = base.get(name)
        if value == unset and type(value) is type(unset):
            continue  # most values are empty, and a large file has millions
        if not fits(known[name], value):
            raise SeedError(
                f"{schema.name} {given[schema.id_field]}: {value!r} does not fit the field '{name}'"
                f" ({known[name].type} {known[name].length or ''})."
            )
    return base | given


def _link(row: dict[str, Any]) -> tuple[str, str]:
    """Contact and customer of one row of contact information."""
    contact, customer = row.get("contactId"), row.get("relatedId")
    ids = isinstance(contact, str) and isinstance(customer, str)
    if not ids or row.get("relatedType") != "Customer":
        raise SeedError(f"contactsInformation: {row} is not a contact of a customer.")
    return str(contact), str(customer)


def _link_contact_cards(company: Company) -> None:
    """Learn which contact stands for which customer: the company of all the customer's contacts.

    Links wait until both their records are seeded, because large sets come in several parts.
    """
    waiting = []
    for contact_id, customer_id in company.waiting_links:
        contact, customer = (
            company["contacts"].get(contact_id),
            company["customers"].get(customer_id),
        )
        if contact is None or customer is None:
            waiting.append((contact_id, customer_id))
            continue
        number = contact["companyNumber"] or contact["number"]
        linked = company.cards.by_key(number)
        if linked is not None and linked["id"] != customer_id:
            raise SeedError(f"contactsInformation: contact {number} belongs to two customers.")
        company.cards.put({"id": customer_id, "contactNumber": number})
    company.waiting_links = waiting


def _derive_local_currency(company: Company) -> None:
    """Take it from the company information, else from any record in local currency."""
    for row in company["companyInformation"].rows():
        if row["currencyCode"]:
            company.local_currency = row["currencyCode"]
            return
    for name in ("customers", "salesOrders", "salesInvoices"):
        for row in company[name].rows():
            if row["currencyId"] == ZERO_GUID and row["currencyCode"]:
                company.local_currency = row["currencyCode"]
                return


def _complete_company_information(company: Company) -> None:
    table = company["companyInformation"]
    existing = next(table.rows(), None)
    if existing is None:
        row = table.schema.empty_row() | {
            "id": str(uuid5(NAMESPACE_URL, f"companyInformation/{company.id}")),
            "displayName": company.row["displayName"],
            "lastModifiedDateTime": company.row["systemModifiedAt"],
        }
    else:
        row = existing
    if existing is None or not row["currencyCode"]:
        table.put(row | {"currencyCode": company.local_currency})
