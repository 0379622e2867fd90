"""Live instances: takes messages in, runs turns, commits them and sets off what they scheduled.

Only unfinished instances are kept in memory. Each has at most one task at a time that works off its
inbox, the pump; what it awaits from others (activities, timers, sub-orchestrations) runs in tasks
of its own, which end by putting an answer into the inbox.

A killed host goes on from the tables: `start` drops inbox messages that the history holds already
and sets off again what was scheduled and not answered. So an activity may run twice, as in Azure.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from local.host.durable.activities import Activities
from local.host.durable.errors import InstanceRunningError, UnknownOrchestratorError
from local.host.durable.history import (
    EXECUTION,
    MESSAGE_ID,
    Event,
    EventType,
    answered_task,
    new_event,
    parse_time,
    task_answer,
    timer_fired,
    unanswered,
)
from local.host.durable.instance import Instance, ParentTask, Status
from local.host.durable.live import Live
from local.host.durable.orchestrators import Orchestrators
from local.host.durable.persistence import persist
from local.host.durable.store import MAX_TEXT, HubStore
from local.host.durable.turn import (
    Turn,
    fresh_messages,
    is_stopping,
    open_turn,
    select_messages,
    stopping_turn,
    within_limit,
)


class Engine:
    """The instances of one task hub. One process at a time may run a hub."""

    def __init__(
        self, *, store: HubStore, orchestrators: Orchestrators, activities: Activities
    ) -> None:
        self._store = store
        self._orchestrators = orchestrators
        self._activities = activities
        self._live: dict[str, Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._creation = asyncio.Lock()
        self._last_message = 0

    async def start(self) -> int:
        """Go on with the unfinished instances; returns how many there are."""
        inboxes = await self._store.inboxes()
        lives: list[Live] = []
        for instance in await self._store.unfinished():
            history = await self._store.history(instance)
            inbox = inboxes.pop(instance.id, [])
            self._last_message = max([self._last_message, *(int(m[MESSAGE_ID]) for m in inbox)])
            lives.append(Live.recovered(instance, history, inbox))
        for instance_id in inboxes:  # of instances that had finished when the host was killed
            await self._store.clear_inbox(instance_id)
        self._live = {live.instance.id: live for live in lives}
        for live in lives:
            answers = fresh_messages(live.instance, live.history, live.inbox)
            for event in unanswered(live.history, answers):
                self._dispatch(live, event)
            self._wake(live)
        return len(lives)

    async def stop(self) -> None:
        """Drop all work; the tables hold what is needed to go on."""
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def create(
        self,
        name: str,
        *,
        instance_id: str | None = None,
        input: str | None = None,  # noqa: A002 - the SDK's word
        version: str = "",
        parent: ParentTask | None = None,
    ) -> str:
        """Start an orchestration and return its id; `input` is JSON text of at most MAX_TEXT.

        An id may be used again once its instance has finished. Raises UnknownOrchestratorError and
        InstanceRunningError.
        """
        if name not in self._orchestrators:
            raise UnknownOrchestratorError(name)
        now = _now()
        async with self._creation:
            earlier = await self._finished(instance_id) if instance_id else None
            instance = Instance(
                id=instance_id or uuid.uuid4().hex,
                name=name,
                status=Status.PENDING,
                created=now,
                updated=now,
                input=input,
                version=version,
                execution=earlier.execution + 1 if earlier else 0,
                parent=parent,
            )
            if earlier:
                await self._store.clear_inbox(instance.id)
            await self._store.save(instance)
            live = self._live[instance.id] = Live(instance)
        self._wake(live)
        if earlier:
            self._spawn(persist(lambda: self._store.drop_history(instance), instance.id))
        return instance.id

    async def find(self, instance_id: str) -> Instance | None:
        """The instance, or None."""
        live = self._live.get(instance_id)
        return live.instance if live else await self._store.find(instance_id)

    async def history(self, instance: Instance) -> list[Event]:
        """The events of the instance's current execution."""
        live = self._live.get(instance.id)
        return list(live.history) if live else await self._store.history(instance)

    async def purge(self, instances: Sequence[Instance]) -> int:
        """Forget finished instances; returns how many. One that runs again meanwhile stays."""
        purged = 0
        for instance in instances:
            async with self._creation:
                if instance.id in self._live:
                    await self._leaving(instance.id)
                if instance.id not in self._live:
                    await self._store.purge(instance.id)
                    purged += 1
        return purged

    async def raise_event(self, instance_id: str, name: str, payload: str) -> bool:
        """Put an external event into an inbox; False if there is no unfinished instance.

        `payload` is JSON text. The event is safe when this returns.
        """
        return await self._post_control(
            instance_id, EventType.EVENT_RAISED, Name=name, Input=payload
        )

    async def terminate(self, instance_id: str, reason: str | None) -> bool:
        """Have an instance end at once; False if there is no unfinished one."""
        return await self._post_control(instance_id, EventType.EXECUTION_TERMINATED, Input=reason)

    async def suspend(self, instance_id: str, reason: str | None) -> bool:
        """Have an instance take in nothing until it is resumed; False if none is unfinished."""
        return await self._post_control(instance_id, EventType.EXECUTION_SUSPENDED, Reason=reason)

    async def resume(self, instance_id: str, reason: str | None) -> bool:
        """Have a suspended instance go on; False if there is no unfinished one."""
        return await self._post_control(instance_id, EventType.EXECUTION_RESUMED, Reason=reason)

    # ------------------------------------------------------------------ inbox

    async def _post_control(self, instance_id: str, kind: EventType, **members: Any) -> bool:
        live = self._live.get(instance_id)
        return live is not None and await self._post(live, new_event(kind, _now(), **members))

    async def _answer(self, live: Live, execution: int, answer: Event) -> None:
        """Put the answer to scheduled work into the inbox, however long the storage is away."""

        async def post() -> None:
            await self._post(live, {**answer, EXECUTION: execution})

        await persist(post, f"answer for {live.instance.id}")

    async def _post(self, live: Live, event: Event) -> bool:
        if not self._is_current(live):
            return False
        self._last_message = max(self._last_message + 1, time.time_ns())
        message = {**event, MESSAGE_ID: f"{self._last_message:020d}"}
        await self._store.add_message(live.instance.id, message)
        if not self._is_current(live):  # it ended meanwhile, and cleared its inbox before
            await self._store.delete_messages(live.instance.id, [message[MESSAGE_ID]])
            return False
        live.inbox.append(message)
        self._wake(live)
        return True

    def _is_current(self, live: Live) -> bool:
        return self._live.get(live.instance.id) is live and not live.instance.status.is_final

    # ------------------------------------------------------------------ turns

    def _wake(self, live: Live) -> None:
        if live.pump is None or live.pump.done():
            live.pump = self._spawn(persist(lambda: self._pump(live), live.instance.id))

    async def _pump(self, live: Live) -> None:
        while not live.instance.status.is_final:
            if live.spent:
                await self._store.delete_messages(live.instance.id, live.spent)
                live.spent.clear()
            messages = select_messages(live.instance.status, live.inbox)
            if live.history and not messages:
                return
            await self._turn(live, messages)
        await self._finish(live)

    async def _turn(self, live: Live, messages: list[Event]) -> None:
        instance = live.instance
        fresh = fresh_messages(instance, live.history, messages)
        if live.history and not fresh:
            live.consume(messages)
            return
        now = _now()
        opening = open_turn(instance, live.history, fresh, now)
        if fresh and is_stopping(fresh[0]):
            turn = stopping_turn(fresh[0], now)
        else:
            turn = await self._orchestrators.run(instance, [*live.history, *opening], now)
        turn = within_limit(instance, turn, now, MAX_TEXT)
        if turn.continues:
            await self._continue_as_new(live, messages, turn, now)
        else:
            await self._commit(live, messages, opening, turn, now)

    async def _commit(
        self, live: Live, messages: list[Event], opening: list[Event], turn: Turn, now: datetime
    ) -> None:
        events = [*opening, *turn.events]
        await self._store.append_history(live.instance, events)
        instance = replace(
            live.instance,
            status=turn.status,
            updated=now,
            output=turn.output,
            custom_status=turn.custom_status or live.instance.custom_status,
            history_count=live.instance.history_count + len(events),
            taken_over=(),
        )
        await self._store.save(instance)
        live.instance = instance
        live.history.extend(events)
        live.consume(messages)
        for number in turn.cancelled_timers & live.timers.keys():
            live.timers.pop(number).cancel()
        if not instance.status.is_final:
            for event in turn.events:
                self._dispatch(live, event)

    async def _continue_as_new(
        self, live: Live, messages: list[Event], turn: Turn, now: datetime
    ) -> None:
        """Begin the next execution, in its inbox the events that this one did not consume."""
        for event in turn.carried_over:
            await self._store.add_message(live.instance.id, event)
        carried = {event[MESSAGE_ID] for event in turn.carried_over}
        instance = replace(
            live.instance,
            status=turn.status,
            updated=now,
            input=turn.next_input,
            custom_status=turn.custom_status or live.instance.custom_status,
            execution=live.instance.execution + 1,
            history_count=0,
            taken_over=tuple(
                message[MESSAGE_ID]
                for message in messages
                if message[MESSAGE_ID] not in carried and answered_task(message) is None
            ),
        )
        await self._store.save(instance)
        live.instance = instance
        live.history = []
        live.cancel_timers()
        live.consume(messages)
        live.spent = [spent for spent in live.spent if spent not in carried]
        live.inbox = [*turn.carried_over, *live.inbox]
        await self._store.drop_history(instance)

    async def _finish(self, live: Live) -> None:
        """Tell the parent and tidy up; done again from the start if the storage fails."""
        live.cancel_timers()
        await self._tell_parent(live.instance)
        await self._store.clear_inbox(live.instance.id)
        if self._live.get(live.instance.id) is live:
            del self._live[live.instance.id]

    async def _tell_parent(self, child: Instance) -> None:
        parent = self._live.get(child.parent.instance_id) if child.parent else None
        if child.parent is None or parent is None:
            return
        scheduled = new_event(
            EventType.SUB_ORCHESTRATION_INSTANCE_CREATED, _now(), number=child.parent.task_id
        )
        if child.status == Status.COMPLETED:
            answer = task_answer(scheduled, _now(), result=child.output)
        else:
            reason = json.loads(child.output or "null")
            answer = task_answer(scheduled, _now(), failure=reason or child.status.value)
        await self._post(parent, {**answer, EXECUTION: child.parent.execution})

    async def _finished(self, instance_id: str) -> Instance | None:
        """The finished instance of an id that is to be used again."""
        await self._leaving(instance_id)
        if instance_id in self._live:
            raise InstanceRunningError(instance_id)
        return await self._store.find(instance_id)

    async def _leaving(self, instance_id: str) -> None:
        """Wait for an instance with a final status that is about to leave the memory."""
        live = self._live.get(instance_id)
        if live and live.instance.status.is_final and live.pump:
            await asyncio.wait([live.pump])

    # --------------------------------------------------------- scheduled work

    def _dispatch(self, live: Live, event: Event) -> None:
        execution = live.instance.execution
        if event["EventType"] == EventType.TASK_SCHEDULED:
            self._spawn(self._run_activity(live, execution, event))
        elif event["EventType"] == EventType.SUB_ORCHESTRATION_INSTANCE_CREATED:
            self._spawn(self._run_child(live, execution, event))
        elif event["EventType"] == EventType.TIMER_CREATED:
            timer = self._spawn(self._run_timer(live, execution, event))
            live.timers[event["EventId"]] = timer

    async def _run_activity(self, live: Live, execution: int, event: Event) -> None:
        def is_wanted() -> bool:
            return self._is_current(live) and live.instance.execution == execution

        answer = await self._activities.run(event, is_wanted)
        if answer is not None:
            await self._answer(live, execution, answer)

    async def _run_timer(self, live: Live, execution: int, event: Event) -> None:
        fire_at = parse_time(event["FireAt"])
        # The loop's clock and the wall clock differ a little, and a timer must not be early.
        while (remaining := (fire_at - _now()).total_seconds()) > 0:
            await asyncio.sleep(remaining)
        await self._answer(live, execution, timer_fired(event, _now()))

    async def _run_child(self, live: Live, execution: int, event: Event) -> None:
        parent = ParentTask(
            instance_id=live.instance.id, execution=execution, task_id=event["EventId"]
        )

        async def start() -> None:
            failure = await self._start_child(parent, event)
            if failure is not None:
                answer = task_answer(event, _now(), failure=failure)
                await self._post(live, {**answer, EXECUTION: execution})

        await persist(start, f"sub-orchestration {event['InstanceId']}")

    async def _start_child(self, parent: ParentTask, event: Event) -> str | None:
        """Start a sub-orchestration, unless that was done before the host was killed.

        Returns why it is impossible, or None.
        """
        known = await self.find(event["InstanceId"])
        if known and known.parent == parent:
            if known.status.is_final:
                await self._tell_parent(known)
            return None
        try:
            await self.create(
                event["Name"],
                instance_id=event["InstanceId"],
                input=json.dumps(event["Input"]),
                version=event["Version"],
                parent=parent,
            )
        except UnknownOrchestratorError:
            return self._orchestrators.unknown(event["Name"])
        except InstanceRunningError:
            return f"An Orchestration instance with the id {event['InstanceId']} already runs."
        return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _now() -> datetime:
    return datetime.now(UTC)
