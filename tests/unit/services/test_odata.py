from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qsl, unquote
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import ConfigurationError
from services import odata

GUID = "6F9619FF-8B86-D011-B42D-00CF4FC964FF"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (Decimal("12.50"), "12.50"),
        ("O'Hara", "'O''Hara'"),
        ("", "''"),
        (UUID(GUID), GUID.lower()),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 8, 15, 22, 573000, UTC), "2026-03-01T08:15:22.573Z"),
        (
            datetime(2026, 3, 1, 8, 15, tzinfo=timezone(timedelta(hours=2))),
            "2026-03-01T06:15:00.000Z",
        ),
    ],
)
def test_literals(value, text):
    assert odata.literal(value) == text


@pytest.mark.parametrize("value", [datetime(2026, 3, 1), float("nan"), float("inf")])  # noqa: DTZ001  the naive one is the case
def test_values_without_a_literal_are_refused(value):
    with pytest.raises(ValueError):
        odata.literal(value)


@settings(deadline=None)  # machines are shared: one slow example is no failure
@given(st.text())
def test_a_string_can_never_end_its_literal(text):
    inner = odata.literal(text)[1:-1]
    assert "'" not in inner.replace("''", "")
    assert inner.replace("''", "'") == text


@settings(deadline=None)  # machines are shared: one slow example is no failure
@given(st.text())
def test_a_filter_arrives_as_it_was_built(text):
    built = odata.compare("name", "eq", text)
    query = odata.query(select=["name"], filter=built, top=3)
    assert query.isascii()
    if not any("\ud800" <= character <= "\udfff" for character in text):
        pairs = parse_qsl(query[1:], keep_blank_values=True, strict_parsing=True)
        assert pairs == [("$select", "name"), ("$filter", built), ("$top", "3")]


def test_all_options_of_a_query():
    query = odata.query(
        select=["a", "b"],
        filter="a eq 1 and b ne 'x & y+z'",
        orderby="a asc",
        expand="c($select=d;$top=1)",
        top=0,
        count=True,
    )
    assert unquote(query) == (
        "?$select=a,b&$filter=a eq 1 and b ne 'x & y+z'&$orderby=a asc"
        "&$expand=c($select=d;$top=1)&$top=0&$count=true"
    )
    assert "%26" in query
    assert "%2B" in query
    assert odata.query() == ""


@pytest.mark.parametrize("text", ["a b", "a'", "", "1a", "a/", "a eq 1 or b", "a)", "ä"])
def test_a_column_name_cannot_carry_an_expression(text):
    with pytest.raises(ConfigurationError, match="name of a table or column"):
        odata.compare(text, "eq", 1)


@pytest.mark.parametrize("text", ["", "1 or true", "6F9619FF", "x" * 36])
def test_an_id_must_be_a_guid(text):
    with pytest.raises(ConfigurationError, match="not the id"):
        odata.by_id("accounts", text)


def test_an_unknown_operator_is_refused():
    with pytest.raises(ValueError):
        odata.compare("a", "or", 1)


def test_paths_of_records():
    assert odata.by_id("accounts", GUID) == f"accounts({GUID.lower()})"
    path = odata.by_name("Company", "CRONUS's A/B #1")
    assert path == "Company('CRONUS''s%20A%2FB%20%231')"


def test_lists_of_values():
    assert odata.any_equal("id", ["a", "b"]) == "(id eq 'a' or id eq 'b')"
    assert odata.any_of(["a eq 1", "b eq 2"]) == "(a eq 1 or b eq 2)"
    assert odata.is_in("name", ["a", "O'H", 'say "x"']) == (
        'Microsoft.Dynamics.CRM.In(PropertyName=\'name\',PropertyValues=["a","O\'H","say \\"x\\""])'
    )
    assert odata.all_of(["a eq 1", "", "b eq 2"]) == "a eq 1 and b eq 2"


@settings(deadline=None)  # machines are shared: one slow example is no failure
@given(st.lists(st.text(max_size=20), max_size=60), st.integers(min_value=1, max_value=20))
def test_chunks_keep_every_value_in_order_within_the_limits(values, most):
    chunks = list(odata.chunks_within(values, "".join, 40, most))
    assert [value for chunk in chunks for value in chunk] == values
    assert all(len("".join(chunk)) <= 40 and 1 <= len(chunk) <= most for chunk in chunks)


def test_a_value_too_long_for_any_url_is_refused():
    with pytest.raises(ConfigurationError, match="40"):
        list(odata.chunks_within(["x" * 41], "".join, 40, 10))
