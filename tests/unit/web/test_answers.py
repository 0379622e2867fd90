from __future__ import annotations

import json
from pathlib import Path

from web import answers

ROOT = Path(__file__).resolve().parents[3]


def test_addresses_begin_with_the_hosts_route_prefix():
    host = json.loads((ROOT / "host.json").read_text())
    assert host["extensions"]["http"]["routePrefix"] == answers.ROUTE_PREFIX
    assert answers.address("connections", "a/b?") == "/api/connections/a%2Fb%3F"


def test_a_created_answer_tells_where_and_which_version():
    answer = answers.created("/api/x", {"name": "é"}, etag='W/"1"')
    assert answer.status_code == 201
    assert (answer.headers["Location"], answer.headers["ETag"]) == ("/api/x", 'W/"1"')
    assert answer.mimetype == "application/json"
    assert json.loads(answer.get_body()) == {"name": "é"}


def test_an_accepted_answer_tells_where_to_look():
    answer = answers.accepted("/api/x", {"run": "1"})
    assert (answer.status_code, answer.headers["Location"]) == (202, "/api/x")


def test_headers_without_a_value_are_left_out():
    assert list(answers.ok({}).headers) == []
    assert answers.no_content().status_code == 204
    assert answers.no_content().get_body() == b""


def test_a_text_tells_its_type_and_what_follows():
    answer = answers.text("é\r\n", "text/csv", next_page="/api/x?continuation=y")
    assert (answer.status_code, answer.mimetype, answer.charset) == (200, "text/csv", "utf-8")
    assert answer.get_body().decode() == "é\r\n"
    assert answer.headers["Link"] == '</api/x?continuation=y>; rel="next"'
    assert "Link" not in answers.text("", "text/csv").headers
