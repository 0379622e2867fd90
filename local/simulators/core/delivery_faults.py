"""Faults of the way between a simulator and the subscribers to its webhooks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from local.simulators.core.descriptions import DescriptionError, described, number, pattern
from local.simulators.core.occasions import OCCASION_MEMBERS, Occasion, occasion_from


class DeliveryAction(StrEnum):
    DROP = "drop"  # never sent
    DUPLICATE = "duplicate"  # sent twice
    DELAY = "delay"  # sent after some seconds
    REORDER = "reorder"  # sent after the next delivery, or after some seconds without one


@dataclass(slots=True, kw_only=True)
class DeliveryFault:
    """One planned fault of deliveries."""

    address: str
    """Regular expression searched in the subscriber's address; empty for any."""
    action: DeliveryAction
    seconds: float
    """Of ``delay``, and the longest wait of ``reorder``."""
    occasion: Occasion

    def snapshot(self) -> dict[str, Any]:
        """The fault as the admin API shows it, with its remaining times."""
        return {
            "address": self.address,
            "action": self.action,
            "seconds": self.seconds,
            **self.occasion.snapshot(),
        }


class DeliveryPlan:
    """The planned faults in the order given; the first that strikes takes a delivery."""

    def __init__(self) -> None:
        self._faults: list[DeliveryFault] = []

    def add(self, given: Any) -> None:
        """Plan one fault from its JSON; raises ``DescriptionError``."""
        known = OCCASION_MEMBERS | {"address", "action", "seconds"}
        description = described(given, known, "a fault of deliveries")
        if description.get("action") not in list(DeliveryAction):
            raise DescriptionError(f"action is one of {[str(action) for action in DeliveryAction]}")
        self._faults.append(
            DeliveryFault(
                address=pattern(description.get("address", ""), "address"),
                action=DeliveryAction(description["action"]),
                seconds=number(description, "seconds", 1.0),
                occasion=occasion_from(description),
            )
        )

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def take(self, address: str) -> DeliveryFault | None:
        """The fault that strikes a delivery to this address, one of its times used up."""
        for fault in self._faults:
            if re.search(fault.address, address) and fault.occasion.strikes():
                if fault.occasion.used_up:
                    self._faults.remove(fault)
                return fault
        return None

    def snapshot(self) -> list[dict[str, Any]]:
        """The faults left, with their remaining times."""
        return [fault.snapshot() for fault in self._faults]
