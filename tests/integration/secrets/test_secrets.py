"""Nothing that Coupler leaves behind or says holds a secret, whatever was done and went wrong."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from tests.integration.secrets.life import Life

_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.")
"""Tokens of callers, and those that Coupler got for the services and that nobody else knows."""


def forms(secret: str) -> set[str]:
    """A secret as it may have been written down."""
    return {
        secret,
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode().rstrip("="),
        secret.encode().hex(),
    }


def leaks(life: Life, places: Mapping[str, str]) -> list[str]:
    """Which secret is where."""
    found = [
        f"{what} in {place}"
        for what, secret in life.secrets.items()
        for place, text in places.items()
        if any(form in text for form in forms(secret))
    ]
    return found + [f"a token in {place}" for place, text in places.items() if _TOKEN.search(text)]


def numbered(texts: Iterable[str]) -> dict[str, str]:
    return {f"line {number}: {text[:80]}": text for number, text in enumerate(texts)}


def test_the_scan_finds_a_secret_in_every_form(life: Life):
    assert len(life.secrets) >= 14
    for form in forms(life.secrets["the client secret"]):
        assert leaks(life, {"somewhere": f"before{form}after"}) == [
            "the client secret in somewhere"
        ]
    token = life.secrets["a caller's token"]
    assert "a token in a log" in leaks(life, {"a log": f"Bearer {token}"})


def test_no_row_of_any_table_holds_one(life: Life):
    rows = life.rows()
    tables = {place.split()[0] for place in rows}
    assert {"connections", "runs", "jobs", "couplings", "webhooks", "watermarks"} <= tables
    assert leaks(life, rows) == []


def test_no_history_of_an_orchestration_holds_one(life: Life):
    history = {place: text for place, text in life.rows().items() if place.startswith("CouplerHub")}
    assert {"CouplerHubInstances", "CouplerHubHistory"} <= {place.split()[0] for place in history}
    assert leaks(life, history) == []


def test_no_message_in_any_queue_holds_one(life: Life):
    queues = life.messages()
    assert {"table-jobs", "table-passes"} <= queues.keys()
    sent = [
        base64.b64decode(message).decode() for messages in queues.values() for message in messages
    ]
    assert sent, "the run that was killed has left messages"
    assert leaks(life, numbered(sent)) == []


def test_no_line_of_the_log_holds_one(life: Life):
    lines = life.log()
    assert any("request refused" in line for line in lines)
    assert any("ended in error" in line for line in lines)
    assert leaks(life, numbered(lines)) == []


def test_no_answer_and_no_error_holds_one(life: Life):
    said = life.said()
    statuses = {answer.status for _, answer in life.answers}
    assert {200, 201, 202, 400, 401, 403} <= statuses
    assert leaks(life, said) == []
