"""Asking for a pass over a table: a marker row and a message, so that requests merge into one.

The message is only a wake-up; the marker says that somebody wants a pass that has not begun. Runs
never overlap on a table, because a pass holds the table's lease, and no wish is lost:

    worker A holds the table                  requester, worker B
                                              writes the marker, sends a message
                                              B takes the message: lease held, drops it
    gives the lease back
    looks for the marker: it is there, sends a message

    worker A holds the table                  requester, worker B
    gives the lease back
    looks for the marker: none
                                              writes the marker, sends a message
                                              B takes the message, the lease, the marker
"""

from __future__ import annotations

from storage.queues import Queues
from storage.rows import Row, RowExistsError
from storage.tables import TenantTable

QUEUE = "table-passes"
_WANTED = "wanted"


class PassRequests:
    """Requests for passes over the tables of one connection."""

    def __init__(
        self, table: TenantTable, queues: Queues, *, tenant: str, connection_id: str
    ) -> None:
        """``table`` is the one that the table states are in."""
        self._table = table
        self._queues = queues
        self._tenant = tenant
        self._connection = connection_id

    def request(self, mapping: str, *, delay_seconds: int = 0) -> None:
        """Have a pass over the mapping's table soon; many requests before it begins are one.

        A marker without a message, as a crash in between leaves it, is found by the timer's pass.
        """
        if self.want(mapping):
            self.send(mapping, delay_seconds=delay_seconds)
        # Else a pass is on its way, or the one at work will send for the next.

    def want(self, mapping: str) -> bool:
        """Leave the marker alone: whoever is at the table sends a message when done. False where
        it was there."""
        try:
            self._table.insert(Row(partition=self._partition, key=(_WANTED, mapping)))
        except RowExistsError:
            return False
        return True

    def send(
        self,
        mapping: str,
        *,
        delay_seconds: int = 0,
        asked: bool = False,
        turned_away: int = 0,
    ) -> None:
        """Send the message alone; a blank mapping stands for all tables of the connection.

        ``asked``: a person wants it now, whatever back-off is under way. ``turned_away``: how
        often the tenant had no slot free for it.
        """
        self._queues.enqueue(
            QUEUE,
            {
                "tenant": self._tenant,
                "connection": self._connection,
                "mapping": mapping,
                "asked": asked,
                **({"turned_away": turned_away} if turned_away else {}),
            },
            delay_seconds=delay_seconds,
        )

    def take(self, mapping: str) -> None:
        """A pass begins that covers every wish until now."""
        self._table.delete(self._partition, (_WANTED, mapping))

    def is_wanted(self, mapping: str) -> bool:
        """Whether somebody asked for a pass that has not begun."""
        return self._table.get(self._partition, (_WANTED, mapping)) is not None

    @property
    def _partition(self) -> tuple[str, ...]:
        return (self._connection,)
