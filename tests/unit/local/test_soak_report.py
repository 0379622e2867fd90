from __future__ import annotations

from local.soak_oracle import Report
from local.soak_report import report_of

FIELD = {"bc_field": "city", "crm_column": "address1_city", "bc_value": "Ely", "crm_value": "Hull"}
OUTCOME = {
    "mapping": "CUSTOMER",
    "side": "bc",
    "record_id": "bc-1",
    "partner_id": "crm-1",
    "kind": "conflict",
    "code": "update-conflict",
    "waits_for": {"mappings": [], "ref": ""},
}


def test_a_conflict_is_reported_with_both_records_and_the_values_that_are_held():
    settled = FIELD | {"bc_field": "state", "winner": "to_crm"}
    outcome = OUTCOME | {"fields": [FIELD | {"winner": None}, settled]}
    assert report_of(outcome) == Report(
        mapping="CUSTOMER",
        ids=frozenset({"bc-1", "crm-1"}),
        kind="conflict",
        code="update-conflict",
        values={"city": ("Ely", "Hull")},
    )


def test_a_record_without_partner_is_reported_alone():
    report = report_of(OUTCOME | {"partner_id": "", "kind": "skipped", "fields": []})
    assert report.ids == {"bc-1"}
    assert report.values == {}


def test_a_waiting_record_is_reported_with_what_it_waits_for():
    waits = {"mappings": ["CUSTOMER"], "ref": "crm-2"}
    report = report_of(OUTCOME | {"kind": "waiting", "fields": [], "waits_for": waits})
    assert report.waits_for == "crm-2"
