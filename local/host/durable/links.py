"""The addresses of the Durable HTTP API as it hands them out itself."""

import json
from urllib.parse import quote

WEBHOOK_PATH = "/runtime/webhooks/durabletask/"
RPC_PATH = "/durabletask/"

_INSTANCE_PLACEHOLDER = "INSTANCEID"


class Links:
    """The addresses on a host at `base_url` for a task hub."""

    def __init__(self, base_url: str, hub_name: str) -> None:
        self._root = base_url.rstrip("/")
        self._hub_name = hub_name
        # The host does not ask for the key; apps and scripts may expect one in these addresses.
        self._required = "code=local"
        self._query = f"taskHub={quote(hub_name)}&connection=Storage&{self._required}"

    def management(self, instance_id: str) -> dict[str, str]:
        """What an orchestration's starter is told: how to query and steer the instance."""
        instance = f"{self._root}{WEBHOOK_PATH}instances/{quote(instance_id, safe='')}"
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{instance}?{self._query}",
            "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{self._query}",
            "terminatePostUri": f"{instance}/terminate?reason={{text}}&{self._query}",
            "rewindPostUri": f"{instance}/rewind?reason={{text}}&{self._query}",
            "purgeHistoryDeleteUri": f"{instance}?{self._query}",
            "restartPostUri": f"{instance}/restart?{self._query}",
            "suspendPostUri": f"{instance}/suspend?reason={{text}}&{self._query}",
            "resumePostUri": f"{instance}/resume?reason={{text}}&{self._query}",
        }

    def client_binding(self) -> str:
        """The value of a ``durableClient`` parameter, from which the SDK makes its client."""
        create = f"{self._root}{WEBHOOK_PATH}orchestrators/{{functionName}}[/{{instanceId}}]"
        wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
        return json.dumps(
            {
                "taskHubName": self._hub_name,
                "connectionName": "Storage",
                "creationUrls": {
                    "createNewInstancePostUri": f"{create}?{self._required}",
                    "createAndWaitOnNewInstancePostUri": f"{create}?{wait}&{self._required}",
                },
                "managementUrls": self.management(_INSTANCE_PLACEHOLDER),
                "baseUrl": f"{self._root}{WEBHOOK_PATH}".rstrip("/"),
                "requiredQueryStringParameters": self._required,
                "rpcBaseUrl": f"{self._root}{RPC_PATH}",
            }
        )
