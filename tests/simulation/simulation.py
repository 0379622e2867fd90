"""One seeded simulation: tenants, users, webhooks, timers, workers, and everything that goes wrong.

Nothing in it runs at the same time as anything else, and yet everything does: before and after each
side effect of a worker another one may run to its end, a user may edit, hours may pass, the process
may die. All choices come from the seed.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from couplings.model import Side
from errors import CouplerError
from identity.model import TenantId
from sync.full_sync import QUEUE as TABLE_JOBS
from sync.hints import HintReason, RecordHint
from sync.jobs import ActiveRunError
from sync.requests import QUEUE as TABLE_PASSES
from tests.fakes.tables import MemoryAccount, StorageCall, service_failure
from tests.simulation.deciders import Deciders
from tests.simulation.determinism import deterministic
from tests.simulation.faults import FaultPlan
from tests.simulation.lineage import BrokenGuaranteeError
from tests.simulation.tables import SimTable
from tests.simulation.tenant import SimTenant
from tests.simulation.users import Users
from tests.simulation.watermarks import WatermarkWatch
from tests.support.crashes import ProcessDiedError

_TENANTS = (
    TenantId("aaaaaaaa-1111-4111-8111-111111111111"),
    TenantId("bbbbbbbb-2222-4222-8222-222222222222"),
    TenantId("cccccccc-3333-4333-8333-333333333333"),
)
_FAMILIES = (
    ("CUSTOMER",),
    ("CUSTOMER", "CONTACT"),
    ("SALESPEOPLE", "CURRENCY", "CUSTOMER"),
    ("UNIT OF MEASURE", "ITEM-PRODUCT"),
    ("SALESPEOPLE", "CUSTOMER", "CONTACT"),
    ("SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE", "CUSTOMER", "CONTACT", "ITEM-PRODUCT"),
)
_PERIOD = timedelta(minutes=5)
_TICK = timedelta(milliseconds=1)
_MOST_ROUNDS = 40
_STORAGE_FAULTS = ((500, "InternalError"), (503, "ServerBusy"))
"""As the service says that it failed, and that it throttles."""


@dataclass(slots=True)
class _Message:
    number: int
    queue_name: str
    content: dict[str, Any]
    visible_at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class _Notice:
    """A webhook on its way."""

    world: SimTenant
    mapping: str
    side: Side
    record_id: str


class Simulation:
    """One run of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.events: list[tuple[Any, ...]] = []
        self.plan = FaultPlan.of(self.rng)
        self.faults_on = False
        self.time = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)
        self.account = MemoryAccount(self._watch_storage)
        self.messages: list[_Message] = []
        self.notices: list[_Notice] = []
        self._sent = 0
        self._depth = 0
        self._actor: SimTenant | None = None
        self._watermarks = WatermarkWatch()
        count = self.rng.choice((1, 1, 1, 1, 1, 1, 2, 3))
        self.worlds = [self._tenant(index) for index in range(count)]
        self.users = {
            world.tenant: Users(world, self.rng, partial(self._announce, world))
            for world in self.worlds
        }
        self._deciders = {world.tenant: Deciders(world, self.rng) for world in self.worlds}

    def _tenant(self, index: int) -> SimTenant:
        families = _FAMILIES if index == 0 else _FAMILIES[:2]  # neighbours are small
        return SimTenant(self, _TENANTS[index], self.rng.choice(families))

    # What tenants are offered (``tenant.Stage``)

    def now(self) -> datetime:
        self.time += _TICK
        return self.time

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def note(self, *words: Any) -> None:
        self.events.append((self.time, self._depth, *words))

    def chance(self, probability: float) -> bool:
        return self.faults_on and probability > 0 and self.rng.random() < probability

    def send(self, queue_name: str, message: dict[str, Any], delay_seconds: int) -> None:
        self._sent += 1
        visible = self.time + timedelta(seconds=delay_seconds)
        self.messages.append(_Message(self._sent, queue_name, message, visible))

    def effect(self, moment: str, what: str) -> None:
        """A side effect is about to happen or has happened: the place for all that may go wrong."""
        plan = self.plan
        if not self.faults_on:
            return
        if self.chance(plan.crash):
            self.note("dies", moment, what)
            raise ProcessDiedError
        if self._depth > 1:
            return
        if self.chance(plan.edited) and self._actor:
            with self._aside(self._actor):
                self._act_or_decide(self._actor)
        if self.chance(plan.interleaved):
            self._interleave()
        if self.chance(plan.paused):
            self.note("stands still", moment, what)
            self.pass_time(self.rng.uniform(301, 1000))
            self._interleave()

    def _act_or_decide(self, world: SimTenant) -> None:
        if self.rng.random() < 0.2:
            self._survives(world, self._deciders[world.tenant].act)
        else:
            self.users[world.tenant].act()

    def _interleave(self) -> None:
        actor = self._actor
        for _ in range(self.rng.randint(1, 2)):
            self._depth += 1
            try:
                self.deliver_any()
            finally:
                self._depth -= 1
                self._actor = actor

    @contextmanager
    def _aside(self, world: SimTenant) -> Iterator[None]:
        """What users do in between is no side effect of a worker."""
        self._depth += 2
        try:
            yield
        finally:
            self._depth -= 2

    # Storage

    def _watch_storage(self, moment: str, call: StorageCall) -> bool:
        if self._actor and not call.partition.startswith(self._actor.partitions):
            raise BrokenGuaranteeError(f"G8: {self._actor.tenant} touches {call.partition}")
        if moment == "before" and self.chance(self.plan.storage):
            status, code = self.rng.choice(_STORAGE_FAULTS)
            self.note("storage fails", call.table, call.verb, code)
            raise service_failure(status, code)
        if not call.writes:
            return False
        if moment == "before":
            self.note("stores", call.table, call.verb, *_rows_of(call))
        elif call.table == "watermarks":
            self._watermarks.stored(call)
        self.effect(moment, f"{call.verb} {call.table}")
        return moment == "after" and self.chance(self.plan.storage)

    # Webhooks

    def _announce(self, world: SimTenant, table: SimTable, side: Side, record_id: str) -> None:
        if self.chance(self.plan.webhook_lost) or not self.faults_on:
            return
        copies = 2 if self.chance(self.plan.webhook_repeated) else 1
        self.notices += [_Notice(world, table.mapping, side, record_id)] * copies

    def _deliver_notice(self) -> None:
        if not self.notices:
            return
        notice = self.notices.pop(self.rng.randrange(len(self.notices)))
        world = notice.world
        hint = RecordHint(
            side=notice.side,
            record_id=notice.record_id,
            reason=HintReason.CHANGED,
            due_at=self.now(),
        )

        def receive() -> None:
            world.hints.add_many(notice.mapping, [hint])
            world.requests.request(notice.mapping)

        self.note("webhook", world.tenant[:2], notice.mapping, notice.side, notice.record_id)
        if not self._survives(world, receive) and self.rng.random() < 0.5:
            self.notices.append(notice)  # the sender tries again

    # Workers

    def deliver_any(self) -> bool:
        """Hand some message that is due to a worker; whether there was one."""
        due = [each for each in self.messages if each.visible_at <= self.time]
        if not due:
            return False
        message = self.rng.choice(due)
        # Invisible to others while it is handled; back again if its worker dies.
        message.visible_at = self.time + timedelta(seconds=600)
        message.tries += 1
        world = next(each for each in self.worlds if each.tenant == message.content["tenant"])
        self.note("message", message.number, message.queue_name, message.content)
        if self._survives(world, lambda: self._work(world, message)):
            if self.chance(self.plan.message_repeated):
                message.visible_at = self.time + timedelta(seconds=self.rng.uniform(0, 900))
            elif message in self.messages:
                self.messages.remove(message)
        elif message.tries >= 5 and message in self.messages:
            self.note("poison", message.number)
            self.messages.remove(message)
        return True

    def _work(self, world: SimTenant, message: _Message) -> None:
        content = message.content
        times = content.get("turned_away", 0)
        if message.queue_name == TABLE_JOBS:
            world.worker().handle(content["run"], content["mapping"], turned_away=times)
        elif message.queue_name == TABLE_PASSES:
            asked = content.get("asked", False)
            world.pass_worker().handle(content["mapping"], asked=asked, turned_away=times)

    def _survives(self, world: SimTenant, work: Callable[[], object]) -> bool:
        """Whether a process of this tenant lived to the end of the work."""
        before, self._actor = self._actor, world
        try:
            work()
        except ProcessDiedError:
            return False
        except CouplerError as error:
            self.note("gave up", error.code)
            return False
        finally:
            self._actor = before
        return True

    def _monotonic(self) -> float:
        """Working time; a slice's end may come at any page."""
        jump = 10_000 if self.chance(self.plan.slice_ends) else 0
        return self.time.timestamp() + jump

    # Time

    def _tick(self) -> None:
        for world in self.worlds:
            self._survives(world, partial(self._send_due, world))

    def _send_due(self, world: SimTenant) -> None:
        if world.health.claim_due(_PERIOD, self.now()):
            world.requests.send("")

    def _advance_runs(self) -> None:
        for world in self.worlds:
            if world.run:
                self._survives(world, partial(self._advance, world))

    def _advance(self, world: SimTenant) -> None:
        run = world.run
        if run and world.full_sync.advance(run.run_id, run.generation, by_itself=True).end:
            self.note("run over", world.tenant[:2])
            world.run = None

    def _begin(self, world: SimTenant) -> None:
        try:
            world.run = world.run or world.start(*world.names)
        except ActiveRunError as active:  # begun by somebody who died before they learned of it
            world.run = world.jobs.get_run(active.run_id)

    # The whole

    def run(self) -> None:
        """Raises ``BrokenGuaranteeError`` where Coupler breaks a promise."""
        from tests.simulation.checks import check

        size = self.rng.choice((1, 2, 3, 10))
        with (
            deterministic(self.rng, self._monotonic, page_size=size),
            _no_unforeseen_errors(),
        ):
            self.note("plan", self.plan)
            for world in self.worlds:
                self.note(
                    world.tenant[:2], {n: m.update_conflict for n, m in world.mappings.items()}
                )
                most = 3 if len(world.names) < 4 else 2
                sizes = {name: self.rng.randint(1, most) for name in world.names}
                self.users[world.tenant].move_in(sizes)
                self._survives(world, partial(self._begin, world))
            self.faults_on = self.rng.random() < 0.3
            self._finish_runs()
            self.faults_on = True
            for _ in range(self.rng.randint(14, 26)):
                self._step()
            self.faults_on = False
            self.note("faults stop")
            self._drain()
            check(self)

    def _step(self) -> None:
        kind = self.rng.random()
        if kind < 0.45:
            self._act_or_decide(self.rng.choice(self.worlds))
        elif kind < 0.54:
            self._deliver_notice()
        elif kind < 0.63:
            self.pass_time(self.rng.choice((1, 20, 300, 700)))
            self._tick()
        elif kind < 0.64:
            self._survives(world := self.rng.choice(self.worlds), partial(self._begin, world))
        else:
            self.deliver_any()
        if self.rng.random() < 0.1:
            self._advance_runs()

    def _finish_runs(self) -> None:
        for _ in range(200):
            if not any(world.run for world in self.worlds):
                return
            self._advance_runs()
            self._deliver_all()
            self.pass_time(30)
        if not self.faults_on:
            raise BrokenGuaranteeError("a full synchronization never ends")
        self.faults_on = False
        self._finish_runs()

    def _deliver_all(self) -> bool:
        """Hand out what is due until nothing is; whether there was anything."""
        for count in range(200):
            if not self.deliver_any():
                return count > 0
        raise BrokenGuaranteeError("messages never end")

    def _drain(self) -> None:
        """Everything that is under way comes to its end, and some passes after it."""
        while self.notices:
            self._deliver_notice()
        for world in self.worlds:
            if any(not world.states.load(name).is_synchronized for name in world.names):
                self._survives(world, partial(self._begin, world))  # as an administrator would
        self._finish_runs()
        quiet = 0
        for _ in range(_MOST_ROUNDS):
            quiet = quiet + 1 if self.round_is_quiet() else 0
            if quiet == 2:
                return
        raise BrokenGuaranteeError("G4: there is always something more to write")

    def round_is_quiet(self) -> bool:
        """Pass over everything once, an hour later; whether nothing had to be written."""
        written = [len(each.bc.writes) + len(each.crm.writes) for each in self.worlds]
        self.pass_time(4000)
        self._tick()
        self._deliver_all()
        return written == [len(each.bc.writes) + len(each.crm.writes) for each in self.worlds]


def _rows_of(call: StorageCall) -> list[str]:
    return [entity["RowKey"] for entity in call.entities]


class _UnforeseenErrors(logging.Handler):
    """A worker stores an error that nobody foresaw and goes on; here that is a failure."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, CouplerError):
            where = traceback.extract_tb(error.__traceback__)[-1]
            words = f"nobody foresaw {error!r} at {where.filename}:{where.lineno}"
            raise BrokenGuaranteeError(words) from error


@contextmanager
def _no_unforeseen_errors() -> Iterator[None]:
    handler, logger = _UnforeseenErrors(), logging.getLogger("sync")
    before = logger.propagate, logger.level
    logger.propagate, logger.level = False, logging.WARNING
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate, logger.level = before
