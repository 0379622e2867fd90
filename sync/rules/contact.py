"""Contacts: a person belongs to the customer whose company contact the person works for."""

from __future__ import annotations

from collections.abc import Iterable

from services.records import Record
from sync.mapping import Lookup
from sync.plan import WaitingFor
from sync.references import Asked
from sync.rules.base import RecordSkippedError, Rule, RuleContext


class ContactRule(Rule):
    def asks_for(self, bc: Iterable[Record], crm: Iterable[Record], context: RuleContext) -> Asked:
        lookup = _parent_lookup(context)
        parents = {each["_parentcustomerid_value"] for each in crm}
        customers = [context.resolver.to_bc(lookup, each) for each in parents]
        return Asked(
            companies_of_contacts={each["id"]: each["companyName"] for each in bc},
            customers=frozenset(each for each in customers if not isinstance(each, WaitingFor)),
        )

    def derive(self, record: Record, context: RuleContext) -> Record:
        customer = context.references.customer_of_contact.get(record["id"])
        if customer is None:
            raise RecordSkippedError(
                "company-is-no-customer",
                f"{record['companyName'] or record['companyNumber']}, where the contact works, is "
                "no customer.",
                field="companyNumber",
                value=record["companyNumber"],
                hint="If it should be one, create a customer from the company contact in Business "
                "Central.",
            )
        account = context.resolver.to_crm(_parent_lookup(context), customer)
        found = "" if isinstance(account, WaitingFor) else account
        return record | {"customerId": customer, "parentAccountId": found}

    def bc_fields(self, crm_record: Record, context: RuleContext) -> Record | WaitingFor:
        parent = crm_record["_parentcustomerid_value"]
        customer = context.resolver.to_bc(_parent_lookup(context), parent)
        if isinstance(customer, WaitingFor):
            return customer
        card = context.references.company_card_of_customer.get(customer)
        if card is None:
            raise RecordSkippedError(
                "customer-has-no-company-contact",
                "The contact's account is coupled to a customer that has no company contact in "
                "Business Central.",
                field="_parentcustomerid_value",
                value=str(parent),
                hint="Run Create Contacts from Customers in Business Central.",
            )
        return {"companyNumber": card}


def _parent_lookup(context: RuleContext) -> Lookup:
    lookups = {field.crm: field.lookup for field in context.mapping.fields}
    lookup = lookups["parentcustomerid"]
    if lookup is None:
        raise LookupError("the contact mapping must look up parentcustomerid")
    return lookup
