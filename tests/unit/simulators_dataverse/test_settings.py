"""The configuration file of the simulator's process."""

import json

import pytest

from local.simulators.dataverse.__main__ import read_settings
from local.simulators.dataverse.limits import ServiceLimits
from local.simulators.dataverse.simulator import Settings
from local.simulators.dataverse.webhooks import WebhookTimes


def test_without_a_file_everything_is_as_in_the_real_service():
    assert read_settings(None) == Settings()
    assert Settings().limits == ServiceLimits(
        requests=6000, execution_seconds=1200, window_seconds=300, concurrent=52
    )


def test_a_file_sets_what_it_names(tmp_path):
    file = tmp_path / "dataverse.json"
    file.write_text(
        json.dumps(
            {
                "clients": ["a"],
                "base_currency": ["GBP", "Pound Sterling", "£"],
                "untracked": ["account"],
                "latency_seconds": 0.1,
                "limits": {"requests": 10},
                "webhooks": {"retry": 1.5},
            }
        )
    )
    assert read_settings(file) == Settings(
        clients=("a",),
        base_currency=("GBP", "Pound Sterling", "£"),
        untracked=frozenset({"account"}),
        latency_seconds=0.1,
        limits=ServiceLimits(requests=10),
        webhooks=WebhookTimes(retry=1.5),
    )


def test_an_unknown_setting_is_refused(tmp_path):
    file = tmp_path / "dataverse.json"
    file.write_text('{"client": []}')
    with pytest.raises(TypeError, match="client"):
        read_settings(file)
