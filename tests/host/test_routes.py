"""Route templates."""

import pytest

from local.host.errors import HostError
from local.host.routes import most_specific, parse_route


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/items", "/api/items", {}),
        ("api/items", "/API/Items/", {}),
        ("api/items", "/api/items/1", None),
        ("api/items", "/api", None),
        ("items/{id}", "/items/a", {"id": "a"}),
        ("items/{id}", "/items", None),
        ("items/{id}", "/items/", None),
        ("items/{id}", "/items/a/b", None),
        ("items/{id}", "/items/UNIT%20OF%20MEASURE", {"id": "UNIT OF MEASURE"}),
        ("items/{id}", "/items/caf%C3%A9+1", {"id": "café+1"}),
        ("items/{id}", "/items/a%2Fb", {"id": "a%2Fb"}),
        ("items/{id}/x", "/items/a/X", {"id": "a"}),
        ("items/{id?}", "/items", {}),
        ("items/{id?}", "/items/a", {"id": "a"}),
        ("items/{id?}/{part?}", "/items/a", {"id": "a"}),
        ("a/{x?}/b/{y?}", "/a/1/b", {"x": "1"}),
        ("a/{x?}/b/{y?}", "/a", None),
        ("files/{*path}", "/files/a/b%20c.txt", {"path": "a/b c.txt"}),
        ("files/{**path}", "/files/a/b", {"path": "a/b"}),
        ("files/{*path}", "/files", {}),
        ("files/{name}.{extension}", "/files/a.tar.gz", {"name": "a.tar", "extension": "gz"}),
        ("v{version:int}/x", "/v2/x", {"version": "2"}),
        ("v{version:int}/x", "/vx/x", None),
        ("items/{id:int?}", "/items", {}),
        ("items/{id:int?}", "/items/x", None),
        ("{*rest:alpha}", "/abc", {"rest": "abc"}),
        ("{*rest:alpha}", "/abc/1", None),
    ],
)
def test_a_template_matches_as_in_asp_net(
    template: str, path: str, expected: dict[str, str] | None
):
    assert parse_route(template).match(path) == expected


@pytest.mark.parametrize(
    ("constraint", "fitting", "unfitting"),
    [
        ("int", ["0", "-5", "2147483647"], ["x", "2147483648", "1.5", "\u0661"]),
        ("long", ["2147483648", "-9223372036854775808"], ["9223372036854775808"]),
        ("bool", ["true", "FALSE"], ["1", "yes"]),
        ("alpha", ["abcXYZ"], ["a1", "ä"]),
        ("guid", ["6ec9f2b2-3c5e-4c55-9d2e-2f0c8f3c1d11"], ["6ec9f2b2"]),
        ("decimal", ["1", "-1.5"], ["1e", "x"]),
        ("length(2)", ["ab"], ["a", "abc"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("minlength(2)", ["ab"], ["a"]),
        ("maxlength(2)", ["ab"], ["abc"]),
        ("min(18)", ["18"], ["17", "x"]),
        ("max(18)", ["18"], ["19"]),
        ("range(18,120)", ["18", "120"], ["17", "121"]),
        ("regex(^a+$)", ["aa", "A"], ["ab"]),
        ("required", ["a"], []),
        ("alpha:minlength(2)", ["ab"], ["a", "a1"]),
    ],
)
def test_constraints(constraint: str, fitting: list[str], unfitting: list[str]):
    route = parse_route(f"x/{{value:{constraint}}}")
    assert [route.match(f"/x/{value}") for value in fitting] == [{"value": v} for v in fitting]
    assert [route.match(f"/x/{value}") for value in unfitting] == [None] * len(unfitting)


def test_the_most_specific_of_several_fitting_routes_wins():
    templates = [
        "items/{*rest}",
        "items/{*rest:alpha}",
        "items/{id}",
        "items/{id}/{part?}",
        "items/x{id}",
        "items/{id:alpha}",
        "items/xa",
    ]
    candidates = [(parse_route(template), template) for template in templates]
    winners = []
    while candidates:
        best = most_specific(c for c in candidates if c[0].match("/items/xa") is not None)
        assert best is not None
        winners.append(best[1])
        candidates.remove(best)
    assert winners == [
        "items/xa",
        "items/x{id}",
        "items/{id:alpha}",
        "items/{id}",
        "items/{id}/{part?}",
        "items/{*rest:alpha}",
        "items/{*rest}",
    ]


@pytest.mark.parametrize(
    "template",
    [
        "items/{id:datetime}",
        "items/{id=5}",
        "items/{id",
        "{*rest}/items",
        "items/x{*rest}",
        "items/{a}.{b?}",
        "items/{id:range(1)}",
        "items/{id:min(x)}",
        "items/{id:regex(()}",
    ],
)
def test_what_is_not_supported_is_refused_by_name(template: str):
    with pytest.raises(HostError, match="route"):
        parse_route(template)
