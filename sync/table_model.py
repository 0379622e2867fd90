"""The state of a table mapping between its passes, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sync.job_model import Counters, Lease
from sync.watermark import BcWatermark


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermarks:
    """Where the change feeds of a mapping are to be read on."""

    bc: BcWatermark = field(default_factory=BcWatermark)
    crm: str = ""
    """Delta link; empty where CRM does not track the table's changes."""
    ledger: int = 0
    """The last item ledger entry handled, of tables that have stock."""
    origin: str = ""
    """How the table looked that derived fields come from; empty where there is none."""
    compared_on: str = ""
    """Day of the last comparison of all records, ISO date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """One table mapping of a connection."""

    mapping: str
    lease: Lease = field(default_factory=Lease)
    lineage: str = ""
    """The mapping's content that the watermarks belong to; empty before the first comparison."""
    watermarks: Watermarks = field(default_factory=Watermarks)
    pending: Watermarks | None = None
    """Those of a comparison in progress: they count once it is done."""
    pending_of: str = ""
    """Which comparison they belong to: a line's of a run, or a pass's, with the lineage of the
    mapping that it began with."""
    phase: str = ""
    """Which part of a pass in progress the cursor belongs to; empty between passes."""
    cursor: str = ""
    newest: str = ""
    """The newest stamp in Business Central when the reading began that the cursor belongs to."""
    compare_because: str = ""
    """Why the next pass compares all records; empty where it reads changes only."""
    compared_because: str = ""
    """Why the last comparison was; empty where a full synchronization was the reason."""
    failures: int = 0
    """Passes in a row that failed."""
    retry_at: datetime | None = None
    """Not before this time; None where nothing failed."""
    started_at: datetime | None = None
    succeeded_at: datetime | None = None
    """End of the last pass that handled everything there was."""
    changed_at: datetime | None = None
    """End of the last pass that had anything to do; its counters are below."""
    to_crm: Counters = field(default_factory=Counters)
    from_crm: Counters = field(default_factory=Counters)
    message: str = ""
    hint: str = ""
    couplings: int = 0
    """Grows with work that coupled records; odd while such work is not at its end
    (``sync.waking``)."""
    seen_couplings: Mapping[str, int] = field(default_factory=dict)
    """That number of each parent, as it was when the waiting records were last looked at."""
    etag: str = field(default="", compare=False)

    @property
    def couplings_begun(self) -> int:
        """The number while records are coupled."""
        return self.couplings | 1

    @property
    def couplings_ended(self) -> int:
        """The number once all that work is at its end."""
        return self.couplings + self.couplings % 2

    @property
    def is_synchronized(self) -> bool:
        """Whether a comparison of all records was finished once: from then on passes go on."""
        return bool(self.lineage)
