"""What holds for every route, whichever are added: the routes are taken from the function app."""

from __future__ import annotations

import pytest

from connections.store import TABLE, ConnectionStore
from identity.model import TenantId
from tests.security.calls import as_caller, call, document, names, path_parameters
from tests.unit.connections import examples
from tests.unit.identity import issuer
from web.body import JSON
from web.edge import ROUTES

# The services' own calls carry a key and no token: see tests/unit/webhooks/test_receiving.py.
RECEIVERS = {"receive_crm_change", "receive_bc_changes"}
# What the API is like is no secret: see tests/unit/api/test_functions.py.
PUBLIC = {"read_openapi", "read_reference"}
WITH_TOKEN = [name for name in names() if name not in RECEIVERS | PUBLIC]
OF_A_CONNECTION = [name for name in WITH_TOKEN if "connection_id" in path_parameters(name)]

HOLDS_A_PACKAGE = "import_solution"
"""For administrators only; their role is looked at before the body is."""
SEEN = {"if-match": "*"}
"""A change without it is refused before anything is looked for."""


def example_path(name: str) -> dict[str, str]:
    known = {"connection_id": "cronus", "mapping": "CUSTOMER", "line": "CUSTOMER"}
    return {parameter: known.get(parameter, "example") for parameter in path_parameters(name)}


def test_the_receivers_and_the_description_are_the_only_routes_without_a_token(account):
    answers = {name: call(name, path=example_path(name)) for name in names()}
    without = {name for name, one in answers.items() if "WWW-Authenticate" not in one.headers}
    assert without == RECEIVERS | PUBLIC


@pytest.mark.parametrize("name", WITH_TOKEN)
@pytest.mark.parametrize("authorization", [None, "", "Bearer x.y.z"])
def test_no_route_answers_without_a_token(account, name, authorization):
    answer = call(name, authorization=authorization, path=example_path(name))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", [name for name in WITH_TOKEN if ROUTES[name].media_type == JSON])
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"a": 1, "a": 2}', {}, 400),
        (b"{}", {"content-type": "text/xml"}, 415),
    ],
)
def test_no_route_takes_a_body_that_is_not_json(account, name, body, headers, status):
    answer = as_caller(name, path=example_path(name), body=body, headers=headers)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("name", [name for name in WITH_TOKEN if ROUTES[name].media_type != JSON])
@pytest.mark.parametrize("content_type", [JSON, "text/xml", "text/csv; charset=utf-16", ""])
def test_no_route_that_takes_a_file_takes_another_kind(account, name, content_type):
    headers = {"content-type": content_type}
    answer = as_caller(name, path=example_path(name), body=b"{}", headers=headers)
    assert (answer.status_code, document(answer)["code"]) == (415, "unsupported-content-type")


@pytest.mark.parametrize("name", WITH_TOKEN)
def test_no_route_takes_a_body_that_is_too_large(account, name):
    rule = ROUTES[name]
    largest = rule.largest_body
    # a document is held several times while it is parsed, a text is not
    most = 256 * 1024 if rule.media_type == JSON else 1024 * 1024
    assert largest <= (6 * 1024 * 1024 if name == HOLDS_A_PACKAGE else most)
    answer = as_caller(name, path=example_path(name), body=b" " * (largest + 1))
    assert (answer.status_code, document(answer)["code"]) == (413, "body-too-large")


@pytest.mark.parametrize("name", OF_A_CONNECTION)
def test_another_tenants_connection_is_answered_like_one_that_never_was(account, name):
    others = account.table(TABLE, TenantId(issuer.OTHER_TENANT))
    ConnectionStore(others).add(examples.connection())
    foreign = as_caller(name, path=example_path(name), headers=SEEN)
    others.delete((), ("cronus",))
    unknown = as_caller(name, path=example_path(name), headers=SEEN)
    assert foreign.status_code == unknown.status_code == 404
    assert document(foreign) | {"correlationId": ""} == document(unknown) | {"correlationId": ""}


@pytest.mark.parametrize("name", OF_A_CONNECTION)
@pytest.mark.parametrize("connection_id", ["..", "CRONUS", "a/b", "a" * 5000, "cronus'", "é", ""])
def test_a_malformed_connection_id_is_not_found(account, name, connection_id):
    path = example_path(name) | {"connection_id": connection_id}
    assert as_caller(name, path=path, headers=SEEN).status_code == 404


def test_one_tenants_list_holds_nothing_of_another(account):
    tenant, other = TenantId(issuer.TENANT), TenantId(issuer.OTHER_TENANT)
    ConnectionStore(account.table(TABLE, other)).add(examples.connection())
    own = examples.connection(connection_id="own")
    ConnectionStore(account.table(TABLE, tenant)).add(own)
    assert document(as_caller("list_connections")) == {
        "connections": [own.document()],
        "continuation": None,
    }
