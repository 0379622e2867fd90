"""Orchestrations that ended long ago are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from upkeep.functions import forget_histories

NOW = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)


class Starter:
    """Durable Functions, as far as histories are purged; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def purge_instance_history_by(self, **asked: Any) -> SimpleNamespace:
        self.asked.append(asked)
        return SimpleNamespace(instances_deleted=3)


async def test_those_are_purged_that_ended_and_are_as_old_as_runs_may_be(caplog):
    caplog.set_level("INFO")
    starter = Starter()
    await forget_histories(starter, 90, NOW)
    [asked] = starter.asked
    assert asked["created_time_to"] == NOW - timedelta(days=90)
    assert asked["created_time_from"] < NOW - timedelta(days=2000)
    named = {each.value for each in asked["runtime_status"]}
    assert named == {"Completed", "Failed", "Canceled", "Terminated"}
    assert "3 orchestrations" in caplog.text


async def test_they_are_kept_where_runs_are_kept_for_ever():
    starter = Starter()
    await forget_histories(starter, 0, NOW)
    assert starter.asked == []
