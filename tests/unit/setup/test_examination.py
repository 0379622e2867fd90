"""Looking step by step: what waits for what, what is asked once, and that nothing stops a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from connections.model import WebServiceKey
from errors import AuthorizationError, ConfigurationError, CouplerError, TransientError
from services.business_central_administration import Probe, Readability
from services.dataverse_administration import (
    Identity,
    Organization,
    Role,
    TableDefinition,
    User,
)
from services.records import Page
from setup.guide import examined
from setup.model import Result, Step, StepResult
from setup.needs import Access
from setup.sources import Sources
from sync.catalog import DEFAULT_CATALOG
from tests.unit.connections.examples import HOSTS, NOW, connection
from webhooks.store import Registration

DOWN = TransientError("service-unreachable", "It could not be reached.")
STRANGER = AuthorizationError("service-privilege-missing", "403: 0x80072560 not a member.")
CLIENT = connection().credentials.client_id
RECORDS = {
    "companyInformation": [{"currencyCode": "GBP"}],
    "currencies": [{"code": "EUR"}],
    "currencyExchangeRates": [],
}


class World:
    """Everything is right, until an answer is replaced by an error."""

    def __init__(self, **options: Any) -> None:
        self.asked: Counter[str] = Counter()
        self.errors: dict[str, CouplerError] = {}
        self.has_webhooks = True
        made = connection()
        self.connection = replace(made, options=replace(made.options, **options))

    def answer[T](self, name: str, value: T) -> Callable[..., T]:
        def answered(*_arguments: Any, **_options: Any) -> T:
            self.asked[name] += 1
            if name in self.errors:
                raise self.errors[name]
            return value

        return answered

    def table(self, name: str) -> TableDefinition:
        self.asked[f"table {name}"] += 1
        privileges = {each.value: f"prv{each.value}" for each in Access}
        return TableDefinition(
            name=name, entity_set=f"{name}s", tracks_changes=True, privileges=privileges
        )

    def fetch_pages(self, endpoint: Any, *, select: Any) -> list[Page]:
        return [Page(records=RECORDS[endpoint.name], next=None)]

    def sources(self) -> Sources:
        identity = Identity(user_id="u", business_unit_id="b", organization_id="o")
        user = User(
            user_id="u",
            name="# Coupler",
            email="",
            application_id=CLIENT,
            is_disabled=False,
            is_licensed=False,
            is_interactive=False,
            business_unit_id="b",
        )
        crm = SimpleNamespace(
            who_am_i=self.answer("who_am_i", identity),
            version=self.answer("version", "9.2.1"),
            organization=self.answer(
                "organization",
                Organization(name="o", base_currency_id="1", orders_are_integrated=True),
            ),
            user=self.answer("user", user),
            roles_of=self.answer("roles", [Role(role_id="r", name="Ours", template_id="")]),
            privileges_of=self.answer(
                "privileges", frozenset(f"prv{each.value}" for each in Access)
            ),
            table=self.table,
            currencies=self.answer("currencies", {"1": "GBP"}),
        )
        pages = frozenset({"Resources", "CustomerPriceGroups", "SalesPrices", "ItemCard"})
        bc = SimpleNamespace(
            published_services=self.answer("published", pages),
            probe=self.answer("probe", Probe(readability=Readability.READABLE)),
        )
        company = {"id": "c", "name": self.connection.business_central.company}
        return Sources(
            connection=self.connection,
            neighbours=list,
            catalog=DEFAULT_CATALOG,
            allowed_hosts=HOSTS,
            has_public_address=True,
            read_secret=self.answer("secret", "s"),
            bc_token=self.answer("bc_token", "t"),
            crm_token=self.answer("crm_token", "t"),
            companies=self.answer("companies", [company]),
            bc=bc,  # type: ignore[arg-type]  # plays it
            bc_by_key=bc if self.connection.business_central.web_service_key else None,  # type: ignore[arg-type]  # plays it
            bc_records=lambda company_id, name: self,  # type: ignore[arg-type,return-value]  # plays it
            told_sets=self.answer("told_sets", frozenset()),
            crm=crm,  # type: ignore[arg-type]  # plays it
            missing_steps=self.answer("missing_steps", []),
            registration=lambda: Registration(is_wanted=self.has_webhooks),
            now=lambda: NOW,
            close=lambda: None,
        )

    def look(self, *steps: Step) -> dict[Step, StepResult]:
        results = examined(self.sources(), steps or Step, NOW)
        return {each.step: each for each in results}


def failed_steps(found: dict[Step, StepResult]) -> set[Step]:
    return {step for step, each in found.items() if each.result is Result.FAILED}


def waiting(found: dict[Step, StepResult]) -> dict[Step, str]:
    """The steps that wait, and for which step."""
    return {
        step: each.findings[0].subject
        for step, each in found.items()
        if each.findings[0].check == "ground"
    }


def test_where_all_is_right_nothing_fails_and_nothing_waits():
    found = World(item_availability=True, sales_orders=True).look()
    assert list(found) == list(Step)
    assert failed_steps(found) == set()
    assert waiting(found) == {}


def test_a_fact_is_asked_for_once_however_many_steps_rest_on_it():
    world = World(sales_orders=True)
    world.look()
    for name in ("who_am_i", "companies", "privileges", "organization", "user", "published"):
        assert world.asked[name] == 1, name
    assert max(n for name, n in world.asked.items() if name.startswith("table ")) == 1


OF_CRM = {
    Step.SYNCHRONIZATION_USER,
    Step.CURRENCIES,
    Step.TABLES,
    Step.SALES_ORDERS,
    Step.WEBHOOKS,
}
OF_BC = {Step.CURRENCIES, Step.ITEM_AVAILABILITY, Step.SALES_ORDERS, Step.WEBHOOKS}
ALL_BUT_TWO = set(Step) - {Step.ADDRESSES, Step.TOKENS, Step.SOLUTION}


@pytest.mark.parametrize(
    ("error", "failing", "waits", "for_step"),
    [
        ({"secret": DOWN}, {Step.TOKENS}, ALL_BUT_TWO, "tokens"),
        ({"crm_token": STRANGER}, {Step.TOKENS}, OF_CRM | {Step.CRM}, "tokens"),
        ({"bc_token": STRANGER}, {Step.TOKENS}, OF_BC | {Step.BUSINESS_CENTRAL}, "tokens"),
        ({"who_am_i": DOWN}, {Step.CRM}, OF_CRM, "crm"),
        (
            {"who_am_i": STRANGER},
            {Step.SYNCHRONIZATION_USER},
            OF_CRM - {Step.SYNCHRONIZATION_USER},
            "synchronization-user",
        ),
        ({"companies": DOWN}, {Step.BUSINESS_CENTRAL}, OF_BC, "business-central"),
    ],
)
def test_what_rests_on_missing_ground_waits_and_says_for_what(error, failing, waits, for_step):
    world = World(item_availability=True, sales_orders=True)
    world.errors = error
    found = world.look()
    assert failed_steps(found) == failing
    assert waiting(found) == dict.fromkeys(waits, for_step)


def test_a_company_that_is_not_there_is_waited_for():
    world = World(item_availability=True)
    side = replace(world.connection.business_central, company="Nowhere")
    sources = replace(world.sources(), connection=replace(world.connection, business_central=side))
    found = {each.step: each for each in examined(sources, Step, NOW)}
    assert failed_steps(found) == {Step.BUSINESS_CENTRAL}
    assert waiting(found)[Step.ITEM_AVAILABILITY] == "business-central"


def test_a_wrong_address_is_not_spoken_to():
    world = World()
    crm = replace(world.connection.crm, url="https://evil.example")
    world.connection = replace(world.connection, crm=crm)
    found = world.look()
    assert failed_steps(found) == {Step.ADDRESSES}
    assert world.asked.total() == 0


def test_one_step_asks_only_for_what_it_needs():
    world = World()
    assert set(world.look(Step.TOKENS)) == {Step.TOKENS}
    assert set(world.asked) == {"secret", "bc_token", "crm_token"}


@pytest.mark.parametrize("name", ["privileges", "organization", "published", "missing_steps"])
def test_a_fact_that_cannot_be_had_leaves_the_rest_looked_at(name):
    world = World()
    world.errors = {name: ConfigurationError("strange", "Nobody knows.")}
    found = world.look()
    assert waiting(found) == {}
    told = [
        finding
        for each in found.values()
        for finding in each.findings
        if finding.result in (Result.FAILED, Result.WARNING) and "Nobody knows." in finding.message
    ]
    assert told


def test_without_webhooks_nobody_is_asked_how_they_are_registered():
    world = World()
    world.has_webhooks = False
    assert world.look(Step.WEBHOOKS)[Step.WEBHOOKS].result is Result.WARNING
    assert not {"missing_steps", "told_sets"} & set(world.asked)


def test_what_is_not_chosen_is_not_asked_for():
    world = World()
    found = world.look(Step.SOLUTION, Step.ITEM_AVAILABILITY, Step.SALES_ORDERS)
    assert {each.result for each in found.values()} == {Result.NOT_CHECKED}
    assert world.asked.total() == 0


def test_a_web_service_user_is_looked_at_on_premises():
    world = World(item_availability=True)
    key = WebServiceKey(user="STOCK", key_secret_name="k")
    side = replace(
        world.connection.business_central, url="https://nav.dynamics.com/BC", web_service_key=key
    )
    world.connection = replace(world.connection, business_central=side)
    findings = world.look(Step.ITEM_AVAILABILITY)[Step.ITEM_AVAILABILITY].findings
    assert [each.check for each in findings if each.subject in ("STOCK", "ItemCard")] == [
        "web-service-user",
        "web-service-published",
    ]
    assert {each.result for each in findings} == {Result.PASSED}


def test_a_web_service_user_of_business_central_online_is_refused():
    world = World(item_availability=True)
    key = WebServiceKey(user="STOCK", key_secret_name="k")
    side = replace(world.connection.business_central, web_service_key=key)
    world.connection = replace(world.connection, business_central=side)
    found = world.look(Step.ITEM_AVAILABILITY)
    assert failed_steps(found) == {Step.ITEM_AVAILABILITY}
