"""Valid tokens and the edges of the rules; forged ones are in tests/security."""

from __future__ import annotations

import time

import pytest

from errors import TransientError
from identity.model import Caller, Role, TenantId
from identity.tokens import TokenVerifier, UnauthenticatedError
from tests.unit.identity import issuer


def test_a_good_token_tells_who_calls():
    assert issuer.verifier().caller(issuer.bearer()) == Caller(
        tenant=TenantId(issuer.TENANT),
        subject=issuer.SUBJECT,
        role=Role.ADMINISTRATOR,
        is_application=True,
        name=issuer.CLIENT,
    )


def test_without_an_object_id_the_subject_claim_counts():
    caller = issuer.verifier().caller(issuer.bearer(oid=None, sub="pairwise"))
    assert caller.subject == "pairwise"


def test_the_scheme_may_be_written_in_any_case():
    assert issuer.verifier().caller(f"bearer {issuer.token()}").tenant == issuer.TENANT


@pytest.mark.parametrize(("claim", "offset"), [("exp", -240), ("nbf", 240)])
def test_times_within_five_minutes_are_forgiven(claim, offset):
    changes = {claim: int(time.time()) + offset, "iat": int(time.time()) - 600}
    assert issuer.verifier().caller(issuer.bearer(**changes)).tenant == issuer.TENANT


@pytest.mark.parametrize(("claim", "offset"), [("exp", -330), ("nbf", 330)])
def test_times_beyond_five_minutes_are_not(claim, offset):
    changes = {claim: int(time.time()) + offset, "iat": int(time.time()) - 600}
    with pytest.raises(UnauthenticatedError):
        issuer.verifier().caller(issuer.bearer(**changes))


def test_a_missing_token_is_challenged_without_an_error_code():
    with pytest.raises(UnauthenticatedError) as refused:
        issuer.verifier().caller(None)
    assert refused.value.status == 401
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


def test_a_refused_token_is_challenged_and_told_nothing_of_the_reason(caplog):
    caplog.set_level("INFO", "identity")
    with pytest.raises(UnauthenticatedError) as refused:
        issuer.verifier().caller(issuer.bearer(aud="api://other"))
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    assert "audience" not in refused.value.explained().lower()
    assert "InvalidAudienceError" in caplog.text


def test_the_log_of_a_refusal_holds_no_part_of_the_token(caplog):
    caplog.set_level("DEBUG")
    given = issuer.bearer(aud="api://other")
    with pytest.raises(UnauthenticatedError):
        issuer.verifier().caller(given)
    assert not any(part in caplog.text for part in given.removeprefix("Bearer ").split("."))


@pytest.mark.parametrize(
    ("key_issuer", "accepted"),
    [
        ("", True),
        (issuer.AUTHORITY + "/{tenantid}/v2.0", True),
        (f"{issuer.AUTHORITY}/{issuer.TENANT}/v2.0", True),
        (f"{issuer.AUTHORITY}/{issuer.OTHER_TENANT}/v2.0", False),
    ],
)
def test_a_key_signs_only_for_the_issuer_it_was_published_for(key_issuer, accepted):
    verifier = issuer.verifier(key_issuer=key_issuer)
    if accepted:
        assert verifier.caller(issuer.bearer()).tenant == issuer.TENANT
    else:
        with pytest.raises(UnauthenticatedError):
            verifier.caller(issuer.bearer())


def test_unreachable_keys_are_a_passing_fault_and_no_refusal():
    class NoKeys:
        def find(self, kid):
            raise TransientError("keys-unavailable", "not now")

    verifier = TokenVerifier(authority=issuer.AUTHORITY, audience=issuer.AUDIENCE, keys=NoKeys())
    with pytest.raises(TransientError):
        verifier.caller(issuer.bearer())
