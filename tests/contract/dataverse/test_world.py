"""The simulated world's demands of CRM: bare, with a solution, with an administrator."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from local.certificates import Certificates
from local.http_client import HttpClient
from local.identities import ADMINISTRATOR
from local.platform import Platform
from local.simulated_world import SeedError, SimulatedWorld
from solution.pack import packed
from tests.contract.dataverse.client import Client


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    return start(client_roles=("Coupler Integration User",))


@pytest.fixture
def world(client: Client, certificates: Certificates, tmp_path: Path) -> SimulatedWorld:
    options = SimpleNamespace(
        crm_url=None, bc_url="elsewhere", state=tmp_path, ports=SimpleNamespace(base=1)
    )
    platform = SimpleNamespace(
        options=options,
        addresses=SimpleNamespace(crm=client.base_url),
        client=HttpClient(certificates.bundle),
    )
    return SimulatedWorld(cast(Platform, platform))


def test_an_administrator_may_import_solutions(world, client):
    world.add_administrator(ADMINISTRATOR)
    told = client.admin("POST", "user", {"user": ADMINISTRATOR.sign_in_name})
    assert sorted(told["roles"]) == ["System Administrator", "System Customizer"]
    assert told["isdisabled"] is False


def test_a_bare_organization_gives_the_service_nothing(world, client):
    world.make_crm_bare()
    assert client.send("GET", "accounts").status_code == 403
    names = {row["name"] for row in world.dump("crm", "roles")}
    assert names == {"System Administrator", "System Customizer"}


def test_a_solution_is_there_as_if_imported(world):
    world.install_solution(packed())
    (row,) = world.dump("crm", "solutions")
    assert (row["uniquename"], row["version"]) == ("Coupler", "1.0.0.0")
    with pytest.raises(SeedError, match="solution"):
        world.install_solution(b"no zip")


def test_what_was_saved_is_not_gone_on_from_once_couplings_changed(world):
    world.save("mark")
    assert world.saved_mark == "mark"
    world.forget_mark()
    assert world.saved_mark == ""
    assert not world.restore()


def test_roles_outlive_saving_and_restoring(world, client):
    world.add_administrator(ADMINISTRATOR)
    world.save("mark")
    client.admin("POST", "reset")
    assert world.restore()
    told = client.admin("POST", "user", {"user": ADMINISTRATOR.sign_in_name})
    assert sorted(told["roles"]) == ["System Administrator", "System Customizer"]
