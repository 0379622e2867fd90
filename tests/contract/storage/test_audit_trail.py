from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from audit.trail import AuditTrail, Sought
from tests.unit.audit.test_trail import ENTRY, NOON


def test_the_trail_is_read_as_it_was_written_page_by_page(open_table):
    trail = AuditTrail(open_table())
    entries = [
        replace(ENTRY, at=NOON + timedelta(minutes=n), action=f"do{n % 2}") for n in range(5)
    ]
    references = [trail.begin(entry) for entry in entries]
    trail.complete(references[4], status=202, code="", facts={"run": "r1", "lines": 3})
    ended = replace(entries[4], status=202, facts={"run": "r1", "lines": 3})
    first = trail.list_page(Sought(), limit=3, continuation=None)
    assert first.entries == [ended, entries[3], entries[2]]
    second = trail.list_page(Sought(), limit=3, continuation=first.continuation)
    assert (second.entries, second.continuation) == ([entries[1], entries[0]], None)


def test_filters_are_applied_by_the_service_and_beside_it(open_table):
    trail = AuditTrail(open_table())
    for minutes, name in enumerate(("anna", "bert", "anna")):
        at = NOON + timedelta(minutes=minutes)
        trail.begin(replace(ENTRY, at=at, name=name, connection=f"c{minutes}"))

    def connections(**sought: Any) -> list[str]:
        page = trail.list_page(Sought(**sought), limit=10, continuation=None)
        return [entry.connection for entry in page.entries]

    assert connections(who="ANNA") == ["c2", "c0"]
    assert connections(connection="c1") == ["c1"]
    assert connections(since=NOON + timedelta(minutes=1)) == ["c2", "c1"]
    assert connections(until=NOON + timedelta(minutes=1)) == ["c1", "c0"]
