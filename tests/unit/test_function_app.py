"""What the host will find: names, triggers, routes, queues, schedules; and a valid host.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry

from tests.unit.registered import functions, http_functions

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = Path(__file__).with_name("functions_manifest.json")
_SHOWN = ("type", "route", "methods", "authLevel", "queueName", "connection", "schedule", "name")


def manifest() -> dict[str, list[dict[str, Any]]]:
    """Every function with its bindings, in the order of names."""
    return {
        function.get_function_name(): [
            {name: binding[name] for name in _SHOWN if binding.get(name) not in (None, "")}
            for binding in map(json.loads, function.get_raw_bindings())
        ]
        for function in functions()
    }


def test_the_functions_are_those_of_the_manifest():
    found = json.dumps(manifest(), indent=2) + "\n"
    assert found == MANIFEST.read_text(), (
        "The functions differ from tests/unit/functions_manifest.json, which is what callers and "
        "operators rely on. If the change is meant, write the manifest anew with\n"
        "    python -m tests.unit.test_function_app\n"
        "and commit it together with the change."
    )


@pytest.mark.parametrize("function", functions(), ids=lambda one: one.get_function_name())
def test_no_function_takes_a_secret_in_its_route(function):
    trigger = function.get_trigger().get_dict_repr()
    assert not re.search("code|key|secret|token", str(trigger.get("route", "")))


@pytest.mark.parametrize("function", functions(), ids=lambda one: one.get_function_name())
def test_the_worker_finds_parameters_and_types_that_fit_the_bindings(function):
    class BindingInfo:
        """As far as Microsoft's worker looks at its protobuf messages when it loads a function."""

        out, inout, undefined = 1, 2, 0

    load_binding_registry()
    loaded = Registry().add_indexed_function(function, SimpleNamespace(BindingInfo=BindingInfo))
    bindings = {binding["name"] for binding in map(json.loads, function.get_raw_bindings())}
    assert {*loaded.input_types, *loaded.output_types} == bindings - {"$return"}


def test_no_two_routes_take_the_same_requests():
    taken = [
        (re.sub(r"\{[^}]*\}", "{}", trigger["route"]), str(method))
        for trigger in (one.get_trigger().get_dict_repr() for one in http_functions())
        for method in trigger["methods"]
    ]
    assert len(taken) == len(set(taken))


def host() -> dict[str, Any]:
    return dict(json.loads((ROOT / "host.json").read_text()))


def test_host_json_is_for_version_4_of_the_host():
    settings = host()
    assert settings["version"] == "2.0"
    assert settings["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.*, 5.0.0)",
    }
    assert settings["functionTimeout"] == "00:10:00"


def test_messages_are_tried_five_times_and_encoded_as_the_product_sends_them():
    queues = host()["extensions"]["queues"]
    assert queues["maxDequeueCount"] == 5
    assert queues["messageEncoding"] == "base64"
    # one long slice must not keep the other place idle: fetched singly, two at a time
    assert (queues["batchSize"], queues["newBatchThreshold"]) == (1, 1)
    for name in ("visibilityTimeout", "maxPollingInterval"):
        assert re.fullmatch(r"\d\d:\d\d:\d\d", queues[name])


def test_failures_are_never_sampled_away():
    sampling = host()["logging"]["applicationInsights"]["samplingSettings"]
    assert set(sampling["excludedTypes"].split(";")) == {"Request", "Exception"}


def test_a_slice_of_work_ends_well_before_the_hosts_time_limit():
    hours, minutes, seconds = map(int, host()["functionTimeout"].split(":"))
    limit = hours * 3600 + minutes * 60 + seconds
    values = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    assert int(values["TABLE_JOB_SLICE_SECONDS"]) <= limit / 2


def ignored() -> set[str]:
    lines = (ROOT / ".funcignore").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_what_is_for_development_only_is_not_deployed():
    wanted = {"tests", "local", "docs", "infra", ".venv", ".local", ".git", "local.settings.json"}
    assert wanted <= ignored()


def test_what_the_application_needs_is_deployed():
    imported = {"api", "audit", "connections", "couplings", "identity", "services", "setup"}
    imported |= {"storage", "sync", "web", "webhooks"}
    files = {"function_app.py", "host.json", "errors.py", "log_masking.py", "settings.py"}
    installed = {"requirements.txt", "constraints.txt"}
    assert not ignored() & (imported | files | installed)


if __name__ == "__main__":
    MANIFEST.write_text(json.dumps(manifest(), indent=2) + "\n")
