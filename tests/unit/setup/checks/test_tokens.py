from __future__ import annotations

from dataclasses import replace

from setup.checks.tokens import TokenFacts, check_tokens
from setup.model import Result
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, results

GOOD = TokenFacts(secret_address="tenant--secret", secret=None, business_central=None, crm=None)


def test_secret_and_tokens_pass():
    assert only_passed(check_tokens(GOOD))


def test_both_refused_tokens_are_told_at_once():
    findings = check_tokens(replace(GOOD, business_central=TROUBLE, crm=TROUBLE))
    assert failures(findings) == [
        ("business-central-token", "Business Central"),
        ("crm-token", "Dynamics 365 Sales"),
    ]
    assert findings[-1].message == TROUBLE.message
    assert findings[-1].hint == TROUBLE.hint


def test_without_the_secret_tokens_are_not_asked_for():
    findings = check_tokens(replace(GOOD, secret=TROUBLE, crm=TROUBLE))
    assert failures(findings) == [("client-secret", "tenant--secret")]
    assert results(findings)["crm-token", "Dynamics 365 Sales"] is Result.NOT_CHECKED


def test_a_web_service_key_that_cannot_be_read_is_named():
    with_key = replace(GOOD, key_address="tenant--key")
    assert only_passed(check_tokens(with_key))
    assert failures(check_tokens(replace(with_key, key=TROUBLE))) == [
        ("web-service-key", "tenant--key")
    ]
