"""The orchestration of a run, replayed by the SDK in virtual time, its activity scripted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sync.functions import blueprint
from sync.orchestration import ADVANCE, ORCHESTRATOR, over_event
from tests.support.durable_driver import Driver

WATCH_SECONDS = 30
RUN = {
    "tenant": "t",
    "connection": "demo",
    "run": "r",
    "generation": 0,
    "watch_seconds": WATCH_SECONDS,
}
INSTANCE = "r~0"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Lines:
    """Table jobs that are over at certain moments, as the activity sees them."""

    def __init__(self, over_after: dict[str, float]) -> None:
        self.over_after = over_after
        self.driver = Driver(blueprint, activities={ADVANCE: self.advance}, start_time=START)
        self.before_look: Callable[[], object] = lambda: None
        self.looks: list[tuple[float, bool]] = []
        """When the activity looked, in seconds, and whether it was by itself."""

    def seconds(self) -> float:
        return (self.driver.now - START).total_seconds()

    def advance(self, run: dict[str, Any]) -> dict[str, Any]:
        self.looks.append((self.seconds(), run["by_itself"]))
        self.before_look()
        working = [name for name, end in self.over_after.items() if self.seconds() < end]
        return {"end": None if working else "finished", "working": working}

    def tell(self, name: str) -> None:
        """The worker's event, at the moment when the line is over."""
        delay = self.over_after[name] - self.seconds()
        self.driver.raise_event(INSTANCE, over_event(name), name, delay=delay)

    def run(self, **options: Any) -> None:
        self.driver.start(ORCHESTRATOR, RUN, INSTANCE)
        self.driver.run(**options)

    @property
    def status(self) -> tuple[str, Any]:
        status = self.driver.status(INSTANCE)
        return status.runtime_status, status.output


def test_a_run_is_advanced_at_once_and_ends_with_its_state():
    lines = Lines({})
    lines.run()
    assert lines.looks == [(0, False)]
    assert lines.status == ("Completed", "finished")


def test_the_activity_is_told_which_run_to_advance():
    lines = Lines({})
    lines.run()
    assert lines.driver.calls == [(ADVANCE, RUN | {"by_itself": False})]


def test_the_end_of_a_table_job_wakes_the_run():
    lines = Lines({"CURRENCY": 3, "CUSTOMER": 7})
    lines.driver.start(ORCHESTRATOR, RUN, INSTANCE)
    for name in lines.over_after:
        lines.tell(name)
    lines.driver.run()
    assert lines.looks == [(0, False), (3, False), (7, False)]
    assert lines.status == ("Completed", "finished")


def test_a_mapping_s_name_may_hold_blanks():
    lines = Lines({"UNIT OF MEASURE": 3})
    lines.driver.start(ORCHESTRATOR, RUN, INSTANCE)
    lines.tell("UNIT OF MEASURE")
    lines.driver.run()
    assert lines.looks == [(0, False), (3, False)]


def test_a_lost_event_costs_one_watch_interval():
    lines = Lines({"CURRENCY": 3})
    lines.run()
    assert lines.looks == [(0, False), (WATCH_SECONDS, True)]
    assert lines.status == ("Completed", "finished")


def test_an_event_after_many_looks_by_itself_still_wakes_the_run():
    lines = Lines({"CURRENCY": 100})
    lines.driver.start(ORCHESTRATOR, RUN, INSTANCE)
    lines.tell("CURRENCY")
    lines.driver.run()
    assert lines.looks[-2:] == [(90, True), (100, False)]


def test_an_event_that_comes_while_the_run_is_being_advanced_is_not_lost():
    """The activity saw the line at work; it ended before the orchestration awaited its end."""
    lines = Lines({"CURRENCY": 0.5})

    def ends_meanwhile() -> None:
        if len(lines.looks) == 1:
            lines.driver.raise_event(INSTANCE, over_event("CURRENCY"), "CURRENCY")
            lines.driver.now = lines.driver.now.replace(second=0, microsecond=400_000)

    lines.before_look = ends_meanwhile
    lines.run(until=WATCH_SECONDS - 1)
    assert len(lines.looks) > 1
    assert lines.looks[1][0] < 1


def test_two_ends_at_the_same_moment_both_count():
    lines = Lines({"CURRENCY": 3, "SALESPEOPLE": 3})
    lines.driver.start(ORCHESTRATOR, RUN, INSTANCE)
    for name in lines.over_after:
        lines.tell(name)
    lines.driver.run()
    assert lines.looks[-1][0] == 3
    assert lines.status == ("Completed", "finished")


def test_an_activity_that_fails_is_tried_again_at_the_next_look():
    lines = Lines({"CURRENCY": 5})

    def storage_is_away() -> None:
        if len(lines.looks) <= 2:
            raise ConnectionError("the storage is away")

    lines.before_look = storage_is_away
    lines.run()
    assert lines.looks == [(0, False), (WATCH_SECONDS, True), (2 * WATCH_SECONDS, True)]
    assert lines.status == ("Completed", "finished")


@pytest.mark.parametrize("turns", [4, 5, 6, 12])
def test_a_long_run_begins_a_new_history_and_loses_no_event(turns, monkeypatch):
    monkeypatch.setattr("sync.orchestration._TURNS_PER_EXECUTION", 5)
    lines = Lines({"CURRENCY": (turns - 1) * WATCH_SECONDS + 10})
    lines.driver.start(ORCHESTRATOR, RUN, INSTANCE)
    lines.tell("CURRENCY")
    lines.driver.run()
    assert lines.looks[-1] == (lines.over_after["CURRENCY"], False)
    assert len(lines.looks) == turns + 1
    assert all(by_itself for _, by_itself in lines.looks[1:-1])
    assert lines.status == ("Completed", "finished")
    assert len(lines.driver.status(INSTANCE).history) < 45


def test_an_event_of_a_run_that_is_over_does_no_harm():
    lines = Lines({})
    lines.run()
    lines.driver.raise_event(INSTANCE, over_event("CURRENCY"), "CURRENCY")
    lines.driver.run()
    assert lines.status == ("Completed", "finished")


def test_the_same_events_lead_to_the_same_turns():
    """The driver also checks at every turn that what was decided before is decided again."""

    def looks() -> list[tuple[float, bool]]:
        lines = Lines({"CURRENCY": 3, "CUSTOMER": 64, "CONTACT": 65})
        lines.driver.start(ORCHESTRATOR, RUN, INSTANCE)
        for name in lines.over_after:
            lines.tell(name)
        lines.driver.run()
        return lines.looks

    assert looks() == looks()
