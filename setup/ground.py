"""The facts that several steps of the setup guide rest on, each asked for once.

A fact that cannot be had is a ``Trouble``. What a step cannot do without is asked for by a
``require_…``, which raises ``WaitingError`` that names the step in which the trouble is told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from services.business_central import Endpoint
from services.business_central_administration import Probe
from services.dataverse_administration import Identity, Organization, Role, TableDefinition, User
from services.records import Record
from setup.checks.addresses import AddressFacts, check_addresses
from setup.checks.crm import is_reached
from setup.checks.findings import Trouble, tried
from setup.model import Finding, Result, Step
from setup.needs import BcNeed
from setup.sources import Sources


class WaitingError(Exception):
    """A step's ground is missing; ``step`` is where that is told, ``why`` in short."""

    def __init__(self, step: Step, why: str) -> None:
        super().__init__(why)
        self.step = step
        self.why = why


class Ground:
    """What is known of one connection at one look; used by one thread."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._connection = sources.connection
        self._tables: dict[str, TableDefinition | Trouble | None] = {}
        self._probes: dict[tuple[str, bool], Probe | Trouble] = {}

    # Addresses and tokens

    @cached_property
    def addresses(self) -> list[Finding]:
        return check_addresses(
            AddressFacts(
                business_central_url=self._connection.business_central.url,
                crm_url=self._connection.crm.url,
                tenant_id=self._connection.credentials.tenant_id,
                allowed_hosts=self._sources.allowed_hosts,
            )
        )

    @cached_property
    def secret(self) -> Trouble | None:
        name = self._connection.credentials.client_secret_name
        return trouble_of(lambda: self._sources.read_secret(name))

    @cached_property
    def bc_token(self) -> Trouble | None:
        return trouble_of(self._sources.bc_token)

    @cached_property
    def crm_token(self) -> Trouble | None:
        return trouble_of(self._sources.crm_token)

    def require_addresses(self) -> None:
        for finding in self.addresses:
            if finding.result is Result.FAILED:
                raise WaitingError(Step.ADDRESSES, finding.message)

    def require_crm_token(self) -> None:
        self._require_token(lambda: self.crm_token)

    def require_bc_token(self) -> None:
        self._require_token(lambda: self.bc_token)

    def _require_token(self, token: Callable[[], Trouble | None]) -> None:
        self.require_addresses()
        trouble = self.secret or token()
        if trouble is not None:
            raise WaitingError(Step.TOKENS, trouble.message)

    # Dynamics 365 Sales

    @cached_property
    def identity(self) -> Identity | Trouble:
        return tried(self._sources.crm.who_am_i)

    @cached_property
    def version(self) -> str | Trouble:
        return tried(self._sources.crm.version)

    @cached_property
    def organization(self) -> Organization | Trouble:
        return tried(self._sources.crm.organization)

    @cached_property
    def user(self) -> User | Trouble | None:
        user_id = self.require_identity().user_id
        return tried(lambda: self._sources.crm.user(user_id))

    @cached_property
    def roles(self) -> tuple[Role, ...] | Trouble:
        user_id = self.require_identity().user_id
        return tried(lambda: tuple(self._sources.crm.roles_of(user_id)))

    @cached_property
    def privileges(self) -> frozenset[str] | Trouble:
        """Of the synchronization user."""
        user_id = self.require_identity().user_id
        return tried(lambda: self._sources.crm.privileges_of(user_id))

    def table(self, name: str) -> TableDefinition | Trouble | None:
        if name not in self._tables:
            self._tables[name] = tried(lambda: self._sources.crm.table(name))
        return self._tables[name]

    def require_crm(self) -> None:
        """The organization answers, be it by refusing its user."""
        self.require_crm_token()
        if isinstance(self.identity, Trouble) and not is_reached(self.identity):
            raise WaitingError(Step.CRM, self.identity.message)

    def require_identity(self) -> Identity:
        """The organization takes the application for a user."""
        self.require_crm()
        if isinstance(self.identity, Trouble):
            raise WaitingError(Step.SYNCHRONIZATION_USER, self.identity.message)
        return self.identity

    # Business Central

    @cached_property
    def companies(self) -> list[Record] | Trouble:
        return tried(self._sources.companies)

    @cached_property
    def company(self) -> tuple[str, str] | None:
        """Id and name of the connection's company; None where it is not there."""
        if isinstance(self.companies, Trouble):
            return None
        wanted = self._connection.business_central.company
        ids = [each["id"] for each in self.companies if each.get("name") == wanted]
        return (str(ids[0]), wanted) if ids else None

    @cached_property
    def published(self) -> frozenset[str] | Trouble:
        return tried(self._sources.bc.published_services)

    def require_company(self) -> tuple[str, str]:
        """Id and name of the connection's company."""
        self.require_bc_token()
        if isinstance(self.companies, Trouble):
            raise WaitingError(Step.BUSINESS_CENTRAL, self.companies.message)
        if self.company is None:
            raise WaitingError(Step.BUSINESS_CENTRAL, "the company is not there.")
        return self.company

    def probe(self, need: BcNeed) -> Probe | Trouble:
        """What reading one row shows; of a company that is there."""
        key = (need.name, need.is_page)
        if key not in self._probes:
            company_id, name = self.require_company()
            endpoint = Endpoint.page(need.name) if need.is_page else Endpoint.api(need.name)
            self._probes[key] = tried(
                lambda: self._sources.bc.probe(endpoint, company_id, name, need.columns)
            )
        return self._probes[key]


def trouble_of(work: Callable[[], object]) -> Trouble | None:
    """The trouble that the work raises, None where it succeeds."""
    result = tried(work)
    return result if isinstance(result, Trouble) else None
