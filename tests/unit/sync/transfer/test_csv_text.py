"""Comma-separated text: what was written is read as it was, and what is wrong is told where."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.transfer.csv_text import Fault, read_rows, write_rows

NO_SURROGATES = st.characters(exclude_categories=["Cs"])
NASTY = st.text(st.sampled_from("=+-@'\"\t\r\n,;\ufeff a1＝é"), max_size=6)  # noqa: RUF001 - meant
CELLS = st.one_of(NASTY, st.text(NO_SURROGATES, max_size=12))
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6)


def texts(source: str) -> list[list[str]]:
    found = read_rows(source)
    assert found.faults == []
    return [[cell.text for cell in row] for row in found.rows]


def faults(source: str) -> list[tuple[int, int, str]]:
    return [(each.line, each.column, each.message) for each in read_rows(source).faults]


@given(rows=ROWS)
def test_what_was_written_is_read_as_it_was(rows):
    assert texts(write_rows(rows)) == rows


@given(rows=ROWS)
def test_no_cell_begins_like_a_formula_for_a_spreadsheet(rows):
    for row in csv.reader(io.StringIO(write_rows(rows), newline="")):
        assert not [cell for cell in row if cell.startswith(tuple("=+-@\t\r\n"))]


@given(rows=ROWS)
def test_other_readers_find_the_same_rows_but_for_the_apostrophe(rows):
    read = list(csv.reader(io.StringIO(write_rows(rows), newline=""), strict=True))
    assert [[cell.lstrip("'") for cell in row] for row in read] == [
        [cell.lstrip("'") for cell in row] for row in rows
    ]


@given(source=st.text(st.sampled_from("a'\"=,;\r\n\ufeffé\udce9"), max_size=40))
def test_any_text_is_read_or_its_faults_are_told_within_it(source):
    found = read_rows(source)
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for fault in found.faults:
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
    for row in found.rows:
        for cell in row:
            assert 1 <= cell.column <= len(lines[cell.line - 1]) + 1


@given(rows=ROWS, end=st.sampled_from(["\n", "\r", "\r\n"]))
def test_lines_may_end_in_any_way(rows, end):
    plain = [[cell.translate(dict.fromkeys(map(ord, "\r\n"))) for cell in row] for row in rows]
    assert texts(write_rows(plain).replace("\r\n", end)) == plain


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-5", "'-5"),
        ("@A1", "'@A1"),
        ("\t=1", '"\'\t=1"'),
        ("'quoted'", "''quoted'"),
        ("O'Neill", "O'Neill"),
        ("a;=1", '"a;=1"'),
    ],
)
def test_formulas_get_an_apostrophe(written, cell):
    assert write_rows([[written]]) == f"{cell}\r\n"


def test_an_apostrophe_that_a_person_wrote_stays():
    assert texts("'t Hooft,x") == [["'t Hooft", "x"]]


@pytest.mark.parametrize(
    "source", ["bc_id;crm_id\r\n1;2,5\r\n", '"bc_id";"crm_id"\n1;2,5', "\ufeffbc_id;crm_id\r1;2,5"]
)
def test_semicolons_separate_where_one_follows_the_first_heading(source):
    assert texts(source) == [["bc_id", "crm_id"], ["1", "2,5"]]


def test_a_semicolon_within_the_first_heading_separates_nothing():
    assert texts('"a;b",c\r\n') == [["a;b", "c"]]


def test_empty_lines_are_left_out_and_lines_counted_on():
    rows = read_rows('a,b\n\n\r\n"1\r\n1",2\nx,y').rows
    assert [(row[0].text, row[0].line) for row in rows] == [("a", 1), ("1\r\n1", 4), ("x", 6)]
    assert (rows[1][1].line, rows[1][1].column) == (5, 4)


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ('a,b\n1,2"3', 2, 4, "within a cell"),
        ('a,b\n"1"x,2', 2, 4, "after the quote"),
        ('a,b\n1,"2\n3', 2, 3, "never closed"),
        ("a,b\nM\udcfcller,1", 2, 2, "Not UTF-8"),
        ("\udcff\udcfea\0,\0", 1, 1, "UTF-16"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(source, line, column, words):
    [(told_line, told_column, message)] = faults(source)
    assert (told_line, told_column) == (line, column)
    assert words in message


def test_everything_wrong_is_told_together():
    source = 'a,b\n1"1,\udce9\n"2"2,"3"3\n'
    assert [(line, column) for line, column, _ in faults(source)] == [
        (2, 5),
        (2, 2),
        (3, 4),
        (3, 9),
    ]


def test_only_the_first_strange_byte_of_a_line_is_told():
    assert faults("\udce9\udce9\na\udce9") == [
        (each.line, each.column, each.message)
        for each in (
            Fault(line=1, column=1, message="Not UTF-8 from here on. Save the file as CSV UTF-8."),
            Fault(line=2, column=2, message="Not UTF-8 from here on. Save the file as CSV UTF-8."),
        )
    ]
