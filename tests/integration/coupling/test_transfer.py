"""Couplings to a file and from one through the local host, as an administrator sends them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from local.run import client_environment
from tests.integration.coupling.test_by_hand import Desk
from tests.integration.incremental.office import Customer, Office, soon
from tests.integration.incremental.test_cli import Shell

HEADER = "bc_id,bc_key,name,crm_id,state,coupled_at,synchronized_at"


class Files:
    """Files of the customers' couplings, sent and got."""

    def __init__(self, office: Office) -> None:
        self._office = office
        addresses = office.installation.platform.addresses
        self.origin = addresses.function_app
        self._path = f"{self.origin}/api/connections/{office.connection}/couplings/CUSTOMER"
        self._trusted = client_environment(office.installation.platform)["REQUESTS_CA_BUNDLE"]

    def send(self, content: bytes, **query: str) -> requests.Response:
        return self._ask("POST", f"{self._path}/import", params=query, data=content)

    def export(self, limit: int) -> requests.Response:
        return self.get(f"{self._path}/export?limit={limit}")

    def get(self, address: str) -> requests.Response:
        return self._ask("GET", address)

    def _ask(self, method: str, address: str, **sent: Any) -> requests.Response:
        headers = {
            "Authorization": f"Bearer {self._office.installation.token}",
            "Content-Type": "text/csv",
        }
        return requests.request(
            method, address, headers=headers, timeout=30, verify=self._trusted, **sent
        )


@pytest.fixture(scope="module")
def files(office: Office) -> Files:
    return Files(office)


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return Desk(office)


@pytest.fixture
def shell(office: Office, tmp_path: Path) -> Shell:
    return Shell(office, str(tmp_path))


def pairs(office: Office) -> set[tuple[str, str]]:
    found = office.client.couplings(office.connection, "CUSTOMER")
    return {(each["bc_id"], each["crm_id"]) for each in found}


def take_apart(desk: Desk, office: Office, keys: list[str]) -> None:
    left = {each["key"] for each in office.client.couplings(office.connection, "CUSTOMER")}
    assert desk.ask("uncouple", bc=keys).status == 202
    soon(lambda: len(pairs(office)) == len(left - set(keys)), "the end of the couplings")


def by_number(customers: list[Customer], *more: str) -> str:
    rows = [f"{each.number};{each.number}" for each in customers]
    return "\r\n".join(("bc_key;accountnumber", *rows, *more))


def test_couplings_are_exported_taken_apart_and_imported(desk, office, shell, tmp_path):
    before = office.client.couplings(office.connection, "CUSTOMER")
    file = str(tmp_path / "couplings.csv")
    table = (office.connection, "CUSTOMER")
    told = shell.run("export", *table, "--output", file, code=0)
    assert told["couplings"] == len(before) >= 16
    take_apart(desk, office, [each["key"] for each in before])
    assert pairs(office) == set()
    report = shell.run("import", *table, file, code=0)
    assert report["import"]["counts"]["coupled"] == len(before)
    assert pairs(office) == {(each["bc_id"], each["crm_id"]) for each in before}
    again = shell.run("import", *table, file, code=0)
    assert again["import"]["counts"]["already"] == len(before)


def test_a_file_with_one_bad_row_couples_nothing(desk, office, shell, tmp_path):
    customers = [office.customer() for _ in range(3)]
    take_apart(desk, office, [each.number for each in customers])
    before = pairs(office)
    file = tmp_path / "couplings.csv"
    table = (office.connection, "CUSTOMER", str(file))
    file.write_text(by_number(customers, "NO SUCH;NO SUCH"), encoding="utf-8")
    refused = shell.run("import", *table, code=1)
    states = [(each["line"], each["state"], each["code"]) for each in refused["rows"]]
    assert states == [
        *((line, "fit", "") for line in (2, 3, 4)),
        (5, "refused", "record-unknown"),
    ]
    assert pairs(office) == before
    file.write_text(by_number(customers), encoding="utf-8")
    checked = shell.run("import", *table, "--check", code=0)
    assert checked["import"]["counts"]["fit"] == 3
    assert pairs(office) == before
    coupled = shell.run("import", *table, "--first", "to-crm", code=0)
    assert coupled["import"]["counts"]["coupled"] == 3
    assert pairs(office) == before | {(each.bc_id, each.crm_id) for each in customers}


def test_an_export_comes_in_pages_that_name_the_next_one(office, files):
    first = files.export(limit=10)
    assert first.headers["Content-Type"] == "text/csv; charset=utf-8"
    second = files.get(f"{files.origin}{first.links['next']['url']}")
    assert first.text.splitlines()[0] == second.text.splitlines()[0] == HEADER
    exported = [*first.text.splitlines()[1:], *second.text.splitlines()[1:]]
    assert {row.split(",")[0] for row in exported} == {bc_id for bc_id, _ in pairs(office)}
    assert "next" not in second.links


def test_bytes_that_are_not_utf_8_are_told_with_their_place(files):
    answer = files.send("bc_key;accountnumber\r\n10000;Müller\r\n".encode("windows-1252"))
    assert (answer.status_code, answer.json()["code"]) == (422, "file-faulty")
    assert [each["member"] for each in answer.json()["errors"]] == ["line 2, column 8"]
