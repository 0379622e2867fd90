"""How many queue messages of one tenant may be worked on at once, over all processes.

All tenants' messages share the queues and the workers. A tenant with a long backlog would occupy
every worker for hours; so whoever begins to work on a message takes one of the tenant's slots
first. Where all are taken the message goes back to the queue for a while, and the worker takes the
next one: another tenant's. As long as there are more workers than one tenant has slots, nobody
waits longer than it takes to turn away the messages before his own.

A slot is a row that exists while it is taken, under a lease: of a worker that died it is free again
once the lease has run out. Taking a free one is one request, giving it back another one. Two
workers at one slot:

    worker A                                  worker B
    inserts slot 2: done
                                              inserts slot 2: refused, it is there
                                              reads all slots: 3 is free
                                              inserts slot 3: done
    dies
                                              (another time) reads all: 2 has run out
                                              replaces 2 if unchanged, epoch 2: done

A worker that stands still beyond its lease may lose its slot to another and works on all the same:
then one message more than allowed is worked on for a while. That costs fairness a moment and no
record anything: what must never be done by two is held by the leases of lines and tables.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from errors import CouplerError
from storage.columns import Columns
from storage.rows import Row, RowChangedError, RowExistsError
from storage.tables import TenantTable
from sync.job_model import Lease
from sync.jobs import LeaseLostError
from sync.lease_keeper import LeaseKeeper

log = logging.getLogger(__name__)

TABLE = "slots"
WAITS = "It waits: as many tables of your tenant are worked on as may be at once."
WAITS_HINT = "It begins by itself once one of them has had its turn."

_PARTITION: tuple[str, ...] = ()  # the tenant alone
_SLOT = "slot"
_TRIES = 5
_FIRST_DELAY_SECONDS = 2
_LONGEST_DELAY_SECONDS = 60
_MOST_DOUBLINGS = 10


def delay_seconds(turned_away: int) -> int:
    """How long a message that was turned away so often before goes back to the queue."""
    doubled = _FIRST_DELAY_SECONDS << min(turned_away, _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_DELAY_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One taken slot."""

    number: int
    lease: Lease
    etag: str = field(default="", compare=False)


class TenantSlots:
    """The slots of one tenant; safe for several threads."""

    def __init__(
        self,
        table: TenantTable,
        *,
        most: int,
        lease_seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        """No limit, and no request to the storage, where ``most`` is 0."""
        self._table = table
        self._most = most
        self._lease_seconds = lease_seconds
        self._now = now

    @contextmanager
    def one(self, owner: str) -> Iterator[bool]:
        """Hold a slot within; False where all of them are taken.

        ``owner``: one worker's one message, never used again.
        """
        if not self._most:
            yield True
            return
        slot = self.take(owner)
        if slot is None:
            yield False
            return
        with LeaseKeeper(self, slot, now=self._now, lease_seconds=self._lease_seconds) as keeper:
            try:
                yield True
            except Exception:
                _give_back(keeper)
                raise
            _give_back(keeper)

    def take(self, owner: str) -> Slot | None:
        """A slot under the owner's lease, or None where all are taken by workers that are alive."""
        now = self._now()
        first = int(owner, 16) % self._most
        taken: dict[int, Slot] = {}
        for _ in range(_TRIES):
            number = self._free_number(first, taken, now)
            if number is None:
                return None
            try:
                return self._write(number, taken.get(number), owner, now)
            except (RowExistsError, RowChangedError):
                taken = self._load_all()
            for slot in taken.values():
                if slot.lease.owner == owner:  # our own write, whose answer was lost
                    return slot
        return None  # others are first every time: they are the ones to work

    def _free_number(self, first: int, taken: dict[int, Slot], now: datetime) -> int | None:
        """The first slot that nobody alive holds; workers begin at different ones."""
        for step in range(self._most):
            number = (first + step) % self._most
            if number not in taken or not taken[number].lease.is_alive(now):
                return number
        return None

    def _write(self, number: int, old: Slot | None, owner: str, now: datetime) -> Slot:
        lease = Lease(
            owner=owner,
            epoch=old.lease.epoch + 1 if old else 1,
            expires_at=now + timedelta(seconds=self._lease_seconds),
        )
        slot = Slot(number=number, lease=lease)
        row = _row_of(slot)
        stored = self._table.replace(row, old.etag) if old else self._table.insert(row)
        return replace(slot, etag=stored.etag)

    def _load_all(self) -> dict[int, Slot]:
        slots = map(_slot_of, self._table.scan(_PARTITION, prefix=(_SLOT,)))
        return {slot.number: slot for slot in slots}

    # As ``sync.lease_keeper`` wants it

    def checkpoint(self, held: Slot, /, *, now: datetime, seconds: float) -> Slot:
        """Extend the lease; raises ``LeaseLostError``."""
        extended = replace(
            held, lease=replace(held.lease, expires_at=now + timedelta(seconds=seconds))
        )
        try:
            return replace(extended, etag=self._table.replace(_row_of(extended), held.etag).etag)
        except RowChangedError as error:
            stored = self._load_all().get(held.number)
            if stored == extended:  # our own write, whose answer was lost
                return stored
            raise _lost(held) from error

    def release(self, held: Slot, /) -> Slot:
        """Give the slot back; raises ``LeaseLostError``."""
        try:
            self._table.delete(_PARTITION, _key(held.number), held.etag)
        except RowChangedError as error:
            raise _lost(held) from error
        return replace(held, lease=Lease())


def _give_back(keeper: LeaseKeeper[Slot]) -> None:
    """The work is done: what fails now is no reason to do it again."""
    try:
        keeper.release()
    except CouplerError as error:
        log.info("a slot was not given back, its lease runs out: %s", error)


def _lost(slot: Slot) -> LeaseLostError:
    return LeaseLostError("lease-lost", f"Another worker took the slot {slot.number} over.")


def _key(number: int) -> tuple[str, ...]:
    return (_SLOT, str(number))


def _row_of(slot: Slot) -> Row:
    return Row(
        partition=_PARTITION,
        key=_key(slot.number),
        values={
            "lease_owner": slot.lease.owner,
            "lease_epoch": slot.lease.epoch,
            "lease_expires_at": slot.lease.expires_at,
        },
    )


def _slot_of(row: Row) -> Slot:
    columns = Columns(row)
    lease = Lease(
        owner=columns.text("lease_owner"),
        epoch=columns.number("lease_epoch"),
        expires_at=columns.optional_time("lease_expires_at"),
    )
    return Slot(number=int(row.key[1]), lease=lease, etag=row.etag)
