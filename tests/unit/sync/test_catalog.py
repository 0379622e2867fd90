"""The table mappings of one connection, as whoever works for it finds them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connections.model import Options, Ownership
from connections.store import ConnectionStore
from errors import RefusedRequestError
from sync import connected
from sync.catalog import DEFAULT_CATALOG, MappingCatalog
from sync.connected import catalog_source, mapping_options
from sync.mapping_store import MappingStore
from sync.mappings import MAPPINGS
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.support.table_jobs import TENANT
from tests.unit.connections.examples import connection
from tests.unit.sync.test_mapping_check import vendor


def test_the_default_catalog_has_the_mappings_in_the_order_of_the_review():
    assert list(DEFAULT_CATALOG.mappings) == list(MAPPINGS)
    assert DEFAULT_CATALOG.enabled == MAPPINGS
    assert DEFAULT_CATALOG.children("CUSTOMER") == ["CONTACT"]


def test_a_mapping_comes_after_those_that_it_depends_on_and_else_stays_in_its_place():
    salespeople = replace(MAPPINGS["SALESPEOPLE"], dependencies=("VENDOR",))
    catalog = MappingCatalog.of(MAPPINGS | {"SALESPEOPLE": salespeople, "VENDOR": vendor()})
    rest = [name for name in MAPPINGS if name not in ("SALESPEOPLE", "CURRENCY")]
    assert list(catalog.mappings) == ["CURRENCY", "VENDOR", "SALESPEOPLE", *rest]


class Watched(MemoryAccount):
    """Storage that remembers what was asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        super().__init__(self._note)

    def _note(self, moment: str, call: StorageCall) -> bool:
        if moment == "before":
            self.calls.append((call.table, call.verb))
        return False


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Storage with one connection, whose mappings were changed."""
    made = Watched()
    connections = ConnectionStore(made.table("connections", TENANT))
    options = Options(ownership=Ownership.TEAM, team_id="7", separate_companies=True)
    connections.add(replace(connection(), connection_id="demo", options=options))
    store = MappingStore(made.table("mappings", TENANT), "demo")
    changes = {"VENDOR": vendor(), "CURRENCY": replace(MAPPINGS["CURRENCY"], enabled=False)}
    now = datetime(2026, 6, 26, tzinfo=UTC)
    for name, mapping in changes.items():
        store.change(store.load(), {name: mapping}, at=now, by="kim")
    monkeypatch.setattr(connected, "connections_of", lambda _: connections)
    monkeypatch.setattr(
        connected,
        "mapping_store",
        lambda _, connection: MappingStore(made.table("mappings", TENANT), connection),
    )
    return made


def test_a_connection_s_catalog_has_its_changes_under_its_options(account):
    catalog = catalog_source(TENANT, "demo")()
    assert set(catalog.mappings) == {*MAPPINGS, "VENDOR"} - {"SALESPEOPLE"}
    assert "CURRENCY" not in catalog.enabled
    assert catalog.separate_companies


def test_a_catalog_costs_two_requests_to_storage_however_often_it_is_asked(account):
    account.calls.clear()
    source = catalog_source(TENANT, "demo")
    assert account.calls == []
    assert [source() is source() for _ in range(5)] == [True] * 5
    assert account.calls == [("connections", "get"), ("mappings", "query")]


def test_a_connection_that_is_gone_has_no_catalog(account):
    with pytest.raises(RefusedRequestError) as refused:
        catalog_source(TENANT, "nobody")()
    assert refused.value.status == 404


def test_a_team_owns_only_where_that_is_chosen():
    of_person = replace(connection(), options=Options(team_id="7"))
    assert mapping_options(of_person).owning_team == ""
    of_team = replace(connection(), options=Options(ownership=Ownership.TEAM, team_id="7"))
    assert mapping_options(of_team).owning_team == "7"
