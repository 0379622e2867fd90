from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.http_client import Answer
from local.platform import Platform
from local.simulators.core.delivery_faults import DeliveryPlan
from local.simulators.core.faults import FaultPlan
from local.soak_faults import Faults, FaultsError

SERVICES = ("https://bc", "https://crm", "https://entra")


class Simulators:
    """The plans of three simulators, behind their addresses."""

    def __init__(self) -> None:
        self.requests = {address: FaultPlan() for address in SERVICES}
        self.deliveries = {address: DeliveryPlan() for address in SERVICES}
        self.refuse = False

    def request(self, method: str, url: str, *, body: Any = None) -> Answer:
        address, _, route = url.partition("/_sim/")
        plans: Any = self.requests if route == "faults" else self.deliveries
        plan = plans[address]
        if self.refuse:
            return answer(400, {"error": "no"})
        if method == "POST":
            plan.add(body)
        elif method == "DELETE":
            plan.clear()
        found = plan.snapshot()
        return answer(200, found if route == "faults" else {"sent": 1, "faults": found})

    def planned(self) -> int:
        plans: list[Any] = [*self.requests.values(), *self.deliveries.values()]
        return sum(fault["times"] for plan in plans for fault in plan.snapshot())


def answer(status: int, body: Any) -> Answer:
    return Answer(status=status, headers=cast(Any, {}), body=body)


def made(simulators: Simulators, seed: int = 1) -> Faults:
    bc, crm, entra = SERVICES
    addresses = SimpleNamespace(business_central=bc, crm=crm, entra=entra)
    platform = SimpleNamespace(client=simulators, addresses=addresses)
    return Faults(cast(Platform, platform), Random(seed))


def test_every_service_gets_faults_that_it_understands():
    simulators = Simulators()
    faults = made(simulators)
    for _ in range(300):
        faults.plan_one()
    assert all(plan.snapshot() for plan in simulators.requests.values())
    bc, crm, entra = simulators.deliveries.values()
    assert bc.snapshot()
    assert crm.snapshot()
    assert not entra.snapshot()
    assert simulators.planned() > 300


def test_a_seed_gives_the_same_faults():
    one, other = Simulators(), Simulators()
    for simulators in (one, other):
        faults = made(simulators, seed=7)
        for _ in range(50):
            faults.plan_one()
    assert [plan.snapshot() for plan in one.requests.values()] == [
        plan.snapshot() for plan in other.requests.values()
    ]


def test_those_that_never_struck_are_cleared_and_not_counted():
    simulators = Simulators()
    faults = made(simulators)
    for _ in range(40):
        faults.plan_one()
    planned = simulators.planned()
    struck = sum(
        simulators.requests["https://bc"].take("GET", "/customers") is not None for _ in range(3)
    )
    faults.clear()
    assert simulators.planned() == 0
    assert struck
    assert faults.struck == struck
    assert planned > struck


def test_a_refused_fault_is_an_error_of_the_soak():
    simulators = Simulators()
    simulators.refuse = True
    with pytest.raises(FaultsError, match="no"):
        made(simulators).plan_one()
