"""Looking at a connection step by step: gathers a step's facts, and has them checked.

A fact that cannot be had makes its own findings and keeps nothing else of the step from being
looked at. A step that rests on another one's ground, such as a reachable organization, waits.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from connections.model import Ownership
from services.business_central import Endpoint
from services.dataverse_administration import User
from services.records import Record
from setup.checks.business_central import BusinessCentralFacts, check_business_central
from setup.checks.crm import CrmFacts, check_crm
from setup.checks.currencies import CurrencyFacts, check_currencies
from setup.checks.findings import Trouble, not_checked, tried
from setup.checks.item_availability import (
    CARD,
    MOVEMENTS,
    STOCK,
    ItemAvailabilityFacts,
    check_item_availability,
)
from setup.checks.item_availability import not_chosen as no_item_availability
from setup.checks.sales_orders import BC_NEEDS as ORDER_SETS
from setup.checks.sales_orders import CRM_NEEDS as ORDER_TABLES
from setup.checks.sales_orders import SalesOrderFacts, check_sales_orders
from setup.checks.sales_orders import not_chosen as no_sales_orders
from setup.checks.sharing import check_sharing
from setup.checks.solution import SolutionFacts, check_solution
from setup.checks.solution import not_chosen as no_solution
from setup.checks.synchronization_user import UserFacts, check_synchronization_user
from setup.checks.tables import TableFacts, check_tables
from setup.checks.tokens import TokenFacts, check_tokens
from setup.checks.webhooks import CRM_NEEDS as WEBHOOK_TABLES
from setup.checks.webhooks import WebhookFacts, check_webhooks, no_public_address
from setup.ground import Ground, WaitingError, trouble_of
from setup.model import Finding, Step
from setup.needs import bc_needs, crm_needs
from setup.solution.contents import (
    COMPANY_COLUMN,
    COMPANY_TABLES,
    LOWEST_VERSION,
    ROLES,
    SOLUTION,
)
from setup.sources import Sources
from sync.references import rates_per_local_currency
from webhooks.mapped_tables import bc_entity_sets

_ONLINE_HOST = "api.businesscentral.dynamics.com"
_RATE_COLUMNS = (
    "currencyCode",
    "startingDate",
    "exchangeRateAmount",
    "relationalCurrencyCode",
    "relationalExchangeRateAmount",
)


class Examination:
    """One look at one connection; made anew for every look, used by one thread."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._connection = sources.connection
        self._options = sources.connection.options
        self._ground = Ground(sources)
        self._looks: dict[Step, Callable[[], list[Finding]]] = {
            Step.ADDRESSES: self._addresses,
            Step.TOKENS: self._tokens,
            Step.CRM: self._crm,
            Step.BUSINESS_CENTRAL: self._business_central,
            Step.SYNCHRONIZATION_USER: self._synchronization_user,
            Step.SOLUTION: self._solution,
            Step.CURRENCIES: self._currencies,
            Step.TABLES: self._tables,
            Step.ITEM_AVAILABILITY: self._item_availability,
            Step.SALES_ORDERS: self._sales_orders,
            Step.WEBHOOKS: self._webhooks,
        }

    def findings(self, step: Step) -> tuple[Finding, ...]:
        """All findings of a step, none left out after the first that fails."""
        try:
            return tuple(self._looks[step]())
        except WaitingError as waiting:
            message = f"Waits for the step {waiting.step.value}: {waiting.why}"
            return (not_checked("ground", waiting.step.value, message, "Mend that step first."),)

    def _addresses(self) -> list[Finding]:
        neighbours = self._sources.neighbours()
        return [*self._ground.addresses, *check_sharing(self._connection, neighbours)]

    def _tokens(self) -> list[Finding]:
        self._ground.require_addresses()
        key = self._connection.business_central.web_service_key
        name = key.key_secret_name if key else ""
        return check_tokens(
            TokenFacts(
                secret_address=self._connection.credentials.client_secret_name,
                secret=self._ground.secret,
                business_central=self._ground.bc_token,
                crm=self._ground.crm_token,
                key_address=name,
                key=trouble_of(lambda: self._sources.read_secret(name)) if key else None,
            )
        )

    def _crm(self) -> list[Finding]:
        self._ground.require_crm_token()
        return check_crm(
            CrmFacts(
                url=self._connection.crm.url,
                identity=self._ground.identity,
                version=self._ground.version,
                organization=self._ground.organization,
            )
        )

    def _business_central(self) -> list[Finding]:
        self._ground.require_bc_token()
        needs = tuple(bc_needs(self._sources.catalog.enabled.values()))
        probed = needs if self._ground.company else ()
        rows = self._ground.companies
        return check_business_central(
            BusinessCentralFacts(
                url=self._connection.business_central.url,
                wanted_company=self._connection.business_central.company,
                companies=rows
                if isinstance(rows, Trouble)
                else tuple(str(each.get("name")) for each in rows),
                needs=needs,
                published=self._ground.published
                if any(each.is_page for each in probed)
                else frozenset(),
                probes={(each.name, each.is_page): self._ground.probe(each) for each in probed},
            )
        )

    def _synchronization_user(self) -> list[Finding]:
        self._ground.require_crm()
        identity = self._ground.identity
        is_known = not isinstance(identity, Trouble)
        return check_synchronization_user(
            UserFacts(
                client_id=self._connection.credentials.client_id,
                identity=identity,
                user=self._ground.user if is_known else None,
                roles=self._ground.roles if is_known else (),
                integration_roles=ROLES if self._options.crm_solution else (),
            )
        )

    def _solution(self) -> list[Finding]:
        if not self._options.crm_solution:
            return no_solution(SOLUTION)
        unit = self._ground.require_identity().business_unit_id
        crm = self._sources.crm

        def has_column(table: str) -> bool | Trouble:
            return tried(lambda: crm.has_column(table, COMPANY_COLUMN))

        told_apart = COMPANY_TABLES if self._options.separate_companies else ()
        return check_solution(
            SolutionFacts(
                name=SOLUTION,
                lowest_version=LOWEST_VERSION,
                solution=tried(lambda: crm.solution(SOLUTION)),
                roles=tried(lambda: crm.roles_named(ROLES, unit)),
                wanted_roles=ROLES,
                column=COMPANY_COLUMN,
                columns={table: has_column(table) for table in told_apart},
            )
        )

    def _currencies(self) -> list[Finding]:
        self._ground.require_identity()
        records = self._sources.bc_records(*self._ground.require_company())

        def read(entity_set: str, *columns: str) -> list[Record]:
            pages = records.fetch_pages(Endpoint.api(entity_set), select=columns)
            return [record for page in pages for record in page.records]

        def local() -> str:
            rows = read("companyInformation", "currencyCode")
            return next((str(row.get("currencyCode") or "") for row in rows), "")

        def rates() -> dict[str, float]:
            rows = read("currencyExchangeRates", *_RATE_COLUMNS)
            return rates_per_local_currency(rows, self._sources.now().date())

        organization = self._ground.organization
        return check_currencies(
            CurrencyFacts(
                local=tried(local),
                crm=tried(self._sources.crm.currencies),
                base_id=organization
                if isinstance(organization, Trouble)
                else organization.base_currency_id,
                known=tried(
                    lambda: frozenset(str(row["code"]) for row in read("currencies", "code"))
                ),
                rates=tried(rates),
            )
        )

    def _tables(self) -> list[Finding]:
        self._ground.require_identity()
        needs = tuple(crm_needs(self._sources.catalog.enabled.values()))
        team = self._options.team_id if self._options.ownership is Ownership.TEAM else ""
        return check_tables(
            TableFacts(
                needs=needs,
                tables={each.table: self._ground.table(each.table) for each in needs},
                privileges=self._ground.privileges,
                team_id=team,
                team=tried(lambda: self._sources.crm.team_name(team)) if team else None,
                team_privileges=tried(lambda: self._sources.crm.privileges_of_team(team))
                if team
                else frozenset(),
            )
        )

    def _item_availability(self) -> list[Finding]:
        if not self._options.item_availability:
            return no_item_availability()
        company_id, company = self._ground.require_company()
        key, by_key = self._connection.business_central.web_service_key, self._sources.bc_by_key
        host = urlsplit(self._connection.business_central.url).hostname
        card = Endpoint.page(CARD.name)
        asks = by_key if host != _ONLINE_HOST else None
        return check_item_availability(
            ItemAvailabilityFacts(
                stock=self._ground.probe(STOCK),
                movements=self._ground.probe(MOVEMENTS),
                user=key.user if key else "",
                is_online=host == _ONLINE_HOST,
                published=tried(asks.published_services) if asks else frozenset(),
                card=tried(lambda: asks.probe(card, company_id, company, CARD.columns))
                if asks
                else None,
            )
        )

    def _sales_orders(self) -> list[Finding]:
        if not self._options.sales_orders:
            return no_sales_orders()
        own = self._ground.require_identity().user_id
        self._ground.require_company()
        address = self._options.sales_order_user
        crm = self._sources.crm
        user = tried(lambda: crm.user_of_email(address)) if address else self._ground.user
        return check_sales_orders(
            SalesOrderFacts(
                address=address,
                user=user,
                privileges=tried(lambda: crm.privileges_of(user.user_id))
                if isinstance(user, User) and user.user_id != own
                else self._ground.privileges,
                tables={each.table: self._ground.table(each.table) for each in ORDER_TABLES},
                orders={each.name: self._ground.probe(each) for each in ORDER_SETS},
                organization=self._ground.organization,
            )
        )

    def _webhooks(self) -> list[Finding]:
        if not self._sources.has_public_address:
            return no_public_address()
        self._ground.require_identity()
        company_id, _ = self._ground.require_company()
        registration = self._sources.registration()
        missing: list[tuple[str, str]] | Trouble = []
        told: frozenset[str] | Trouble = frozenset()
        if registration.is_wanted:
            missing = tried(self._sources.missing_steps)
            told = tried(lambda: self._sources.told_sets(company_id))
        return check_webhooks(
            WebhookFacts(
                registration=registration,
                missing_steps=missing
                if isinstance(missing, Trouble)
                else tuple(f"{message} of {table}" for table, message in missing),
                wanted_sets=told
                if isinstance(told, Trouble)
                else tuple(bc_entity_sets(self._sources.catalog, told)),
                tables={each.table: self._ground.table(each.table) for each in WEBHOOK_TABLES},
                privileges=self._ground.privileges,
                now=self._sources.now(),
            )
        )
