"""Queue-triggered functions and queue output on a running host."""

import base64
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.host.processes import Azurite, HostFactory, HostProcess, eventually
from tests.host.sample import APP, Sample


@pytest.fixture(scope="module")
def shared(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """One app for all tests that need no other settings; each uses job names of its own."""
    return Sample(azurite=azurite, trace_file=tmp_path_factory.mktemp("sample") / "trace.jsonl")


@pytest.fixture(scope="module")
def shared_host(start_module_host: HostFactory, shared: Sample) -> HostProcess:
    return shared.start(start_module_host)


def _runs(sample: Sample, name: str) -> list[dict[str, Any]]:
    return [run for run in sample.trace("job") if run["job"] == name]


def _finished(sample: Sample, name: str) -> bool:
    return any(entry["finished"] == name for entry in sample.trace("finished"))


def _stored(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.usefixtures("shared_host")
def test_a_message_runs_the_function_with_its_metadata_and_is_deleted(shared: Sample):
    shared.send({"name": "one"})
    (run,) = eventually(lambda: _runs(shared, "one"))
    assert run["dequeue_count"] == 1
    assert run["id"]
    assert run["pop_receipt"]
    inserted, expires, visible = (
        datetime.fromisoformat(run[name]) for name in ("inserted", "expires", "next_visible")
    )
    assert expires - inserted == timedelta(days=7)
    assert timedelta(seconds=595) < visible - inserted < timedelta(seconds=605)
    eventually(lambda: shared.count() == 0)
    assert shared.raw_contents("-poison") == []


@pytest.mark.usefixtures("shared_host")
def test_what_a_function_returns_is_sent_to_its_output_queue(shared: Sample):
    shared.send({"name": "answered"})
    eventually(lambda: _stored('{"done": "answered"}') in shared.raw_contents("-out"))


def test_a_failing_message_is_tried_five_times_and_then_moved_to_the_poison_queue(
    shared_host: HostProcess, shared: Sample
):
    shared.send({"name": "bad", "fail": True}, {"name": "good"})
    poison = _stored('{"name": "bad", "fail": true}')
    eventually(lambda: poison in shared.raw_contents("-poison"))
    eventually(lambda: shared.count() == 0)
    assert [run["dequeue_count"] for run in _runs(shared, "bad")] == [1, 2, 3, 4, 5]
    assert _finished(shared, "good")
    assert not _finished(shared, "bad")
    assert shared_host.log_text().count("ValueError: told to fail\n") >= 5
    assert f"moved to {shared.prefix}-poison: it failed 5 times" in shared_host.log_text()


def test_a_message_that_is_not_base64_goes_to_the_poison_queue_without_a_run(
    shared_host: HostProcess, shared: Sample
):
    runs = len(shared.trace("job"))
    shared.send_raw("{not base64}")
    eventually(lambda: "{not base64}" in shared.raw_contents("-poison"))
    eventually(lambda: shared.count() == 0)
    assert len(shared.trace("job")) == runs
    assert "it is not base64" in shared_host.log_text()


def test_an_output_parameter_sends_one_message_base64_encoded(
    shared_host: HostProcess, shared: Sample
):
    answer = requests.post(f"{shared_host.base_url}/api/send", data="grüße".encode(), timeout=10)
    assert answer.status_code == 202
    assert _stored("grüße") in shared.raw_contents("-out")


def test_an_output_parameter_with_a_list_sends_each_item(shared_host: HostProcess, shared: Sample):
    requests.post(f"{shared_host.base_url}/api/send-many", json=["a", "b", "c"], timeout=10)
    assert {_stored("a"), _stored("b"), _stored("c")} <= set(shared.raw_contents("-out"))


def test_an_output_parameter_with_a_queue_message_sends_its_body(
    shared_host: HostProcess, shared: Sample
):
    url = f"{shared_host.base_url}/api/send-message"
    assert requests.post(url, data='{"a": 1}', timeout=10).status_code == 202
    assert _stored('{"a": 1}') in shared.raw_contents("-out")


def test_output_that_cannot_be_sent_fails_the_function(shared_host: HostProcess):
    answer = requests.post(f"{shared_host.base_url}/api/send", data=bytes(70_000), timeout=10)
    assert answer.status_code == 500
    assert "send: POST /api/send: FAILED" in shared_host.log_text()
    assert "output binding: " in shared_host.log_text()


def test_a_queue_may_come_into_being_after_the_host_started(
    start_host: HostFactory, sample: Sample
):
    host = sample.start(start_host)
    assert "cannot be read" not in host.log_text()
    sample.send({"name": "late"})
    eventually(lambda: sample.trace("finished"))


def test_a_failed_message_is_hidden_for_the_visibility_timeout(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    app = _app_with_queue_options(tmp_path, visibilityTimeout="00:00:02")
    sample.start(start_host, app_dir=app)
    sample.send({"name": "bad", "fail": True})
    eventually(lambda: len(sample.trace("job")) >= 2)
    first, second, *_ = sample.trace("job")
    assert second["at"] - first["at"] > 1.5


def test_messages_are_plain_where_host_json_says_so(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    app = _app_with_queue_options(tmp_path, messageEncoding="none")
    sample.start(start_host, app_dir=app)
    sample.send_raw('{"name": "plain"}')
    eventually(lambda: sample.trace("finished"))
    assert eventually(lambda: sample.raw_contents("-out")) == ['{"done": "plain"}']


def test_a_message_in_work_when_the_host_is_killed_comes_again(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    gate = tmp_path / "gate"
    host = sample.start(start_host, queue_visibility_seconds=2)
    sample.send({"name": "once", "hang_if_absent": str(gate)})
    (first,) = eventually(lambda: sample.trace("job"))
    host.kill()
    assert sample.trace("finished") == []
    gate.touch()
    host.restart()
    eventually(lambda: sample.trace("finished"))
    first, second = sample.trace("job")
    assert (first["dequeue_count"], second["dequeue_count"]) == (1, 2)
    assert first["id"] == second["id"]
    assert first["pid"] != second["pid"]
    eventually(lambda: sample.count() == 0)


def test_a_message_taken_too_often_without_an_end_is_not_run_again(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    app = _app_with_queue_options(tmp_path, maxDequeueCount=1)
    sample.send({"name": "killer"})
    with sample.queue() as queue:
        queue.receive_message(visibility_timeout=1)  # as a host did that died of it
    sample.start(start_host, app_dir=app)
    eventually(lambda: sample.contents("-poison"))
    assert sample.trace("job") == []


def test_a_running_functions_message_stays_invisible_beyond_its_timeout(
    start_host: HostFactory, sample: Sample
):
    sample.start(start_host, queue_visibility_seconds=2)
    sample.send({"name": "long", "seconds": 5})
    eventually(lambda: sample.trace("finished"))
    eventually(lambda: sample.count() == 0)
    assert [run["dequeue_count"] for run in sample.trace("job")] == [1]


def test_a_message_that_someone_else_took_over_is_left_to_them(
    start_host: HostFactory, sample: Sample
):
    host = sample.start(start_host)
    sample.send({"name": "stolen", "seconds": 1})
    (run,) = eventually(lambda: sample.trace("job"))
    with sample.queue() as queue:
        queue.update_message(run["id"], run["pop_receipt"], visibility_timeout=60)
    eventually(lambda: "belongs to someone else by now" in host.log_text())
    assert sample.count() == 1
    sample.send({"name": "next"})
    eventually(lambda: len(sample.trace("finished")) == 2)


def test_no_more_than_a_batch_and_its_threshold_are_at_work_at_once(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    app = _app_with_queue_options(tmp_path, batchSize=2, newBatchThreshold=1)
    sample.send(*({"name": f"job {n}", "seconds": 0.3} for n in range(9)))
    sample.start(start_host, app_dir=app)
    eventually(lambda: len(sample.trace("finished")) == 9)
    running = [0]
    for entry in map(json.loads, sample.trace_file.read_text().splitlines()):
        if "job" in entry or "finished" in entry:
            running.append(running[-1] + (1 if "job" in entry else -1))
    assert 2 <= max(running) <= 3
    assert len({run["job"] for run in sample.trace("job")}) == 9


def _app_with_queue_options(folder: Path, **options: object) -> Path:
    """A copy of the sample app with other options under extensions.queues in its host.json."""
    app = folder / "app"
    shutil.copytree(APP, app)
    document = json.loads((app / "host.json").read_text(encoding="utf-8"))
    document["extensions"]["queues"] |= options
    (app / "host.json").write_text(json.dumps(document), encoding="utf-8")
    return app
