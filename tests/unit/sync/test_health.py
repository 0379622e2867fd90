"""Whether a connection's passes may run, and when the next ones are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from errors import AuthorizationError
from sync.health import HealthStore
from tests.fakes.tables import MemoryAccount
from tests.support.table_jobs import TENANT

NOW = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
PERIOD = timedelta(minutes=5)
REFUSED = AuthorizationError("secret-refused", "Entra ID refused the secret.", hint="Renew it.")


@pytest.fixture
def store() -> HealthStore:
    return HealthStore(MemoryAccount().table("watermarks", TENANT), "demo")


def test_the_first_passes_are_due_at_once_and_the_next_ones_a_period_later(store):
    assert store.claim_due(PERIOD, NOW)
    assert not store.claim_due(PERIOD, NOW + PERIOD - timedelta(seconds=1))
    assert store.claim_due(PERIOD, NOW + PERIOD)


def test_a_shorter_period_counts_at_once(store):
    store.claim_due(PERIOD, NOW)
    assert store.claim_due(timedelta(seconds=15), NOW + timedelta(seconds=15))


def test_of_two_timers_at_once_one_sends(store, monkeypatch):
    read = store.load()
    assert store.claim_due(PERIOD, NOW)
    monkeypatch.setattr(store, "load", lambda: read)
    assert not store.claim_due(PERIOD, NOW)


def test_what_a_person_must_mend_is_told_once_and_looked_at_with_growing_intervals(store):
    waits = []
    moment = NOW
    for _ in range(12):
        store.stop(REFUSED, moment)
        stopped = store.load()
        assert (stopped.code, stopped.message, stopped.hint) == (
            "secret-refused",
            "Entra ID refused the secret.",
            "Renew it.",
        )
        assert stopped.stopped_at == NOW
        waits.append(stopped.probe_at - moment)
        moment = stopped.probe_at
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert max(waits) == timedelta(hours=1)


def test_stopped_passes_are_not_sent_for_until_it_is_time_to_look(store):
    store.stop(REFUSED, NOW)
    assert not store.claim_due(PERIOD, NOW + timedelta(seconds=30))
    assert store.claim_due(PERIOD, NOW + PERIOD + timedelta(minutes=1))


def test_the_first_pass_that_works_ends_it(store):
    store.stop(REFUSED, NOW)
    store.resume()
    assert not store.load().is_stopped
    assert store.load().may_try(NOW)
