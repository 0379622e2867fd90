"""Looks at both systems while a soak runs: what is in them, and when an edit has arrived.

Arrival is measured from outside: every half second the simulators are asked for the records of
the edited tables as they are (no request that the services count), and an edit's time is from
when its user had the service's confirmation until the value was first seen on the other side, to
the half second. Edits while the function host was down are left out; those that were under way
when it was killed are not. An edit that was written over before it was seen is no sample.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.simulated_world import SimulatedWorld
from local.soak_model import (
    BC,
    BY_MAPPING,
    OTHER,
    SETS,
    SIDES,
    TABLES,
    Action,
    Edit,
    Place,
    Record,
    Snapshot,
    same,
)

LOOK_SECONDS = 0.5
_EXISTENCE = ""
"""In a field's place: the record itself is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Awaited:
    """A value that has to be seen on a side."""

    since: float
    side: str
    value: Any


class Arrivals:
    """Times from a user's edit until it was seen on the other side; for one thread at a time."""

    def __init__(self) -> None:
        self._awaited: dict[tuple[Place, str], _Awaited] = {}
        self._seconds: list[float] = []
        self._overtaken = 0

    def expect(self, edit: Edit, *, sampled: bool) -> None:
        """Begin to look for an edit's effect; whatever it wrote over is looked for no more."""
        written = {write.field: write.after for write in edit.writes}
        if edit.action is Action.DELETE:
            gone = [key for key in self._awaited if key[0] == edit.place]
            self._overtaken += len(gone)
            for key in gone:
                del self._awaited[key]
            return
        if edit.action is Action.CREATE:
            written = {_EXISTENCE: None}
        for name, value in written.items():
            key = (edit.place, name)
            self._overtaken += self._awaited.pop(key, None) is not None
            if sampled:
                self._awaited[key] = _Awaited(since=edit.at, side=OTHER[edit.side], value=value)

    def look(self, snapshot: Snapshot, now: float) -> None:
        """Note what has arrived by now."""
        arrived = [
            (key, awaited)
            for key, awaited in self._awaited.items()
            if _is_seen(key, awaited, snapshot)
        ]
        for key, awaited in arrived:
            del self._awaited[key]
            self._seconds.append(now - awaited.since)

    def figures(self) -> dict[str, Any]:
        """Median and 99th percentile in seconds, and of how many edits."""
        times = sorted(self._seconds)
        return {
            "median": round(statistics.median(times), 2) if times else None,
            "p99": round(times[int(0.99 * (len(times) - 1))], 2) if times else None,
            "samples": len(times),
            "written_over_before_seen": self._overtaken,
            "never_seen": len(self._awaited),
        }


def _is_seen(key: tuple[Place, str], awaited: _Awaited, snapshot: Snapshot) -> bool:
    place, name = key
    record = snapshot.one(awaited.side, place)
    if record is None or name == _EXISTENCE:
        return record is not None
    column = BY_MAPPING[place[0]].field(name).column(awaited.side)
    return same(record.get(column), awaited.value)


class Watch:
    """A thread that keeps the latest snapshot and the arrivals; leaving the context ends it."""

    def __init__(self, world: SimulatedWorld, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._arrivals = Arrivals()
        self._latest = look(world)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def latest(self) -> Snapshot:
        """The edited tables as they were within the last second or so."""
        return self._latest

    def expect(self, edit: Edit, *, sampled: bool) -> None:
        """See ``Arrivals.expect``; safe for several threads."""
        with self._lock:
            self._arrivals.expect(edit, sampled=sampled)

    def figures(self) -> dict[str, Any]:
        """See ``Arrivals.figures``."""
        with self._lock:
            return self._arrivals.figures()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._latest = look(self._world)
            with self._lock:
                self._arrivals.look(self._latest, self._clock())


def look(world: SimulatedWorld) -> Snapshot:
    """The tables that users edit, as they are now."""
    sets = {(side, table.entity_set(side)) for table in TABLES for side in SIDES}
    sets.add((BC, "salesPrices"))
    return Snapshot({key: world.dump(*key) for key in sorted(sets)})


def look_at_everything(world: SimulatedWorld) -> Snapshot:
    """All tables that a synchronization may write, as they are now."""
    rows: dict[tuple[str, str], list[Record]] = {
        (side, entity_set): world.dump(side, entity_set)
        for side in SIDES
        for entity_set in SETS[side]
    }
    return Snapshot(rows)
