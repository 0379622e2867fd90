"""G6, judged at every write: watermarks never go back."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.tables import StorageCall
from tests.simulation.lineage import BrokenGuaranteeError


class WatermarkWatch:
    """Sees every row of table states as it is stored."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], dict[str, Any]] = {}

    def stored(self, call: StorageCall) -> None:
        """A row was stored; a watermark of a finished comparison begins anew."""
        for entity in call.entities:
            if "watermarks" not in entity:
                continue
            key = (call.partition, entity["RowKey"])
            before, self._last[key] = self._last.get(key), dict(entity)
            if before is None or before.get("pending"):
                continue
            if before["watermarks"] == entity["watermarks"]:
                continue
            old, new = json.loads(before["watermarks"]), json.loads(entity["watermarks"])
            for name, (was, now) in {
                "bc": (old["bc"]["stamp"], new["bc"]["stamp"]),
                "crm": (int(old["crm"] or 0), int(new["crm"] or 0)),
                "ledger": (old["ledger"], new["ledger"]),
            }.items():
                if now < was:
                    raise BrokenGuaranteeError(f"G6: {key} {name} went back from {was} to {now}")
