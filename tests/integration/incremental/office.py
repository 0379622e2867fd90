"""A company that is in step, and everyday work in both systems: what every test here begins with.

Each test works with customers that no other test touches, so that one full synchronization is
enough for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from local.http_client import Answer
from local.identities import SERVICE, TENANT
from local.one_pass import await_pass, next_second
from local.soak_people import PEOPLE
from tests.integration.full_sync.installation import BC, CRM, CRM_KEY, Installation, until

type Record = dict[str, Any]

MAPPINGS = ("SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE", "CUSTOMER", "CONTACT", "ITEM-PRODUCT")
"""The tables that take part: prices and resources would only take time."""

_CUSTOMER_OF_SALES = 3
_API = "api/data/v9.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer and its account, coupled."""

    number: str
    bc_id: str
    crm_id: str


class Office:
    """People at work in both systems, and an administrator who looks at Coupler."""

    def __init__(self, installation: Installation, connection: str) -> None:
        self.installation = installation
        self.connection = connection
        self.client = installation.client
        self._platform = installation.platform
        self._unused = self._customers()

    # The company

    def customer(self) -> Customer:
        """A coupled customer that no other test works with."""
        return next(self._unused)

    def _customers(self) -> Iterator[Customer]:
        for coupling in self.client.couplings(self.connection, "CUSTOMER"):
            yield Customer(
                number=coupling["key"], bc_id=coupling["bc_id"], crm_id=coupling["crm_id"]
            )

    def bc(self, record_id: str, entity_set: str = "customers") -> Record:
        """A record of Business Central as it is now, empty where it is gone."""
        return self._found(BC, entity_set, "id", record_id)

    def crm(self, record_id: str, entity_set: str = "accounts") -> Record:
        """A record of CRM as it is now, empty where it is gone."""
        return self._found(CRM, entity_set, CRM_KEY[entity_set], record_id)

    def _found(self, side: str, entity_set: str, key: str, record_id: str) -> Record:
        rows = self.installation.dump(side, entity_set)
        return next((row for row in rows if row[key] == record_id), {})

    # Work in Business Central

    def edit_bc(self, record_id: str, entity_set: str = "customers", **values: Any) -> None:
        self._in_bc("edit", {entity_set: [{"id": record_id, **values}]})

    def new_bc(self, entity_set: str, **values: Any) -> str:
        """The new record's id."""
        record_id = str(uuid4())
        self._in_bc("insert", {entity_set: [{"id": record_id, **values}]})
        return record_id

    def delete_bc(self, record_id: str, entity_set: str = "customers") -> None:
        self._in_bc("delete", {entity_set: [record_id]})

    def post_stock(self, item_number: str, quantity: float) -> None:
        self._in_bc("post-inventory", [{"itemNumber": item_number, "quantity": quantity}])

    def _in_bc(self, command: str, body: Any) -> None:
        url = f"{self._platform.addresses.business_central}/_sim/{command}"
        answer = self._platform.client.request("POST", url, body=body)
        assert answer.status == 200, answer.body

    # Work in CRM

    def edit_crm(self, record_id: str, entity_set: str = "accounts", **values: Any) -> None:
        answer = self._in_crm("PATCH", f"{entity_set}({record_id})", values)
        assert answer.status == 204, answer.body

    def new_account(self, **values: Any) -> str:
        """The id of a new account, of a customer unless told otherwise."""
        account_id = str(uuid4())
        body = {"accountid": account_id, "customertypecode": _CUSTOMER_OF_SALES} | values
        answer = self._in_crm("POST", "accounts", body)
        assert answer.status == 204, answer.body
        return account_id

    def new_person(self, account_id: str, **values: Any) -> str:
        """The id of a new contact who works for an account."""
        contact_id = str(uuid4())
        parent = {"parentcustomerid_account@odata.bind": f"/accounts({account_id})"}
        answer = self._in_crm("POST", "contacts", {"contactid": contact_id, **parent, **values})
        assert answer.status == 204, answer.body
        return contact_id

    def delete_crm(self, record_id: str, entity_set: str = "accounts") -> None:
        answer = self._in_crm("DELETE", f"{entity_set}({record_id})")
        assert answer.status == 204, answer.body

    def _in_crm(self, method: str, path: str, body: Any = None) -> Answer:
        address = self._platform.addresses.crm
        token = self._platform.token(PEOPLE, address)
        return self._platform.client.request(
            method,
            f"{address}/{_API}/{path}",
            body=body,
            headers={"Authorization": f"Bearer {token}"},
        )

    def invalidate_delta(self, table: str) -> None:
        """Let CRM forget how far the changes of a table (its logical name) were read."""
        url = f"{self._platform.addresses.crm}/_sim/invalidate-delta"
        answer = self._platform.client.request("POST", url, body={"table": table})
        assert answer.status == 204, answer.body

    # The surroundings

    def lose_deliveries(self, side: str) -> None:
        """No webhook of a side arrives until the faults are cleared."""
        self._deliveries(side, "POST", {"action": "drop", "times": None})

    def lost_deliveries(self, side: str) -> int:
        """How many webhooks of a side were lost."""
        return int(self._deliveries(side, "GET")["dropped"])

    def clear_delivery_faults(self, side: str) -> None:
        self._deliveries(side, "DELETE")

    def _deliveries(self, side: str, method: str, body: Any = None) -> Any:
        addresses = self._platform.addresses
        address = addresses.business_central if side == BC else addresses.crm
        answer = self._platform.client.request(method, f"{address}/_sim/deliveries", body=body)
        assert answer.status < 300, answer.body
        return answer.body

    def set_secret_of_service(self, secret: str) -> None:
        """Register the application that Coupler is with another secret."""
        client = {"tenant": TENANT, "client_id": SERVICE.client_id, "secret": secret}
        url = f"{self._platform.addresses.entra}/_sim/seed"
        answer = self._platform.client.request("POST", url, body={"clients": [client]})
        assert answer.status == 200, answer.body

    def kill_host(self) -> None:
        self._platform.kill_host()

    def start_host(self) -> None:
        self._platform.start_host()

    def restart_host(self) -> None:
        """A new process, which remembers nothing."""
        self.kill_host()
        self.start_host()

    # Coupler

    def pass_over(self) -> None:
        """A pass over every table, to its end."""
        asked_at = next_second()
        self.ask_for_passes()
        await_pass(self.client, self.connection, asked_at, seconds=40.0)

    def ask_for_passes(self) -> None:
        self.client.run_passes(self.connection)

    def table(self, mapping: str) -> dict[str, Any]:
        """How a table fares."""
        tables = self.client.tables(self.connection)["tables"]
        return next(table for table in tables if table["mapping"] == mapping)

    def outcome(self, record_id: str) -> dict[str, Any]:
        """What is told of a record under either of its ids; empty where nothing is."""
        found = [
            outcome
            for outcome in self.client.outcomes(self.connection)
            if record_id in (outcome["record_id"], outcome["partner_id"])
        ]
        assert len(found) < 2, found
        return found[0] if found else {}

    def decide(self, record_id: str, action: str, body: Any = None) -> None:
        """What the administrator decides about a record that is not in step."""
        outcome = self.outcome(record_id)
        parts = (outcome["mapping"], outcome["side"], outcome["record_id"])
        path = f"connections/{self.connection}/outcomes/{'/'.join(map(quote, parts))}"
        version = self._call("GET", path).headers["ETag"]
        answer = self._call("POST", f"{path}/{action}", body or {}, {"If-Match": version})
        assert answer.status == 202, answer.body

    def _call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self._platform.client.request(
            method,
            f"{self._platform.addresses.function_app}/api/{path}",
            body=body,
            headers={"Authorization": f"Bearer {self.installation.token}", **(headers or {})},
        )


def soon[T](condition: Callable[[], T], what: str, *, seconds: float = 15.0) -> T:
    """Wait for what a message on its way brings about."""
    return until(condition, what, seconds=seconds)
