from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dataverse_batch import MOST_PARTS, Part, PartAnswer, decode, encode
from tests.unit.services.multipart import content_type, multipart, parts_of

PART = Part(
    method="POST",
    path="/api/data/v9.2/accounts",
    headers={"Content-Type": "application/json; type=entry", "If-Match": 'W/"1"'},
    body=b'{"name":"A"}',
)
BODIES = st.text(max_size=80).map(str.encode)
ANSWERS = st.lists(
    st.tuples(st.sampled_from([200, 201, 204, 400, 412, 500]), BODIES), min_size=1, max_size=20
)


def test_a_batch_is_spelled_as_documented():
    read = Part(method="GET", path="/api/data/v9.2/accounts?$top=1", headers={})
    assert encode([PART, read], "b1").decode().split("\r\n") == [
        "--b1",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "POST /api/data/v9.2/accounts HTTP/1.1",
        "Content-Type: application/json; type=entry",
        'If-Match: W/"1"',
        "",
        '{"name":"A"}',
        "--b1",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "GET /api/data/v9.2/accounts?$top=1 HTTP/1.1",
        "",
        "",
        "--b1--",
        "",
    ]


@pytest.mark.parametrize("count", [0, MOST_PARTS + 1])
def test_a_batch_is_neither_empty_nor_over_the_limit(count):
    with pytest.raises(ValueError, match="1 to 1000"):
        encode([PART] * count, "b")


@settings(deadline=None)  # machines are shared: one slow example is no failure
@given(st.lists(BODIES, min_size=1, max_size=20))
def test_every_part_arrives_whole_and_in_order(bodies):
    sent = [Part(method="POST", path="/x", headers={"A": "b"}, body=body) for body in bodies]
    received = parts_of(encode(sent, "batch_0123456789"), "batch_0123456789")
    assert [(part.method, part.path, part.body) for part in received] == [
        ("POST", "/x", body) for body in bodies
    ]


@settings(deadline=None)  # machines are shared: one slow example is no failure
@given(ANSWERS)
def test_every_answer_is_read_whole_and_in_order(answers):
    body = multipart([(status, {"OData-Version": "4.0"}, text) for status, text in answers])
    assert decode(content_type(), body) == [
        PartAnswer(status=status, headers={"odata-version": "4.0"}, body=text)
        for status, text in answers
    ]


@pytest.mark.parametrize("spelling", ["{0}", '"{0}"', '"{0}"; charset=utf-8'])
def test_the_boundary_may_be_quoted(spelling):
    boundary = re.sub(r".*boundary=", "", content_type())
    named = f"multipart/mixed; boundary={spelling.format(boundary)}"
    assert decode(named, multipart([(204, {}, b"")]))[0].status == 204


def test_a_body_may_hold_the_ends_of_lines_and_dashes():
    text = b'{"a":"--\\r\\n--batchresponse"}\r\n\r\n--x'
    assert decode(content_type(), multipart([(200, {}, text)]))[0].body == text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed", b""),
        (content_type(), b""),
        (content_type(), b"nonsense"),
        (content_type(), multipart([(204, {}, b""), (204, {}, b"")])[:-40]),
        (content_type(), multipart([(204, {}, b"")]).replace(b"HTTP/1.1", b"SMTP")),
    ],
)
def test_anything_else_is_refused(kind, body):
    with pytest.raises(ValueError):
        decode(kind, body)


def test_a_thousand_parts_take_no_noticeable_time():
    started = time.process_time()
    encode([PART] * MOST_PARTS, "b")
    decode(content_type(), multipart([(200, {"ETag": 'W/"1"'}, b'{"a":1}')] * MOST_PARTS))
    assert time.process_time() - started < 0.5
