"""The application's settings, read once from the environment.

On Azure they are app settings, on one machine values of ``local.settings.json``; the names are the
same. Nothing else in the product reads the environment. No setting holds a tenant's credential:
those live in Key Vault (see ``storage.secrets``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from errors import ConfigurationError

_CLOUD = "cloud:"
CLOUD_HOSTS = {
    "public": ("api.businesscentral.dynamics.com", "*.dynamics.com"),
    "gcc": ("api.businesscentral.dynamics.com", "*.crm9.dynamics.com"),
    "gcc-high": ("*.crm.microsoftdynamics.us",),
    "dod": ("*.crm.appsplatform.us",),
    "china": ("*.crm.dynamics.cn",),
}
"""The hosts of Microsoft's clouds, as their discovery services are named
(https://learn.microsoft.com/power-apps/developer/data-platform/discovery-service). Business Central
online is in the first two; beside the others it runs on hosts of the customer's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that differs between places where the same code runs."""

    storage_connection: str = field(repr=False)  # it may hold the account's key
    """Connection string of the storage account (``AzureWebJobsStorage``), empty when an identity
    is used instead."""
    storage_account: str
    """Name of the storage account reached by managed identity, where no connection string is."""
    key_vault_url: str
    key_vault_verify_challenge: bool
    """False only where the vault's host name is not below the domain its tokens are made for."""
    entra_authority: str
    """Base address of Entra ID, without a tenant: ``https://login.microsoftonline.com``."""
    entra_instance_discovery: bool
    """False where the authority is not one of Microsoft's clouds."""
    service_authority: str
    """Where tokens for the connected services come from; the same as ``entra_authority`` unless
    the services are in another cloud than the callers."""
    service_instance_discovery: bool
    api_audience: str
    """The ``aud`` that callers' tokens must carry: this application's id or its App ID URI."""
    allowed_service_hosts: tuple[str, ...]
    """Hosts that tenants may name as their services: exact, or ``*.suffix`` by label boundary, with
    a port where it is another one; see ``services.addresses``. The app setting names whole clouds,
    too: ``cloud:public``."""
    public_url: str
    """The address under which the connected services reach this application, for their webhooks;
    empty where they cannot: then tables are polled."""
    ca_bundle: str | None
    """A PEM file of certificate authorities to trust outward instead of the public ones."""
    lease_seconds: int
    """How long a table job's worker may be silent before another takes the job over."""
    slice_seconds: int
    """How long one queue message works on a table job before it hands over to the next message."""
    overlap_seconds: int
    """How late a change may appear in Business Central's change feeds: longer than one of its
    operations may take (8 minutes online), and more than its servers' clocks differ."""
    watch_seconds: int
    """How often a run looks at its table jobs by itself, should an event have been lost."""
    tenant_requests_per_second: int
    """Requests that one tenant may send to one process lastingly; 0: as many as it likes."""
    tenant_request_burst: int
    """Requests that one tenant may send to one process at once, after a while of rest."""
    tenant_starts_per_hour: int
    """Runs, and passes asked for, that one tenant may start within an hour; 0: no limit."""
    tenant_runs_at_once: int
    """Runs of one tenant's connections that may be in process at once; 0: no limit."""
    refused_hold_hours: int
    """After so many hours of refused credentials or privileges a connection is put on hold; 0:
    never."""
    run_retention_days: int
    """How long runs that are over are kept; 0: for ever."""
    audit_retention_days: int
    """How long calls stay in the audit trail; 0: for ever."""
    tenant_slots: int
    """Queue messages of one tenant that all processes together may work on at once; 0: no limit.
    Other tenants find a free worker only where there are more workers than this."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises ``ConfigurationError`` that names what is missing or malformed."""

    def text(name: str, default: str | None = None) -> str:
        value = environment.get(name, default)
        if value is None:
            raise ConfigurationError(
                "setting-missing",
                f"The app setting {name} is missing.",
                hint="Add it to the function app's settings, or to local.settings.json; "
                "local.settings.example.json lists all of them.",
            )
        return value

    def flag(name: str, *, default: bool) -> bool:
        value = text(name, str(default)).strip().lower()
        if value not in ("true", "false"):
            raise ConfigurationError(
                "setting-malformed", f"The app setting {name} is {value!r}: use true or false."
            )
        return value == "true"

    def seconds(name: str, default: int) -> int:
        return number(name, default, lowest=1, unit=" of seconds")

    def number(name: str, default: int, *, lowest: int = 0, unit: str = "") -> int:
        value = text(name, str(default))
        if not value.isdigit() or int(value) < lowest:
            raise ConfigurationError(
                "setting-malformed",
                f"The app setting {name} is {value!r}: use a whole number{unit} from {lowest} on.",
            )
        return int(value)

    authority = text("ENTRA_AUTHORITY", "https://login.microsoftonline.com").rstrip("/")
    discovery = flag("ENTRA_INSTANCE_DISCOVERY", default=True)
    return Settings(
        storage_connection=text("AzureWebJobsStorage", ""),
        storage_account=text("AzureWebJobsStorage__accountName", ""),
        key_vault_url=text("KEY_VAULT_URL"),
        key_vault_verify_challenge=flag("KEY_VAULT_VERIFY_CHALLENGE", default=True),
        entra_authority=authority,
        entra_instance_discovery=discovery,
        service_authority=text("SERVICE_AUTHORITY", authority).rstrip("/"),
        service_instance_discovery=flag("SERVICE_INSTANCE_DISCOVERY", default=discovery),
        api_audience=text("API_AUDIENCE"),
        allowed_service_hosts=_hosts(text("ALLOWED_SERVICE_HOSTS", f"{_CLOUD}public")),
        public_url=text("PUBLIC_URL", "").rstrip("/"),
        ca_bundle=text("REQUESTS_CA_BUNDLE", "") or None,
        lease_seconds=seconds("TABLE_JOB_LEASE_SECONDS", 60),
        slice_seconds=seconds("TABLE_JOB_SLICE_SECONDS", 240),
        overlap_seconds=seconds("BC_OVERLAP_SECONDS", 600),
        watch_seconds=seconds("RUN_WATCH_SECONDS", 30),
        tenant_requests_per_second=number("TENANT_REQUESTS_PER_SECOND", 50),
        tenant_request_burst=number("TENANT_REQUEST_BURST", 200, lowest=1),
        tenant_starts_per_hour=number("TENANT_STARTS_PER_HOUR", 120),
        tenant_runs_at_once=number("TENANT_RUNS_AT_ONCE", 10),
        refused_hold_hours=number("REFUSED_HOLD_HOURS", 6),
        run_retention_days=number("RUN_RETENTION_DAYS", 90),
        audit_retention_days=number("AUDIT_RETENTION_DAYS", 400),
        tenant_slots=number("TENANT_SLOTS", 4),
    )


def _hosts(listed: str) -> tuple[str, ...]:
    """The hosts of a list of hosts and clouds, each once; raises ``ConfigurationError``."""
    found: dict[str, None] = {}
    for entry in (one.strip().lower() for one in listed.split(",")):
        if not entry.startswith(_CLOUD):
            found |= {entry: None} if entry else {}
            continue
        cloud = entry.removeprefix(_CLOUD)
        if cloud not in CLOUD_HOSTS:
            raise ConfigurationError(
                "setting-malformed",
                f"The app setting ALLOWED_SERVICE_HOSTS names the cloud {cloud!r}: use one of "
                f"{', '.join(CLOUD_HOSTS)}.",
            )
        found |= dict.fromkeys(CLOUD_HOSTS[cloud])
    return tuple(found)


@cache
def settings() -> Settings:
    """The settings of this process."""
    return from_environment(os.environ)
