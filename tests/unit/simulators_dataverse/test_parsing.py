"""The parts that read text: Prefer headers, paths, numbers."""

import pytest

from local.simulators.core.messages import Headers, SimRequest
from local.simulators.dataverse.errors import DataverseError
from local.simulators.dataverse.paths import Segment, parse_segments
from local.simulators.dataverse.preferences import parse_preferences
from local.simulators.dataverse.values import rounded


def preferences(text: str):
    return parse_preferences(SimRequest(method="GET", path="/", headers=Headers({"Prefer": text})))


def test_several_preferences_in_one_header():
    found = preferences(
        'odata.track-changes,odata.maxpagesize=500, odata.include-annotations="a.b,c.*"'
        ",return=representation,odata.continue-on-error, something-else"
    )
    assert found.track_changes
    assert found.page_size == 500
    assert found.annotations == "a.b,c.*"
    assert found.representation
    assert found.continue_on_error
    assert found.annotate("a.b")
    assert found.annotate("c.d")
    assert not found.annotate("a.c")


def test_no_preferences():
    found = preferences("")
    assert not found.track_changes
    assert found.page_size is None
    assert not found.annotate("a.b")


@pytest.mark.parametrize("size", ["0", "-1", "x"])
def test_a_wrong_page_size_is_refused(size):
    with pytest.raises(DataverseError):
        preferences(f"odata.maxpagesize={size}")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/data/v9.2/accounts", [("accounts", None)]),
        ("/api/data/v9.0/WhoAmI()", [("WhoAmI", "")]),
        ("/api/data/v9.2/accounts(a=1)/name", [("accounts", "a=1"), ("name", None)]),
        (
            "/api/data/v9.2/accounts(n='1%2F0%20(x''y)')/$ref",
            [("accounts", "n='1/0 (x''y)'"), ("$ref", None)],
        ),
        ("/api/data/v9.2/", []),
    ],
)
def test_paths(path, expected):
    found = parse_segments(SimRequest(method="GET", path="", raw_path=path))
    assert found == [Segment(name=name, key=key) for name, key in expected]


@pytest.mark.parametrize("path", ["/other", "/api/data/v9.2/accounts('x", "/api/data/v9.2/a(b)c"])
def test_paths_of_nobody(path):
    assert parse_segments(SimRequest(method="GET", path="", raw_path=path)) is None


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [(2.675, 2, 2.68), (-2.345, 2, -2.35), (0.1 + 0.2, 4, 0.3), (100, 2, 100), (1e-7, 5, 0.0)],
)
def test_rounding_is_decimal(value, decimals, expected):
    assert rounded(value, decimals) == expected
