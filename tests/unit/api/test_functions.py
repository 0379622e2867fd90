"""The description as it is served: to everybody, of nobody."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from docs.write_openapi import document
from tests.security.calls import call
from tests.security.calls import document as json_of


@pytest.fixture
def page():
    return call("read_reference")


def test_programs_get_the_document_without_a_token():
    answer = call("read_openapi")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    # by way of JSON, which has no tuples
    assert json_of(answer) == json.loads(json.dumps(document()))


def test_people_get_a_page_without_a_token(page):
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert page.get_body().startswith(b"<!doctype html>")


def test_the_page_may_use_its_own_style_and_nothing_else(page):
    style = re.findall(r"<style>(.*?)</style>", page.get_body().decode(), re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(
        each.split(" ", 1) for each in page.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize("name", ["read_openapi", "read_reference"])
def test_the_description_comes_with_the_headers_of_every_answer(name):
    headers = call(name, headers={"x-correlation-id": "from-a-portal"}).headers
    assert headers["x-correlation-id"] == "from-a-portal"
    assert headers["X-Content-Type-Options"] == "nosniff"
