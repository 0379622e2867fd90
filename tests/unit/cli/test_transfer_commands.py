"""Couplings to a file, on the command line."""

from __future__ import annotations

import pytest

EXPORT = "connections/cronus/couplings/CUSTOMER/export"
HEADER = "bc_id,bc_key\r\n"
NEXT = '</api/elsewhere?limit=1000&continuation=a%3D%3D>; rel="next"'


@pytest.fixture
def two_pages(service):
    service.plan("GET", EXPORT, f"{HEADER}1,é\r\n".encode(), Link=NEXT)
    service.plan("GET", EXPORT, f'{HEADER}2,"a\r\nb"\r\n'.encode())


# export


def test_pages_become_one_file_with_one_heading(coupler, service, two_pages, tmp_path):
    target = tmp_path / "couplings.csv"
    ended = coupler("export", "cronus", "CUSTOMER", "--output", str(target))
    assert ended.code == 0
    assert target.read_bytes() == f'\ufeff{HEADER}1,é\r\n2,"a\r\nb"\r\n'.encode()
    assert "2 couplings of CUSTOMER" in ended.out
    assert [each.query.get("continuation") for each in service.asked] == [None, "a=="]
    assert {each.path for each in service.asked} == {EXPORT}


def test_without_a_file_the_couplings_go_to_standard_output(coupler, two_pages):
    ended = coupler("export", "cronus", "CUSTOMER")
    assert ended.out == f'{HEADER}1,é\r\n2,"a\r\nb"\r\n'


def test_the_connection_may_be_left_out_where_there_is_only_one(coupler, service, two_pages):
    known = [{"connection_id": "cronus"}]
    service.plan("GET", "connections", {"connections": known, "continuation": None})
    assert coupler("export", "CUSTOMER").code == 0


def test_an_export_that_fails_leaves_the_file_that_was_there(coupler, service, tmp_path):
    target = tmp_path / "couplings.csv"
    target.write_text("the last one")
    service.plan("GET", EXPORT, HEADER.encode(), Link=NEXT)
    service.plan("GET", EXPORT, {"detail": "Gone."}, status=404)
    assert coupler("export", "cronus", "CUSTOMER", "--output", str(target)).code == 1
    assert target.read_text() == "the last one"
    assert list(tmp_path.iterdir()) == [target]


def test_a_page_that_does_not_say_where_the_next_one_is_fails(coupler, service):
    service.plan("GET", EXPORT, HEADER.encode(), Link='</api/elsewhere>; rel="next"')
    assert coupler("export", "cronus", "CUSTOMER").code == 1


def test_a_script_says_to_which_file(coupler, two_pages, tmp_path):
    assert coupler("export", "cronus", "CUSTOMER", "--json").code == 2
    target = str(tmp_path / "couplings.csv")
    ended = coupler("export", "cronus", "CUSTOMER", "--json", "--output", target)
    assert ended.document == {"table": "CUSTOMER", "couplings": 2, "output": target}


def test_a_file_that_cannot_be_written_is_a_usage_error(coupler, two_pages, tmp_path):
    target = tmp_path / "missing" / "couplings.csv"
    assert coupler("export", "cronus", "CUSTOMER", "--output", str(target)).code == 2
