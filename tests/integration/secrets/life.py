"""An administrator's day with every secret that Coupler ever meets, and what it leaves behind."""

from __future__ import annotations

import json
import re
from typing import Any

from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import connection_string
from local.http_client import Answer
from local.identities import API_AUDIENCE, FUNCTION_APP, OPERATOR_APP, SERVICE, TENANT
from local.platform import Platform
from tests.integration.full_sync.installation import BC, CRM, Installation, company, until
from tests.integration.secrets.receiver import listening

WRONG_SECRET = "wr0ng-s3cret-of-a-test"
WEB_SERVICE_KEY = "w3b-s3rvice-key-of-a-test"
ADMINISTRATOR_TOKEN = "adm1nistrator-t0ken-of-a-test"
BEARER = "b3arer-of-a-test"
IN_A_BODY = "in-a-b0dy-of-a-test"
_MAPPINGS = ("CURRENCY", "UNIT OF MEASURE", "CUSTOMER")


class Life:
    """What was said and stored, by where it was found."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._installation = Installation(platform)
        self.answers: list[tuple[str, Answer]] = []
        self.queued: list[str] = []
        self.secrets: dict[str, str] = {}
        """Every secret there was, by what it is."""
        self._record_answers()

    def live(self) -> None:
        """Do everything, failures included; ends with the host killed in the middle of a run."""
        data = company(10)
        self._installation.begin_anew(data)
        self._know_the_fixed_secrets()
        connection = self._installation.connect(data.company)
        self._installation.synchronize(connection, _MAPPINGS)
        self._use_webhooks(connection)
        self._fail_to_sign_in(data.company)
        self._set_up(data.company)
        self._send_nonsense(connection)
        self._pass_over(connection)
        self._read_everything(connection)
        self._die_in_a_run(connection)

    # What is done

    def _know_the_fixed_secrets(self) -> None:
        for name, value in (("wrong", WRONG_SECRET), ("web-service", WEB_SERVICE_KEY)):
            self._seed_secret(f"{TENANT}--{name}", value)
        account_key = re.search(
            r"AccountKey=([^;]+)", connection_string(self._platform.options.ports)
        )
        assert account_key
        self.secrets |= {
            "the client secret": SERVICE.secret,
            "the function app's own secret": FUNCTION_APP.secret,
            "the storage account's key": account_key[1],
            "a client secret that is refused": WRONG_SECRET,
            "a web service access key": WEB_SERVICE_KEY,
            "an administrator's token": ADMINISTRATOR_TOKEN,
            "a token that is refused": BEARER,
            "a secret that a caller sent in a body": IN_A_BODY,
            "a caller's token": self._installation.token,
            "an operator's token": self._platform.token(OPERATOR_APP, API_AUDIENCE),
        }

    def _use_webhooks(self, connection: str) -> None:
        path = f"connections/{connection}/webhooks"
        assert self._call("PUT", path, {}).status == 200
        self._know_the_webhook_keys("first")
        assert self._call("POST", f"{path}/rotate", {}).status == 200
        self._know_the_webhook_keys("second")
        host = self._platform.addresses.function_app
        for key in (BEARER, self.secrets["CRM's second webhook key"]):
            self._platform.client.request(
                "POST",
                f"{host}/api/webhooks/crm/{TENANT}/{connection}",
                body={"MessageName": "Update", "PrimaryEntityName": "account"},
                headers={"x-coupler-key": key},
            )

    def _know_the_webhook_keys(self, which: str) -> None:
        """Business Central tells its key; CRM never does, but sends it to wherever it is told."""
        for subscription in self._installation.dump(BC, "subscriptions"):
            self.secrets[f"Business Central's {which} webhook key"] = subscription["clientState"]
        (endpoint,) = self._installation.dump(CRM, "serviceendpoints")
        place = f"serviceendpoints({endpoint['serviceendpointid']})"
        account = self._installation.dump(CRM, "accounts")[0]["accountid"]
        with listening() as (url, calls):
            self._change_in_crm(place, {"url": url})
            self._change_in_crm(f"accounts({account})", {"telephone1": which})
            self.secrets[f"CRM's {which} webhook key"] = calls.get(timeout=30)["code"][0]
        self._change_in_crm(place, {"url": endpoint["url"]})

    def _change_in_crm(self, path: str, values: dict[str, Any]) -> None:
        address = self._platform.addresses.crm
        token = self._platform.token(SERVICE, address)
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
        url = f"{address}/api/data/v9.2/{path}"
        answer = self._platform.client.request("PATCH", url, body=values, headers=headers)
        assert answer.status == 204, answer.body

    def _fail_to_sign_in(self, company_name: str) -> None:
        """A connection whose secret Entra ID refuses: it cannot be enabled, its preview ends in
        error, and both say why."""
        credentials = {
            "tenant_id": TENANT,
            "client_id": SERVICE.client_id,
            "client_secret_name": f"{TENANT}--wrong",
        }
        document = self._installation.document(company_name, credentials=credentials)
        path = f"connections/{self._call('POST', 'connections', document).body['connection_id']}"
        assert self._call("POST", f"{path}/enable", {}).status == 409
        preview = f"{path}/full-sync/preview"
        assert self._call("POST", preview, {"mappings": ["CURRENCY"]}).status == 202
        (line,) = until(lambda: self._ended_lines(preview), "a run that cannot sign in")
        assert line["job_queue_entry_status"] == "error"

    def _ended_lines(self, path: str) -> list[dict[str, Any]]:
        review = self._call("GET", path).body
        over = review["run"]["state"] != "in-process"
        return [line for line in review["lines"] if line["message"]] if over else []

    def _set_up(self, company_name: str) -> None:
        """The guide with a web service key, and an import by an administrator."""
        document = self._installation.document(company_name)
        key = {"user": "WEB", "key_secret_name": f"{TENANT}--web-service"}
        document["business_central"] |= {"web_service_key": key}
        connection = self._installation.client.create_connection(document)["connection_id"]
        assert self._call("POST", f"connections/{connection}/setup", {}).status == 200
        token = {"administrator": {"token": ADMINISTRATOR_TOKEN}}
        refused = self._call("POST", f"connections/{connection}/solution", token)
        assert 400 <= refused.status < 500
        signed_in = self._call("POST", f"connections/{connection}/solution/sign-in", {})
        if signed_in.status == 200:  # its answer is meant to hold the code, nothing else is
            self.secrets["a device code"] = signed_in.body["device_code"]
            self.answers.remove((self.answers[-1][0], signed_in))
            code = {"administrator": {"device_code": signed_in.body["device_code"]}}
            self._call("POST", f"connections/{connection}/solution", code)

    def _send_nonsense(self, connection: str) -> None:
        """What callers get wrong, each time with something secret in it."""
        body = {"name": "x", "client_secret": IN_A_BODY, "password": IN_A_BODY}
        assert self._call("POST", "connections", body).status == 400
        assert self._call("POST", f"connections/{connection}/full-sync/start", body).status == 400
        for token in (BEARER, f"{self.secrets["a caller's token"]}x", f"a.{BEARER}.c"):
            assert self._installation.call("GET", "connections", token=token).status == 401
        operator = self.secrets["an operator's token"]
        assert self._installation.call("POST", "connections", {}, token=operator).status == 403

    def _pass_over(self, connection: str) -> None:
        """A pass that fails, and one that does not."""
        self._installation.plan_fault(CRM, "status", path="accounts", status=403, times=3)
        for _ in range(2):
            self._call("POST", f"connections/{connection}/incremental/run", {})
            seen = self._tables(connection)
            until(lambda before=seen: self._tables(connection) != before, "a pass")  # type: ignore[misc]
            self._installation.clear_faults()

    def _tables(self, connection: str) -> Any:
        return self._installation.client.tables(connection)

    def _read_everything(self, connection: str) -> None:
        for path in (
            "connections",
            f"connections/{connection}",
            f"connections/{connection}/full-sync",
            f"connections/{connection}/tables",
            f"connections/{connection}/webhooks",
            f"connections/{connection}/outcomes",
            f"connections/{connection}/couplings/CUSTOMER",
            f"connections/{connection}/setup",
            f"connections/{connection}/solution",
            "audit",
            "openapi.json",
        ):
            assert self._call("GET", path).status == 200, path

    def _die_in_a_run(self, connection: str) -> None:
        """Messages and history as they are while a run is under way and more is asked for than
        there are workers."""
        self._installation.plan_fault(BC, "slow", seconds=30)
        for _ in range(5):
            self._call("POST", f"connections/{connection}/incremental/run", {})
        self._call("POST", f"connections/{connection}/full-sync/start", {"mappings": []})
        until(lambda: any(self.messages().values()), "messages that wait")
        self._platform.kill_host()

    # How it is done

    def _call(self, method: str, path: str, body: Any = None) -> Answer:
        return self._installation.call(method, path, body)

    def _seed_secret(self, name: str, value: str) -> None:
        address = f"{self._platform.addresses.key_vault}/_sim/seed"
        secret = {"name": name, "value": value}
        answer = self._platform.client.request("POST", address, body={"secrets": [secret]})
        assert answer.status == 200, answer.body

    def _record_answers(self) -> None:
        """Keep every answer of the function app's."""
        send = self._platform.client.request

        def recorded(method: str, url: str, **options: Any) -> Answer:
            answer = send(method, url, **options)
            if url.startswith(self._platform.addresses.function_app):
                self.answers.append((f"{method} {url}", answer))
            return answer

        self._platform.client.request = recorded  # type: ignore[method-assign]  # this one instance

    # What is left

    def rows(self) -> dict[str, str]:
        """All rows of all tables, the task hub's included, by table and key."""
        service = TableServiceClient.from_connection_string(
            connection_string(self._platform.options.ports)
        )
        with service:
            return {
                f"{table.name} {row['PartitionKey']} {row['RowKey']}": repr(dict(row))
                for table in service.list_tables()
                for row in service.get_table_client(table.name).list_entities()
            }

    def messages(self) -> dict[str, list[str]]:
        """What lies in every queue."""
        service = QueueServiceClient.from_connection_string(
            connection_string(self._platform.options.ports)
        )
        with service:
            return {
                queue.name: [
                    str(message.content)
                    for message in service.get_queue_client(queue.name).peek_messages(32)
                ]
                for queue in service.list_queues()
            }

    def log(self) -> list[str]:
        """What the function app's host and worker said."""
        path = self._platform.options.state / "platform.log"
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith("function-host ")]

    def said(self) -> dict[str, str]:
        """Every answer with its headers."""
        return {
            f"{number} {asked}": json.dumps([answer.body, list(answer.headers.items())])
            for number, (asked, answer) in enumerate(self.answers)
        }
