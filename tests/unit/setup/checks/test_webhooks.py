from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.dataverse_administration import TableDefinition
from setup.checks.webhooks import (
    CRM_NEEDS,
    WebhookFacts,
    check_webhooks,
    no_public_address,
)
from setup.model import Result
from setup.needs import Access
from solution.roles import INTEGRATION_ADMINISTRATOR, PRIVILEGES
from tests.unit.setup.checks.telling import TROUBLE, only_passed
from webhooks.store import KnownSubscription, Registration

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PRIVILEGED_AS = {
    "serviceendpoint": "ServiceEndpoint",
    "sdkmessageprocessingstep": "SdkMessageProcessingStep",
}


def registration(**changes: object) -> Registration:
    known = KnownSubscription(entity_set="customers", resource="r", expires=NOW + timedelta(days=1))
    whole = Registration(is_wanted=True, subscriptions=(known,))
    return replace(whole, **changes)  # type: ignore[arg-type]  # a test's changes


HELD = frozenset(PRIVILEGES[INTEGRATION_ADMINISTRATOR])
GOOD = WebhookFacts(
    registration=registration(),
    wanted_sets=("customers",),
    tables={
        each.table: TableDefinition(
            name=each.table,
            entity_set="s",
            tracks_changes=False,
            privileges={
                kind.value: f"prv{kind.value}{PRIVILEGED_AS[each.table]}" for kind in Access
            },
        )
        for each in CRM_NEEDS
    },
    privileges=HELD,
    now=NOW,
)


def test_registered_webhooks_pass_with_the_privileges_of_the_solutions_role():
    assert only_passed(check_webhooks(GOOD))


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"registration": Registration()}, "webhooks-registered"),
        ({"registration": registration(problem="It was refused.")}, "webhooks-registered"),
        ({"missing_steps": ("Create of account",)}, "crm-webhooks"),
        ({"missing_steps": TROUBLE}, "crm-webhooks"),
        ({"wanted_sets": TROUBLE}, "business-central-webhooks"),
        ({"wanted_sets": ("customers", "items")}, "business-central-webhooks"),
        ({"now": NOW + timedelta(days=2)}, "business-central-webhooks"),
        ({"privileges": TROUBLE}, "webhook-privileges"),
        (
            {"privileges": HELD - {"prvCreateServiceEndpoint"}},
            "webhook-privileges",
        ),
    ],
)
def test_each_thing_that_keeps_webhooks_away_is_a_warning(changes, check):
    findings = check_webhooks(replace(GOOD, **changes))
    told = [each for each in findings if each.result is not Result.PASSED]
    assert [(each.check, each.result) for each in told] == [(check, Result.WARNING)]
    assert told[0].hint


def test_an_application_that_cannot_be_reached_is_told_so():
    [finding] = no_public_address()
    assert finding.result is Result.WARNING
    assert "PUBLIC_URL" in finding.hint
