"""The guide as people see it: what was found, what is stale, and the one thing to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connections.model import ConnectionState, Incremental
from setup.guide import settings_mark
from setup.guide_documents import guide_document, is_ready, step_document
from setup.guide_store import TABLE, SetupStore
from setup.model import Finding, Result, Step, StepResult
from sync.catalog import DEFAULT_CATALOG, MappingCatalog
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import NOW, TENANT, connection

MARK = "present"
DRAFT = replace(connection(), state=ConnectionState.DRAFT)


def result_of(step: Step, *results: Result, mark: str = MARK) -> StepResult:
    findings = tuple(
        Finding(check=f"check-{at}", result=each, subject="it", message="Wrong.", hint="Mend it.")
        for at, each in enumerate(results)
    )
    return StepResult(step=step, findings=findings, checked_at=NOW, settings_mark=mark)


def all_passed(**others: StepResult) -> dict[Step, StepResult]:
    passed = {step: result_of(step, Result.PASSED) for step in Step}
    return passed | {Step(name.replace("_", "-")): other for name, other in others.items()}


def next_of(results: dict[Step, StepResult], state: ConnectionState = ConnectionState.DRAFT):
    return guide_document(replace(DRAFT, state=state), results, MARK)["next"]


def test_every_step_is_shown_in_order_looked_at_or_not():
    shown = guide_document(DRAFT, {}, MARK)
    assert [step["step"] for step in shown["steps"]] == list(Step)
    assert shown["steps"][0]["checked_at"] is None
    assert not shown["is_ready"]


def test_why_a_connection_is_on_hold_is_shown_before_enabling_it_again():
    held = replace(DRAFT, state=ConnectionState.ON_HOLD, hold_reason="CRM refuses it.")
    shown = guide_document(held, all_passed(), MARK)
    assert shown["hold_reason"] == "CRM refuses it."
    assert shown["next"]["message"].startswith("CRM refuses it. Enable it: POST ")


def test_the_first_failure_is_next_before_anything_unseen():
    results = {
        Step.TABLES: result_of(Step.TABLES, Result.PASSED, Result.FAILED),
        Step.WEBHOOKS: result_of(Step.WEBHOOKS, Result.FAILED),
    }
    assert next_of(results) == {
        "step": "tables",
        "check": "check-1",
        "message": "Wrong. Mend it.",
    }


def test_an_unseen_step_is_next_where_nothing_failed():
    results = all_passed()
    del results[Step.CURRENCIES]
    told = next_of(results)
    assert told["step"] == "currencies"
    assert "POST /api/connections/cronus/setup/currencies" in told["message"]


def test_a_failure_of_other_settings_is_not_to_be_mended_but_looked_at_again():
    stale = result_of(Step.CRM, Result.FAILED, mark="before")
    told = next_of(all_passed(crm=stale))
    assert (told["step"], told["check"]) == ("crm", "")
    assert "before a change" in told["message"]
    assert step_document(Step.CRM, stale, MARK)["is_stale"]


def test_a_ready_connection_is_to_be_enabled_and_an_enabled_one_to_be_left_alone():
    assert "/enable" in next_of(all_passed())["message"]
    assert next_of(all_passed(), ConnectionState.ACTIVE) is None


@pytest.mark.parametrize(
    ("results", "ready"),
    [
        (all_passed(), True),
        (all_passed(webhooks=result_of(Step.WEBHOOKS, Result.WARNING)), True),
        (all_passed(solution=result_of(Step.SOLUTION, Result.NOT_CHECKED)), True),
        (all_passed(tables=result_of(Step.TABLES, Result.FAILED)), False),
        (all_passed(tables=result_of(Step.TABLES, Result.PASSED, mark="before")), False),
        ({}, False),
    ],
)
def test_ready_is_what_enabling_would_take(results, ready):
    assert is_ready(results, MARK) is ready


def test_what_was_found_is_kept_step_by_step_however_much_it_is():
    store = SetupStore(MemoryAccount().table(TABLE, TENANT), "cronus")
    long = replace(
        result_of(Step.TABLES, *[Result.FAILED] * 40),
        findings=tuple(
            Finding(check="privileges", result=Result.FAILED, subject=f"t{at}", message="x" * 900)
            for at in range(80)
        ),
    )
    store.save([result_of(Step.CRM, Result.FAILED), long])
    store.save([result_of(Step.CRM, Result.PASSED)])
    assert store.load() == {Step.CRM: result_of(Step.CRM, Result.PASSED), Step.TABLES: long}
    assert SetupStore(MemoryAccount().table(TABLE, TENANT), "other").load() == {}


def test_the_mark_follows_settings_and_mappings_and_nothing_else():
    mark = settings_mark(DRAFT, DEFAULT_CATALOG)
    for same in (
        replace(DRAFT, state=ConnectionState.ACTIVE, hold_reason="x", name="Another"),
        replace(DRAFT, incremental=Incremental(period_seconds=60)),
    ):
        assert settings_mark(same, DEFAULT_CATALOG) == mark
    for other in (
        replace(DRAFT, crm=replace(DRAFT.crm, url="https://other.crm.dynamics.com")),
        replace(DRAFT, options=replace(DRAFT.options, sales_orders=True)),
    ):
        assert settings_mark(other, DEFAULT_CATALOG) != mark
    fewer = MappingCatalog.of({"CURRENCY": DEFAULT_CATALOG.mappings["CURRENCY"]})
    assert settings_mark(DRAFT, fewer) != mark
