"""The people who look at what is not in step and decide about it, as the HTTP routes let them."""

from __future__ import annotations

from random import Random

from couplings.model import Side
from errors import RefusedRequestError
from sync.decisions import Decisions, version_of
from sync.outcomes import FieldDetail, Outcome
from tests.simulation.couplers import Couplers
from tests.simulation.tenant import SimTenant


class Deciders:
    """Everybody who decides in one tenant; each saw an outcome as it was stored a moment ago."""

    def __init__(self, world: SimTenant, rng: Random) -> None:
        self._world = world
        self._rng = rng
        self._decisions = Decisions(world.outcomes, world.hints, world.requests, now=world.now)
        self._couplers = Couplers(world, rng)

    def act(self) -> None:
        """Somebody decides something. Raises what the storage raises."""
        if self._rng.random() < 0.3:
            self._couplers.act()
            return
        outcomes = self._world.outcome_list()
        if not outcomes:
            return
        outcome = self._rng.choice(outcomes)
        actions = [self._retry, self._ignore]
        if any(each.winner is None for each in outcome.fields):
            actions += [self._resolve] * 6
        if outcome.code.startswith("deleted-in-"):
            actions += [self._restore] * 4
        if outcome.partner_id:
            actions.append(self._uncouple)
        action = self._rng.choice(actions)
        what = [outcome.mapping, *outcome.key, outcome.code]
        self._world.stage.note(self._world.tenant[:2], "person", action.__name__, *what)
        try:
            action(outcome)
        except RefusedRequestError as refused:
            self._world.stage.note(self._world.tenant[:2], "refused", refused.code)

    def _retry(self, outcome: Outcome) -> None:
        if self._rng.random() < 0.5:
            self._decisions.retry(outcome.mapping, outcome.key)
        else:
            self._decisions.retry_group(mapping=outcome.mapping, code=outcome.code)

    def _ignore(self, outcome: Outcome) -> None:
        self._decisions.ignore(outcome.mapping, outcome.key, ignored=not outcome.ignored)

    def _resolve(self, outcome: Outcome) -> None:
        """The loser is a value that whoever decides has seen."""
        held = [each for each in outcome.fields if each.winner is None]
        winners: dict[str, Side] = {
            each.crm_column: self._rng.choice(("bc", "crm")) for each in held
        }
        whole: Side | None = self._rng.choice(("bc", "crm", None))
        for each in held:
            self._note_winner(outcome, each, whole or winners[each.crm_column])
        version = version_of(outcome)
        self._decisions.resolve(outcome.mapping, outcome.key, whole or winners, version)

    def _note_winner(self, outcome: Outcome, field: FieldDetail, side: Side) -> None:
        values = (field.bc_value, field.crm_value)
        winner, loser = values if side == "bc" else values[::-1]
        pair = (field.bc_field, field.crm_column)
        place = (outcome.mapping, _side(outcome), outcome.record_id)
        self._world.oracle.decided(place, pair, winner, loser)

    def _restore(self, outcome: Outcome) -> None:
        self._decisions.restore(self._world.mappings[outcome.mapping], outcome.key)

    def _uncouple(self, outcome: Outcome) -> None:
        self._world.oracle.parted((outcome.mapping, _side(outcome), outcome.record_id))
        self._decisions.uncouple(outcome.mapping, outcome.key)


def _side(outcome: Outcome) -> Side:
    return "bc" if outcome.side == "bc" else "crm"
