"""Records of one side that mean the same: duplicates.

Two things tell them. A record that Coupler made carries the id that follows from what it was made
of: where that one is coupled with another record, one of the two is too many. And uncoupled
records that share a natural key with another one of their side, where no stronger key tells the
two apart: a customer with the same name and postal code but another number is another customer.

Of every record short prints of its keys are kept, nothing else; records whose prints are equal are
read again at the end and compared truly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from couplings.match_keys import key_texts
from couplings.model import CouplingIndexEntry, Side
from errors import RecordError
from services.records import Record
from sync.drift import Twin
from sync.fetching import fetch_bc, fetch_crm
from sync.work import Work

_MOST_TWINS = 20
"""So many are named; who has more has another problem."""

type _Keys = list[str]
"""The key texts of one record, in the order of priority; blank where a part is."""

type _Naming = Callable[[Sequence[str]], dict[str, tuple[str, _Keys]]]
"""Reads records again: their names and keys."""


class Twins:
    """Finds the duplicates of a mapping's records on both sides."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._bc = _Shared()
        self._crm = _Shared()
        self._all_crm: set[str] = set()
        self._made_in_bc: dict[str, str] = {}
        """Id of the BC record that Coupler would make of a coupled CRM record → that one's id."""
        self.made: list[tuple[Side, str, str]] = []
        """Records made of one that is coupled otherwise: side, id, id of the one it was made of."""

    def add_crm(self, record: Record, entry: CouplingIndexEntry | None) -> None:
        """Take note of a CRM record that is the mapping's business."""
        mapping, context = self._work.mapping, self._work.context
        crm_id = record[mapping.crm.id_column]
        if entry is None and not self._work.rule.belongs(record, context):
            return
        self._all_crm.add(crm_id)
        if entry is not None and mapping.creates_in_bc:
            self._made_in_bc[context.ids.of(mapping.name, "crm", crm_id)] = crm_id
        self._crm.add(crm_id, self._crm_keys(record), is_coupled=entry is not None)

    def add_bc(self, bc_id: str, record: Record, partner: str) -> None:
        """Take note of a BC record with its derived fields, when those of CRM are all known.

        ``partner``: the CRM record that it is, or is about to be, coupled with; blank for none.
        """
        mapping = self._work.mapping
        source = self._made_in_bc.get(bc_id)
        if source and source != partner:
            self.made.append(("bc", bc_id, source))
        child = self._work.context.ids.of(mapping.name, "bc", bc_id)
        if partner and child != partner and child in self._all_crm:
            self.made.append(("crm", child, bc_id))
        self._bc.add(bc_id, self._bc_keys(record), is_coupled=bool(partner))

    def candidates(self, bc: Record) -> set[str]:
        """The CRM records that share a key with a BC record."""
        return {
            crm_id
            for place, text in enumerate(self._bc_keys(bc))
            for crm_id in self._crm.sharing(place, text)
        }

    def find(self) -> Iterator[tuple[Side, str, str, list[Twin]]]:
        """Uncoupled records with the others of their side that mean the same: side, id, name,
        twins."""
        yield from self._find("crm", self._crm, self._named_crm)
        yield from self._find("bc", self._bc, self._named_bc)

    def _find(
        self, side: Side, shared: _Shared, named: _Naming
    ) -> Iterator[tuple[Side, str, str, list[Twin]]]:
        for group in shared.groups():
            known = named(group)
            for record_id in group:
                if record_id not in known or record_id not in shared.uncoupled:
                    continue
                name, keys = known[record_id]
                twins = [
                    Twin(record_id=other, name=other_name)
                    for other, (other_name, other_keys) in known.items()
                    if other != record_id and _mean_the_same(keys, other_keys)
                ]
                if twins:
                    yield side, record_id, name, twins[:_MOST_TWINS]

    def _named_crm(self, ids: Sequence[str]) -> dict[str, tuple[str, _Keys]]:
        title = self._work.mapping.crm.title
        return {
            crm_id: (str(record.get(title) or ""), self._crm_keys(record))
            for crm_id, record in fetch_crm(self._work, list(ids)).items()
        }

    def _named_bc(self, ids: Sequence[str]) -> dict[str, tuple[str, _Keys]]:
        work = self._work
        found = fetch_bc(work, list(ids))
        work.prepare(bc=list(found.values()))
        return {
            bc_id: (work.mapping.bc.name_of(record), self._bc_keys(derived))
            for bc_id, record in found.items()
            if (derived := _derived(work, record)) is not None
        }

    def _crm_keys(self, record: Record) -> _Keys:
        return key_texts(record, self._work.mapping.match, "crm")

    def _bc_keys(self, record: Record) -> _Keys:
        return key_texts(record, self._work.mapping.match, "bc")


class _Shared:
    """Which records of one side share a key. Memory: a number and an id for each key."""

    def __init__(self) -> None:
        self._first: dict[int, str] = {}
        self._more: dict[int, list[str]] = {}
        self.uncoupled: set[str] = set()

    def add(self, record_id: str, keys: _Keys, *, is_coupled: bool) -> None:
        if not is_coupled:
            self.uncoupled.add(record_id)
        for place, text in enumerate(keys):
            if not text:
                continue
            known = self._first.setdefault(hash((place, text)), record_id)
            if known != record_id:
                self._more.setdefault(hash((place, text)), [known]).append(record_id)

    def sharing(self, place: int, text: str) -> list[str]:
        key = hash((place, text))
        if not text or key not in self._first:
            return []
        return self._more.get(key, [self._first[key]])

    def groups(self) -> Iterator[list[str]]:
        """Records that share a key, each group with at least one that is not coupled."""
        for group in self._more.values():
            if not self.uncoupled.isdisjoint(group):
                yield list(dict.fromkeys(group))


def _mean_the_same(left: _Keys, right: _Keys) -> bool:
    """Whether the first key that both records have is the same."""
    both = ((one, other) for one, other in zip(left, right, strict=True) if one and other)
    one, other = next(both, ("", "-"))
    return one == other


def _derived(work: Work, record: Record) -> Record | None:
    try:
        return work.rule.derive(record, work.context)
    except RecordError:
        return None
