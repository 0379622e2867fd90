from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.business_central_batch import (
    MOST_OPERATIONS,
    Operation,
    OperationAnswer,
    decode,
    encode,
)

READ = Operation(method="GET", path="companies(1)/items")


def test_a_batch_is_spelled_as_documented():
    write = Operation(
        method="PATCH", path="companies(1)/items(2)", headers={"If-Match": "*"}, body={"a": "ä"}
    )
    assert json.loads(encode([READ, write])) == {
        "requests": [
            {"id": "0", "method": "GET", "url": "companies(1)/items", "headers": {}},
            {
                "id": "1",
                "method": "PATCH",
                "url": "companies(1)/items(2)",
                "headers": {"If-Match": "*"},
                "body": {"a": "ä"},
            },
        ]
    }


@pytest.mark.parametrize("count", [0, MOST_OPERATIONS + 1])
def test_a_batch_is_neither_empty_nor_over_the_limit(count):
    with pytest.raises(ValueError, match="1 to 100"):
        encode([READ] * count)


@settings(deadline=None)  # machines are shared: one slow example is no failure
@given(
    st.lists(st.integers(200, 599), max_size=30).flatmap(
        lambda statuses: st.tuples(st.just(statuses), st.permutations(range(len(statuses))))
    )
)
def test_answers_are_found_by_their_id_in_whatever_order(case):
    statuses, order = case
    responses = [{"id": str(at), "status": statuses[at], "body": {"n": at}} for at in order]
    assert decode({"responses": responses}, len(statuses)) == [
        OperationAnswer(status=status, headers={}, body={"n": at})
        for at, status in enumerate(statuses)
    ]


def test_an_unanswered_operation_is_none():
    answer = {"responses": [{"id": "1", "status": 200, "headers": {"ETag": "x"}, "body": None}]}
    assert decode(answer, 3) == [
        None,
        OperationAnswer(status=200, headers={"etag": "x"}, body=None),
        None,
    ]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"responses": {}},
        {"responses": ["x"]},
        {"responses": [{"status": 200}]},
        {"responses": [{"id": None, "status": 200}]},
        {"responses": [{"id": "0"}]},
        {"responses": [{"id": "2", "status": 200}]},
        {"responses": [{"id": "-1", "status": 200}]},
        {"responses": [{"id": "0", "status": 200}, {"id": "0", "status": 200}]},
        {"responses": [{"id": "0", "status": 200, "headers": []}, 3]},
    ],
)
def test_anything_else_is_refused(answer):
    with pytest.raises(ValueError):
        decode(answer, 2)
