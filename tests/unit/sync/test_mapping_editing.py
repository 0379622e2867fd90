"""Editing a connection's table mappings: versions, refusals, and changes at the same time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from errors import ConcurrencyError, CouplerError, RefusedRequestError
from sync.catalog import DEFAULT_CATALOG, MappingCatalog
from sync.mapping import Direction, FieldMapping, TableMapping, UpdateConflict
from sync.mapping_editing import MOST_ADDED, MappingEditor, Origin
from sync.mapping_faults import Fault, MappingRefusedError
from sync.mapping_store import ChangeKind, MappingStore
from sync.mappings import MAPPINGS
from tests.fakes.tables import MemoryAccount
from tests.support.table_jobs import TENANT
from tests.unit.sync.test_mapping_check import vendor

NOW = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
CUSTOMER = MAPPINGS["CUSTOMER"]
CHANGED = replace(CUSTOMER, update_conflict=UpdateConflict.SEND_TO_CRM)


class Desk:
    """One connection's mappings and somebody who edits them."""

    def __init__(self, account: MemoryAccount, connection: str = "demo") -> None:
        self.store = MappingStore(account.table("mappings", TENANT), connection)
        self.asked: list[str] = []
        self.told: list[Fault] = []
        self.editor = MappingEditor(self.store, verify=self.verify, now=lambda: NOW, by="kim")

    def verify(
        self, mapping: TableMapping, before: TableMapping | None
    ) -> tuple[TableMapping, list[Fault]]:
        del before
        self.asked.append(mapping.name)
        return mapping, self.told


@pytest.fixture
def account() -> MemoryAccount:
    return MemoryAccount()


@pytest.fixture
def desk(account: MemoryAccount) -> Desk:
    return Desk(account)


def refusal(error: pytest.ExceptionInfo[CouplerError]) -> tuple[int, str]:
    refused = error.value
    assert isinstance(refused, RefusedRequestError)
    return refused.status, refused.code


def test_mappings_that_nobody_changed_are_those_that_come_with_coupler(desk):
    assert [each.mapping for each in desk.editor.all()] == list(MAPPINGS.values())
    assert {(each.origin, each.etag) for each in desk.editor.all()} == {(Origin.DEFAULT, '"0"')}


def test_a_saved_mapping_counts_from_then_on_for_its_connection_alone(desk, account):
    saved = desk.editor.save("CUSTOMER", CHANGED, '"0"')
    assert (saved.mapping, saved.origin, saved.etag) == (CHANGED, Origin.CHANGED, '"1"')
    assert saved.stored
    assert (saved.stored.changed_at, saved.stored.changed_by) == (NOW, "kim")
    assert desk.editor.read("CONTACT").mapping is MAPPINGS["CONTACT"]
    other = Desk(account, "other")
    assert other.editor.read("CUSTOMER").origin is Origin.DEFAULT


def test_every_version_is_kept(desk):
    desk.editor.save("CUSTOMER", CHANGED, '"0"')
    disabled = replace(CHANGED, enabled=False)
    desk.editor.save("CUSTOMER", disabled, '"1"')
    desk.editor.remove("CUSTOMER", '"2"')
    kept = desk.store.list_versions("CUSTOMER", limit=10)
    assert [(each.version, each.kind, each.mapping) for each in kept.versions] == [
        (3, ChangeKind.REMOVED, None),
        (2, ChangeKind.SAVED, disabled),
        (1, ChangeKind.SAVED, CHANGED),
    ]
    assert kept.continuation is None
    assert desk.store.list_versions("CONTACT", limit=10).versions == []


def test_versions_come_in_pages_that_follow_each_other(desk):
    for version in range(5):
        changed = replace(CHANGED, enabled=bool(version % 2))
        desk.editor.save("CUSTOMER", changed, f'"{version}"')
    desk.editor.save("CONTACT", replace(MAPPINGS["CONTACT"], enabled=False), '"0"')
    page = desk.store.list_versions("CUSTOMER", limit=2)
    found = [each.version for each in page.versions]
    desk.editor.remove("CUSTOMER", '"5"')
    while page.continuation:
        page = desk.store.list_versions("CUSTOMER", limit=2, continuation=page.continuation)
        found += [each.version for each in page.versions]
    assert found == [5, 4, 3, 2, 1]


def test_a_continuation_of_another_mappings_versions_is_refused(desk):
    for version in range(3):
        changed = replace(CHANGED, enabled=bool(version % 2))
        desk.editor.save("CUSTOMER", changed, f'"{version}"')
    page = desk.store.list_versions("CUSTOMER", limit=1)
    with pytest.raises(RefusedRequestError) as refusal:
        desk.store.list_versions("CONTACT", limit=1, continuation=page.continuation)
    assert refusal.value.code == "continuation-unknown"


def test_a_version_is_never_counted_twice(desk):
    """Or a change that was made of an old version could undo one that came in between."""
    desk.editor.save("CUSTOMER", CHANGED, '"0"')
    desk.editor.remove("CUSTOMER", '"1"')
    assert desk.editor.save("CUSTOMER", CHANGED, '"0"').etag == '"3"'


def test_of_two_changes_of_the_same_version_one_is_refused(desk):
    desk.editor.save("CUSTOMER", CHANGED, '"0"')
    with pytest.raises(RefusedRequestError) as refused:
        desk.editor.save("CUSTOMER", CUSTOMER, '"0"')
    assert refusal(refused) == (412, "mapping-changed")
    assert desk.editor.read("CUSTOMER").mapping == CHANGED


def test_all_faults_are_told_and_nothing_is_saved(desk):
    wrong = replace(CHANGED, dependencies=("PEOPLE",))
    desk.told = [Fault(path="fields[0].crm", code="column-unknown", message="is none")]
    with pytest.raises(MappingRefusedError) as refused:
        desk.editor.save("CUSTOMER", wrong, '"0"')
    codes = [each["code"] for each in refused.value.errors]
    assert "dependency-unknown" in codes
    assert codes[-1] == "column-unknown"
    assert [each.code for each in desk.editor.faults(wrong)] == codes
    assert desk.editor.read("CUSTOMER").origin is Origin.DEFAULT


def test_the_services_are_never_asked_about_what_is_no_name(desk):
    wrong = vendor(bc=replace(vendor().bc, name="vendors?$filter=x"))
    assert [each.path for each in desk.editor.faults(wrong)] == ["bc.name"]
    assert desk.asked == []


def test_a_mapping_keeps_its_name(desk):
    with pytest.raises(MappingRefusedError) as refused:
        desk.editor.save("CUSTOMER", replace(CHANGED, name="CLIENT"), '"0"')
    assert [each["member"] for each in refused.value.errors] == ["name"]


def test_a_tenant_s_own_mapping_is_added_and_removed(desk):
    added = desk.editor.add(vendor())
    assert (added.origin, desk.editor.all()[-1]) == (Origin.ADDED, added)
    with pytest.raises(RefusedRequestError) as refused:
        desk.editor.add(vendor())
    assert refusal(refused) == (409, "mapping-exists")
    desk.editor.remove("VENDOR", added.etag)
    with pytest.raises(RefusedRequestError) as refused:
        desk.editor.read("VENDOR")
    assert refusal(refused) == (404, "mapping-unknown")


def test_a_mapping_that_others_need_is_not_removed(desk):
    added = desk.editor.add(vendor())
    contact = MAPPINGS["CONTACT"]
    desk.editor.save("CONTACT", replace(contact, dependencies=("CUSTOMER", "VENDOR")), '"0"')
    with pytest.raises(RefusedRequestError) as refused:
        desk.editor.remove("VENDOR", added.etag)
    assert refusal(refused) == (409, "mapping-needed")
    assert "CONTACT" in refused.value.message


def test_a_change_that_would_break_another_mapping_is_refused(desk):
    """Contacts are looked up through customers, and prices come after items after units."""
    price = MAPPINGS["ITEM-PRODUCT"]
    with pytest.raises(MappingRefusedError) as refused:
        desk.editor.save("ITEM-PRODUCT", replace(price, dependencies=()), '"0"')
    told = {(each["member"], each["code"]) for each in refused.value.errors}
    assert ("", "needed-by-other") in told
    assert any("SALESPRC-PRODPRICE" in each["message"] for each in refused.value.errors)


def test_resetting_undoes_changes_and_leaves_a_tenant_s_own_mappings(desk):
    desk.editor.save("CUSTOMER", CHANGED, '"0"')
    desk.editor.save("CURRENCY", replace(MAPPINGS["CURRENCY"], enabled=False), '"0"')
    desk.editor.add(vendor())
    assert desk.editor.reset(["CUSTOMER"]) == ["CUSTOMER"]
    assert desk.editor.read("CURRENCY").origin is Origin.CHANGED
    assert desk.editor.reset([]) == ["CURRENCY"]
    assert desk.editor.reset([]) == []
    assert [each.origin for each in desk.editor.all()][-2:] == [Origin.DEFAULT, Origin.ADDED]
    with pytest.raises(RefusedRequestError) as refused:
        desk.editor.reset(["VENDOR"])
    assert refusal(refused) == (404, "mapping-unknown")


def test_a_reset_that_would_break_a_tenant_s_own_mapping_is_refused(desk):
    """The added mapping relies on what was changed about another one."""
    contact = MAPPINGS["CONTACT"]
    desk.editor.save("CONTACT", replace(contact, dependencies=("CUSTOMER", "CURRENCY")), '"0"')
    group = MAPPINGS["CUSTPRCGRP-PRICE"]
    (currency,) = (each.lookup for each in group.fields if each.lookup)
    field = FieldMapping(bc="c", crm="x", direction=Direction.TO_CRM, lookup=currency)
    own = replace(vendor(), dependencies=("CONTACT",), fields=(*vendor().fields, field))
    customer = replace(CUSTOMER, dependencies=("SALESPEOPLE",), fields=CUSTOMER.fields[:2])
    desk.editor.save("CUSTOMER", customer, '"0"')
    desk.editor.add(own)
    with pytest.raises(RefusedRequestError) as refused:
        desk.editor.reset(["CONTACT"])
    assert refusal(refused) == (409, "mapping-needed")
    assert "VENDOR" in refused.value.message


def test_a_connection_has_so_many_mappings_of_its_own_and_no_more(desk):
    names = [f"VENDOR {chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(MOST_ADDED)]
    for name in names:
        desk.editor.add(vendor(name=name))
    with pytest.raises(RefusedRequestError) as refused:
        desk.editor.add(vendor())
    assert refusal(refused) == (409, "mappings-too-many")


def test_changes_of_different_mappings_never_make_a_circle_between_them(desk, account):
    """Each is sound by itself; the second is judged anew with the first one in place."""
    first = desk.editor.add(vendor(dependencies=("CURRENCY",)))
    second = desk.editor.add(vendor(name="SELLER", dependencies=("CURRENCY",)))
    other = Desk(account)
    other_load = other.store.load

    def load_then_somebody_else_saves():
        loaded = other_load()
        if desk.editor.read("VENDOR").etag == first.etag:
            desk.editor.save("VENDOR", vendor(dependencies=("SELLER",)), first.etag)
        return loaded

    other.store.load = load_then_somebody_else_saves  # type: ignore[method-assign] # in between
    circle = vendor(name="SELLER", dependencies=("VENDOR",))
    with pytest.raises(MappingRefusedError) as refused:
        other.editor.save("SELLER", circle, second.etag)
    assert "dependency-cycle" in {each["code"] for each in refused.value.errors}


def test_a_change_that_is_passed_again_and_again_is_given_up(desk, account):
    other = Desk(account)
    other_load = other.store.load
    saved = iter(range(10))

    def load_then_somebody_else_saves():
        loaded = other_load()
        length = 50 + next(saved)
        contact = MAPPINGS["CONTACT"]
        fields = (*contact.fields[1:], replace(contact.fields[0], crm_length=length))
        desk.editor.save("CONTACT", replace(contact, fields=fields), "*")
        return loaded

    other.store.load = load_then_somebody_else_saves  # type: ignore[method-assign] # in between
    with pytest.raises(ConcurrencyError) as refused:
        other.editor.save("CUSTOMER", CHANGED, '"0"')
    assert refused.value.code == "mappings-changed"


def test_a_catalog_has_changed_and_added_mappings_in_the_place_that_they_need(desk):
    desk.editor.add(vendor())
    contact = replace(MAPPINGS["CONTACT"], dependencies=("CUSTOMER", "VENDOR"))
    desk.editor.save("CONTACT", contact, '"0"')
    desk.editor.save("CURRENCY", replace(MAPPINGS["CURRENCY"], enabled=False), '"0"')
    changed = {name: each.mapping for name, each in desk.store.load_current().items()}
    catalog = MappingCatalog.of(MAPPINGS | changed)
    names = list(catalog.mappings)
    assert names.index("VENDOR") < names.index("CONTACT")
    assert set(DEFAULT_CATALOG.mappings) - set(catalog.enabled) == {"CURRENCY"}
    assert catalog.children("VENDOR") == ["CONTACT"]
    assert "CURRENCY" not in catalog.children("SALESPEOPLE")
    with pytest.raises(RefusedRequestError) as refused:
        catalog.named("PEOPLE")
    assert refusal(refused) == (404, "mapping-unknown")
