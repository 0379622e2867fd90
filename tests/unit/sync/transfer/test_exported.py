"""Couplings as a file, and as the API answers it page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.store import TABLE, ConnectionStore
from couplings.model import Coupling, CouplingState
from couplings.store import CouplingStore
from identity.model import TenantId
from sync.mappings import MAPPINGS
from sync.transfer.coupling_file import Unsaid, read_file
from sync.transfer.exported import exported
from tests.security.calls import as_caller, document
from tests.security.conftest import account
from tests.unit.connections import examples
from tests.unit.identity import issuer

__all__ = ["account"]  # the fixture: the function app with storage in memory

COUPLED = Coupling(
    mapping="CUSTOMER",
    bc_id="5d115c9c-44e3-ea11-bb43-000d3a2feca1",
    crm_id="7b2e5a10-93c1-5c1c-8a55-6f0f2f6f3b6a",
    bc_key="10000",
    name="10000 Adatum",
    base=None,
    bc_version=None,
    crm_version=None,
    state=CouplingState.COUPLED,
    coupled_at=datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
    synchronized_at=None,
)
BEGUN, LATER = "2026-03-02T09:15:00.000+00:00", "2026-03-02T09:15:00.005+00:00"
HEADER = "bc_id,bc_key,name,crm_id,state,coupled_at,synchronized_at"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
GUIDS = st.uuids().map(str)


def test_a_coupling_is_a_row_below_the_headings():
    at = COUPLED.coupled_at + timedelta(milliseconds=5)
    second = replace(COUPLED, name='=1+1, "x"', state=CouplingState.PARKED, synchronized_at=at)
    assert exported([COUPLED, second]).split("\r\n") == [
        HEADER,
        f"{COUPLED.bc_id},10000,10000 Adatum,{COUPLED.crm_id},coupled,{BEGUN},",
        f'{COUPLED.bc_id},10000,"\'=1+1, ""x""",{COUPLED.crm_id},parked,{BEGUN},{LATER}',
        "",
    ]


@given(
    couplings=st.lists(
        st.builds(replace, st.just(COUPLED), bc_id=GUIDS, crm_id=GUIDS, bc_key=TEXTS, name=TEXTS),
        min_size=1,
        max_size=5,
    )
)
def test_an_import_takes_what_an_export_wrote(couplings):
    rows = read_file(exported(couplings), MAPPINGS["CUSTOMER"], Unsaid())
    assert [(row.bc_id, row.crm_id) for row in rows] == [
        (each.bc_id, each.crm_id) for each in couplings
    ]


# as the API answers it


@pytest.fixture
def coupled(account) -> Any:
    """Five couplings of an enabled connection."""
    tenant = TenantId(issuer.TENANT)
    ConnectionStore(account.table(TABLE, tenant)).add(examples.connection())
    CouplingStore(account.table("couplings", tenant), "cronus").couple_many(
        "CUSTOMER",
        [replace(COUPLED, bc_id=f"b{number}", crm_id=f"c{number}") for number in range(5)],
    )
    return account


def export(query: dict[str, str], **path: str) -> Any:
    known = {"connection_id": "cronus", "mapping": "CUSTOMER"}
    return as_caller("export_couplings", path=known | path, query=query)


def bc_ids(answer: Any) -> list[str]:
    header, *rows = answer.get_body().decode().splitlines()
    assert header == HEADER
    return [row.partition(",")[0] for row in rows]


def test_pages_are_files_that_name_the_next_one(coupled):
    query: dict[str, str] = {"limit": "2"}
    found: list[list[str]] = []
    while True:
        answer = export(query)
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        found.append(bc_ids(answer))
        if "Link" not in answer.headers:
            break
        address = answer.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
        assert address.startswith("/api/connections/cronus/couplings/CUSTOMER/export?")
        query = dict(parse_qsl(urlsplit(address).query))
    assert found == [["b0", "b1"], ["b2", "b3"], ["b4"]]


def test_a_table_without_couplings_is_a_file_without_rows(coupled):
    assert export({}, mapping="CONTACT").get_body().decode() == f"{HEADER}\r\n"


def test_a_page_of_another_table_does_not_go_on(coupled):
    link = export({"limit": "2"}).headers["Link"]
    query = dict(parse_qsl(urlsplit(link[1:].partition(">")[0]).query))
    answer = export(query, mapping="CONTACT")
    assert (answer.status_code, document(answer)["code"]) == (400, "continuation-unknown")


def test_an_unknown_table_is_not_found(coupled):
    assert export({}, mapping="WAREHOUSE").status_code == 404
