"""Access tokens: who gets one for what, and what stands in it."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable
from typing import Any

from local.simulators.entra import refusals
from local.simulators.entra.clients import Client
from local.simulators.entra.directory import Directory
from local.simulators.entra.refusals import required
from local.simulators.entra.sign_ins import SignIns
from local.simulators.entra.signing import SigningKey
from local.simulators.entra.users import User

_DEVICE_CODE = ("urn:ietf:params:oauth:grant-type:device_code", "device_code")
_DEFAULT = ".default"
_OPENID = frozenset({"openid", "profile", "offline_access", "email"})
_USUAL_SCOPES = {"api": "access_as_user"}
_USUAL_SCOPE = "user_impersonation"

Form = dict[str, str]


class Grants:
    """Issues tokens by the grant that a form names; raises ``RefusedError``."""

    def __init__(
        self,
        directory: Directory,
        sign_ins: SignIns,
        signing_key: SigningKey,
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._sign_ins = sign_ins
        self._signing_key = signing_key
        self._clock = clock

    def issued(self, form: Form, tenant: str, base_url: str) -> dict[str, Any]:
        """The answer of the token endpoint."""
        grant = required(form, "grant_type")
        if grant == "client_credentials":
            return self._of_application(form, tenant, base_url)
        if grant in _DEVICE_CODE:
            client = self._public(form, tenant)
            user, scope = self._sign_ins.redeem(
                tenant, client.client_id, required(form, "device_code")
            )
        elif grant == "password":
            client = self._public(form, tenant)
            user, scope = self._by_password(form, tenant), required(form, "scope")
        else:
            raise refusals.unsupported_grant(grant)
        return self._of_person(client, user, scope, base_url)

    def begun(self, form: Form, tenant: str, base_url: str) -> Any:
        """The answer of the device code endpoint."""
        client = self._known(form, tenant)
        scope = required(form, "scope")
        _resource_and_scopes(scope)
        page = f"{base_url}/{tenant}/oauth2/deviceauth"
        return self._sign_ins.begin(tenant, client.client_id, scope, page)

    def _of_application(self, form: Form, tenant: str, base_url: str) -> dict[str, Any]:
        client = self._known(form, tenant)
        if "client_secret" not in form:
            raise refusals.secret_missing()
        _check_secret(client, form)
        scope = required(form, "scope")
        resource, slash, name = scope.rpartition("/")
        if not slash or name != _DEFAULT or " " in scope:
            raise refusals.scope_of_an_application(scope)
        claims: dict[str, Any] = {
            "idtyp": "app",
            "oid": client.object_id,
            "sub": client.object_id,
            **_roles(client.roles),
        }
        return self._answer(client, resource, claims | {"azpacr": "1"}, base_url)

    def _of_person(self, client: Client, user: User, scope: str, base_url: str) -> dict[str, Any]:
        resource, scopes = _resource_and_scopes(scope)
        who = {
            "oid": user.object_id,
            "sub": str(uuid.uuid5(uuid.UUID(user.object_id), client.client_id)),
            "name": user.name,
            "preferred_username": user.sign_in_name,
        }
        claims = who | {"azpacr": "0", "scp": " ".join(scopes), **_roles(user.roles)}
        answer = self._answer(client, resource, claims, base_url)
        answer["scope"] = " ".join(f"{resource}/{name}" for name in scopes)
        if "openid" in scope.split():
            identity = self._common(client, client.client_id, base_url) | who
            answer["id_token"] = self._signing_key.sign(identity)
        return answer

    def _answer(
        self, client: Client, audience: str, claims: dict[str, Any], base_url: str
    ) -> dict[str, Any]:
        common = self._common(client, audience, base_url)
        parties = {"appid": client.client_id, "azp": client.client_id}
        return {
            "token_type": "Bearer",
            "expires_in": client.expires_in,
            "ext_expires_in": client.expires_in,
            "access_token": self._signing_key.sign(common | parties | claims),
        }

    def _common(self, client: Client, audience: str, base_url: str) -> dict[str, Any]:
        now = int(self._clock())
        return {
            "aud": audience,
            "iss": f"{base_url}/{client.tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + client.expires_in,
            "tid": client.tenant,
            "uti": uuid.uuid4().hex[:22],
            "ver": "2.0",
        }

    def _known(self, form: Form, tenant: str) -> Client:
        if not self._directory.knows(tenant):
            raise refusals.unknown_tenant(tenant)
        client_id = required(form, "client_id")
        client = self._directory.client(tenant, client_id)
        if client is None:
            raise refusals.unknown_client(client_id, tenant)
        return client

    def _public(self, form: Form, tenant: str) -> Client:
        """The application of a person's sign-in: it allows public clients, or proves itself."""
        client = self._known(form, tenant)
        if "client_secret" in form:
            _check_secret(client, form)
        elif not client.public:
            raise refusals.secret_missing()
        return client

    def _by_password(self, form: Form, tenant: str) -> User:
        user = self._directory.user(tenant, required(form, "username"))
        given = required(form, "password").encode()
        if user is None or not user.password:
            raise refusals.wrong_password()
        if not hmac.compare_digest(user.password.encode(), given):
            raise refusals.wrong_password()
        if not user.enabled:
            raise refusals.account_disabled()
        return user


def _check_secret(client: Client, form: Form) -> None:
    given = form["client_secret"].encode()
    if not any(hmac.compare_digest(each.encode(), given) for each in client.secrets):
        raise refusals.secret_wrong(client.client_id)


def _roles(names: tuple[str, ...]) -> dict[str, list[str]]:
    return {"roles": list(names)} if names else {}


def _resource_and_scopes(scope: str) -> tuple[str, tuple[str, ...]]:
    """The one resource that is asked for, and the permissions on it."""
    wanted = [each for each in scope.split() if each not in _OPENID]
    resources = {each.rpartition("/")[0] for each in wanted}
    if len(resources) != 1 or "" in resources:
        raise refusals.scope_of_a_person(scope)
    resource = resources.pop()
    names = tuple(each.rpartition("/")[2] for each in wanted)
    if names == (_DEFAULT,):
        names = (_USUAL_SCOPES.get(resource.partition(":")[0], _USUAL_SCOPE),)
    if _DEFAULT in names:
        raise refusals.scope_of_a_person(scope)
    return resource.rstrip("/"), names
