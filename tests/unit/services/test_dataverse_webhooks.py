from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

import pytest

from errors import AuthorizationError, ConfigurationError
from services.dataverse_webhooks import DataverseWebhooks
from services.transport import Transport
from tests.unit.services.scripted_service import (
    Answer,
    Asked,
    ScriptedService,
    json_answer,
    refusal,
)

API = "/api/data/v9.2/"
URL = "https://coupler.example/api/hooks/dataverse"
KEY = "k3y"
BOTH = {"account": ("Create", "Update"), "contact": ("Update",)}
PLACES = [("account", "Create"), ("account", "Update"), ("contact", "Update")]
KEYS = {
    "serviceendpoints": "serviceendpointid",
    "sdkmessageprocessingsteps": "sdkmessageprocessingstepid",
    "sdkmessages": "sdkmessageid",
    "sdkmessagefilters": "sdkmessagefilterid",
}


def an_id(*names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(names)))


class FakeRegistry:
    """The four tables of registrations: reading by the conditions asked, keyed writes."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in KEYS}
        self.writes: list[str] = []
        self.before: Any = lambda asked: None
        for message in ("Create", "Update", "Delete"):
            row = {"sdkmessageid": an_id(message), "name": message}
            self.rows["sdkmessages"][an_id(message)] = row
            for table in ("account", "contact"):
                self.rows["sdkmessagefilters"][an_id(table, message)] = {
                    "sdkmessagefilterid": an_id(table, message),
                    "primaryobjecttypecode": table,
                    "_sdkmessageid_value": an_id(message),
                }

    def respond(self, asked: Asked) -> Answer:
        instead: Answer | None = self.before(asked)
        if instead is not None:
            return instead
        name, _, rest = unquote(urlsplit(asked.path).path).removeprefix(API).partition("(")
        rows, record_id = self.rows[name], rest.removesuffix(")")
        if asked.method == "GET":
            query = parse_qs(urlsplit(asked.path).query)
            return json_answer({"value": self._matching(name, query["$filter"][0])})
        self.writes.append(f"{asked.method} {name}")
        if asked.method == "POST":
            values = asked.json
            if values[KEYS[name]] in rows:
                return refusal(412, "0x80040237", "A record with matching key values exists.")
            rows[values[KEYS[name]]] = _read_back(values)
            return Answer(204)
        if record_id not in rows:
            return refusal(404, "0x80040217", f"With Id = {record_id} Does Not Exist")
        if asked.method == "DELETE":
            del rows[record_id]
        else:
            assert asked.headers["If-Match"] == "*"
            rows[record_id] |= asked.json
        return Answer(204)

    def _matching(self, name: str, condition: str) -> list[dict[str, Any]]:
        rows = list(self.rows[name].values())
        listed = re.search(r"PropertyName='(\w+)',PropertyValues=(\[.*?\])\)", condition)
        if listed:
            return [row for row in rows if row[listed[1]] in json.loads(listed[2])]
        return [row for row in rows if any(_fits(row, each) for each in condition.split(" or "))]

    @property
    def endpoint(self) -> dict[str, Any]:
        (endpoint,) = self.rows["serviceendpoints"].values()
        return endpoint

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.rows["sdkmessageprocessingsteps"].values())


def _fits(row: dict[str, Any], condition: str) -> bool:
    pairs = re.findall(r"(\w+) eq (?:'([^']*)'|([^ )]+))", condition)
    return all(str(row[column]) == (text or value) for column, text, value in pairs)


def _read_back(values: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"statecode": 0}
    for name, value in values.items():
        navigation, bound, _ = name.partition("@odata.bind")
        column = navigation.removesuffix("_serviceendpoint")
        row[f"_{column}_value" if bound else name] = (
            value.partition("(")[2][:-1] if bound else value
        )
    return row


@pytest.fixture
def fake(service: ScriptedService) -> FakeRegistry:
    fake = FakeRegistry()
    service.respond = fake.respond
    return fake


@pytest.fixture
def webhooks(transport: Transport, fake: FakeRegistry) -> DataverseWebhooks:
    return DataverseWebhooks(transport)


def test_an_endpoint_and_a_step_per_table_and_message_are_made(webhooks, fake):
    registration = webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    assert list(registration.added) == PLACES
    assert fake.endpoint == {
        "serviceendpointid": registration.endpoint_id,
        "name": "Coupler 1",
        "url": URL,
        "contract": 8,
        "authtype": 4,
        "authvalue": KEY,
        "statecode": 0,
    }
    step = next(step for step in fake.steps if step["name"] == "Coupler 1: Create of account")
    assert (step["stage"], step["mode"], step["asyncautodelete"]) == (40, 1, True)
    assert step["_eventhandler_value"] == registration.endpoint_id
    assert step["_sdkmessageid_value"] == an_id("Create")
    assert step["_sdkmessagefilterid_value"] == an_id("account", "Create")


def test_registering_again_sets_the_key_and_makes_nothing_twice(webhooks, fake):
    first = webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    fake.writes.clear()
    again = webhooks.ensure("Coupler 1", URL, "new key", BOTH)
    assert (again.endpoint_id, again.added, again.removed) == (first.endpoint_id, (), 0)
    assert fake.writes == ["PATCH serviceendpoints"]
    assert fake.endpoint["authvalue"] == "new key"


def test_without_a_key_only_a_difference_is_written(webhooks, fake):
    webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    fake.writes.clear()
    webhooks.ensure("Coupler 1", URL, None, BOTH)
    assert fake.writes == []
    webhooks.ensure("Coupler 1", f"{URL}/new", None, BOTH)
    assert (fake.endpoint["url"], fake.endpoint["authvalue"]) == (f"{URL}/new", KEY)


def test_a_new_endpoint_needs_a_key(webhooks, fake):
    with pytest.raises(ConfigurationError) as raised:
        webhooks.ensure("Coupler 1", URL, None, BOTH)
    assert raised.value.code == "webhook-key-missing"
    assert fake.writes == []


def test_an_endpoint_made_by_an_earlier_try_gets_the_new_key(webhooks, fake):
    webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    hidden = iter([json_answer({"value": []})])
    fake.before = lambda asked: (
        next(hidden, None) if asked.path.startswith(f"{API}serviceendpoints?") else None
    )
    registration = webhooks.ensure("Coupler 1", URL, "newer", BOTH)
    assert registration.added == ()
    assert fake.endpoint["authvalue"] == "newer"


def test_steps_of_tables_no_longer_wanted_are_removed(webhooks, fake):
    webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    registration = webhooks.ensure("Coupler 1", URL, None, {"account": ("Create", "Delete")})
    assert registration.added == (("account", "Delete"),)
    assert registration.removed == 2
    assert webhooks.missing("Coupler 1", {"account": ("Create", "Delete")}) == []
    assert len(fake.steps) == 2


def test_a_step_that_was_switched_off_is_made_anew(webhooks, fake):
    webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    fake.steps[0]["statecode"] = 1
    assert webhooks.missing("Coupler 1", BOTH) == [PLACES[0]]
    registration = webhooks.ensure("Coupler 1", URL, None, BOTH)
    assert (registration.added, registration.removed) == ((PLACES[0],), 1)
    assert webhooks.missing("Coupler 1", BOTH) == []


def test_double_steps_are_reduced_to_one(webhooks, fake):
    webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    key = "sdkmessageprocessingstepid"
    double = fake.steps[0] | {key: an_id("double")}
    fake.rows["sdkmessageprocessingsteps"][an_id("double")] = double
    registration = webhooks.ensure("Coupler 1", URL, None, BOTH)
    assert (registration.added, registration.removed) == ((), 1)
    assert webhooks.missing("Coupler 1", BOTH) == []


def test_endpoints_of_other_names_are_left_alone(webhooks, fake):
    webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    webhooks.ensure("Coupler 2", URL, KEY, {"account": ("Create",)})
    assert webhooks.missing("Coupler 2", BOTH) == PLACES[1:]
    webhooks.remove("Coupler 2")
    assert webhooks.missing("Coupler 1", BOTH) == []
    assert webhooks.missing("Coupler 2", BOTH) == PLACES


def test_removing_takes_steps_and_endpoint_and_may_be_repeated(webhooks, fake):
    webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    webhooks.remove("Coupler 1")
    assert fake.rows["serviceendpoints"] == {}
    assert fake.steps == []
    webhooks.remove("Coupler 1")


@pytest.mark.parametrize("tables", [{"widget": ("Create",)}, {"account": ("Explode",)}])
def test_a_message_that_does_not_exist_is_named(webhooks, fake, tables):
    with pytest.raises(ConfigurationError, match=r"widget|Explode") as raised:
        webhooks.ensure("Coupler 1", URL, KEY, tables)
    assert raised.value.code == "webhook-message-unknown"
    assert fake.steps == []


def test_a_missing_privilege_says_which_role_helps(webhooks, fake):
    fake.before = lambda asked: (
        refusal(403, "0x80040220", "missing prvCreateServiceEndpoint privilege")
        if asked.method == "POST"
        else None
    )
    with pytest.raises(AuthorizationError, match="prvCreateServiceEndpoint") as raised:
        webhooks.ensure("Coupler 1", URL, KEY, BOTH)
    assert "System Customizer" in raised.value.hint


def test_a_refused_address_is_told_without_the_key(webhooks, fake):
    fake.before = lambda asked: (
        refusal(400, "0x80040203", "The url of a webhook must be https.")
        if asked.method == "POST"
        else None
    )
    with pytest.raises(ConfigurationError, match="must be https") as raised:
        webhooks.ensure("Coupler 1", "http://x", KEY, BOTH)
    assert KEY not in raised.value.explained()
