from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from errors import RefusedRequestError
from tests.fakes.hooked import HookedTable
from web.idempotency import (
    KEPT_FOR,
    LONGEST_CALL,
    Claim,
    Claims,
    KeptAnswer,
    KeyedCall,
    KeyInUseError,
)

CALL = KeyedCall(route="start", subject="s", key="k", request="digest")
ANSWER = KeptAnswer(
    status=202, mimetype="application/json", headers={"Location": "/x"}, body='{"a": "é"}'
)


class Clock:
    now = datetime(2026, 3, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def table(open_table):
    return HookedTable(open_table())


@pytest.fixture
def claims(table, clock):
    return Claims(table, clock)


def claimed(claims: Claims) -> Claim:
    claim = claims.claim(CALL)
    assert isinstance(claim, Claim)
    return claim


def test_a_kept_answer_is_given_to_the_same_call(claims):
    claims.keep(claimed(claims), ANSWER)
    assert claims.claim(CALL) == ANSWER


def test_a_released_key_may_be_claimed_again(claims):
    claims.release(claimed(claims))
    claimed(claims)


def test_of_calls_at_once_one_gets_the_claim(claims):
    def attempt(_: int) -> bool:
        try:
            return isinstance(claims.claim(CALL), Claim)
        except KeyInUseError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_of_calls_at_once_one_takes_a_dead_calls_claim_over(claims, clock, table):
    claimed(claims)
    clock.now += LONGEST_CALL
    winners = []
    table.before("replace", lambda: winners.append(claims.claim(CALL)))
    with pytest.raises(KeyInUseError):
        claims.claim(CALL)
    assert isinstance(winners[0], Claim)


def test_a_call_that_was_taken_for_dead_spoils_nothing(claims, clock):
    dead = claimed(claims)
    clock.now += LONGEST_CALL
    living = claimed(claims)
    claims.keep(dead, ANSWER)
    with pytest.raises(KeyInUseError):
        claims.claim(CALL)
    claims.release(dead)
    with pytest.raises(KeyInUseError):
        claims.claim(CALL)
    claims.keep(living, ANSWER)
    assert claims.claim(CALL) == ANSWER


@pytest.mark.parametrize("verb", ["insert", "replace"])
def test_a_claim_whose_answer_was_lost_is_recognised(claims, clock, table, verb):
    if verb == "replace":
        claimed(claims)
        clock.now += LONGEST_CALL
    table.lose_answer(verb)
    claims.keep(claimed(claims), ANSWER)
    assert claims.claim(CALL) == ANSWER


def test_another_request_is_refused_for_a_day(claims, clock):
    other = KeyedCall(route="start", subject="s", key="k", request="other")
    claimed(claims)
    clock.now += KEPT_FOR - timedelta(seconds=1)
    with pytest.raises(RefusedRequestError) as refused:
        claims.claim(other)
    assert refused.value.code == "idempotency-key-reused"
    clock.now += timedelta(seconds=1)
    assert isinstance(claims.claim(other), Claim)


def test_the_longest_answer_that_can_be_kept_fits_a_row(claims):
    longest = KeptAnswer(status=200, mimetype="application/json", headers={}, body="é" * 30_000)
    assert longest.can_be_kept
    claims.keep(claimed(claims), longest)
    assert claims.claim(CALL) == longest
    longer = KeptAnswer(status=200, mimetype="application/json", headers={}, body="é" * 30_001)
    assert not longer.can_be_kept
