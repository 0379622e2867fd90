from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
import requests

from errors import ConfigurationError
from services.dataverse import Dataverse
from services.dataverse_webhooks import DataverseWebhooks
from services.records import Write, WriteKind
from services.transport import Transport
from tests.contract.business_central.receiver import Receiver, receiving
from tests.contract.services.conftest import Admin

NAME = "Coupler O'Hara & Søn"
URL = "https://coupler.example/api/hooks/dataverse"
BOTH = {"account": ("Create", "Update"), "contact": ("Update",)}
PLACES = [("account", "Create"), ("account", "Update"), ("contact", "Update")]


@pytest.fixture
def admin(dataverse_url: str, session: requests.Session) -> Iterator[Admin]:
    admin = Admin(dataverse_url, session)
    admin.reset()
    yield admin
    admin.reset()


@pytest.fixture
def transport(admin: Admin, new_transport: Callable[[str, str, str], Transport]) -> Transport:
    return new_transport("Dataverse", admin.url, f"{admin.url}/.default")


@pytest.fixture
def webhooks(transport: Transport) -> DataverseWebhooks:
    return DataverseWebhooks(transport)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def write(kind: WriteKind, **values: Any) -> Write:
    return Write(
        kind=kind,
        table="accounts",
        id=str(uuid5(NAMESPACE_URL, "a")),
        values={"name": "A"} | values,
    )


def test_registered_changes_are_told_and_no_others(webhooks, receiver, transport):
    webhooks.ensure(NAME, receiver.address, "k3y=&/+ä", {"account": ("Create", "Delete")})
    dataverse = Dataverse(transport)
    dataverse.apply([write(WriteKind.INSERT)])
    receiver.wait(lambda: len(receiver.bodies) == 1)
    dataverse.apply([write(WriteKind.UPDATE, telephone1="1")])
    dataverse.apply([write(WriteKind.DELETE)])
    receiver.wait(lambda: len(receiver.bodies) == 2)
    told = [(body["MessageName"], body["PrimaryEntityName"]) for body in receiver.bodies]
    assert told == [("Create", "account"), ("Delete", "account")]


def test_registering_again_makes_nothing_twice(webhooks, admin):
    first = webhooks.ensure(NAME, URL, "key", BOTH)
    assert list(first.added) == PLACES
    again = webhooks.ensure(NAME, URL, "another key", BOTH)
    assert (again.endpoint_id, again.added, again.removed) == (first.endpoint_id, (), 0)
    assert len(admin.dump("serviceendpoints")) == 1
    assert len(admin.dump("sdkmessageprocessingsteps")) == 3
    assert webhooks.missing(NAME, BOTH) == []


def test_an_answer_lost_after_the_commit_makes_nothing_twice(webhooks, admin):
    admin.fault("commit-then-drop", path=".*serviceendpoints")
    admin.fault("commit-then-drop", path=".*sdkmessageprocessingsteps")
    webhooks.ensure(NAME, URL, "key", BOTH)
    assert len(admin.dump("serviceendpoints")) == 1
    assert len(admin.dump("sdkmessageprocessingsteps")) == 3


def test_registrations_follow_the_tables_that_are_wanted(webhooks):
    webhooks.ensure(NAME, URL, "key", BOTH)
    wanted = {"account": ("Create", "Delete")}
    assert webhooks.missing(NAME, wanted) == [("account", "Delete")]
    registration = webhooks.ensure(NAME, f"{URL}/new", None, wanted)
    assert registration.added == (("account", "Delete"),)
    assert registration.removed == 2
    assert webhooks.missing(NAME, wanted) == []


def test_removing_leaves_nothing_and_may_be_repeated(webhooks, admin):
    webhooks.ensure(NAME, URL, "key", BOTH)
    webhooks.ensure("Another", URL, "key", BOTH)
    webhooks.remove(NAME)
    webhooks.remove(NAME)
    assert webhooks.missing(NAME, BOTH) == PLACES
    assert webhooks.missing("Another", BOTH) == []
    assert len(admin.dump("serviceendpoints")) == 1


def test_an_address_that_is_refused_is_a_matter_of_the_configuration(webhooks):
    with pytest.raises(ConfigurationError, match="https"):
        webhooks.ensure(NAME, "http://coupler.example/hook", "key", BOTH)


def test_a_message_that_does_not_exist_is_named(webhooks):
    with pytest.raises(ConfigurationError, match="widget") as raised:
        webhooks.ensure(NAME, URL, "key", {"widget": ("Create",)})
    assert raised.value.code == "webhook-message-unknown"
