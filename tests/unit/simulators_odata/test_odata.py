"""The shared OData query evaluation of the simulators."""

from typing import Any

import pytest

from local.simulators.core.odata import (
    FilterSyntaxError,
    IncompatibleTypesError,
    Kind,
    OptionSyntaxError,
    Order,
    Property,
    UnknownPropertyError,
    UnsupportedFilterError,
    compile_filter,
    joins_distinct_properties_by_or,
    parse_expand,
    parse_filter,
    parse_orderby,
    parse_query_string,
    parse_select,
    parse_whole_number,
    required_values,
    sort_rows,
)

KINDS = {
    "id": Kind.GUID,
    "name": Kind.TEXT,
    "notes": Kind.TEXT,
    "internalemailaddress": Kind.TEXT,
    "orderprefix": Kind.TEXT,
    "islicensed": Kind.BOOLEAN,
    "price": Kind.NUMBER,
    "modifiedon": Kind.DATETIME,
    "begindate": Kind.DATE,
    "parent/name": Kind.TEXT,
}
ID_A = "5217b3ac-43db-5391-99da-e9dc76a7603e"
ID_B = "aa0ce38c-abc5-5348-881c-29fa7a115241"
ROWS: list[dict[str, Any]] = [
    {"id": ID_A, "name": "O'Hara", "notes": None, "price": 10, "islicensed": True,
     "modifiedon": "2026-01-01T00:00:00.573Z", "begindate": "2026-01-01", "parent": "North"},
    {"id": ID_B, "name": "Bolt", "notes": "x", "price": 2.5, "islicensed": False,
     "modifiedon": "2026-01-01T00:00:00Z", "begindate": None, "parent": None},
]  # fmt: skip


def property_of(path: str) -> Property:
    if path not in KINDS:
        raise UnknownPropertyError(path)
    column = path.partition("/")[0]
    return Property(kind=KINDS[path], read=lambda row: row.get(column))


def names(text: str, *, fold_case: bool = True, **allowed: bool) -> list[Any]:
    matches = compile_filter(parse_filter(text, **allowed), property_of, fold_case=fold_case)
    return [row["name"] for row in ROWS if matches(row)]


BOTH = ["O'Hara", "Bolt"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'O''Hara'", ["O'Hara"]),
        ("name eq 'o''HARA'", ["O'Hara"]),
        ("name ne 'bolt'", ["O'Hara"]),
        ("'bolt' eq name", ["Bolt"]),
        ("notes eq null", ["O'Hara"]),
        ("notes ne null", ["Bolt"]),
        ("notes ne 'x'", ["O'Hara"]),
        ("null eq notes", ["O'Hara"]),
        ("notes gt 'a'", ["Bolt"]),
        ("price gt 2.5", ["O'Hara"]),
        ("price ge 2.5", BOTH),
        ("5 gt price", ["Bolt"]),
        ("price le -1", []),
        ("islicensed eq true", ["O'Hara"]),
        ("islicensed", ["O'Hara"]),
        ("not islicensed", ["Bolt"]),
        (f"id eq {ID_A.upper()}", ["O'Hara"]),
        (f"id ne {ID_A}", ["Bolt"]),
        ("modifiedon gt 2026-01-01T00:00:00Z", ["O'Hara"]),
        ("modifiedon ge 2026-01-01T00:00:00.0Z", BOTH),
        ("modifiedon eq 2026-01-01T01:00:00+01:00", ["Bolt"]),
        ("modifiedon lt 2026-01-01T00:00:00.5735Z", BOTH),
        ("modifiedon ge 2026-01-01", BOTH),
        ("begindate ge 2026-01-01", ["O'Hara"]),
        ("begindate lt 2027-01-01", ["O'Hara"]),
        ("contains(name,'OL')", ["Bolt"]),
        ("startswith(name,'o''')", ["O'Hara"]),
        ("endswith(notes,'X')", ["Bolt"]),
        ("not contains(notes,'x')", ["O'Hara"]),
        ("islicensed eq true and price gt 5", ["O'Hara"]),
        ("islicensed eq true and price gt 5 and notes ne null", []),
        ("name eq 'bolt' or (price gt 5 and not (name eq 'nobody'))", BOTH),
        ("name eq 'bolt' or name eq 'o''hara' or price eq 99", BOTH),
        ("notes eq null or notes eq 'x'", BOTH),
        ("price eq 1 or islicensed eq false and name eq 'Bolt'", ["Bolt"]),
        ("parent/name eq 'north'", ["O'Hara"]),
        ("internalemailaddress eq null and orderprefix eq null", BOTH),
    ],
)
def test_filter_selects_the_rows_it_describes(text, expected):
    assert names(text) == expected


def test_text_is_compared_with_case_when_asked():
    assert names("name eq 'bolt'", fold_case=False) == []
    assert names("contains(name,'ol') or startswith(name,'o')", fold_case=False) == ["Bolt"]


def test_a_filter_of_a_thousand_alternatives_is_no_problem():
    text = " or ".join(f"id eq {number:08x}-0000-0000-0000-000000000000" for number in range(1000))
    assert names(text + f" or id eq {ID_B}") == ["Bolt"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Microsoft.Dynamics.CRM.In(PropertyName='id',PropertyValues=[\"{ID_A}\"])", ["O'Hara"]),
        ('Microsoft.Dynamics.CRM.In(PropertyName=\'name\',PropertyValues=["BOLT","]"])', ["Bolt"]),
        (
            "price gt 5 and Microsoft.Dynamics.CRM.In(PropertyName='id',PropertyValues=[])",
            [],
        ),
        ("Microsoft.Dynamics.CRM.In(PropertyName='price',PropertyValues=[\"10\"])", ["O'Hara"]),
        ("name eq 'Microsoft.Dynamics.CRM.In(PropertyName=''x'',PropertyValues=[])'", []),
    ],
)
def test_in_function_of_dataverse(text, expected):
    assert names(text, in_function=True) == expected


def test_in_operator_only_where_allowed():
    assert names("name in ('bolt','x')", in_operator=True) == ["Bolt"]
    with pytest.raises(UnsupportedFilterError, match="'in'"):
        parse_filter("name in ('bolt','x')")


@pytest.mark.parametrize("text", ["", "name eq", "name eq 'a' eq", "a eq 1 andb eq 2", "name 'x'"])
def test_what_is_no_filter_is_a_syntax_error(text):
    with pytest.raises(FilterSyntaxError):
        parse_filter(text)


def test_a_date_time_needs_its_zone():
    with pytest.raises(FilterSyntaxError, match="zone"):
        parse_filter("modifiedon gt 2026-01-01T00:00:00")


@pytest.mark.parametrize(
    "text",
    [
        "tolower(name) eq 'a'",
        "nonsense(name)",
        "price add 1 eq 2",
        "lines/any(l:l/price gt 1)",
        "price eq otherprice",
        "length(name) gt 3",
    ],
)
def test_what_is_not_implemented_is_refused(text):
    with pytest.raises(UnsupportedFilterError):
        parse_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "name eq 5",
        "price eq 'x'",
        f"id eq '{ID_A}'",
        "islicensed eq 1",
        "price eq 1 or price eq 'x'",
        "contains(price,'1')",
    ],
)
def test_incompatible_types_are_refused(text):
    with pytest.raises(IncompatibleTypesError):
        names(text)


def test_an_unknown_property_is_named():
    with pytest.raises(UnknownPropertyError, match="'nmae'"):
        names("nmae eq 'x'")


def test_required_values_give_an_index_its_keys():
    assert required_values(parse_filter("name eq 'a' and price gt 2")) == {"name": {"a"}}
    assert required_values(parse_filter("name eq 'a' or name eq 'b'")) == {"name": {"a", "b"}}
    assert required_values(parse_filter("name eq 'a' or price eq 1")) == {}
    assert required_values(parse_filter("not (name eq 'a')")) == {}
    assert required_values(parse_filter("name eq 'a' and name eq 'b'")) == {"name": frozenset()}


def test_an_or_across_properties_is_recognized():
    assert joins_distinct_properties_by_or(parse_filter("a eq 1 and (b eq 2 or c eq 3)"))
    assert not joins_distinct_properties_by_or(parse_filter("a eq 1 and (b eq 2 or b eq 3)"))


def test_query_string_is_decoded_once():
    assert parse_query_string("%24select=a%2Cb&$filter=a+eq+'1%2B1'&x") == {
        "$select": "a,b",
        "$filter": "a eq '1+1'",
        "x": "",
    }
    with pytest.raises(OptionSyntaxError, match="more than once"):
        parse_query_string("$top=1&%24top=2")


def test_select_orderby_and_numbers():
    assert parse_select("a, b,a") == ("a", "b")
    assert parse_orderby("a,b desc, c asc") == (
        Order(path="a", descending=False),
        Order(path="b", descending=True),
        Order(path="c", descending=False),
    )
    assert parse_whole_number("$top", "0") == 0
    for wrong in ("-1", "x", "1.5", ""):
        with pytest.raises(OptionSyntaxError):
            parse_whole_number("$top", wrong)
    with pytest.raises(OptionSyntaxError):
        parse_orderby("a sideways")
    with pytest.raises(OptionSyntaxError):
        parse_select("a,,b")


def test_expand_keeps_nested_options_together():
    first, second = parse_expand("a($select=x,y;$filter=name eq 'b;(c';$expand=d($select=e)),f")
    assert (first.path, second.path) == ("a", "f")
    assert first.options == {
        "$select": "x,y",
        "$filter": "name eq 'b;(c'",
        "$expand": "d($select=e)",
    }
    assert second.options == {}
    for wrong in ("a(", "a($select)", "a(b))", ""):
        with pytest.raises(OptionSyntaxError):
            parse_expand(wrong)


def test_sort_puts_empty_values_first_and_folds_case():
    rows = [{"name": value} for value in ("b", None, "A", "C")]
    ascending = sort_rows(rows, parse_orderby("name"), property_of, fold_case=True)
    descending = sort_rows(rows, parse_orderby("name desc"), property_of, fold_case=True)
    assert [row["name"] for row in ascending] == [None, "A", "b", "C"]
    assert [row["name"] for row in descending] == ["C", "b", "A", None]


def test_sort_by_several_properties():
    rows = [{"name": "a", "price": 1}, {"name": "b", "price": 2}, {"name": "c", "price": 1}]
    orders = parse_orderby("price desc,name desc")
    result = sort_rows(rows, orders, property_of, fold_case=True)
    assert [row["name"] for row in result] == ["b", "c", "a"]
