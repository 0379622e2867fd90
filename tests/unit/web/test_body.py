from __future__ import annotations

import pytest

from errors import RefusedRequestError
from web.body import BODY_LIMIT, JSON, json_document, text_document

CSV = "text/csv"


@pytest.mark.parametrize(
    "content_type", [JSON, "Application/JSON", f"{JSON}; charset=utf-8", f'{JSON};charset="UTF-8"']
)
def test_json_in_utf_8_is_parsed(content_type):
    assert json_document('{"a": ["é", 1]}'.encode(), content_type) == {"a": ["é", 1]}


def test_an_empty_body_is_an_empty_object_whatever_its_type():
    assert json_document(b"", "") == {}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        f"{JSON}; charset=utf-16",
        "multipart/form-data; boundary=x",
    ],
)
def test_another_content_type_is_refused(content_type):
    with pytest.raises(RefusedRequestError) as refused:
        json_document(b"{}", content_type)
    assert (refused.value.status, refused.value.code) == (415, "unsupported-content-type")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[1,]",
        b"nul",
        b'{"a": 1} x',
        b"'a'",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b"NaN",
        b'{"a": -Infinity}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 60_000,
        b"1" * 5_000,
        b'"a\nb"',
    ],
)
def test_what_is_not_strictly_json_is_refused(raw):
    with pytest.raises(RefusedRequestError) as refused:
        json_document(raw, JSON)
    assert (refused.value.status, refused.value.code) == (400, "malformed-json")
    assert len(refused.value.message) < 200


def test_the_place_of_a_mistake_is_told():
    with pytest.raises(RefusedRequestError, match="line 2, column 3"):
        json_document(b'{"a": 1,\n  b}', JSON)


def test_a_body_is_taken_up_to_the_limit_and_refused_above():
    largest = b'"' + b"x" * (BODY_LIMIT - 2) + b'"'
    assert json_document(largest, JSON) == "x" * (BODY_LIMIT - 2)
    with pytest.raises(RefusedRequestError) as refused:
        json_document(largest + b" ", JSON)
    assert (refused.value.status, refused.value.code) == (413, "body-too-large")


@pytest.mark.parametrize("content_type", [CSV, f"{CSV}; charset=utf-8", 'Text/CSV;charset="UTF-8"'])
def test_text_in_utf_8_is_taken(content_type):
    assert text_document("\ufeffé;1\r\n".encode(), content_type, CSV) == "\ufeffé;1\r\n"


def test_an_empty_body_is_an_empty_text_whatever_its_type():
    assert text_document(b"", "", CSV) == ""


@pytest.mark.parametrize("content_type", ["", JSON, "text/plain", f"{CSV}; charset=windows-1252"])
def test_text_that_says_to_be_something_else_is_refused(content_type):
    with pytest.raises(RefusedRequestError) as refused:
        text_document(b"a", content_type, CSV)
    assert (refused.value.status, refused.value.code) == (415, "unsupported-content-type")
    assert CSV in refused.value.hint


def test_what_is_not_utf_8_can_be_found_in_the_text():
    assert text_document(b"a\xe9b", CSV, CSV) == "a\udce9b"


def test_a_text_is_taken_up_to_the_limit_and_refused_above():
    assert text_document(b"abc", CSV, CSV, limit=3) == "abc"
    with pytest.raises(RefusedRequestError) as refused:
        text_document(b"abcd", CSV, CSV, limit=3)
    assert (refused.value.status, refused.value.code) == (413, "body-too-large")
