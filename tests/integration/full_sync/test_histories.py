"""The history of an orchestration is purged when its run is long over; the run stays listed."""

from __future__ import annotations

import json

from azure.data.tables import TableClient

from tests.integration.full_sync.installation import Installation, company, until

INSTANCES = "CouplerHubInstances"
LONG_AGO = "2021-01-01T00:00:00.000000Z"


def test_the_history_of_a_run_that_is_long_over_is_purged(installation: Installation):
    data = company(3)
    installation.begin_anew(data)
    connection = installation.connect(data.company)
    old, young = (installation.synchronize(connection, ["CURRENCY"])["run"]["run_id"] for _ in "12")
    platform = installation.platform
    values = json.loads(platform.options.settings_file.read_text())["Values"]
    with TableClient.from_connection_string(values["AzureWebJobsStorage"], INSTANCES) as instances:

        def histories() -> set[str]:
            return {row["PartitionKey"].partition("~")[0] for row in instances.list_entities()}

        assert {old, young} <= histories()
        for row in instances.list_entities():
            if row["PartitionKey"].startswith(old):
                instances.update_entity(row | {"CreatedTime": LONG_AGO})
        url = f"{platform.addresses.function_app}/admin/functions/purge_histories"
        assert platform.client.request("POST", url, body={"input": ""}).status == 202
        until(lambda: old not in histories(), "the end of the old history")
        assert young in histories()
    runs = installation.call("GET", f"connections/{connection}/runs").body["runs"]
    assert {old, young} <= {each["run_id"] for each in runs}
