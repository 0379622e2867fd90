"""What every call goes through: role, audit trail, idempotency key."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from audit.model import Entry
from audit.trail import Sought
from errors import RefusedRequestError, TransientError
from identity.model import Role
from tests.unit.web.callers import document, request
from web import answers
from web.edge import Request, admitted
from web.idempotency import KEPT_FOR, LONGEST_CALL
from web.limits import RequestLimit
from web.request import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    name: str = "nothing"


START = Route(
    function="start",
    method="POST",
    path="connections/{connection_id}/things/{thing}",
    role=Role.OPERATOR,
    body=Things,
    idempotent=True,
)
PATH = {"connection_id": "cronus", "thing": "first"}


class Starts:
    """A trigger that counts how often it was carried out."""

    def __init__(self) -> None:
        self.count = 0
        self.error: BaseException | None = None
        self.within: Any = None
        self.rule = START

    def __call__(self, body: bytes = b"", **headers: Any) -> func.HttpResponse:
        raw = request(body, path=PATH, query=None, **headers)
        answer: func.HttpResponse = admitted(self.rule, self._start)(raw)
        return answer

    def _start(self, req: Request) -> func.HttpResponse:
        self.count += 1
        req.audit(number=self.count)
        if self.within:
            self.within()
        if self.error:
            raise self.error
        return answers.accepted("/api/things/first", {"count": self.count})


class DeadError(BaseException):
    """The process ends here; no handler of errors runs."""


@pytest.fixture
def start():
    return Starts()


def entries(storage: Any) -> list[Entry]:
    found: list[Entry] = storage.trail.list_page(Sought(), limit=100, continuation=None).entries
    return found


# Roles


@pytest.mark.parametrize(
    ("role", "needed", "code"),
    [
        ("reader", Role.READER, None),
        ("operator", Role.READER, None),
        ("administrator", Role.READER, None),
        ("reader", Role.OPERATOR, "role-insufficient"),
        ("operator", Role.OPERATOR, None),
        ("administrator", Role.OPERATOR, None),
        ("operator", Role.ADMINISTRATOR, "role-insufficient"),
        ("administrator", Role.ADMINISTRATOR, None),
        ("none", Role.READER, "role-missing"),
    ],
)
def test_a_caller_needs_the_routes_role_or_a_higher_one(start, role, needed, code):
    start.rule = replace(START, role=needed)
    answer = start(authorization=f"Bearer {role}")
    assert start.count == (0 if code else 1)
    if code:
        assert (answer.status_code, document(answer)["code"]) == (403, code)
        assert needed.value in document(answer)["detail"]


def test_a_refusal_names_the_app_role_to_ask_for(start):
    start.rule = replace(START, role=Role.ADMINISTRATOR)
    assert "Sync.Admin" in document(start())["hint"]


def test_the_role_is_looked_at_before_the_body(start):
    assert start(b"{", authorization="Bearer reader").status_code == 403


# The audit trail


def test_a_call_is_told_with_who_and_what_and_how_it_ended(storage, start):
    answer = start(x_correlation_id="correlated-1")
    [entry] = entries(storage)
    assert (entry.subject, entry.name) == ("operator-id", "operator@cronus.example")
    assert (entry.role, entry.is_application) == (Role.OPERATOR, False)
    assert (entry.action, entry.connection, entry.targets) == (
        "start",
        "cronus",
        {"thing": "first"},
    )
    assert (entry.status, entry.code) == (answer.status_code, "")
    assert (entry.facts, entry.correlation_id) == ({"number": 1}, "correlated-1")


def test_the_row_is_there_before_the_call_is_carried_out(storage, start):
    seen = []
    start.within = lambda: seen.extend(entries(storage))
    start()
    assert [entry.status for entry in seen] == [None]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {"authorization": "Bearer none"}, 403, "role-missing"),
        (b"", {"authorization": "Bearer reader"}, 403, "role-insufficient"),
        (b"{", {}, 400, "malformed-json"),
        (b'{"nmae": "x"}', {"idempotency_key": "é"}, 400, "idempotency-key-malformed"),
    ],
)
def test_a_refused_call_is_told_with_its_problem(storage, start, body, headers, status, code):
    start(body, **headers)
    [entry] = entries(storage)
    assert (entry.status, entry.code) == (status, code)
    assert start.count == 0


def test_a_failed_call_is_told_with_its_problem(storage, start):
    start.error = RuntimeError("a defect")
    start()
    [entry] = entries(storage)
    assert (entry.status, entry.code, entry.facts) == (500, "unexpected-error", {"number": 1})


def test_what_is_not_authenticated_leaves_no_row(storage, start):
    assert start(authorization="Bearer forged").status_code == 401
    assert entries(storage) == []


def test_what_only_reads_leaves_no_row(storage, start):
    start.rule = replace(START, method="GET", idempotent=False)
    assert start().status_code == 202
    assert entries(storage) == []


def test_a_call_beyond_the_request_rate_costs_no_row(storage, start, monkeypatch):
    limit = RequestLimit(per_second=1, burst=1, clock=lambda: 0.0)
    monkeypatch.setattr("web.call.request_limit", lambda: limit)
    assert [start().status_code for _ in range(2)] == [202, 429]
    assert len(entries(storage)) == 1


def failing_writes(storage, verb: str) -> None:
    def watch(moment: str, done: Any) -> bool:
        if (moment, done.table, done.verb) == ("before", "audit", verb):
            raise TransientError("storage-away", "Storage is away.")
        return False

    storage.watch = watch


def test_what_cannot_be_audited_is_not_carried_out(storage, start):
    failing_writes(storage, "upsert")
    answer = start()
    assert (answer.status_code, document(answer)["code"]) == (503, "storage-away")
    assert start.count == 0


def test_what_was_done_is_answered_although_its_row_cannot_be_completed(storage, start, caplog):
    failing_writes(storage, "update")
    answer = start(x_correlation_id="correlated-1")
    assert (answer.status_code, start.count) == (202, 1)
    [entry] = entries(storage)
    assert entry.status is None
    assert "audit trail" in caplog.text
    assert "correlated-1" in caplog.text


def test_a_call_whose_process_died_is_told_as_one_whose_end_nobody_knows(storage, start):
    start.error = DeadError()
    with pytest.raises(DeadError):
        start()
    [entry] = entries(storage)
    assert (entry.action, entry.status) == ("start", None)


# Idempotency keys


def test_a_call_sent_again_under_its_key_is_answered_again_and_carried_out_once(storage, start):
    first, second = (start(b'{"name": "x"}', idempotency_key="k") for _ in range(2))
    assert start.count == 1
    assert first.get_body() == second.get_body()
    assert (first.status_code, first.mimetype) == (second.status_code, second.mimetype)
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["x-correlation-id"] != second.headers["x-correlation-id"]
    assert [entry.facts.get("replayed", False) for entry in entries(storage)] == [True, False]


def test_the_same_request_written_otherwise_is_the_same(start):
    for body in (b'{"name": "x"}', b' {"name":"\\u0078"}'):
        start(body, idempotency_key="k")
    assert start.count == 1


def test_without_a_key_every_call_is_carried_out(start):
    for _ in range(2):
        start()
    assert start.count == 2


def test_another_request_under_a_used_key_is_refused(start):
    start(b'{"name": "x"}', idempotency_key="k")
    answer = start(b'{"name": "y"}', idempotency_key="k")
    assert (answer.status_code, document(answer)["code"]) == (422, "idempotency-key-reused")
    assert start.count == 1


def test_a_key_is_its_callers_and_its_routes_own(start):
    start(idempotency_key="k")
    start(idempotency_key="k", authorization="Bearer administrator")
    start.rule = replace(START, function="start_otherwise")
    start(idempotency_key="k")
    assert start.count == 3


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "a\tb", "\x7f"])
def test_a_malformed_key_is_refused(start, key):
    answer = start(idempotency_key=key)
    assert (answer.status_code, document(answer)["code"]) == (400, "idempotency-key-malformed")


def test_a_key_may_have_128_characters(start):
    assert start(idempotency_key="~" * 128).status_code == 202


def test_a_route_that_takes_no_key_ignores_one(storage, start):
    start.rule = replace(START, idempotent=False)
    for _ in range(2):
        start(idempotency_key="k")
    assert start.count == 2


@pytest.mark.parametrize(
    "error", [RefusedRequestError(409, "busy", "text"), TransientError("away", "text")]
)
def test_what_was_refused_or_failed_may_be_tried_again_under_its_key(start, error):
    start.error = error
    assert start(idempotency_key="k").status_code in (409, 503)
    start.error = None
    answer = start(idempotency_key="k")
    assert (answer.status_code, start.count) == (202, 2)
    assert "Idempotent-Replayed" not in answer.headers


def test_while_the_call_is_carried_out_its_repetition_is_told_to_come_again(start):
    during = []

    def again() -> None:
        start.within = None
        during.append(start(idempotency_key="k"))

    start.within = again
    assert start(idempotency_key="k").status_code == 202
    [answer] = during
    assert (answer.status_code, document(answer)["code"]) == (409, "idempotency-key-in-use")
    assert int(answer.headers["Retry-After"]) > 0
    assert start.count == 1


def test_of_many_calls_at_once_one_is_carried_out(start):
    together = threading.Barrier(8)
    statuses: list[int] = []

    def send() -> None:
        together.wait(10)
        statuses.append(start(idempotency_key="k").status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert start.count == 1
    assert set(statuses) <= {202, 409}
    assert len(statuses) == 8


def test_after_a_crash_the_key_is_taken_over_once_the_call_cannot_be_alive(storage, start):
    start.error = DeadError()
    with pytest.raises(DeadError):
        start(idempotency_key="k")
    start.error = None
    storage.now += LONGEST_CALL - timedelta(seconds=1)
    assert start(idempotency_key="k").status_code == 409
    storage.now += timedelta(seconds=1)
    assert start(idempotency_key="k").status_code == 202
    assert start(idempotency_key="k").headers["Idempotent-Replayed"] == "true"
    assert start.count == 2


def test_a_key_is_forgotten_after_a_day(storage, start):
    start(b'{"name": "x"}', idempotency_key="k")
    storage.now += KEPT_FOR
    assert start(b'{"name": "y"}', idempotency_key="k").status_code == 202
    assert start.count == 2


def test_what_was_done_is_answered_although_its_answer_cannot_be_kept(storage, start, caplog):
    def watch(moment: str, done: Any) -> bool:
        if (moment, done.table, done.verb) == ("before", "idempotency", "update"):
            raise TransientError("storage-away", "Storage is away.")
        return False

    storage.watch = watch
    assert start(idempotency_key="k").status_code == 202
    assert "keeping the answer" in caplog.text


async def test_a_coroutine_is_audited_and_replayed_alike(storage):
    count = 0

    async def begin(req: Request) -> func.HttpResponse:
        nonlocal count
        count += 1
        return answers.accepted("/api/x", {})

    trigger = admitted(replace(START, body=Things), begin)
    first = await trigger(request(path=PATH, idempotency_key="k"))
    second = await trigger(request(path=PATH, idempotency_key="k"))
    assert (first.status_code, second.status_code, count) == (202, 202, 1)
    assert [entry.status for entry in entries(storage)] == [202, 202]


@pytest.mark.parametrize("point", range(9))
def test_wherever_the_process_dies_nothing_is_done_unseen_and_the_call_can_be_sent_again(
    storage, start, point
):
    passed = 0

    def die(moment: str, done: Any) -> bool:
        nonlocal passed
        if done.writes:
            passed += 1
            if passed == point + 1:
                raise DeadError
        return False

    storage.watch = die
    with suppress(DeadError):
        start(idempotency_key="k")
    died_at, storage.watch = passed, lambda *_: False
    assert died_at == min(point + 1, 8)  # before and after each of four writes
    carried_out = start.count
    assert len(entries(storage)) >= carried_out

    storage.now += LONGEST_CALL
    answer = start(idempotency_key="k")
    assert answer.status_code == 202
    assert start.count == (2 if point == 4 else 1)  # 4: done, and not yet kept under the key
    assert start(idempotency_key="k").headers["Idempotent-Replayed"] == "true"
