"""Signing an administrator in by device code, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import jwt
import pytest
import requests

from errors import RefusedRequestError
from local.certificates import Certificates
from local.simulators.core.server import running
from local.simulators.entra.simulator import EntraSimulator
from services.sign_in import DeviceCodeSignIn, SignInPendingError
from services.tokens import Authority
from tests.contract.services.conftest import TENANT

PUBLIC, CONFIDENTIAL = (
    "8f0a1c64-2d3b-4e55-8c66-0123456789aa",
    "8f0a1c64-2d3b-4e55-8c66-0123456789ac",
)
PERSON = "ada.min@fabrikam.example"
CRM = "https://127.0.0.1:7092"


@pytest.fixture(scope="module")
def people(certificates: Certificates) -> Iterator[str]:
    simulator = EntraSimulator(
        [
            {"tenant": TENANT, "client_id": PUBLIC, "secret": "s", "public": True},
            {"tenant": TENANT, "client_id": CONFIDENTIAL, "secret": "s"},
        ],
        [{"tenant": TENANT, "sign_in_name": PERSON, "name": "Ada Min"}],
    )
    with running(simulator, certificate=certificates.certificate, key=certificates.key) as url:
        yield url


@pytest.fixture
def sign_in(people: str, certificates: Certificates) -> DeviceCodeSignIn:
    return of_client(people, certificates, PUBLIC)


def of_client(people: str, certificates: Certificates, client: str) -> DeviceCodeSignIn:
    return DeviceCodeSignIn(
        authority=Authority(
            address=people, instance_discovery=False, ca_bundle=str(certificates.bundle)
        ),
        tenant=TENANT,
        client=client,
        scope=f"{CRM}/user_impersonation",
    )


@pytest.fixture
def play(people: str, session: requests.Session):
    def played(**what: object) -> None:
        session.post(f"{people}/_sim/sign-in", json=what, timeout=10).raise_for_status()

    return played


def test_a_finished_sign_in_gives_a_token_of_the_person_for_the_organization(sign_in, play):
    begun = sign_in.begin()
    assert begun.user_code
    assert begun.verification_uri.startswith("https://")
    assert (begun.interval, begun.expires_in) == (5, 900)
    play(user_code=begun.user_code, user=PERSON)
    claims = jwt.decode(sign_in.token(begun.device_code), options={"verify_signature": False})
    assert claims["aud"] == CRM
    assert claims["scp"] == "user_impersonation"
    assert claims["preferred_username"] == PERSON


def test_until_the_person_is_done_the_caller_is_told_to_ask_again(sign_in, play):
    begun = sign_in.begin()
    with pytest.raises(SignInPendingError) as pending:
        sign_in.token(begun.device_code)
    assert (pending.value.status, pending.value.code) == (409, "sign-in-pending")
    assert pending.value.headers == {"Retry-After": "5"}
    play(user_code=begun.user_code, slow_down=1)
    with pytest.raises(SignInPendingError):
        sign_in.token(begun.device_code)
    play(user_code=begun.user_code, user=PERSON)
    assert sign_in.token(begun.device_code)


@pytest.mark.parametrize(
    ("what", "code"),
    [({"decline": True}, "sign-in-declined"), ({"expire": True}, "sign-in-expired")],
)
def test_a_sign_in_that_came_to_nothing_is_told_apart(sign_in, play, what, code):
    begun = sign_in.begin()
    play(user_code=begun.user_code, **what)
    with pytest.raises(RefusedRequestError) as refused:
        sign_in.token(begun.device_code)
    assert (refused.value.status, refused.value.code) == (422, code)
    assert refused.value.hint


def test_a_token_is_given_once(sign_in, play):
    begun = sign_in.begin()
    play(user_code=begun.user_code, user=PERSON)
    sign_in.token(begun.device_code)
    with pytest.raises(RefusedRequestError) as refused:
        sign_in.token(begun.device_code)
    assert refused.value.code == "sign-in-used"


def test_an_unknown_device_code_is_refused(sign_in):
    with pytest.raises(RefusedRequestError) as refused:
        sign_in.token("a-device-code-of-nobody")
    assert refused.value.code == "sign-in-unknown"
    assert "a-device-code-of-nobody" not in refused.value.explained()


def test_an_application_that_does_not_sign_people_in_is_named(people, certificates, play):
    other = of_client(people, certificates, CONFIDENTIAL)
    begun = other.begin()
    play(user_code=begun.user_code, user=PERSON)
    with pytest.raises(RefusedRequestError) as refused:
        other.token(begun.device_code)
    assert refused.value.code == "sign-in-refused"
    assert CONFIDENTIAL in refused.value.message
    assert "public client flows" in refused.value.hint
