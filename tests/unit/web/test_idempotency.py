from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from web.idempotency import LONGEST_CALL, KeyedCall, digest_of

HOST = Path(__file__).resolve().parents[3] / "host.json"


def test_a_claim_is_not_taken_over_while_its_function_may_run():
    hours, minutes, seconds = map(int, json.loads(HOST.read_text())["functionTimeout"].split(":"))
    assert timedelta(hours=hours, minutes=minutes, seconds=seconds) < LONGEST_CALL


def test_requests_are_told_apart_by_path_query_and_body():
    digests = {
        digest_of({"a": "1"}, {}, {}),
        digest_of({}, {"a": "1"}, {}),
        digest_of({}, {}, {"a": "1"}),
        digest_of({}, {}, {"a": 1}),
        digest_of({}, {}, {}),
        digest_of({}, {}, []),
        digest_of({}, {}, "text"),
        digest_of({}, {}, "not UTF-8: \udce9"),
    }
    assert len(digests) == 8
    assert digest_of({}, {}, {"a": 1, "b": 2}) == digest_of({}, {}, {"b": 2, "a": 1})


def test_keys_of_different_callers_never_meet():
    def key(subject: str, key: str) -> str:
        return KeyedCall(route="r", subject=subject, key=key, request="").row_key

    assert key("a", "bc") != key("ab", "c")
    assert "secret-key" not in key("a", "secret-key")
