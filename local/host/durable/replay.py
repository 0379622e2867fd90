"""Replays the SDK's actions over a history and tells what the orchestrator newly decided.

The SDK returns all actions since the orchestration began, every time. The extension runs them
through the Durable Task Framework, whose bookkeeping this module repeats, because the SDK counts on
it: activities, sub-orchestrations, timers and the timers of retries are numbered 0, 1, 2… in the
order in which they are scheduled, and the numbers tie the answers in the history to the actions.

Three rules of the framework show from outside. Actions are taken one after another, each awaited,
and a failed one ends like a successful one. ``whenAll`` waits for all its children, although the
SDK throws at the first failure. A retry waits for one more timer after the last attempt.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from local.host.durable.history import (
    SCHEDULING,
    Event,
    EventType,
    answered_task,
    format_time,
    new_event,
    parse_time,
)

Action = dict[str, Any]


class ActionType(IntEnum):
    """The kinds of actions that the SDK returns."""

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_SUB_ORCHESTRATOR = 2
    CALL_SUB_ORCHESTRATOR_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EXTERNAL_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    WHEN_ANY = 11
    WHEN_ALL = 12


class ReplayError(Exception):
    """The actions cannot be replayed over the history; the orchestration must fail."""


class NonDeterminismError(ReplayError):
    """The orchestrator did not decide again what the history says it decided before."""


class UnsupportedActionError(ReplayError):
    """The orchestrator used a feature that this host does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay found."""

    finished: bool
    """Every action has ended; only then does the orchestrator's own end count."""
    decisions: list[Event]
    """Scheduling events that the history does not hold yet, in the order of their numbers."""
    continue_as_new: Action | None
    unconsumed: list[Event]
    """External events of the history that nothing waited for, in the order of their arrival."""
    cancelled_timers: frozenset[int]


def replay(actions: Sequence[Action], history: Sequence[Event]) -> Replayed:
    """Replay `actions` over `history`, whose last OrchestratorStarted begins the current turn.

    Raises NonDeterminismError if the history holds a decision that the actions do not repeat, and
    UnsupportedActionError for entities and durable HTTP calls.
    """
    scheduler = _Scheduler()
    run = _Outcome()
    for event in history:
        if event["EventType"] == EventType.EXECUTION_STARTED:
            run = _begin(scheduler.run(actions))
        else:
            scheduler.take(event)
    known = {event["EventId"]: event for event in history if event["EventType"] in SCHEDULING}
    _check_repeated(known, scheduler.decided)
    return Replayed(
        finished=run.done,
        decisions=[event for number, event in scheduler.decided.items() if number not in known],
        continue_as_new=scheduler.continue_as_new,
        unconsumed=scheduler.unconsumed,
        cancelled_timers=frozenset(scheduler.cancelled_timers),
    )


def _check_repeated(known: dict[int, Event], decided: dict[int, Event]) -> None:
    for number, past in known.items():
        present = decided.get(number)
        if present is None or _essence(present) != _essence(past):
            wanted = "nothing" if present is None else _essence(present)
            raise NonDeterminismError(
                "Non-Deterministic workflow detected: a previous execution of this orchestration "
                f"scheduled {_essence(past)} as number {number}, the current replay scheduled "
                f"{wanted}. Was the orchestrator changed while it ran, or does its code depend on "
                "the time, chance or state outside?"
            )


def _essence(event: Event) -> str:
    name = event.get("Name", "")
    return f"{EventType(event['EventType']).name} {name}".strip()


class _TaskFailedError(Exception):
    """A replayed task ended with a failure."""


class _Outcome:
    """How a replayed task ended, once it has; awaitable."""

    __slots__ = ("_followers", "done", "failed")

    def __init__(self) -> None:
        self.done = False
        self.failed = False
        self._followers: list[Callable[[], None]] = []

    def settle(self, *, failed: bool = False) -> None:
        """End the task; has no effect on one that ended before."""
        if self.done:
            return
        self.done, self.failed = True, failed
        followers, self._followers = self._followers, []
        for follower in followers:
            follower()

    def follow(self, follower: Callable[[], None]) -> None:
        """Call `follower` when the task has ended, at once if it has."""
        if self.done:
            follower()
        else:
            self._followers.append(follower)

    def __await__(self) -> Generator["_Outcome"]:
        if not self.done:
            yield self
        if self.failed:
            raise _TaskFailedError


def _begin(routine: Coroutine["_Outcome", None, None]) -> _Outcome:
    """Run `routine` as far as its awaited outcomes allow, now and whenever one of them settles."""
    own = _Outcome()

    def advance() -> None:
        try:
            awaited = routine.send(None)
        except StopIteration:
            own.settle()
        except _TaskFailedError:
            own.settle(failed=True)
        else:
            awaited.follow(advance)

    advance()
    return own


class _Scheduler:
    """The framework's bookkeeping: open tasks by number, waiting and buffered external events."""

    def __init__(self) -> None:
        self.decided: dict[int, Event] = {}
        self.continue_as_new: Action | None = None
        self.cancelled_timers: set[int] = set()
        self.unconsumed: list[Event] = []
        self._open: dict[int, _Outcome] = {}
        self._waiting: dict[str, list[_Outcome]] = {}
        self._now = datetime.min.replace(tzinfo=UTC)

    def take(self, event: Event) -> None:
        """Take in one event of the history, and run on what waited for it."""
        if event["EventType"] == EventType.ORCHESTRATOR_STARTED:
            self._now = max(self._now, parse_time(event["Timestamp"]))
        elif event["EventType"] == EventType.EVENT_RAISED:
            self._deliver(event)
        else:
            task = answered_task(event)
            outcome = None if task is None else self._open.pop(task, None)
            if outcome is not None:
                outcome.settle(failed="Reason" in event)

    def _deliver(self, event: Event) -> None:
        # The framework keeps the waiting tasks of a name as a stack, and so does the SDK: a wait
        # that lost a race against a timer does not take the event from the wait that came after.
        waiting = self._waiting.get(event["Name"])
        if waiting:
            waiting.pop().settle()
        else:
            self.unconsumed.append(event)

    async def run(self, actions: Sequence[Action]) -> None:
        """Take the actions one after another."""
        for action in actions:
            with suppress(_TaskFailedError):
                await self._invoke(action)

    def _invoke(self, action: Action) -> _Outcome:
        kind = action["actionType"]
        if kind in (ActionType.WHEN_ANY, ActionType.WHEN_ALL):
            children = [self._invoke(child) for child in action["compoundActions"]]
            return _any(children) if kind == ActionType.WHEN_ANY else _begin(_all(children))
        handler = self._handlers().get(kind)
        if handler is None:
            raise UnsupportedActionError(
                f"The local host does not implement the action {_action_name(kind)}: durable "
                "entities and durable HTTP calls need the Durable Functions extension."
            )
        return handler(action)

    def _handlers(self) -> dict[int, Callable[[Action], _Outcome]]:
        return {
            ActionType.CALL_ACTIVITY: self._call_activity,
            ActionType.CALL_ACTIVITY_WITH_RETRY: lambda action: _begin(
                self._retry(action, self._call_activity)
            ),
            ActionType.CALL_SUB_ORCHESTRATOR: self._call_sub_orchestrator,
            ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY: lambda action: _begin(
                self._retry(action, self._call_sub_orchestrator)
            ),
            ActionType.CONTINUE_AS_NEW: self._continue_as_new,
            ActionType.CREATE_TIMER: self._create_timer,
            ActionType.WAIT_FOR_EXTERNAL_EVENT: self._wait_for_external_event,
        }

    def _decide(self, kind: EventType, **members: Any) -> _Outcome:
        number = len(self.decided)
        self.decided[number] = new_event(kind, self._now, number=number, **members)
        outcome = self._open[number] = _Outcome()
        return outcome

    def _call_activity(self, action: Action) -> _Outcome:
        return self._decide(
            EventType.TASK_SCHEDULED, Name=action["functionName"], Input=action.get("input")
        )

    def _call_sub_orchestrator(self, action: Action) -> _Outcome:
        return self._decide(
            EventType.SUB_ORCHESTRATION_INSTANCE_CREATED,
            Name=action["functionName"],
            Input=action.get("input"),
            InstanceId=action.get("instanceId"),
            Version=action.get("version") or "",
        )

    async def _retry(self, action: Action, call: Callable[[Action], Awaitable[None]]) -> None:
        options = action["retryOptions"]
        interval = timedelta(milliseconds=options["firstRetryIntervalInMilliseconds"])
        for _ in range(options["maxNumberOfAttempts"]):
            try:
                return await call(action)
            except _TaskFailedError:
                fire_at = format_time(self._now + interval)
                await self._decide(EventType.TIMER_CREATED, FireAt=fire_at)
        raise _TaskFailedError

    def _continue_as_new(self, action: Action) -> _Outcome:
        self.continue_as_new = action
        return _settled()

    def _create_timer(self, action: Action) -> _Outcome:
        number = len(self.decided)
        fire_at = format_time(parse_time(action["fireAt"]))
        outcome = self._decide(EventType.TIMER_CREATED, FireAt=fire_at)
        if action.get("isCanceled"):
            self.cancelled_timers.add(number)
            outcome.settle(failed=True)
        return outcome

    def _wait_for_external_event(self, action: Action) -> _Outcome:
        name = action["externalEventName"]
        for index, event in enumerate(self.unconsumed):
            if event["Name"] == name:
                del self.unconsumed[index]
                return _settled()
        outcome = _Outcome()
        self._waiting.setdefault(name, []).append(outcome)
        return outcome


def _settled() -> _Outcome:
    outcome = _Outcome()
    outcome.settle()
    return outcome


def _any(outcomes: Sequence[_Outcome]) -> _Outcome:
    first = _Outcome()
    for outcome in outcomes:
        outcome.follow(first.settle)
    return first


async def _all(outcomes: Sequence[_Outcome]) -> None:
    failed = False
    for outcome in outcomes:
        try:
            await outcome
        except _TaskFailedError:
            failed = True
    if failed:
        raise _TaskFailedError


def _action_name(kind: int) -> str:
    return ActionType(kind).name if kind in set(ActionType) else str(kind)
