"""Runs an app's real orchestrators in memory, in virtual time, without host and storage.

The SDK's own entry point replays each orchestrator, and the engine's own rules (`turn`, `replay`)
decide what follows, so that a test sees what the local host would do, in milliseconds: a timer of a
day fires as soon as nothing else is left to do. After every turn the driver checks that the
orchestrator repeated all it had decided before; one that does not is a `NonDeterminismError`.

    driver = Driver(blueprint, activities={"read_page": lambda page: {"rows": 3}})
    driver.start("synchronize", {"pages": 2}, "run-1")
    driver.raise_event("run-1", "Approved", {"by": "me"}, delay=3600)
    driver.run()
    assert driver.status("run-1").output == {"rows": 6}

Use it from ordinary (not async) tests.
"""

import asyncio
import heapq
import inspect
import json
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from azure.functions._durable_functions import OrchestrationContext, df_dumps, df_loads

from local.host.durable.history import (
    EXECUTION,
    Event,
    EventType,
    new_event,
    parse_time,
    task_answer,
    timer_fired,
)
from local.host.durable.instance import Instance, ParentTask, Status
from local.host.durable.protocol import (
    FAILURE_MARKER,
    OrchestratorState,
    activity_failure,
    orchestrator_input,
    read_failure,
    read_state,
)
from local.host.durable.replay import Action, NonDeterminismError
from local.host.durable.turn import (
    Turn,
    close_turn,
    fresh_messages,
    is_stopping,
    open_turn,
    select_messages,
    stopping_turn,
)

Delay = float | timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverStatus:
    """How an instance stands, values decoded from JSON."""

    runtime_status: str
    input: Any
    output: Any
    custom_status: Any
    history: list[Event]


@dataclass(slots=True)
class _Run:
    instance: Instance
    history: list[Event] = field(default_factory=list)
    inbox: list[Event] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    cancelled_timers: frozenset[int] = frozenset()


class Driver:
    """An in-memory host of orchestrations with a clock of its own.

    `functions` is an app, a blueprint or an iterable of an app's functions. `activities` replaces
    activities by plain callables of one argument, by name; they need not exist in the app. `calls`
    lists every activity call as (name, input), in order; `now` is the virtual time.
    """

    def __init__(
        self,
        functions: Any,
        *,
        activities: Mapping[str, Callable[[Any], Any]] | None = None,
        start_time: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None:
        self.now = start_time
        self.calls: list[tuple[str, Any]] = []
        self.turns = 0
        self._functions = {f.get_function_name(): f for f in _functions_of(functions)}
        self._activities = dict(activities or {})
        self._runs: dict[str, _Run] = {}
        self._due: list[tuple[datetime, int, Callable[[], None], Callable[[], bool]]] = []
        self._sequence = count()

    def start(self, name: str, input: Any = None, instance_id: str | None = None) -> str:  # noqa: A002 - the SDK's word
        """Start an orchestration as the SDK's client would; returns its id."""
        encoded = None if input is None else json.dumps(df_dumps(input))
        return self._start(name, encoded, instance_id or uuid.uuid4().hex, parent=None)

    def raise_event(
        self, instance_id: str, name: str, data: Any = None, *, delay: Delay = 0
    ) -> None:
        """Raise an external event after `delay` (seconds), encoded as by the SDK's client."""
        text = json.dumps(json.dumps(data))
        self._message_after(delay, instance_id, EventType.EVENT_RAISED, Name=name, Input=text)

    def terminate(self, instance_id: str, reason: str, *, delay: Delay = 0) -> None:
        """Terminate an orchestration after `delay` (seconds)."""
        self._message_after(delay, instance_id, EventType.EXECUTION_TERMINATED, Input=reason)

    def run(self, until: Delay | None = None) -> None:
        """Do all that is due within `until` (seconds of virtual time), or all there is to do.

        An orchestration that waits for an event that never comes stays as it is.
        """
        end = None if until is None else self.now + _span(until)
        while self._due and (end is None or self._due[0][0] <= end):
            moment, _, action, is_wanted = heapq.heappop(self._due)
            if is_wanted():
                self.now = max(self.now, moment)
                action()
        if end is not None:
            self.now = max(self.now, end)

    def status(self, instance_id: str) -> DriverStatus:
        """How the instance stands. Raises KeyError for an unknown id."""
        run = self._runs[instance_id]
        instance = run.instance
        return DriverStatus(
            runtime_status=instance.status.value,
            input=_decoded(instance.input),
            output=_decoded(instance.output),
            custom_status=_decoded(instance.custom_status),
            history=list(run.history),
        )

    @property
    def instances(self) -> list[str]:
        """The ids of all instances, sub-orchestrations included, in the order of their start."""
        return list(self._runs)

    def _after(
        self, delay: Delay, action: Callable[[], None], is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        due = self.now + _span(delay)
        heapq.heappush(self._due, (due, next(self._sequence), action, is_wanted))

    def _message_after(
        self, delay: Delay, instance_id: str, kind: EventType, **members: Any
    ) -> None:
        self._after(delay, lambda: self._post(instance_id, new_event(kind, self.now, **members)))

    def _post(self, instance_id: str, message: Event) -> None:
        run = self._runs[instance_id]
        if not run.instance.status.is_final:
            run.inbox.append(message)
            self._after(0, lambda: self._turn(run))

    def _start(
        self, name: str, encoded: str | None, instance_id: str, *, parent: ParentTask | None
    ) -> str:
        earlier = self._runs.get(instance_id)
        if earlier and not earlier.instance.status.is_final:
            raise ValueError(f"an instance {instance_id!r} is running already")
        if name not in self._functions:
            raise ValueError(f"there is no orchestrator {name!r}")
        run = self._runs[instance_id] = _Run(
            Instance(
                id=instance_id,
                name=name,
                status=Status.PENDING,
                created=self.now,
                updated=self.now,
                input=encoded,
                execution=earlier.instance.execution + 1 if earlier else 0,
                parent=parent,
            )
        )
        self._after(0, lambda: self._turn(run))
        return instance_id

    def _turn(self, run: _Run) -> None:
        if run.instance.status.is_final:
            return
        messages = select_messages(run.instance.status, run.inbox)
        if run.history and not messages:
            return
        self.turns += 1
        run.inbox = [message for message in run.inbox if message not in messages]
        fresh = fresh_messages(run.instance, run.history, messages)
        history = [*run.history, *open_turn(run.instance, run.history, fresh, self.now)]
        if fresh and is_stopping(fresh[0]):
            self._apply(run, history, stopping_turn(fresh[0], self.now))
            return
        state = self._orchestrate(run, history)
        self._apply(run, history, close_turn(run.instance, history, state, self.now))

    def _orchestrate(self, run: _Run, history: list[Event]) -> OrchestratorState:
        function = self._functions[run.instance.name].get_user_function()
        context = OrchestrationContext(orchestrator_input(run.instance, history))
        with warnings.catch_warnings():
            # Both are told in the ordinary course: of an activity called by its name, and of an
            # event that arrives before it is awaited.
            warnings.filterwarnings("ignore", message="azure.functions df_loads was called")
            warnings.filterwarnings("ignore", message="Potential duplicate Task completion")
            try:
                state = read_state(function(context))
            except Exception as error:
                if FAILURE_MARKER not in str(error):
                    raise  # not the orchestrator's own failure: the SDK could not run it
                state = read_failure(str(error))
        _check_extends(run.actions, state.actions)
        run.actions = state.actions
        return state

    def _apply(self, run: _Run, history: list[Event], turn: Turn) -> None:
        instance = replace(
            run.instance,
            status=turn.status,
            updated=self.now,
            output=turn.output,
            custom_status=turn.custom_status or run.instance.custom_status,
        )
        if turn.continues:
            run.instance = replace(
                instance, input=turn.next_input, execution=instance.execution + 1
            )
            run.history, run.actions, run.cancelled_timers = [], [], frozenset()
            run.inbox = [*turn.carried_over, *run.inbox]
            self._after(0, lambda: self._turn(run))
            return
        run.instance = instance
        run.history = [*history, *turn.events]
        run.cancelled_timers = turn.cancelled_timers
        if run.inbox:
            self._after(0, lambda: self._turn(run))
        if turn.status.is_final:
            self._tell_parent(instance)
        else:
            for event in turn.events:
                self._dispatch(run.instance, event)

    def _tell_parent(self, child: Instance) -> None:
        if child.parent is None:
            return
        scheduled = new_event(
            EventType.SUB_ORCHESTRATION_INSTANCE_CREATED, self.now, number=child.parent.task_id
        )
        if child.status == Status.COMPLETED:
            answer = task_answer(scheduled, self.now, result=child.output)
        else:
            answer = task_answer(scheduled, self.now, failure=str(_decoded(child.output) or ""))
        self._post(child.parent.instance_id, {**answer, EXECUTION: child.parent.execution})

    def _dispatch(self, instance: Instance, event: Event) -> None:
        if event["EventType"] == EventType.TASK_SCHEDULED:
            self._after(0, lambda: self._call_activity(instance, event))
        elif event["EventType"] == EventType.SUB_ORCHESTRATION_INSTANCE_CREATED:
            parent = ParentTask(
                instance_id=instance.id, execution=instance.execution, task_id=event["EventId"]
            )
            self._start(
                event["Name"], json.dumps(event["Input"]), event["InstanceId"], parent=parent
            )
        elif event["EventType"] == EventType.TIMER_CREATED:
            delay = max(parse_time(event["FireAt"]) - self.now, timedelta())
            self._after(
                delay,
                lambda: self._answer(instance, timer_fired(event, self.now)),
                lambda: self._is_awaited(instance, event),
            )

    def _is_awaited(self, instance: Instance, timer: Event) -> bool:
        """Whether `timer` still matters; one that does not must not move the clock."""
        run = self._runs[instance.id]
        return (
            not run.instance.status.is_final
            and run.instance.execution == instance.execution
            and timer["EventId"] not in run.cancelled_timers
        )

    def _answer(self, instance: Instance, message: Event) -> None:
        self._post(instance.id, {**message, EXECUTION: instance.execution})

    def _call_activity(self, instance: Instance, event: Event) -> None:
        value = df_loads(event["Input"], expected_type=object)
        self.calls.append((event["Name"], value))
        try:
            result = df_dumps(self._activity_result(event["Name"], value))
        except Exception as error:  # noqa: BLE001 - whatever an activity raises fails its task
            reason = activity_failure(event["Name"], f"{type(error).__name__}: {error}")
            self._answer(instance, task_answer(event, self.now, failure=reason))
        else:
            self._answer(instance, task_answer(event, self.now, result=result))

    def _activity_result(self, name: str, value: Any) -> Any:
        if name in self._activities:
            result = self._activities[name](value)
        else:
            function = self._functions[name]
            result = function.get_user_function()(**{function.get_trigger().name: value})
        return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def _functions_of(source: Any) -> Iterable[Any]:
    # An app's get_functions() may be called once only, and a blueprint has none.
    builders = getattr(source, "_function_builders", None)
    return source if builders is None else [builder._function for builder in builders]


def _check_extends(before: list[Action], after: list[Action]) -> None:
    repeated = [_without_cancellation(action) for action in after[: len(before)]]
    expected = [_without_cancellation(action) for action in before]
    if repeated != expected:
        raise NonDeterminismError(
            f"the orchestrator decided before {expected}, but on replay {repeated}"
        )


def _without_cancellation(action: Action) -> Action:
    # A timer is cancelled after it was created, so that the flag changes what was returned before.
    kept = {name: value for name, value in action.items() if name != "isCanceled"}
    if "compoundActions" in kept:
        kept["compoundActions"] = [_without_cancellation(a) for a in kept["compoundActions"]]
    return kept


def _span(delay: Delay) -> timedelta:
    return delay if isinstance(delay, timedelta) else timedelta(seconds=delay)


def _decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text)
