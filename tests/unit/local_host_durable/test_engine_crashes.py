"""The engine against a crash before each of its writes.

A store in memory stops taking writes at the n-th and never answers them, as a killed host would
leave it. A new engine then goes on from what the store holds. Whatever n is, the orchestration must
end as if nothing had happened.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.functions._durable_functions import OrchestrationContext, df_dumps

from local.host.durable.activities import Activities
from local.host.durable.engine import Engine
from local.host.durable.history import MESSAGE_ID, Event, EventType
from local.host.durable.instance import Instance, Status
from local.host.durable.orchestrators import Orchestrators
from local.host.durable.store import HubStore
from local.host.rpc import TypedData
from local.host.worker import Function, FunctionError, Invocation, Worker, typed

pytestmark = [
    pytest.mark.filterwarnings("ignore:azure.functions df_loads was called"),
    pytest.mark.filterwarnings("ignore:Potential duplicate Task completion"),
]

app = df.Blueprint()


@app.orchestration_trigger(context_name="context")
def journey(context: df.DurableOrchestrationContext):
    """Every kind of work in two executions, an event carried over between them."""
    if context.get_input() == "first":
        context.set_custom_status("under way")
        numbers = yield context.task_all([context.call_activity("step", n) for n in range(3)])
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=1))
        inner = yield context.call_sub_orchestrator("stage", sum(numbers))
        go = yield context.wait_for_external_event("Go")
        context.continue_as_new([inner, go])
        return None
    carried = yield context.wait_for_external_event("Carried")
    last = yield context.call_activity("step", 9)
    again = yield context.wait_for_external_event("Go")
    return [*context.get_input(), carried, last, again]


@app.orchestration_trigger(context_name="context")
def stage(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("step", context.get_input() + 100))


EXPECTED = [103, "now", "later", 9, "again"]
STEPS = {0, 1, 2, 9, 103}


class AppWorker(Worker):
    """Calls the functions above as Microsoft's worker would."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: Counter[int] = Counter()
        for name, kind in (
            ("journey", "orchestrationTrigger"),
            ("stage", "orchestrationTrigger"),
            ("step", "activityTrigger"),
        ):
            self.functions[name] = Function(
                name=name,
                id=name,
                bindings=(),
                trigger={"name": "argument"},
                kind=kind,
                durable_clients=(),
            )
        self._orchestrators = {
            builder._function.get_function_name(): builder._function.get_user_function()
            for builder in app._function_builders
        }

    async def invoke(self, function: Function, inputs: Any, metadata: Any = None) -> Invocation:
        await asyncio.sleep(0)
        text = inputs["argument"].content
        if function.name == "step":
            self.steps[json.loads(text)] += 1
            return Invocation(return_value=TypedData(json=text))
        try:
            state = self._orchestrators[function.name](OrchestrationContext(text))
        except Exception as error:
            raise FunctionError(str(error)) from error
        return Invocation(return_value=typed(json=state))


@dataclass
class Tables:
    """What survives a crash."""

    instances: dict[str, Instance] = field(default_factory=dict)
    history: dict[tuple[str, int, int], Event] = field(default_factory=dict)
    inbox: dict[tuple[str, str], Event] = field(default_factory=dict)


class CrashingStore(HubStore):
    """A store in memory that hangs at its n-th write, and ever after."""

    def __init__(self, tables: Tables, crash_at: int | None) -> None:
        self.kept = tables
        self.crashed = asyncio.Event()
        self.writes = 0
        self._crash_at = crash_at

    async def _write(self) -> None:
        await asyncio.sleep(0)
        if self.crashed.is_set() or self.writes == self._crash_at:
            self.crashed.set()
            await asyncio.Event().wait()
        self.writes += 1

    async def unfinished(self) -> list[Instance]:
        return [i for i in self.kept.instances.values() if not i.status.is_final]

    async def find(self, instance_id: str) -> Instance | None:
        return self.kept.instances.get(instance_id)

    async def save(self, instance: Instance) -> None:
        await self._write()
        self.kept.instances[instance.id] = instance

    async def history(self, instance: Instance) -> list[Event]:
        wanted = range(instance.history_count)
        return [self.kept.history[instance.id, instance.execution, n] for n in wanted]

    async def append_history(self, instance: Instance, events: Sequence[Event]) -> None:
        # One write each, as if every event had a transaction of its own.
        for number, event in enumerate(events, start=instance.history_count):
            await self._write()
            self.kept.history[instance.id, instance.execution, number] = dict(event)

    async def drop_history(self, instance: Instance) -> None:
        await self._write()
        for key in [k for k in self.kept.history if k[0] == instance.id]:
            if key[1] < instance.execution:
                del self.kept.history[key]

    async def inboxes(self) -> dict[str, list[Event]]:
        inboxes: dict[str, list[Event]] = {}
        for instance_id, message_id in sorted(self.kept.inbox):
            message = self.kept.inbox[instance_id, message_id]
            inboxes.setdefault(instance_id, []).append(message)
        return inboxes

    async def add_message(self, instance_id: str, message: Event) -> None:
        await self._write()
        self.kept.inbox[instance_id, message[MESSAGE_ID]] = dict(message)

    async def delete_messages(self, instance_id: str, message_ids: Iterable[str]) -> None:
        for message_id in list(message_ids):
            await self._write()
            self.kept.inbox.pop((instance_id, message_id), None)

    async def clear_inbox(self, instance_id: str) -> None:
        await self._write()
        for key in [k for k in self.kept.inbox if k[0] == instance_id]:
            del self.kept.inbox[key]


class Client:
    """Starts the journey and raises its events, each until it was accepted, as a caller would.

    Each Go is raised when it is awaited, so that the first is taken in by the very turn that
    continues as new.
    """

    def __init__(self) -> None:
        self._to_raise = [
            ("Carried", "later", None),
            ("Go", "now", (0, EventType.SUB_ORCHESTRATION_INSTANCE_COMPLETED)),
            ("Go", "again", (1, EventType.TASK_COMPLETED)),
        ]

    async def run(self, engine: Engine) -> None:
        if await engine.find("j") is None:
            await engine.create("journey", instance_id="j", input=json.dumps(df_dumps("first")))
        while self._to_raise:
            name, payload, moment = self._to_raise[0]
            while moment and not await self._reached(engine, *moment):
                await asyncio.sleep(0.001)
            assert await engine.raise_event("j", name, json.dumps(payload))
            self._to_raise.pop(0)

    @staticmethod
    async def _reached(engine: Engine, execution: int, kind: EventType) -> bool:
        instance = await engine.find("j")
        assert instance is not None
        history = await engine.history(instance)
        kinds = [event["EventType"] for event in history]
        return instance.execution == execution and kind in kinds


async def _until_crash_or_end(engine: Engine, store: CrashingStore, client: Client) -> bool:
    """Run the journey; whether it ended."""

    async def journey_ended() -> None:
        await client.run(engine)
        while not store.kept.instances["j"].status.is_final or store.kept.inbox:
            await asyncio.sleep(0.001)

    ended = asyncio.create_task(journey_ended())
    crashed = asyncio.create_task(store.crashed.wait())
    await asyncio.wait([ended, crashed], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    has_ended = ended.done()
    for task in (ended, crashed):
        task.cancel()
    await asyncio.gather(ended, crashed, return_exceptions=True)
    await engine.stop()
    assert has_ended or store.crashed.is_set(), f"the journey hangs: {store.kept}"
    return has_ended


def _engine(store: CrashingStore, worker: AppWorker) -> Engine:
    return Engine(
        store=store,
        orchestrators=Orchestrators(worker),
        activities=Activities(worker, lambda: "", 10),
    )


async def _journey(*crashes: int) -> tuple[Tables, AppWorker, int]:
    """Run the journey through a crash at each of these writes, counted anew after each."""
    tables, worker, client = Tables(), AppWorker(), Client()
    for crash_at in (*crashes, None):
        store = CrashingStore(tables, crash_at)
        engine = Engine(
            store=store,
            orchestrators=Orchestrators(worker),
            activities=Activities(worker, lambda: "", 10),
        )
        await engine.start()
        if await _until_crash_or_end(engine, store, client):
            break
    return tables, worker, store.writes


def _assert_as_expected(tables: Tables) -> None:
    parent = tables.instances["j"]
    assert parent.status == Status.COMPLETED
    assert json.loads(str(parent.output)) == EXPECTED
    assert parent.custom_status == '"under way"'


async def test_the_journey_ends_as_expected_without_a_crash() -> None:
    tables, worker, _ = await _journey()

    _assert_as_expected(tables)
    assert worker.steps == dict.fromkeys(STEPS, 1)
    assert {execution for name, execution, _ in tables.history if name == "j"} == {1}


async def test_a_crash_before_any_write_changes_nothing_of_the_outcome() -> None:
    _, _, writes = await _journey()
    assert writes > 50

    for crash_at in range(writes):
        tables, worker, _ = await _journey(crash_at)

        _assert_as_expected(tables)
        assert set(worker.steps) == STEPS
        # A step runs again only if the crash came before its answer was noted.
        assert worker.steps.total() <= len(STEPS) + 3


@pytest.mark.parametrize("second", [0, 1, 2, 5])
async def test_a_crash_soon_after_a_crash_changes_nothing_of_the_outcome(second: int) -> None:
    for first in range(1, 60, 4):
        tables, _, _ = await _journey(first, second)

        _assert_as_expected(tables)
