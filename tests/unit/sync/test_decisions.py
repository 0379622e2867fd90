"""What is done about deletions, conflicts and refusals: by policy, and because a person says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from couplings.model import CouplingState
from couplings.store import CouplingStore
from errors import RefusedRequestError, TransientError
from services.records import Write, WriteStatus
from sync.catalog import DEFAULT_CATALOG
from sync.decisions import ConflictChangedError, Decisions, version_of
from sync.mapping import DeletionConflict, TableMapping, UpdateConflict
from sync.outcome_model import SETTLED, UNCOUPLED, Outcome
from sync.work import Work
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

CUSTOMER_ID = bc_customer("10000")["id"]


class PolicyWorld(SyncWorld):
    """A connection with conflict policies of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.policies: dict[str, Any] = {}

    def open(self, mapping: TableMapping, *arguments: Any, **options: Any) -> Work:
        return super().open(replace(mapping, **self.policies), *arguments, **options)

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.outcomes, self.hints, self.requests, now=self.now)

    def drain_passes(self) -> None:
        """The passes that were sent for, and those that they send for."""
        for _ in range(20):
            if not self.queues.messages:
                return
            self.pass_worker().handle(self.queues.messages.pop(0)["mapping"])
        raise AssertionError("the passes send for one another without end")

    def passes(self) -> None:
        self.pass_worker().handle("CUSTOMER")
        self.drain_passes()

    def accounts(self) -> list[dict[str, Any]]:
        return list(self.crm.tables["accounts"].values())

    def edit(self, *, bc: str, crm: str) -> None:
        """Give the phone number another value on each side."""
        self.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": bc})
        (account,) = self.accounts()
        self.crm.put("accounts", {"accountid": account["accountid"], "telephone1": crm})

    def phones(self) -> tuple[str, str]:
        (account,) = self.accounts()
        return self.bc.tables["customers"][CUSTOMER_ID]["phoneNumber"], account["telephone1"]

    def only(self) -> Outcome:
        (outcome,) = self.outcome_list("CUSTOMER")
        return outcome


@pytest.fixture
def world() -> PolicyWorld:
    """Customer 10000 in step with its account."""
    made = PolicyWorld()
    made.bc.put("customers", bc_customer("10000"))
    made.synchronize("CUSTOMER")
    made.passes()
    return made


def delete(world: PolicyWorld, side: str) -> None:
    if side == "bc":
        world.bc.delete("customers", CUSTOMER_ID)
    else:
        (found,) = [each for each in world.accounts() if each["accountnumber"] == "10000"]
        world.crm.delete("accounts", found["accountid"])


SIDES = pytest.mark.parametrize("side", ["bc", "crm"])


# deletions


@SIDES
def test_a_deletion_is_reported_and_nothing_is_written(world, side):
    delete(world, side)
    world.passes()
    assert world.only().code == f"deleted-in-{side}"
    assert "10000" in world.only().message
    assert len(world.accounts()) + len(world.bc.tables["customers"]) == 1
    assert [each.state for each in world.couplings.scan("CUSTOMER")] == [CouplingState.CONFLICT]


@SIDES
@pytest.mark.parametrize("how", ["policy", "person"])
def test_a_deleted_record_is_restored_under_a_new_coupling(world, side, how):
    if how == "policy":
        world.policies = {"deletion_conflict": DeletionConflict.RESTORE}
        world.synchronize("CUSTOMER")
    delete(world, side)
    world.passes()
    if how == "person":
        world.decisions.restore(DEFAULT_CATALOG.named("CUSTOMER"), world.only().key)
        world.drain_passes()
    (account,) = world.accounts()
    (customer,) = world.bc.tables["customers"].values()
    assert account["name"] == customer["displayName"] == "Customer 10000"
    (coupling,) = world.couplings.scan("CUSTOMER")
    assert (coupling.bc_id, coupling.crm_id) == (customer["id"], account["accountid"])
    assert world.outcome_list("CUSTOMER") == []


def leave_the_overlap_window(world: PolicyWorld) -> None:
    """Make customer 10000 an old record, by a new one: it is not met again for nothing."""
    later = datetime(2026, 6, 26, 6, tzinfo=UTC)
    world.bc.clock = lambda: later
    world.bc.put("customers", bc_customer("20000"))
    world.passes()


@SIDES
@pytest.mark.parametrize("how", ["policy", "person"])
def test_a_coupling_is_removed_and_the_remaining_record_stays(world, side, how):
    leave_the_overlap_window(world)
    if how == "policy":
        world.policies = {"deletion_conflict": DeletionConflict.UNCOUPLE}
        world.synchronize("CUSTOMER")
    delete(world, side)
    world.passes()
    if how == "person":
        world.decisions.uncouple("CUSTOMER", world.only().key)
        world.drain_passes()
    assert [each.bc_key for each in world.couplings.scan("CUSTOMER")] == ["20000"]
    assert len(world.accounts()) + len(world.bc.tables["customers"]) == 3
    assert world.only().code == "uncoupled"


def test_a_record_whose_coupling_was_removed_is_left_alone_until_it_changes(world):
    delete(world, "crm")
    world.passes()
    world.decisions.uncouple("CUSTOMER", world.only().key)
    world.drain_passes()
    world.synchronize("CUSTOMER")  # which meets every record
    assert world.accounts() == []
    world.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": "111"})
    world.passes()
    assert [each["telephone1"] for each in world.accounts()] == ["111"]
    assert world.outcome_list("CUSTOMER") == []


def test_a_record_whose_coupling_was_removed_is_created_anew_when_a_person_asks(world):
    delete(world, "crm")
    world.passes()
    world.decisions.uncouple("CUSTOMER", world.only().key)
    world.drain_passes()
    world.decisions.retry("CUSTOMER", world.only().key)
    world.drain_passes()
    assert len(world.accounts()) == 1
    assert world.outcome_list("CUSTOMER") == []


@SIDES
def test_a_deletion_is_carried_over_where_the_mapping_says_so(world, side):
    world.policies = {"deletion_conflict": DeletionConflict.DELETE}
    world.synchronize("CUSTOMER")
    delete(world, side)
    world.passes()
    assert (world.accounts(), world.bc.tables["customers"]) == ([], {})
    assert list(world.couplings.scan("CUSTOMER")) == []
    assert world.outcome_list("CUSTOMER") == []


@SIDES
def test_a_record_that_was_edited_is_never_deleted(world, side):
    world.policies = {"deletion_conflict": DeletionConflict.DELETE}
    world.synchronize("CUSTOMER")
    world.edit(bc="111", crm="999")
    delete(world, side)
    world.passes()
    assert len(world.accounts()) + len(world.bc.tables["customers"]) == 1
    assert world.only().code == f"deleted-in-{side}"


def test_a_record_edited_just_before_it_is_deleted_stays(world):
    world.policies = {"deletion_conflict": DeletionConflict.DELETE}
    world.synchronize("CUSTOMER")
    delete(world, "bc")
    (account,) = world.accounts()
    edits = [{"accountid": account["accountid"], "telephone1": "999"}]
    world.crm.before_write = lambda write: edits and world.crm.put("accounts", edits.pop())
    world.passes()
    assert world.accounts()[0]["telephone1"] == "999"
    assert world.only().code == "deleted-in-bc"


def test_where_both_records_are_gone_the_coupling_goes_silently(world):
    delete(world, "bc")
    delete(world, "crm")
    world.passes()
    assert list(world.couplings.scan("CUSTOMER")) == []
    assert world.outcome_list("CUSTOMER") == []


def test_what_was_not_deleted_is_not_restored(world):
    world.edit(bc="111", crm="999")
    world.passes()
    with pytest.raises(RefusedRequestError) as refused:
        world.decisions.restore(DEFAULT_CATALOG.named("CUSTOMER"), world.only().key)
    assert refused.value.code == "not-deleted"


# records out of scope


def test_a_record_that_leaves_the_filter_is_told_and_comes_back(world):
    (account,) = world.accounts()
    world.crm.put("accounts", {"accountid": account["accountid"], "customertypecode": 1})
    world.passes()
    assert world.only().code == "left-filter"
    assert len(list(world.couplings.scan("CUSTOMER"))) == 1
    world.crm.put("accounts", {"accountid": account["accountid"], "customertypecode": 3})
    world.passes()
    assert world.outcome_list("CUSTOMER") == []


# update conflicts


@pytest.mark.parametrize(("winner", "value"), [("bc", "111"), ("crm", "999")])
@pytest.mark.parametrize("by_field", ["", "phoneNumber", "telephone1"])
def test_a_person_decides_a_conflict_and_the_loser_is_kept(world, winner, value, by_field):
    world.edit(bc="111", crm="999")
    world.passes()
    assert world.phones() == ("111", "999")
    outcome = world.only()
    winners = {by_field: winner} if by_field else winner
    world.decisions.resolve("CUSTOMER", outcome.key, winners, version_of(outcome))
    world.drain_passes()
    assert world.phones() == (value, value)
    world.passes()
    settled = world.only()
    assert (settled.code, settled.bc_value, settled.crm_value) == (SETTLED, "111", "999")
    assert settled.decision is None


def test_values_that_the_person_did_not_see_are_not_decided_about(world):
    world.edit(bc="111", crm="999")
    world.passes()
    outcome = world.only()
    world.decisions.resolve("CUSTOMER", outcome.key, "bc", version_of(outcome))
    world.edit(bc="111", crm="888")
    world.drain_passes()
    assert world.phones() == ("111", "888")
    assert world.only().code == "update-conflict"
    with pytest.raises(ConflictChangedError) as refused:
        world.decisions.resolve("CUSTOMER", outcome.key, "bc", version_of(outcome))
    assert refused.value.status == 409
    assert "888" in refused.value.errors[0]["message"]


def test_a_field_s_own_policy_counts_more_than_the_mapping_s(world):
    customer = DEFAULT_CATALOG.named("CUSTOMER")
    world.policies = {
        "update_conflict": UpdateConflict.SEND_TO_CRM,
        "fields": tuple(
            replace(each, update_conflict=UpdateConflict.GET_FROM_CRM)
            if each.crm == "telephone1"
            else each
            for each in customer.fields
        ),
    }
    world.synchronize("CUSTOMER")
    world.edit(bc="111", crm="999")
    world.passes()
    assert world.phones() == ("999", "999")
    assert world.only().code == SETTLED


def test_a_field_that_is_not_in_conflict_is_not_decided_about(world):
    world.edit(bc="111", crm="999")
    world.passes()
    outcome = world.only()
    with pytest.raises(RefusedRequestError) as refused:
        world.decisions.resolve("CUSTOMER", outcome.key, {"email": "bc"}, version_of(outcome))
    assert (refused.value.status, "phoneNumber" in refused.value.hint) == (422, True)


# refusals


def refuse(world: PolicyWorld) -> list[Write]:
    """Have CRM refuse every write; those that it was asked for."""
    asked: list[Write] = []

    def refuse_all(write: Write) -> str:
        asked.append(write)
        return "not today"

    world.crm.refuse = refuse_all
    return asked


def look_again(world: PolicyWorld) -> None:
    """Have the customer looked at although nothing changed, as a comparison does."""
    world.synchronize("CUSTOMER")
    world.queues.messages.clear()


def parked(world: PolicyWorld) -> list[Write]:
    asked = refuse(world)
    world.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": "111"})
    for _ in range(3):
        look_again(world)
    assert (len(asked), world.only().parked) == (3, True)
    asked.clear()
    return asked


def test_a_record_refused_three_times_is_left_alone(world):
    asked = parked(world)
    look_again(world)
    assert asked == []
    assert (world.only().parked, world.only().attempts) == (True, 3)
    assert [each.state for each in world.couplings.scan("CUSTOMER")] == [CouplingState.PARKED]


def test_a_parked_record_is_tried_again_when_its_content_changes(world):
    asked = parked(world)
    world.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": "222"})
    world.passes()
    assert len(asked) == 1
    assert not world.only().parked


def test_a_parked_record_is_tried_again_when_a_person_asks(world):
    asked = parked(world)
    world.decisions.retry("CUSTOMER", world.only().key)
    world.drain_passes()
    assert len(asked) == 1
    world.crm.refuse = lambda write: None
    assert world.decisions.retry_group(mapping="CUSTOMER").total == 1
    world.drain_passes()
    assert world.phones() == ("111", "111")
    assert world.outcome_list("CUSTOMER") == []


def test_an_ignored_record_is_not_among_those_tried_again(world):
    parked(world)
    world.decisions.ignore("CUSTOMER", world.only().key, ignored=True)
    assert world.decisions.retry_group().total == 0
    world.decisions.ignore("CUSTOMER", world.only().key, ignored=False)
    assert world.decisions.retry_group(code="other").total == 0
    assert world.decisions.retry_group().records == {"CUSTOMER": 1}


def test_records_taken_apart_are_tried_again_only_where_that_is_said(world):
    world.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": "1"})
    world.crm.delete("accounts", world.accounts()[0]["accountid"])
    world.passes()
    world.decisions.uncouple("CUSTOMER", world.only().key)
    world.drain_passes()
    assert world.only().code == UNCOUPLED
    assert world.decisions.retry_group().total == 0
    assert world.decisions.retry_group(mapping="CUSTOMER").total == 0
    assert world.decisions.retry_group(code=UNCOUPLED).total == 1
    world.drain_passes()
    assert len(world.accounts()) == 1


# a service that fails on one record


def test_a_record_that_a_service_fails_on_is_tried_again_by_itself_later_and_later(world):
    world.bc.put("customers", bc_customer("20000"))
    world.passes()
    world.crm.not_processed = lambda write: (
        WriteStatus.FAILED if write.values.get("telephone1") == "111" else None
    )
    world.bc.put("customers", {"id": CUSTOMER_ID, "phoneNumber": "111"})
    world.bc.put("customers", {"id": bc_customer("20000")["id"], "phoneNumber": "222"})
    world.passes()
    assert world.only().code.startswith("service-failed")
    assert {each["telephone1"] for each in world.accounts()} == {"", "222"}
    assert world.hints.due("CUSTOMER", world.now() + timedelta(seconds=50), 9) == []
    world.crm.not_processed = lambda write: None
    world.pass_time(61)
    world.passes()
    assert world.outcome_list("CUSTOMER") == []
    assert {each["telephone1"] for each in world.accounts()} == {"111", "222"}


def test_nothing_can_be_decided_about_a_record_without_outcome(world):
    key = ("bc", CUSTOMER_ID)
    with pytest.raises(RefusedRequestError) as refused:
        world.decisions.retry("CUSTOMER", key)
    assert refused.value.status == 404
    with pytest.raises(RefusedRequestError):
        world.decisions.uncouple("CUSTOMER", key)
    with pytest.raises(RefusedRequestError):
        world.decisions.ignore("CUSTOMER", key, ignored=True)


@SIDES
def test_records_that_a_person_took_apart_stay_apart_until_either_changes(world, side):
    world.edit(bc="1", crm="2")
    world.passes()
    world.decisions.uncouple("CUSTOMER", world.only().key)
    world.drain_passes()
    for _ in range(2):
        world.synchronize("CUSTOMER")  # which meets every record
    assert list(world.couplings.scan("CUSTOMER")) == []
    assert [each.code for each in world.outcome_list("CUSTOMER")] == ["uncoupled", "uncoupled"]
    if side == "bc":
        world.bc.put("customers", {"id": CUSTOMER_ID, "city": "Leeds"})
    else:
        (account,) = world.accounts()
        world.crm.put("accounts", {"accountid": account["accountid"], "address1_city": "Leeds"})
    world.synchronize("CUSTOMER")
    assert len(list(world.couplings.scan("CUSTOMER"))) == 1
    assert len(world.accounts()) == 1


def test_records_to_be_taken_apart_are_so_although_the_worker_dies_at_it(world, monkeypatch):
    """Found by the simulation: a worker that had said that the records are apart, and died before
    it parted them, left nobody who knew that they were to be."""
    world.edit(bc="1", crm="2")
    world.passes()
    world.decisions.uncouple("CUSTOMER", world.only().key)
    with monkeypatch.context() as dying:
        dying.setattr(CouplingStore, "uncouple", _die)
        world.pass_worker().handle("CUSTOMER")
    assert len(list(world.couplings.scan("CUSTOMER"))) == 1
    world.pass_time(61)
    world.passes()
    assert list(world.couplings.scan("CUSTOMER")) == []
    assert [each.code for each in world.outcome_list("CUSTOMER")] == ["uncoupled", "uncoupled"]


def _die(*_: object) -> None:
    raise TransientError("storage-unavailable", "The process died.")


@SIDES
def test_a_restoration_that_did_not_live_to_couple_its_record_is_not_copied_back(world, side):
    """Found by the simulation (seed 1027): the restored record looked like a new one."""
    world.policies = {"deletion_conflict": DeletionConflict.RESTORE}
    world.synchronize("CUSTOMER")
    (coupling,) = world.couplings.scan("CUSTOMER")
    delete(world, side)
    if side == "bc":
        made = world.ids().of("CUSTOMER", "crm", coupling.crm_id)
        world.bc.put("customers", bc_customer("30000") | {"id": made})
    else:
        made = world.ids().of("CUSTOMER", "bc", coupling.bc_id)
        world.crm.put("accounts", crm_account(1, accountid=made, accountnumber="10000"))
    world.synchronize("CUSTOMER")
    world.passes()
    assert len(world.accounts()) == 1
    assert len(world.bc.tables["customers"]) == 1
    assert len(list(world.couplings.scan("CUSTOMER"))) == 1
