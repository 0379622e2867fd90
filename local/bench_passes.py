"""Measuring passes of incremental synchronization: quiet ones, and after so many changes.

What a pass costs is to follow what changed and not what exists; so the same is measured for a
company of a tenth of the size. Passes are asked for one by one: no timer or webhook interferes.

A record that changed in Business Central is read again by every pass for as long as the overlap
window, and compared; the window is short here, so that a pass is quiet before ten minutes are over.
Records were changed a minute after each other, as in a company that grew: those that all have one
time stamp share one window.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from local.bench_measure import ProcessMeter, StorageMeter
from local.coupler_client import CouplerClient
from local.one_pass import Table, await_pass, next_second
from local.platform import Platform
from local.sample_data.business_central import MODIFIED, NO_DATE
from local.sample_data.model import SampleData
from local.simulated_world import SimulatedWorld
from local.soak_model import BC, CRM, SIDES
from local.soak_oracle import touched
from local.soak_people import PEOPLE, register_people
from local.soak_watch import look_at_everything

CHANGES = (10, 100, 1000)
"""Changed customers and as many changed accounts, others than those; or changed persons and as many
changed prices, as far as there are so many: these two refer to other tables in ways of their own.
"""

_DEADLINE_SECONDS = 1800.0
_OVERLAP_SECONDS = 2
BENCH_SETTINGS = {
    "BC_OVERLAP_SECONDS": str(_OVERLAP_SECONDS),
    "TENANT_SLOTS": "0",
    "TENANT_STARTS_PER_HOUR": "0",
}
"""App settings of the platform to measure. Its one tenant shares it with nobody."""
_STAMPS = ("lastModifiedDateTime", "SystemModifiedAt")


class PassError(Exception):
    """A pass did not do what it was measured for; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassBench:
    """The parts of a platform whose passes are measured."""

    platform: Platform
    world: SimulatedWorld
    client: CouplerClient
    storage: StorageMeter
    connection: str

    def measure(self, data: SampleData, tell: Callable[[str], None]) -> dict[str, Any]:
        """Figures of a quiet pass and of passes after changes; all is synchronized already.

        Raises ``PassError`` where a quiet pass writes, or a change does not arrive.
        """
        register_people(self.platform, data)
        tell("Passing over all tables until nothing is left to do …")
        self._settle()
        figures: dict[str, Any] = {"quiet": self._quiet()}
        for number in CHANGES:
            if 2 * number > len(self.world.dump(CRM, "accounts")):
                break
            tell(f"A pass after {number} changes on each side …")
            figures[f"{number} changes on each side"] = self._after_changes(number)
            self._settle()
            tell(f"A pass after {number} changes of persons and prices …")
            figures[f"{number} persons and prices"] = self._after_others(number)
            self._settle()
        return figures

    def _settle(self) -> None:
        """Pass over what is in the overlap windows until they lie behind."""
        self._pass()
        time.sleep(_OVERLAP_SECONDS + 1)
        self._pass()

    def _quiet(self) -> dict[str, Any]:
        before = look_at_everything(self.world)
        figures = self._pass()
        written = touched(before, look_at_everything(self.world))
        if written:
            raise PassError(f"a quiet pass wrote {len(written)} records: {written[:3]}")
        return figures | {"writes": 0}

    def _after_changes(self, number: int) -> dict[str, Any]:
        mark = f"after {number}"
        accounts = self.world.dump(CRM, "accounts")
        known = {row["accountnumber"] for row in accounts}
        customers = [row for row in self.world.dump(BC, "customers") if row["number"] in known]
        in_bc = customers[:number]
        taken = {row["number"] for row in in_bc}
        in_crm = [row for row in accounts if row["accountnumber"] not in taken][:number]
        self._edit_bc([{"id": row["id"], "city": mark} for row in in_bc])
        self._edit_crm([{"accountid": row["accountid"], "address1_city": mark} for row in in_crm])
        figures = self._pass()
        for side, entity_set, column in (
            (BC, "customers", "city"),
            (CRM, "accounts", "address1_city"),
        ):
            arrived = sum(row[column] == mark for row in self.world.dump(side, entity_set))
            if arrived != 2 * number:
                raise PassError(f"{arrived} of {2 * number} changes are in {side} after the pass")
        return figures

    def _after_others(self, number: int) -> dict[str, Any]:
        """A pass after so many persons and prices were changed in Business Central."""
        mark = f"after {number}"
        known = {row["emailaddress1"] for row in self.world.dump(CRM, "contacts")}
        persons = [row for row in self.world.dump(BC, "contacts") if row["email"] in known]
        sold = {row["productnumber"] for row in self.world.dump(CRM, "products")}
        prices = [
            row
            for row in self.world.dump(BC, "SalesPrices")
            if row["Item_No"] in sold and _is_offered(row)
        ]
        titles = [{"id": row["id"], "jobTitle": mark} for row in persons[:number]]
        amounts = {row["SystemId"]: 7000 + at for at, row in enumerate(prices[:number])}
        self._edit_bc(titles, "contacts")
        self._edit_bc(
            [{"SystemId": each, "Unit_Price": amount} for each, amount in amounts.items()],
            "SalesPrices",
        )
        figures = self._pass()
        in_crm = [row["amount"] for row in self.world.dump(CRM, "productpricelevels")]
        if not set(amounts.values()) <= set(in_crm):
            raise PassError("not every changed price is in CRM after the pass")
        arrived = sum(row["jobtitle"] == mark for row in self.world.dump(CRM, "contacts"))
        if arrived != len(titles):
            raise PassError(f"{arrived} of {len(titles)} changed persons are in CRM after the pass")
        return figures

    def _edit_bc(self, rows: Sequence[Mapping[str, Any]], entity_set: str = "customers") -> None:
        address = self.platform.addresses.business_central
        self._ask(f"{address}/_sim/edit", {entity_set: rows}, {})

    def _edit_crm(self, rows: Sequence[Mapping[str, Any]]) -> None:
        kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
        address = self.platform.addresses.crm
        token = self.platform.token(PEOPLE, address)
        self._ask(
            f"{address}/api/data/v9.2/accounts/Microsoft.Dynamics.CRM.UpdateMultiple",
            {"Targets": [{**kind, **row} for row in rows]},
            {"Authorization": f"Bearer {token}"},
        )

    def _ask(self, url: str, body: Any, headers: Mapping[str, str]) -> None:
        answer = self.platform.client.request("POST", url, body=body, headers=headers, seconds=120)
        if answer.status >= 300:
            raise PassError(f"the changes were refused: {answer.body}")

    def _pass(self) -> dict[str, Any]:
        """One pass over every table: what it cost."""
        look_cost = self.storage.cost_of(lambda: self.client.tables(self.connection))
        process = ProcessMeter(self.platform.host_process_id())
        process.forget_peak()
        looks = 0

        def look(tables: Sequence[Table]) -> None:
            nonlocal looks
            looks += 1
            process.look()
            for table in tables:
                if table["failures"]:
                    raise PassError(f"{table['mapping']}: {table['message']}")

        asked_at = next_second()
        self.world.forget_requests()
        self.storage.reset()
        began = time.perf_counter()
        self.client.run_passes(self.connection)
        try:
            await_pass(self.client, self.connection, asked_at, look, seconds=_DEADLINE_SECONDS)
        except TimeoutError as error:
            raise PassError(str(error)) from error
        seconds = time.perf_counter() - began
        counted = self.storage.settled() - looks * look_cost
        requests = self.world.requests()
        return {
            "requests": {side: requests[side]["requests"] for side in SIDES},
            "operations": {side: requests[side]["operations"] for side in SIDES},
            "storage_requests": round(counted),
            "wall_s": round(seconds, 2),
            "cpu_s": round(process.cpu_s(), 2),
            "peak_rss_mb": round(process.peak_rss_mb(), 1),
        }


def _is_offered(price: Mapping[str, Any]) -> bool:
    """Whether the price is one that CRM has: of a price group, for any quantity and day."""
    return (
        price["Sales_Type"] == "Customer_x0020_Price_x0020_Group"
        and price["Minimum_Quantity"] in (0, 1)
        and not price["Variant_Code"]
        and price["Ending_Date"] == NO_DATE
    )


def spread_stamps(data: SampleData) -> SampleData:
    """The data with Business Central's records a minute apart, the last of each set the latest."""
    rows = {
        name: [_stamped(row, len(some) - position) for position, row in enumerate(some)]
        for name, some in data.business_central.items()
    }
    return replace(data, business_central=rows)


def _stamped(row: dict[str, Any], minutes: int) -> dict[str, Any]:
    moment = (datetime.fromisoformat(MODIFIED) - timedelta(minutes=minutes)).astimezone(UTC)
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return row | {name: stamp for name in _STAMPS if name in row}


def ratios(large: Mapping[str, Any], small: Mapping[str, Any]) -> dict[str, Any]:
    """Requests to services and storage, records read and written, and times of a company's passes,
    divided by those of a smaller company. Pure."""
    found = {}
    for name in large.keys() & small.keys():
        services, records = (
            [sum(each[name][what].values()) for each in (large, small)]
            for what in ("requests", "operations")
        )
        storage = [each[name]["storage_requests"] for each in (large, small)]
        found[name] = {
            "requests": round(services[0] / max(1, services[1]), 2),
            "operations": round(records[0] / max(1, records[1]), 2),
            "storage_requests": round(storage[0] / max(1, storage[1]), 2),
            "wall_s": round(large[name]["wall_s"] / max(0.01, small[name]["wall_s"]), 2),
        }
    return dict(sorted(found.items(), key=lambda each: list(large).index(each[0])))
