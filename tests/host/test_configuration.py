"""host.json, local.settings.json and app settings."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from local.host.configuration import (
    HostConfiguration,
    QueueOptions,
    duration,
    load_local_settings,
    read_host_json,
    resolve,
    storage_connection,
)
from local.host.errors import HostError


def _host_json(folder: Path, **extensions: object) -> Path:
    content = {"version": "2.0", "extensions": extensions}
    (folder / "host.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_an_empty_host_json_gives_the_real_hosts_defaults(tmp_path: Path):
    configuration = read_host_json(_host_json(tmp_path))
    assert configuration == HostConfiguration(
        route_prefix="api",
        hub_name="TestHubName",
        max_concurrent_activities=10,
        queues=QueueOptions(
            batch_size=16,
            new_batch_threshold=8,
            max_dequeue_count=5,
            visibility_timeout=timedelta(0),
            max_polling_interval=timedelta(seconds=2),
            message_encoding="base64",
        ),
    )


def test_host_json_sets_everything_that_the_host_understands(tmp_path: Path):
    configuration = read_host_json(
        _host_json(
            tmp_path,
            http={"routePrefix": "/v1/"},
            durableTask={"hubName": "Hub", "maxConcurrentActivityFunctions": 3},
            queues={
                "batchSize": 4,
                "maxDequeueCount": 2,
                "visibilityTimeout": "00:00:30",
                "maxPollingInterval": "00:00:00.5",
                "messageEncoding": "None",
            },
        )
    )
    assert configuration == HostConfiguration(
        route_prefix="v1",
        hub_name="Hub",
        max_concurrent_activities=3,
        queues=QueueOptions(
            batch_size=4,
            new_batch_threshold=2,
            max_dequeue_count=2,
            visibility_timeout=timedelta(seconds=30),
            max_polling_interval=timedelta(seconds=0.5),
            message_encoding="none",
        ),
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "no JSON"),
        ("[]", "JSON object"),
        ('{"version": "1.0"}', "version"),
        ('{"version": "2.0", "extensions": {"queues": {"batchSize": 33}}}', "batchSize"),
        ('{"version": "2.0", "extensions": {"queues": {"messageEncoding": "x"}}}', "Encoding"),
        ('{"version": "2.0", "extensions": {"queues": {"visibilityTimeout": "5s"}}}', "hh:mm"),
    ],
)
def test_a_malformed_host_json_is_refused(tmp_path: Path, content: str, complaint: str):
    (tmp_path / "host.json").write_text(content, encoding="utf-8")
    with pytest.raises(HostError, match=complaint):
        read_host_json(tmp_path)


def test_local_settings_do_not_override_the_environment(tmp_path: Path):
    settings = {"IsEncrypted": False, "Values": {"NEW": "file", "SET": "file"}}
    (tmp_path / "local.settings.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = {"SET": "environment"}
    load_local_settings(tmp_path, environment)
    assert environment == {"NEW": "file", "SET": "environment"}


def test_local_settings_are_optional(tmp_path: Path):
    environment: dict[str, str] = {}
    load_local_settings(tmp_path, environment)
    assert environment == {}


def test_local_settings_must_be_texts(tmp_path: Path):
    (tmp_path / "local.settings.json").write_text('{"Values": {"A": 1}}', encoding="utf-8")
    with pytest.raises(HostError, match="texts"):
        load_local_settings(tmp_path, {})


def test_references_to_settings_are_replaced():
    assert resolve("a-%X%-%Y%", {"X": "1", "Y": "2"}) == "a-1-2"
    with pytest.raises(HostError, match="%MISSING%"):
        resolve("%MISSING%", {})


def test_development_storage_is_azurite_on_the_given_ports():
    connection = storage_connection(
        None, {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, azurite_port=7080
    )
    assert "BlobEndpoint=http://127.0.0.1:7080/" in connection
    assert "QueueEndpoint=http://127.0.0.1:7081/" in connection
    assert "TableEndpoint=http://127.0.0.1:7082/" in connection


def test_a_connection_is_found_by_its_name_or_with_the_hosts_prefix():
    environment = {"Orders": "one", "AzureWebJobsInvoices": "two"}
    assert storage_connection("Orders", environment, azurite_port=1) == "one"
    assert storage_connection("Invoices", environment, azurite_port=1) == "two"


def test_a_missing_connection_or_one_by_identity_is_refused_by_name():
    with pytest.raises(HostError, match="AzureWebJobsStorage"):
        storage_connection(None, {}, azurite_port=1)
    with pytest.raises(HostError, match="identity"):
        storage_connection(None, {"AzureWebJobsStorage__accountName": "x"}, azurite_port=1)


def test_durations():
    assert duration("00:00:30") == timedelta(seconds=30)
    assert duration("1.02:03:04.5") == timedelta(days=1, hours=2, minutes=3, seconds=4.5)
