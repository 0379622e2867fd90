"""What people ask for about the pairs of one table: that they be taken apart, or looked at.

Nothing is written to a record here, and no coupling is removed. What is wanted is stored where
passes find it, as decisions and hints (``sync.decisions``, ``sync.hints``), and the next pass does
it by the rules that it has for everything. So nothing is done twice however often it is asked for.

To take pairs apart, the decisions are stored first, then the state of the couplings, by which
whoever compares the whole table asks for decisions, then the hints, then the wish for a pass; all
of it with the table held, because a pass that has just read one of the pairs takes it for one that
nothing is to be said about, and would clear the decision away with the outcome that bears it:

    pass over customers                       person
    reads pair C~A: both changed alike
                                              decides: take C~A apart
    clears the outcome of C~A: it is in step
    the decision is gone

A crash leaves decisions that nobody was told of: asking again stores them again, and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched, chain

from couplings.model import Coupling
from couplings.store import CouplingStore
from errors import RefusedRequestError
from sync.by_hand.named_records import is_id, shown
from sync.by_hand.parting import Parting
from sync.by_hand.table_hold import TableHold
from sync.cascade import Cascade, Dependent, Parent
from sync.hints import HintReason, HintStore, RecordHint
from sync.journal.journal import ChangeEntry
from sync.outcomes import OutcomeStore, RecordKey
from sync.requests import PassRequests

_AT_ONCE = 1000
_FEW = 20
"""So many records are looked up by number singly; for more, all couplings are read."""
_MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records of a table are meant."""

    bc: Sequence[str] = ()
    """BC records by id, number or code."""
    crm: Sequence[str] = ()
    """CRM records by id."""
    everything: bool = False
    """All coupled records of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncoupling:
    """What taking pairs apart would mean."""

    pairs: int
    examples: Sequence[Coupling]
    dependents: dict[str, list[Dependent]]
    """Coupled records that would wait, by table mapping."""


class PairRequests:
    """The wishes about the pairs of one table mapping of one connection."""

    def __init__(
        self,
        mapping: str,
        *,
        couplings: CouplingStore,
        outcomes: OutcomeStore,
        hints: HintStore,
        requests: PassRequests,
        hold: TableHold,
        cascade: Cascade,
        entry: ChangeEntry,
        now: Callable[[], datetime],
    ) -> None:
        """``entry``: the change that this is in the journal."""
        self._mapping = mapping
        self._couplings = couplings
        self._outcomes = outcomes
        self._hints = hints
        self._requests = requests
        self._hold = hold
        self._cascade = cascade
        self._entry = entry
        self._now = now

    def preview_uncoupling(self, selection: Selection) -> Uncoupling:
        """What would be taken apart, and what depends on it; nothing is stored.

        Cost: the couplings of the tables that refer to this one are read. Raises as ``uncouple``.
        """
        pairs, parents, examples = 0, [], list[Coupling]()
        for some in self._selected(selection):
            pairs += len(some)
            examples += some[: _MOST_EXAMPLES - len(examples)]
            parents += [Parent.of(each) for each in some]
        dependents = self._cascade.dependents(self._mapping, parents) if parents else {}
        return Uncoupling(pairs=pairs, examples=examples, dependents=dependents)

    def uncouple(self, selection: Selection) -> int:
        """Have pairs taken apart by the next pass; both records stay as they are, and get no new
        partner while they do. Returns how many.

        Raises ``RefusedRequestError`` (409) where a record is not coupled, or the table is at work
        for long; nothing is taken apart then.
        """
        parting = Parting(
            self._mapping,
            couplings=self._couplings,
            outcomes=self._outcomes,
            hints=self._hints,
            entry=self._entry,
            now=self._now,
        )
        with self._hold(self._mapping):
            number = 0
            for some in self._selected(selection):
                parting.mark(some)
                number += len(some)
            self._requests.want(self._mapping)
        return number

    def synchronize(self, selection: Selection) -> int:
        """Have coupled records looked at now, parked or not; returns how many pairs.

        Raises ``RefusedRequestError`` (409) where a record is not coupled.
        """
        pairs = list(chain.from_iterable(self._selected(selection)))
        self._look_at(HintReason.RETRY, [("bc", each.bc_id) for each in pairs])
        self._requests.request(self._mapping)
        return len(pairs)

    # Which pairs are meant

    def _selected(self, selection: Selection) -> Iterator[list[Coupling]]:
        """The couplings that are meant, some at a time; raises where a record is not coupled."""
        if selection.everything:
            yield from map(
                list, batched(self._couplings.scan(self._mapping), _AT_ONCE, strict=False)
            )
            return
        by_bc, by_crm = self._by_bc(selection.bc), self._by_crm(selection.crm)
        missing = [each for each in selection.bc if each not in by_bc]
        missing += [each for each in selection.crm if each not in by_crm]
        if missing:
            raise _not_coupled(self._mapping, missing)
        chosen = {each.bc_id: each for each in chain(by_bc.values(), by_crm.values())}
        yield from map(list, batched(chosen.values(), _AT_ONCE, strict=False))

    def _by_crm(self, named: Sequence[str]) -> dict[str, Coupling]:
        found = self._couplings.find_by_crm(self._mapping, [each.lower() for each in named])
        return {each: found[each.lower()] for each in named if each.lower() in found}

    def _by_bc(self, named: Sequence[str]) -> dict[str, Coupling]:
        """Couplings by what their BC records are called here."""
        id_of = {each: each.lower() for each in named if is_id(each)}
        id_of |= self._ids_of_keys([each for each in named if each not in id_of])
        found = self._couplings.find_by_bc(self._mapping, id_of.values())
        return {name: found[bc_id] for name, bc_id in id_of.items() if bc_id in found}

    def _ids_of_keys(self, keys: Sequence[str]) -> dict[str, str]:
        """BC ids by the numbers and codes of coupled records, capital letters or not."""
        wanted = {form: key for key in keys for form in (key.upper(), key)}
        if len(wanted) > _FEW:
            entries = [e for e in self._couplings.scan_index(self._mapping) if e.bc_key in wanted]
        else:
            found = (self._couplings.find_entry_by_key(self._mapping, each) for each in wanted)
            entries = [entry for entry in found if entry]
        return {wanted[entry.bc_key]: entry.bc_id for entry in entries}

    # What is stored

    def _look_at(self, reason: HintReason, keys: Iterable[RecordKey]) -> None:
        due_at = self._now()
        hints = (
            RecordHint(
                side="bc" if side == "bc" else "crm",
                record_id=record_id,
                reason=reason,
                due_at=due_at,
            )
            for side, record_id in keys
        )
        self._hints.add_many(self._mapping, hints)


def _not_coupled(mapping: str, missing: Sequence[str]) -> RefusedRequestError:
    return RefusedRequestError(
        409,
        "not-coupled",
        f"Not coupled by {mapping}: {shown(missing)}.",
        hint="Name BC records by id, number or code, CRM records by id; leave these out.",
    )
