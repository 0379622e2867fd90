"""G6, judged at every write: watermarks never go back."""

from __future__ import annotations

import json

from tests.fakes.tables import StorageCall
from tests.simulation.lineage import BrokenGuaranteeError


class WatermarkWatch:
    """Sees every row of table states as it is stored."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[str, str]] = {}
        """Watermarks and pending ones of each row."""

    def stored(self, call: StorageCall) -> None:
        """A row was stored; a watermark of a finished comparison begins anew."""
        for entity in call.entities:
            if "watermarks" not in entity:
                continue
            key = (call.partition, entity["RowKey"])
            text = entity["watermarks"]
            before, self._last[key] = self._last.get(key), (text, entity["pending"])
            if before is None or before[1] or before[0] == text:
                continue
            old, new = json.loads(before[0]), json.loads(text)
            for name, (was, now) in {
                "bc": (old["bc"]["stamp"], new["bc"]["stamp"]),
                "crm": (int(old["crm"] or 0), int(new["crm"] or 0)),
                "ledger": (old["ledger"], new["ledger"]),
            }.items():
                if now < was:
                    raise BrokenGuaranteeError(f"G6: {key} {name} went back from {was} to {now}")
