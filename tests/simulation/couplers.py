"""The people who couple records by hand, take them apart and have partners made."""

from __future__ import annotations

from random import Random

from couplings.model import Coupling, Side
from errors import RefusedRequestError
from sync.by_hand.pair_requests import Selection
from sync.by_hand.pairing import First
from tests.simulation.oracle import text_of
from tests.simulation.tables import TABLES
from tests.simulation.tenant import SimTenant
from tests.support.by_hand import coupling_by_hand, pair_requests, partner_creation


class Couplers:
    """Everybody who couples by hand in one tenant."""

    def __init__(self, world: SimTenant, rng: Random) -> None:
        self._world = world
        self._rng = rng

    def act(self) -> None:
        """Somebody wants something of some pair or record. Raises what the storage raises."""
        mapping = self._rng.choice(self._world.names)
        action = self._rng.choice(
            (self._uncouple, self._couple, self._couple, self._synchronize, self._create)
        )
        self._world.stage.note(self._world.tenant[:2], "by hand", action.__name__, mapping)
        try:
            action(mapping)
        except RefusedRequestError as refused:
            self._world.stage.note(self._world.tenant[:2], "refused", refused.code)

    def _some_pair(self, mapping: str) -> Coupling | None:
        pairs = list(self._world.couplings.scan(mapping))
        return self._rng.choice(pairs) if pairs else None

    def _uncouple(self, mapping: str) -> None:
        pair = self._some_pair(mapping)
        if pair is None:
            return
        self._may_part(mapping, ("bc", pair.bc_id), ("crm", pair.crm_id))
        by_bc = self._rng.random() < 0.5
        chosen = Selection(bc=[pair.bc_id]) if by_bc else Selection(crm=[pair.crm_id])
        pair_requests(self._world, mapping).uncouple(chosen)

    def _synchronize(self, mapping: str) -> None:
        pair = self._some_pair(mapping)
        if pair:
            pair_requests(self._world, mapping).synchronize(Selection(bc=[pair.bc_id]))

    def _create(self, mapping: str) -> None:
        side: Side = self._rng.choice(("bc", "crm"))
        table = TABLES[mapping]
        service = self._world.bc if side == "bc" else self._world.crm
        known = list(service.tables[table.name(side)])
        if not known:
            return
        wanted = [self._rng.choice(known)]
        bc, crm = (wanted, []) if side == "bc" else ([], wanted)
        partner_creation(self._world, mapping).ask(bc=bc, crm=crm)

    def _couple(self, mapping: str) -> None:
        """Two records of the same thing, whoever their partners are; nobody couples others."""
        live = self._world.oracle.live
        things = sorted(
            entity
            for name, side, entity in live
            if (name, side) == (mapping, "bc")
            and live[mapping, "bc", entity]
            and live.get((mapping, "crm", entity))
        )
        if not things:
            return
        thing = self._rng.choice(things)
        bc = self._rng.choice(sorted(live[mapping, "bc", thing]))
        crm = self._rng.choice(sorted(live[mapping, "crm", thing]))
        replaces = self._rng.random() < 0.5
        if replaces:
            self._may_part(mapping, ("bc", bc), ("crm", crm))
        first = self._rng.choice(list(First))
        by_hand = coupling_by_hand(self._world, mapping)
        if first is not First.NONE:
            self._note_choice(mapping, bc, crm, first)
        by_hand.couple(bc, crm, first, replaces=replaces)

    def _note_choice(self, mapping: str, bc_id: str, crm_id: str, first: First) -> None:
        """Who chooses a side saw both values of every field."""
        table = TABLES[mapping]
        bc = self._world.bc.tables[table.bc][bc_id]
        crm = self._world.crm.tables[table.crm][crm_id]
        for pair in table.both:
            values = (text_of(bc.get(pair[0])), text_of(crm.get(pair[1])))
            if all(values) and values[0] != values[1]:
                winner, loser = values if first is First.TO_CRM else values[::-1]
                self._world.oracle.decided((mapping, "bc", bc_id), pair, winner, loser)

    def _may_part(self, mapping: str, *places: tuple[Side, str]) -> None:
        for side, record_id in places:
            self._world.oracle.parted((mapping, side, record_id))
