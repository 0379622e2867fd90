"""The simulator as the core serves it: tokens' applications, limits, batches, seed data."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, override

from local.simulators.business_central.access import Access, is_basic
from local.simulators.business_central.administration import WORKS, administer, remove_company
from local.simulators.business_central.api import Api
from local.simulators.business_central.batch import run_batch
from local.simulators.business_central.contact_cards import contacts_information
from local.simulators.business_central.errors import (
    BcError,
    NotSimulatedError,
    method_not_allowed,
    rejected_credentials,
    segment_not_found,
)
from local.simulators.business_central.limits import Gate, Limits, too_large
from local.simulators.business_central.master_data import COMPANIES, CONTACTS_INFORMATION
from local.simulators.business_central.notifier import Notifier
from local.simulators.business_central.paths import API, Address, Segment, parse_path
from local.simulators.business_central.schema import COMPANY_SETS, seed_name
from local.simulators.business_central.seeding import SeedData, seed
from local.simulators.business_central.store import Environment
from local.simulators.business_central.subscription_api import SubscriptionApi
from local.simulators.business_central.subscriptions import SUBSCRIPTIONS, Subscriptions
from local.simulators.business_central.values import moment_text
from local.simulators.core.clock import ShiftedClock
from local.simulators.core.deliveries import Deliveries
from local.simulators.core.messages import SimRequest, SimResponse, not_implemented
from local.simulators.core.simulator import Command, SeedError, Simulator

AUDIENCE = "https://api.businesscentral.dynamics.com"

_APPLICATIONS = "entraApplications"


class BusinessCentralSimulator(Simulator):
    """One environment of Business Central.

    ``environment`` is its name; any name is served where it is not given. ``applications`` are
    the client ids registered in it; any application of the right tenant is let in while none is
    registered; seed data may register more: ``entraApplications`` (rows of ``clientId``).
    ``web_service_users`` are web service access keys by user: the environment is then one on
    premises, which takes them (Basic authentication) besides tokens.
    """

    name = "business_central"

    def __init__(
        self,
        *,
        environment: str = "",
        applications: Iterable[str] = (),
        web_service_users: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        ca_file: str | None = None,
    ) -> None:
        self._environment_name = environment
        self._initial_applications = frozenset(applications)
        self._initial_limits = limits or Limits()
        self._web_service_users = dict(web_service_users or {})
        self._true_time = now
        self._now = ShiftedClock(now)
        self._clock = clock
        self._deliveries = Deliveries(ca_file=ca_file)
        self._begin()

    @override
    def reset(self) -> None:
        """Forget all records and subscriptions; applications and limits are again what it was
        started with."""
        self._notifier.forget()
        self._begin()

    def _begin(self) -> None:
        # versions grow with the unshifted time, so that no ETag of an earlier run is given again
        self._environment = Environment(int(self._true_time().timestamp() * 1_000_000))
        self._access = Access(self._web_service_users)
        self._api = Api(self._environment, self._now, self._access)
        self._subscriptions = Subscriptions(self._environment, self._now)
        self._subscription_api = SubscriptionApi(
            self._environment, self._subscriptions, self._deliveries, lambda: self._limits
        )
        self._notifier = Notifier(
            self._environment.journal,
            self._subscriptions,
            self._deliveries,
            self._now,
            lambda: self._limits,
        )
        self._applications = self._initial_applications
        self._set_limits(self._initial_limits)

    @override
    def audiences(self, request: SimRequest) -> Collection[str]:
        """Every address needs a token for the service, whatever the service's own address is;
        on premises a user's key does as well, see ``_caller``."""
        if self._access.is_on_premises and is_basic(request):
            return ()
        return (AUDIENCE, f"{AUDIENCE}/")

    @override
    def unauthorized(self, request: SimRequest, reason: str) -> SimResponse:
        """The service's answer to a missing or refused token."""
        return rejected_credentials().response()

    @override
    async def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request of the imitated API."""
        try:
            address = parse_path(request.path)
            caller = self._caller(request, address)
            refusal = too_large(len(request.body), self._limits)
            if refusal is not None:
                raise refusal
            async with self._gate(caller).admitted():
                response = await self._answer(request, address, caller)
                await self._work(response)
                return response
        except BcError as error:
            return self._with_retry_after(error)
        except NotSimulatedError as error:
            return not_implemented(str(error))

    @override
    def seed(self, data: SeedData, options: Mapping[str, str]) -> dict[str, int]:
        """Load rows of the company that the option ``company`` names, else of the first one."""
        records = {name: rows for name, rows in data.items() if name != _APPLICATIONS}
        applications = [_client_id(row) for row in data.get(_APPLICATIONS, [])]
        seeded = seed(self._environment, records, options.get("company", ""))
        self._applications = self._applications | set(applications)
        return {name: seeded.get(name, len(rows)) for name, rows in data.items()}

    @override
    def dump(self, entity_set: str) -> list[dict[str, Any]]:
        """All rows of a set of the first company, or of another one: ``My Company/customers``."""
        company_name, _, name = entity_set.rpartition("/")
        if entity_set == COMPANIES.name:
            return [company.row for company in self._environment.companies.values()]
        if entity_set == SUBSCRIPTIONS.name:
            return [each.row for each in self._subscriptions.active()]
        if seed_name(name) not in COMPANY_SETS:
            raise LookupError(entity_set)
        company = (
            self._environment.company(company_name)
            if company_name
            else self._environment.first_company()
        )
        if company is None:
            if company_name:
                raise LookupError(entity_set)
            return []
        if name == CONTACTS_INFORMATION.name:
            customers = company["customers"].rows()
            return [row for each in customers for row in contacts_information(company, each)]
        return list(company[seed_name(name)].rows())

    @property
    def deliveries(self) -> Deliveries:
        """The outbox of webhooks."""
        return self._deliveries

    @property
    def time_of_day(self) -> ShiftedClock:
        """The clock that records are stamped with."""
        return self._now

    @property
    def commands(self) -> Mapping[str, Command]:
        """Its own demands below ``/_sim/``; the option ``company`` names the company."""
        return {
            **{name: self._command(name) for name in WORKS},
            "web-service": lambda values, _: self._access.publish(values),
            "permissions": lambda values, _: self._access.permit(values),
            "remove-company": lambda values, _: remove_company(self._environment, values),
        }

    def _command(self, name: str) -> Command:
        def command(body: Any, options: Mapping[str, str]) -> dict[str, Any]:
            now = moment_text(self._now())
            return administer(self._environment, name, body, options.get("company", ""), now)

        return command

    def change_limits(self, values: Mapping[str, Any]) -> None:
        """Replace limits while running; callers begin with an empty window."""
        self._set_limits(self._limits.changed(values))

    def _set_limits(self, limits: Limits) -> None:
        self._limits = limits
        self._gates: dict[str, Gate] = {}

    def _gate(self, caller: str) -> Gate:
        if caller not in self._gates:
            self._gates[caller] = Gate(self._limits, self._clock)
        return self._gates[caller]

    def _caller(self, request: SimRequest, address: Address) -> str:
        """The client id of the caller; raises ``BcError`` where it may not come in."""
        claims = request.claims
        if self._access.is_on_premises and is_basic(request):
            return self._access.user_of_key(request)
        if address.instance and not self._access.is_on_premises:
            raise segment_not_found(address.instance)
        if (
            self._environment_name
            and not address.instance
            and (address.environment.lower() != self._environment_name.lower())
        ):
            raise BcError(404, "NoEnvironment", "Environment does not exist.")
        if not claims:
            return ""  # the core asked for no token: a test of the simulator alone
        application = str(claims.get("azp") or claims.get("appid") or "")
        known = not self._applications or application in self._applications
        if (not address.instance and claims.get("tid") != address.tenant) or not known:
            raise rejected_credentials()
        return application

    async def _answer(self, request: SimRequest, address: Address, caller: str) -> SimResponse:
        if (
            address.interface == API
            and address.segments[:1]
            and (address.segments[0].name == SUBSCRIPTIONS.name)
        ):
            return await self._subscription_api.answer(request, address, caller)
        if address.interface == API and address.segments == (Segment("$batch"),):
            if request.method != "POST":
                raise method_not_allowed(request.method, "$batch", "Collection")
            return run_batch(request, address.root, self._api.answer, self._environment.journal)
        return self._api.answer(request)

    async def _work(self, response: SimResponse) -> None:
        """Pretend to need time, while a processing slot is held."""
        seconds = (
            self._limits.seconds_per_request
            + self._limits.seconds_per_operation * response.operations
        )
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _with_retry_after(self, error: BcError) -> SimResponse:
        response = error.response()
        if error.status != 429 or self._limits.retry_after is None:
            return response
        headers = {**response.headers, "Retry-After": str(self._limits.retry_after)}
        return dataclasses.replace(response, headers=headers)


def _client_id(row: dict[str, Any]) -> str:
    client_id = row.get("clientId")
    if not isinstance(client_id, str):
        raise SeedError(f"{_APPLICATIONS}: a row without 'clientId': {row}.")
    return client_id
