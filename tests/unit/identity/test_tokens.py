"""Valid tokens and the edges of the rules; forged ones are in tests/security."""

from __future__ import annotations

import time
from typing import Any

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


def person(**changes: Any) -> Caller:
    """The caller of a signed-in person's token."""
    claims = {
        "idtyp": None,
        "scp": "openid access_as_user",
        "roles": ["Sync.Operate"],
        "preferred_username": "anna@cronus.example",
    }
    return issuer.verifier().caller(issuer.bearer(**claims | changes))


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["Sync.Read"], Role.READER),
        (["Sync.Operate"], Role.OPERATOR),
        (["Sync.Admin"], Role.ADMINISTRATOR),
        (["Sync.Read", "Sync.Admin", "Sync.Operate"], Role.ADMINISTRATOR),
        (["Something.Else", "Sync.Read"], Role.READER),
        (["sync.admin"], None),
        (["Sync.Admin "], None),
        (["Sync.*"], None),
        ([], None),
        (None, None),
    ],
)
def test_the_highest_of_the_known_roles_counts(roles, role):
    assert issuer.verifier().caller(issuer.bearer(roles=roles)).role is role
    assert person(roles=roles).role is role


def test_an_application_acts_for_itself_where_no_person_let_it():
    for idtyp in ("app", None):
        caller = issuer.verifier().caller(issuer.bearer(idtyp=idtyp))
        assert (caller.is_application, caller.name) == (True, issuer.CLIENT)


def test_a_person_is_told_from_an_application():
    for idtyp in ("user", None):
        caller = person(idtyp=idtyp)
        assert (caller.is_application, caller.name) == (False, "anna@cronus.example")


@pytest.mark.parametrize("scopes", ["", "openid", "access_as_users", "Access_As_User", "access"])
def test_a_persons_role_counts_with_the_applications_scope_only(scopes):
    assert person(scp=scopes).role is None


def test_a_scope_alone_is_no_role():
    assert person(roles=None).role is None


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": None, "name": "Anna"}, "Anna"),
        ({"preferred_username": None}, ""),
        ({"preferred_username": 7, "name": "Anna"}, "Anna"),
        ({"preferred_username": "a\r\nb"}, "ab"),
        ({"preferred_username": "x" * 500}, "x" * 100),
    ],
)
def test_a_name_is_only_for_reading(claims, name):
    assert person(**claims).name == name


@pytest.mark.parametrize("higher", list(Role))
def test_a_role_covers_itself_and_those_before_it(higher):
    covered = [role for role in Role if higher.covers(role)]
    assert covered == list(Role)[: list(Role).index(higher) + 1]
