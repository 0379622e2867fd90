from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from local import one_pass
from local.coupler_client import CouplerClient
from local.one_pass import await_pass, next_second

ASKED_AT = datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)
EARLIER, LATER = "2026-07-01T12:00:04+00:00", "2026-07-01T12:00:05+00:00"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "_POLL_SECONDS", 0.0)


def table(state: str, succeeded_at: str | None) -> dict[str, Any]:
    return {"mapping": "CUSTOMER", "state": state, "last_succeeded_at": succeeded_at}


class Client:
    """Tells one answer after the other, the last one for ever."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers = list(answers)

    def tables(self, _connection: str) -> dict[str, Any]:
        return {"tables": self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]}


def awaited(*answers: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    seen: list[Any] = []
    client = cast(CouplerClient, Client(*answers))
    await_pass(client, "c1", ASKED_AT, seen.append, seconds=0.05)
    return seen


def test_a_pass_is_over_when_every_table_succeeded_since_it_was_asked_for():
    answers = (
        [table("in-step", EARLIER)],
        [table("in-process", EARLIER)],
        [table("in-process", LATER)],
        [table("in-step", LATER)],
    )
    assert awaited(*answers) == list(answers)


def test_tables_that_were_never_synchronized_take_no_part():
    assert len(awaited([table("new", None), table("in-step", LATER)])) == 1


@pytest.mark.parametrize("state", ["retrying", "stopped", "in-process"])
def test_a_pass_that_does_not_end_is_told_with_its_table(state):
    with pytest.raises(TimeoutError, match=f"CUSTOMER is {state}"):
        awaited([table(state, None)])


def test_the_next_second_is_a_whole_one_and_has_begun():
    moment = next_second()
    assert moment.microsecond == 0
    assert (datetime.now(UTC) - moment).total_seconds() < 0.5
