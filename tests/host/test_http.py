"""HTTP-triggered functions on a running host."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.host.processes import Azurite, HostFactory, HostProcess
from tests.host.sample import Sample

BODY_LIMIT = 100_000


@pytest.fixture(scope="module")
def host(
    start_module_host: HostFactory, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostProcess]:
    trace = tmp_path_factory.mktemp("sample") / "trace.jsonl"
    sample = Sample(azurite=azurite, trace_file=trace)
    host = sample.start(
        start_module_host, env={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": str(BODY_LIMIT)}
    )
    yield host
    assert host.stop() == 0


def _get(host: HostProcess, path: str, **options) -> requests.Response:
    return requests.get(host.base_url + path, timeout=10, **options)


def test_route_parameters_reach_the_function_decoded(host: HostProcess):
    answer = _get(host, "/api/echo/UNIT%20OF%20MEASURE/5")
    assert answer.status_code == 201
    assert answer.json()["route"] == {"name": "UNIT OF MEASURE", "number": "5"}


def test_an_absent_optional_parameter_is_no_parameter(host: HostProcess):
    assert _get(host, "/api/echo/x").json()["route"] == {"name": "x"}


def test_a_parameter_that_breaks_its_constraint_is_404(host: HostProcess):
    assert _get(host, "/api/echo/x/five").status_code == 404


def test_a_catch_all_takes_the_rest_of_the_path(host: HostProcess):
    assert _get(host, "/api/files/a/b%20c.txt").json() == {"path": "a/b c.txt"}


def test_routes_ignore_case_and_a_trailing_slash(host: HostProcess):
    assert _get(host, "/API/Echo/x/").status_code == 201


def test_a_function_without_a_route_is_found_by_its_name(host: HostProcess):
    assert _get(host, "/api/unrouted").text == "by name"


def test_the_most_specific_route_wins_and_the_real_hosts_choice_is_told(host: HostProcess):
    assert _get(host, "/api/items/recent").json() == "recent"
    assert _get(host, "/api/items/3").json() == {"number": "3"}
    assert _get(host, "/api/items/30").json() == {"item": "30"}
    assert "/api/items/recent is ambiguous: the real host would take /api/items/{id}" in (
        host.log_text()
    )


def test_the_method_chooses_between_functions_on_one_route(host: HostProcess):
    answer = requests.delete(f"{host.base_url}/api/items/5", timeout=10)
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_unknown_route_is_404(host: HostProcess):
    answer = _get(host, "/api/nothing")
    assert (answer.status_code, answer.content) == (404, b"")


def test_a_path_without_the_route_prefix_is_404(host: HostProcess):
    assert _get(host, "/echo/x").status_code == 404


def test_a_known_route_with_a_wrong_method_is_404_as_on_the_real_host(host: HostProcess):
    assert requests.put(f"{host.base_url}/api/echo/x", timeout=10).status_code == 404
    assert requests.head(f"{host.base_url}/api/plain", timeout=10).status_code == 404


def test_head_runs_the_function_and_answers_without_a_body(host: HostProcess):
    answer = requests.head(f"{host.base_url}/api/echo/x", timeout=10)
    assert answer.status_code == 201
    assert answer.headers["X-Answer"] == "42"
    assert answer.content == b""


def test_the_request_reaches_the_function_as_on_the_real_host(host: HostProcess):
    answer = requests.post(
        f"{host.base_url}/api/echo/x%20y",
        params=[("a", "1"), ("a", "2"), ("empty", ""), ("b", "ü")],
        headers={"X-Mixed-Case": "Kept"},
        data="grüße".encode(),
        timeout=10,
    ).json()
    assert answer["function"] == "echo"
    assert answer["method"] == "POST"
    assert answer["url"].startswith(f"{host.base_url}/api/echo/x%20y?a=1&a=2")
    assert answer["query"] == {"a": "1,2", "b": "ü"}
    assert answer["headers"]["x-mixed-case"] == "Kept"
    assert all(name == name.lower() for name in answer["headers"])
    assert (answer["text"], answer["length"]) == ("grüße", 7)


def test_the_response_carries_the_functions_status_headers_and_body(host: HostProcess):
    answer = _get(host, "/api/echo/x")
    assert answer.status_code == 201
    assert answer.headers["X-Answer"] == "42"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["function"] == "echo"


def test_a_text_becomes_a_plain_response(host: HostProcess):
    answer = _get(host, "/api/plain")
    assert (answer.status_code, answer.text) == (200, "just text")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_cookies_are_set_with_their_attributes(host: HostProcess):
    header = _get(host, "/api/cookie").headers["Set-Cookie"]
    assert header.startswith("session=abc;")
    assert {part.strip() for part in header.split(";")[1:]} == {
        "HttpOnly",
        "Max-Age=60",
        "Path=/",
        "SameSite=Lax",
    }


def test_a_function_that_raises_is_500_without_a_body_and_logged_with_its_traceback(
    host: HostProcess,
):
    answer = _get(host, "/api/raise")
    assert (answer.status_code, answer.content) == (500, b"")
    log = host.log_text()
    assert "raise_: GET /api/raise: FAILED in" in log
    assert "LookupError: nothing to see here" in log
    assert "function_app.py" in log


def test_a_function_that_exits_fails_alone(host: HostProcess):
    assert _get(host, "/api/exit").status_code == 500
    assert _get(host, "/api/plain").status_code == 200


def test_a_body_up_to_the_limit_is_accepted_and_a_larger_one_is_413(host: HostProcess):
    url = f"{host.base_url}/api/echo/x"
    assert requests.post(url, data=bytes(BODY_LIMIT), timeout=10).json()["length"] == BODY_LIMIT
    assert requests.post(url, data=bytes(BODY_LIMIT + 1), timeout=10).status_code == 413


def test_a_chunked_body_counts_towards_the_limit(host: HostProcess):
    url = f"{host.base_url}/api/echo/x"
    chunks = [bytes(1000)] * 50
    assert requests.post(url, data=iter(chunks), timeout=10).json()["length"] == 50_000
    assert requests.post(url, data=iter(chunks * 3), timeout=10).status_code == 413


def test_the_status_tells_that_the_host_is_running(host: HostProcess):
    answer = _get(host, "/admin/host/status")
    assert (answer.status_code, answer.json()) == (200, {"state": "Running"})


def test_each_run_is_one_readable_log_line(host: HostProcess):
    _get(host, "/api/files/logged")
    line = next(line for line in host.log_text().splitlines() if "/api/files/logged" in line)
    assert " INFO    host: files: GET /api/files/logged: 200 in " in line
    assert line.endswith(" ms")


def test_the_route_prefix_comes_from_host_json(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text(
        '{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}', encoding="utf-8"
    )
    (app / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "@app.route(route='hello')\n"
        "def hello(req: func.HttpRequest) -> str:\n"
        "    return req.method\n",
        encoding="utf-8",
    )
    host = sample.start(start_host, app_dir=app)
    assert _get(host, "/hello").text == "GET"
    assert requests.put(f"{host.base_url}/hello", timeout=10).text == "PUT", "no methods = all"
    assert _get(host, "/api/hello").status_code == 404


def test_a_body_above_100_mb_is_413_before_it_is_sent(start_host: HostFactory, sample: Sample):
    host = sample.start(start_host)
    for size, status in ((100 * 1024 * 1024 + 1, 413), (0, 201)):
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
        connection.putrequest("POST", "/api/echo/x")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()
