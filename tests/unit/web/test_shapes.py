from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import pytest

from web.shapes import InvalidMembersError, Number, Text, read, read_query


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    spokes: Annotated[int, Number(lowest=1, highest=40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bicycle:
    name: str
    colour: Colour = Colour.RED
    is_fast: bool = False
    wheels: tuple[Wheel, ...] = ()
    tags: list[str] = field(default_factory=list)
    bell: Wheel | None = None
    frame: Annotated[str, Text(pattern=r"[A-Z]{2}\d", says="two capitals and a digit")] = "AB1"
    owner: Annotated[str, Text(longest=3)] | None = None


def test_an_object_becomes_the_shape():
    given = {
        "name": "x",
        "colour": "blue",
        "is_fast": True,
        "wheels": [{"spokes": 20}, {"spokes": 21}],
        "tags": ["old"],
        "bell": {"spokes": 1},
        "frame": "XY9",
        "owner": "me",
    }
    assert read(Bicycle, given) == Bicycle(
        name="x",
        colour=Colour.BLUE,
        is_fast=True,
        wheels=(Wheel(spokes=20), Wheel(spokes=21)),
        tags=["old"],
        bell=Wheel(spokes=1),
        frame="XY9",
        owner="me",
    )


def test_members_with_defaults_may_be_left_out_and_optional_ones_be_null():
    assert read(Bicycle, {"name": "x", "bell": None, "owner": None}) == Bicycle(name="x")


@pytest.mark.parametrize(
    ("given", "member", "says"),
    [
        ({}, "name", "is missing"),
        ({"name": "x", "nmae": 1}, "nmae", "is not a known member"),
        ({"name": 1}, "name", "must be a text"),
        ({"name": None}, "name", "must be a text"),
        ({"name": ""}, "name", "1 to 250 characters"),
        ({"name": "x" * 251}, "name", "1 to 250 characters"),
        ({"name": "a\x00b"}, "name", "control characters"),
        ({"name": "a\nb"}, "name", "control characters"),
        ({"name": "a\ud800b"}, "name", "broken Unicode"),
        ({"name": "x", "colour": "green"}, "colour", "one of red, blue"),
        ({"name": "x", "colour": ["red"]}, "colour", "one of red, blue"),
        ({"name": "x", "is_fast": 1}, "is_fast", "true or false"),
        ({"name": "x", "is_fast": "true"}, "is_fast", "true or false"),
        ({"name": "x", "wheels": {}}, "wheels", "must be a list"),
        ({"name": "x", "tags": ["a", 1]}, "tags[1]", "must be a text"),
        ({"name": "x", "tags": "a"}, "tags", "must be a list"),
        ({"name": "x", "wheels": [1]}, "wheels[0]", "must be a JSON object"),
        ({"name": "x", "wheels": [{"spokes": 1}] * 1001}, "wheels", "at most 1000"),
        ({"name": "x", "bell": {"spokes": 0}}, "bell.spokes", "from 1 to 40"),
        ({"name": "x", "bell": {"spokes": True}}, "bell.spokes", "whole number"),
        ({"name": "x", "bell": {"spokes": 1.0}}, "bell.spokes", "whole number"),
        ({"name": "x", "bell": {"spokes": 1, "hub": 1}}, "bell.hub", "is not a known member"),
        ({"name": "x", "frame": "XY9\n"}, "frame", "control characters"),
        ({"name": "x", "frame": "xy9"}, "frame", "must be two capitals and a digit"),
        ({"name": "x", "owner": "long"}, "owner", "1 to 3 characters"),
        ([], "", "must be a JSON object"),
        ("text", "", "must be a JSON object"),
        (None, "", "must be a JSON object"),
    ],
)
def test_what_does_not_fit_is_named(given, member, says):
    with pytest.raises(InvalidMembersError) as refused:
        read(Bicycle, given)
    [fault] = refused.value.errors
    assert fault["member"] == member
    assert says in fault["message"]
    assert says in refused.value.message
    assert (refused.value.status, refused.value.code) == (400, "invalid-body")


def test_all_faults_are_told_at_once_up_to_a_bound():
    with pytest.raises(InvalidMembersError) as refused:
        read(Bicycle, {"name": 1, "colour": 2, "bell": {}})
    assert [fault["member"] for fault in refused.value.errors] == ["name", "colour", "bell.spokes"]
    assert "and 2 more" in refused.value.message
    with pytest.raises(InvalidMembersError) as refused:
        read(Bicycle, {f"member-{n}": n for n in range(5000)})
    assert len(refused.value.errors) == 20


def test_an_unknown_members_name_is_told_back_only_as_far_as_it_is_fit_for_it():
    with pytest.raises(InvalidMembersError) as refused:
        read(Wheel, {"spokes": 1, "a\r\nb" + "c" * 500: 1})
    assert refused.value.errors[0]["member"] == "a??b" + "c" * 76


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    limit: Annotated[int, Number(lowest=1, highest=100)] = 50
    failed: bool | None = None
    table: str = ""


def test_a_query_is_read_by_the_types_of_the_shape():
    assert read_query(Search, {"limit": "7", "failed": "true", "table": "7"}) == Search(
        limit=7, failed=True, table="7"
    )
    assert read_query(Search, {}) == Search()


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"limit": ""}, {"failed": "yes"}, {"limt": "1"}]
)
def test_a_query_that_does_not_fit_is_refused(query):
    with pytest.raises(InvalidMembersError) as refused:
        read_query(Search, query)
    assert refused.value.code == "invalid-query"


def test_a_shape_that_cannot_be_read_is_a_programming_error():
    @dataclass(frozen=True)
    class Wrong:
        weight: float = 0.0

    with pytest.raises(TypeError):
        read(Wrong, {"weight": 1.5})
