"""An unfinished instance in memory."""

import asyncio
from dataclasses import dataclass, field
from typing import Self

from local.host.durable.history import MESSAGE_ID, Event
from local.host.durable.instance import Instance


@dataclass(slots=True, eq=False)
class Live:
    """An unfinished instance. The object stands for one life of an id: it is never used again."""

    instance: Instance
    """As committed."""
    history: list[Event] = field(default_factory=list)
    """The committed events of the current execution."""
    inbox: list[Event] = field(default_factory=list)
    """Messages that no turn has taken in, each also a row of the inbox table."""
    spent: list[str] = field(default_factory=list)
    """Ids of messages that are done with, their rows not yet deleted."""
    timers: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    pump: asyncio.Task[None] | None = None

    @classmethod
    def recovered(cls, instance: Instance, history: list[Event], inbox: list[Event]) -> Self:
        """An instance from the tables: messages that the history holds already are spent."""
        consumed = {event.get(MESSAGE_ID) for event in history} | set(instance.taken_over)
        live = cls(instance=instance, history=history)
        for message in inbox:
            if message[MESSAGE_ID] in consumed:
                live.spent.append(message[MESSAGE_ID])
            else:
                live.inbox.append(message)
        return live

    def consume(self, messages: list[Event]) -> None:
        """Take `messages` from the inbox; they are done with."""
        ids = {message[MESSAGE_ID] for message in messages}
        self.inbox = [message for message in self.inbox if message[MESSAGE_ID] not in ids]
        self.spent.extend(ids)

    def cancel_timers(self) -> None:
        """Stop waiting for timers."""
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
