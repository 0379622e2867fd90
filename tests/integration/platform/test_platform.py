"""The platform as it is started for people, with services of elsewhere in the simulators' place."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

from audit.model import Entry
from audit.trail import TABLE as AUDIT
from audit.trail import AuditTrail, Sought
from identity.model import TenantId
from local.http_client import Answer
from local.identities import SERVICE, SERVICE_SECRET_NAME, TENANT
from local.platform import Platform
from local.processes import accepts
from settings import from_environment
from storage.accounts import StorageAccount
from storage.secrets import SecretReader


def connections(platform: Platform, token: str | None = None) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{platform.addresses.function_app}/api/connections"
    return platform.client.request("GET", url, headers=headers)


def test_a_caller_with_a_token_is_served(platform):
    assert connections(platform, platform.caller_token()).status == 200


def test_a_caller_without_a_token_is_not(platform):
    assert connections(platform).status == 401


def test_the_function_app_can_read_the_connections_secret(platform, monkeypatch):
    values = json.loads(platform.options.settings_file.read_text())["Values"]
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    reader = SecretReader(from_environment(values))
    assert reader.read(TenantId(TENANT), SERVICE_SECRET_NAME).reveal() == SERVICE.secret


def test_a_service_elsewhere_takes_its_simulators_place(platform):
    ports = platform.options.ports
    assert not accepts(ports.dataverse)
    assert not accepts(ports.business_central)
    values = json.loads(platform.options.settings_file.read_text())["Values"]
    assert values["ALLOWED_SERVICE_HOSTS"] == "127.0.0.1,localhost,org.crm.example,bc.example"


def test_calls_whose_time_is_over_are_purged_by_the_timer(platform):
    values = json.loads(platform.options.settings_file.read_text())["Values"]
    account = StorageAccount(from_environment(values))
    trail = AuditTrail(account.table(AUDIT, TenantId(TENANT)))
    now = datetime.now(UTC)
    for name, age in (("old", 401), ("young", 399)):
        trail.begin(called(name, now - timedelta(days=age)))
    url = f"{platform.addresses.function_app}/admin/functions/purge_what_is_over"
    assert platform.client.request("POST", url, body={"input": ""}).status == 202

    def names() -> set[str]:
        page = trail.list_page(Sought(connection="purged"), limit=10, continuation=None)
        return {entry.name for entry in page.entries}

    deadline = time.monotonic() + 30
    while names() != {"young"}:
        assert time.monotonic() < deadline, names()
        time.sleep(0.1)


def called(name: str, at: datetime) -> Entry:
    """A call as it is kept."""
    return Entry(
        at=at,
        subject="s",
        name=name,
        is_application=False,
        role=None,
        action="start",
        connection="purged",
        targets={},
        correlation_id="correlation",
    )


def test_the_parts_speak_under_their_names(platform, lines):
    assert {line.partition(":")[0] for line in lines} >= {"azurite", "entra", "function-host"}


def test_a_killed_host_can_be_started_again(platform):
    first = platform.host_process_id()
    platform.kill_host()
    assert not accepts(platform.options.ports.host)
    platform.start_host()
    assert platform.host_process_id() != first
    assert connections(platform, platform.caller_token()).status == 200
