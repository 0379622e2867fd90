from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from errors import ConfigurationError, WatermarkExpiredError
from services.dataverse import Dataverse
from services.records import ChangePage
from services.transport import Transport
from tests.unit.services.scripted_service import json_answer, refusal

API = "/api/data/v9.2/"
SELECT = ["name", "accountnumber"]
GONE = "2E451703-0000-4000-8000-00000000000A"


def delta(base: str, token: str = "919042%2108%2f22%2f2017%2008%3a10%3a44") -> str:
    return f"{base}{API}accounts?$select=name,accountnumber&$deltatoken={token}"


def read(transport: Transport, **options: Any) -> list[ChangePage]:
    asked = {"select": SELECT, "watermark": None} | options
    return list(Dataverse(transport).fetch_changes("accounts", **asked))


def test_the_first_reading_gives_every_record_and_the_first_watermark(transport, service):
    link = f"{service.url}{API}accounts?$select=name&$skiptoken=x"
    service.script = [
        json_answer({"value": [{"accountid": "1"}], "@odata.nextLink": link}),
        json_answer({"value": [{"accountid": "2"}], "@odata.deltaLink": delta(service.url)}),
    ]
    first, last = read(transport, page_size=1)
    assert [first.changed, last.changed] == [[{"accountid": "1"}], [{"accountid": "2"}]]
    assert (first.next, first.watermark) == (link, None)
    assert (last.next, last.watermark) == (None, delta(service.url))
    assert parse_qs(urlsplit(service.asked[0].path).query) == {"$select": ["name,accountnumber"]}
    preferences = {asked.headers["Prefer"] for asked in service.asked}
    assert preferences == {"odata.track-changes,odata.maxpagesize=1"}
    assert transport.traffic.operations == 2


def test_a_watermark_gives_what_changed_and_what_was_deleted_since(transport, service):
    deletion = {
        "@odata.context": f"{service.url}{API}$metadata#accounts/$deletedEntity",
        "id": GONE,
        "reason": "deleted",
    }
    changed = {"@odata.etag": 'W/"9"', "accountid": "1", "name": "N"}
    service.script = [
        json_answer({"value": [changed, deletion], "@odata.deltaLink": delta(service.url, "2")})
    ]
    (page,) = read(transport, watermark=delta(service.url))
    # The escapes' letter case has no meaning; the HTTP library spells them in capitals.
    assert (service.url + service.asked[0].path).lower() == delta(service.url).lower()
    assert page.changed == [changed]
    assert page.deleted == [GONE.lower()]
    assert page.watermark == delta(service.url, "2")


def test_a_delta_link_on_an_earlier_page_is_the_last_pages_watermark(transport, service):
    link = f"{service.url}{API}accounts?$skiptoken=x"
    service.script = [
        json_answer({"value": [], "@odata.deltaLink": delta(service.url), "@odata.nextLink": link}),
        json_answer({"value": []}),
    ]
    assert [page.watermark for page in read(transport)] == [None, delta(service.url)]


def test_reading_goes_on_from_a_cursor(transport, service):
    cursor = f"{service.url}{API}accounts?$deltatoken=1&$skiptoken=y"
    service.script = [json_answer({"value": [], "@odata.deltaLink": delta(service.url)})]
    (page,) = read(transport, watermark=delta(service.url, "1"), cursor=cursor)
    assert service.url + service.asked[0].path == cursor
    assert page.watermark == delta(service.url)


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (
            "0x80044352",
            "Version stamp associated with the client has expired.",
            "watermark-expired",
        ),
        ("0x80060888", "The delta token is invalid.", "watermark-unknown"),
        (
            "0x80060888",
            "Entity account doesn't have change tracking enabled.",
            "change-tracking-off",
        ),
    ],
)
def test_what_cannot_be_followed_is_told_by_its_code(transport, service, code, message, expected):
    service.script = [refusal(400, code, message)]
    with pytest.raises(WatermarkExpiredError) as raised:
        read(transport, watermark=delta(service.url))
    assert raised.value.code == expected
    assert "accounts" in raised.value.message


def test_a_table_without_tracking_says_how_to_switch_it_on(transport, service):
    service.script = [refusal(400, "0x1", "Entity account doesn't have change tracking enabled.")]
    with pytest.raises(WatermarkExpiredError) as raised:
        read(transport)
    assert raised.value.code == "change-tracking-off"
    assert "Track changes" in raised.value.hint


def test_a_refusal_of_the_first_reading_is_not_about_a_watermark(transport, service):
    service.script = [refusal(400, "0x80060888", "Unexpected token in the select.")]
    with pytest.raises(ConfigurationError, match="Unexpected token"):
        read(transport)


def test_another_refusal_is_no_lost_watermark(transport, service):
    service.script = [refusal(400, "0x80060888", "Could not find a property named 'x'.")]
    with pytest.raises(ConfigurationError):
        read(transport, watermark=delta(service.url))


@pytest.mark.parametrize("select", [["name"], [*SELECT, "telephone1"], []])
def test_a_watermark_of_other_columns_is_expired(transport, service, select):
    with pytest.raises(WatermarkExpiredError) as raised:
        read(transport, select=select, watermark=delta(service.url))
    assert raised.value.code == "watermark-of-other-columns"
    assert service.asked == []


def test_the_order_of_columns_does_not_matter(transport, service):
    service.script = [json_answer({"value": [], "@odata.deltaLink": delta(service.url)})]
    assert read(transport, select=SELECT[::-1], watermark=delta(service.url))


@pytest.mark.parametrize(
    "watermark",
    [
        delta("https://elsewhere.example"),
        "https://127.0.0.1:1" + API + "accounts?$select=name,accountnumber&$deltatoken=1",
        "{base}" + API + "contacts?$select=name,accountnumber&$deltatoken=1",
        "{base}/elsewhere/accounts?$select=name,accountnumber&$deltatoken=1",
    ],
)
def test_a_watermark_of_another_place_is_not_followed(transport, service, watermark):
    with pytest.raises(WatermarkExpiredError) as raised:
        read(transport, watermark=watermark.replace("{base}", service.url))
    assert raised.value.code == "watermark-of-another-place"
    assert service.asked == []


@pytest.mark.parametrize("link", [delta("https://elsewhere.example"), 7, "accounts?$deltatoken=1"])
def test_a_delta_link_that_leads_elsewhere_is_not_kept(transport, service, link):
    service.script = [json_answer({"value": [], "@odata.deltaLink": link})]
    with pytest.raises(ConfigurationError) as raised:
        read(transport)
    assert raised.value.code == "foreign-link"


def test_a_next_link_that_leads_elsewhere_is_not_followed(transport, service):
    elsewhere = f"https://elsewhere.example{API}accounts?$skiptoken=x"
    service.script = [json_answer({"value": [], "@odata.nextLink": elsewhere})]
    with pytest.raises(ConfigurationError) as raised:
        read(transport)
    assert raised.value.code == "foreign-link"
