"""What uncoupling records means for those that refer to them.

A coupled record keeps its coupling when the record that it refers to loses its own. From then on
that reference waits: a later value of it is not carried over. Nobody would say so, because nothing
about the waiting record changed; so it is looked at once more, which stores the outcome *waiting*,
and from there it heals as any other (``sync.waking``).

The hints are there before the couplings go, due a good while later, and are made due once those are
gone. A crash leaves late ones:

    pass over customers                       pass over contacts
    hints at the contacts of C, for later
    removes the coupling of C, dies
                                              later: looks at the contacts: they wait for C
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from couplings.model import BaseSnapshot, Coupling
from couplings.store import CouplingStore
from sync.hints import HintReason, HintStore, RecordHint
from sync.mapping import LookupBy, TableMapping
from sync.requests import PassRequests

_LATER = timedelta(minutes=10)
_WAIT_SECONDS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A record that others may refer to: by its ids, or its number or code."""

    bc_id: str
    crm_id: str
    key: str

    @classmethod
    def of(cls, coupling: Coupling) -> Parent:
        return cls(bc_id=coupling.bc_id, crm_id=coupling.crm_id, key=coupling.bc_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """A coupled record that refers to one of them."""

    bc_id: str
    name: str


class Cascade:
    """What depends on the records of one connection."""

    def __init__(
        self,
        couplings: CouplingStore,
        hints: HintStore,
        requests: PassRequests,
        *,
        children: Callable[[str], Sequence[TableMapping]],
        now: Callable[[], datetime],
    ) -> None:
        """``children`` tells the mappings whose records may wait for those of a mapping."""
        self._couplings = couplings
        self._hints = hints
        self._requests = requests
        self._children = children
        self._now = now

    def dependents(self, mapping: str, parents: Iterable[Parent]) -> dict[str, list[Dependent]]:
        """The coupled records that would wait for these, by table mapping.

        They are told by what both sides agreed on last. Cost: the couplings of the tables that
        refer to this one are read.
        """
        known = _Known.of(parents)
        return self._found(mapping, lambda child, base: _refers(child, mapping, base, known))

    def _found(
        self, mapping: str, wanted: Callable[[TableMapping, BaseSnapshot], bool]
    ) -> dict[str, list[Dependent]]:
        found = {
            child.name: [
                Dependent(bc_id=each.bc_id, name=each.name)
                for each in self._couplings.scan(child.name)
                if each.base and wanted(child, each.base)
            ]
            for child in self._children(mapping)
            if _references(child, mapping)
        }
        return {name: dependents for name, dependents in found.items() if dependents}

    @contextmanager
    def __call__(self, mapping: str, parents: Sequence[Parent]) -> Iterator[None]:
        """Inside, the couplings of the parents are removed; what depends on them is looked at
        afterwards."""
        known = _Known.of(parents)
        dependents = (
            self._found(
                mapping,
                lambda child, base: (
                    _refers(child, mapping, base, known) or _may_refer(child, mapping, base)
                ),
            )
            if parents
            else {}
        )
        self._hint(dependents, self._now() + _LATER)
        yield
        self._hint(dependents, self._now())
        for name in dependents:
            self._requests.request(name, delay_seconds=_WAIT_SECONDS)

    def _hint(self, dependents: Mapping[str, Sequence[Dependent]], due_at: datetime) -> None:
        for name, some in dependents.items():
            # As if a person asked: nothing about these records changed.
            hints = (
                RecordHint(side="bc", record_id=each.bc_id, reason=HintReason.RETRY, due_at=due_at)
                for each in some
            )
            self._hints.add_many(name, hints)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """By what records are referred to."""

    bc_ids: frozenset[str]
    crm_ids: frozenset[str]
    keys: frozenset[str]

    @classmethod
    def of(cls, parents: Iterable[Parent]) -> _Known:
        all_of_them = list(parents)
        return cls(
            bc_ids=frozenset(each.bc_id for each in all_of_them),
            crm_ids=frozenset(each.crm_id for each in all_of_them),
            keys=frozenset(each.key for each in all_of_them if each.key),
        )


def _references(child: TableMapping, parent: str) -> list[tuple[str, str, LookupBy]]:
    """The child's fields that refer to the parent's records, and that hold a record up."""
    return [
        (each.bc, each.crm, each.lookup.by)
        for each in child.fields
        if each.lookup and parent in each.lookup.mappings and not each.clear_on_failure
    ]


def _refers(child: TableMapping, parent: str, base: BaseSnapshot, known: _Known) -> bool:
    return any(
        base.bc.get(field) in (known.keys if by is LookupBy.KEY else known.bc_ids)
        or base.crm.get(column) in known.crm_ids
        for field, column, by in _references(child, parent)
    )


def _may_refer(child: TableMapping, parent: str, base: BaseSnapshot) -> bool:
    """Whether both sides never agreed on a reference, so that it is not known."""
    return any(
        field not in base.bc or column not in base.crm
        for field, column, _ in _references(child, parent)
    )
