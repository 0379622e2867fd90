"""Couplings to a file and from one, on the command line."""

from __future__ import annotations

from typing import Any

import pytest

EXPORT = "connections/cronus/couplings/CUSTOMER/export"
IMPORT = "connections/cronus/couplings/CUSTOMER/import"
HEADER = "bc_id,bc_key\r\n"
NEXT = '</api/elsewhere?limit=1000&continuation=a%3D%3D>; rel="next"'


@pytest.fixture
def two_pages(service):
    service.plan("GET", EXPORT, f"{HEADER}1,é\r\n".encode(), Link=NEXT)
    service.plan("GET", EXPORT, f'{HEADER}2,"a\r\nb"\r\n'.encode())


def report(state: str = "finished", **members: Any) -> dict[str, Any]:
    counts = {"waiting": 0, "fit": 0, "coupled": 0, "already": 0, "refused": 0}
    return {
        "rows": 2,
        "check_only": False,
        "run": {"state": state, "message": ""},
        "counts": counts | {"coupled": 2},
    } | members


def row(line: int, **members: Any) -> dict[str, Any]:
    return {
        "line": line,
        "bc_id": "",
        "bc_key": f"C{line}",
        "crm_id": "",
        "crm_key": {"accountnumber": f"A{line}"},
        "state": "coupled",
        "message": "",
        "hint": "",
        "replaced": [],
    } | members


def plan_report(service, *reports: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    service.plan("POST", IMPORT, {"run_id": "1"}, status=202)
    for each in reports:
        service.plan("GET", IMPORT, {"import": each, "rows": rows[:1], "continuation": "x"})
    service.plan("GET", IMPORT, {"import": reports[-1], "rows": rows, "continuation": None})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "couplings.csv"
    path.write_bytes(b"\xef\xbb\xbfbc_key;accountnumber\r\n1;\xe9\r\n")
    return path


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


# import


def test_a_file_is_sent_as_it_is_and_watched_to_the_end(coupler, service, file):
    plan_report(service, report("in-process"), report(), rows=[row(2), row(3)])
    ended = coupler("import", "cronus", "CUSTOMER", str(file))
    assert ended.code == 0
    assert "2 coupled of 2 rows" in ended.out
    [sent] = service.asked_for("POST", IMPORT)
    assert (sent.content, sent.body, sent.query) == (file.read_bytes(), None, {})
    assert sent.headers["Content-Type"] == "text/csv"
    assert sent.headers["Idempotency-Key"]


def test_options_are_sent_along(coupler, service, file):
    plan_report(service, report(check_only=True), rows=[row(2)])
    options = ("--check", "--first", "to-crm", "--replace")
    assert coupler("import", "cronus", "CUSTOMER", str(file), *options).code == 0
    [sent] = service.asked_for("POST", IMPORT)
    assert sent.query == {"check_only": "true", "first": "to_crm", "replace": "true"}


def test_refused_rows_are_told_with_what_to_do(coupler, service, file):
    refused = row(3, state="refused", message="There is none.", hint="Mend the name.")
    counts = {"waiting": 0, "fit": 1, "coupled": 0, "already": 0, "refused": 1}
    plan_report(service, report(counts=counts), rows=[row(2, state="fit"), refused])
    ended = coupler("import", "cronus", "CUSTOMER", str(file))
    assert ended.code == 1
    for part in (
        "1 fit, 1 refused",
        "C3",
        "A3",
        "There is none.",
        "Mend the name.",
        "Nothing of the",
    ):
        assert part in ended.out
    assert "C2" not in ended.out


def test_a_row_that_is_refused_when_its_turn_comes_leaves_the_others_coupled(
    coupler, service, file
):
    counts = {"waiting": 0, "fit": 0, "coupled": 1, "already": 0, "refused": 1}
    rows = [row(2), row(3, state="refused", message="It has a partner by now.")]
    plan_report(service, report("finished-with-errors", counts=counts), rows=rows)
    ended = coupler("import", "cronus", "CUSTOMER", str(file))
    assert ended.code == 3
    assert "Nothing of the file" not in ended.out


def test_a_row_tells_what_it_replaced(coupler, service, file):
    plan_report(service, report(), rows=[row(2, replaced=["It was coupled with A9."]), row(3)])
    ended = coupler("import", "cronus", "CUSTOMER", str(file))
    assert ended.code == 0
    assert "It was coupled with A9." in ended.out


@pytest.mark.parametrize("state", ["cancelled", "error", "finished-with-errors"])
def test_a_run_that_does_not_finish_fails_the_command(coupler, service, file, state):
    plan_report(service, report(state), rows=[row(2)])
    assert coupler("import", "cronus", "CUSTOMER", str(file)).code == 1


def test_a_file_that_cannot_be_read_is_a_usage_error(coupler, tmp_path):
    ended = coupler("import", "cronus", "CUSTOMER", str(tmp_path / "missing.csv"))
    assert ended.code == 2
    assert "missing.csv" in ended.told


def test_faults_of_the_file_are_told(coupler, service, file):
    faults = [{"member": "line 2, column 3", "message": "Not UTF-8 from here on."}]
    problem = {"detail": "One place of the file cannot be read.", "errors": faults}
    service.plan("POST", IMPORT, problem, status=422)
    ended = coupler("import", "cronus", "CUSTOMER", str(file))
    assert ended.code == 1
    assert "line 2, column 3: Not UTF-8" in ended.told
