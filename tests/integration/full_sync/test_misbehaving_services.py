"""Services that answer with errors, rubbish or redirects: the line says so, the others go on."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.integration.full_sync.installation import BC, CRM, Installation, company, statuses

BLOCKED = {
    "CUSTOMER": ["SALESPEOPLE"],  # which fails at once, while CURRENCY is still tried again
    "CONTACT": ["CUSTOMER"],
    "CUSTPRCGRP-PRICE": ["CURRENCY"],
    "SALESPRC-PRODPRICE": ["CUSTPRCGRP-PRICE"],
}
UNRELATED = ("UNIT OF MEASURE", "ITEM-PRODUCT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the review showed while three tables' requests failed, and as each was mended."""

    while_failing: dict[str, Any]
    currency_restarted: dict[str, Any]
    all_restarted: dict[str, Any]
    couplings_missing: list[str]
    accounts: int


@pytest.fixture(scope="module")
def story(installation: Installation) -> Story:
    data = company(40)
    installation.begin_anew(data)
    connection = installation.connect(data.company)
    installation.plan_fault(CRM, "redirect", method="GET", path="/systemusers$")
    # the wait that the service asks for is kept short: it is repeated 25 times in all
    installation.plan_fault(
        BC, "status", method="GET", path="/currencies$", status=500, retry_after=0
    )
    installation.plan_fault(BC, "wrong-json", method="GET", path="/Resources$")
    while_failing = installation.synchronize(connection)
    installation.clear_faults()
    restart(installation, connection, "CURRENCY")
    currency_restarted = installation.ended(connection)
    restart(installation, connection, "SALESPEOPLE")
    installation.ended(connection)
    restart(installation, connection, "RESOURCE-PRODUCT")
    return Story(
        while_failing=while_failing,
        currency_restarted=currency_restarted,
        all_restarted=installation.ended(connection),
        couplings_missing=installation.couplings_not_on_both_sides(connection),
        accounts=len(installation.dump(CRM, "accounts")),
    )


def restart(installation: Installation, connection: str, name: str) -> None:
    path = f"connections/{connection}/full-sync/lines/{name.replace(' ', '%20')}/restart"
    answer = installation.call("POST", path)
    assert answer.status == 202, answer.body


def line(review: dict[str, Any], name: str) -> dict[str, Any]:
    return next(line for line in review["lines"] if line["name"] == name)


@pytest.mark.parametrize(
    ("name", "service", "request_named", "what"),
    [
        ("SALESPEOPLE", "Dynamics 365 Sales", "GET /api/data/v9.2/systemusers", "redirect (302)"),
        ("CURRENCY", "Business Central", "/currencies", "500"),
        ("RESOURCE-PRODUCT", "Business Central", "/Resources", "cannot be read"),
    ],
)
def test_a_line_whose_service_fails_names_service_request_and_next_step(
    story, name, service, request_named, what
):
    failed = line(story.while_failing, name)
    assert failed["job_queue_entry_status"] == "error"
    assert "error" in (failed["to_int_table_job_status"], failed["from_int_table_job_status"])
    for words in (service, request_named, what):
        assert words in failed["message"]
    assert failed["hint"]


def test_the_lines_that_depend_on_it_are_blocked_by_name(story):
    for name, parents in BLOCKED.items():
        blocked = line(story.while_failing, name)
        assert blocked["job_queue_entry_status"] == "blocked"
        assert blocked["blocked_by"] == parents
        assert all(parent in blocked["message"] for parent in parents)
        assert parents[0] in blocked["hint"]
        assert blocked["started_at"] is None


def test_unrelated_lines_finish(story):
    for name in UNRELATED:
        assert line(story.while_failing, name)["job_queue_entry_status"] == "finished"
    assert story.while_failing["run"]["state"] == "finished-with-errors"


def test_a_restarted_line_completes_with_those_that_it_alone_blocked(story):
    after = statuses(story.currency_restarted)
    finished = {"CURRENCY", "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE", *UNRELATED}
    assert {name for name, status in after.items() if status == "finished"} == finished
    assert line(story.currency_restarted, "CURRENCY")["attempt"] == 2
    assert line(story.currency_restarted, "ITEM-PRODUCT")["attempt"] == 1
    assert line(story.currency_restarted, "CUSTOMER")["blocked_by"] == ["SALESPEOPLE"]


def test_everything_is_in_step_once_every_failed_line_was_restarted(story):
    assert set(statuses(story.all_restarted).values()) == {"finished"}
    assert story.all_restarted["run"]["state"] == "finished"
    assert story.couplings_missing == []
    assert story.accounts == 40


class Webpage(BaseHTTPRequestHandler):
    """Whatever is asked for, a page for people is the answer."""

    def do_GET(self) -> None:
        page = b"<!doctype html><title>Sign in</title><h1>Please sign in</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def webpage(installation: Installation) -> Iterator[str]:
    """Address of a server of web pages with a trusted certificate."""
    certificates = installation.platform.certificates
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Webpage) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_web_page_in_the_services_place_is_told_as_such(installation, small_company, webpage):
    connection = installation.draft(small_company, crm={"url": webpage})
    review = installation.preview(connection, ["SALESPEOPLE", "CUSTOMER"])
    assert statuses(review) == {"SALESPEOPLE": "error", "CUSTOMER": "blocked"}
    failed = line(review, "SALESPEOPLE")
    assert failed["message"] == (
        "Dynamics 365 Sales answered GET /api/data/v9.2/systemusers with something other than JSON."
    )
    assert "address" in failed["hint"]


def test_a_company_that_is_not_there_is_named_with_those_that_are(installation, small_company):
    connection = installation.draft("Contoso Elsewhere")
    review = installation.preview(connection, ["CURRENCY"])
    failed = line(review, "CURRENCY")
    assert failed["job_queue_entry_status"] == "error"
    assert "'Contoso Elsewhere'" in failed["message"]
    assert small_company in failed["hint"]
