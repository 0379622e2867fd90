"""Faults that a test asks a simulator to make: which request fails, how, and how often."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from local.simulators.core.descriptions import DescriptionError, described, number, pattern
from local.simulators.core.messages import SimResponse
from local.simulators.core.occasions import OCCASION_MEMBERS, Occasion, occasion_from

ELSEWHERE = "https://elsewhere.invalid/"


class FaultAction(StrEnum):
    STATUS = "status"  # answer the given status without processing
    DROP = "drop"  # close the connection without processing
    TIMEOUT = "timeout"  # hold the request without processing, then close the connection
    SLOW = "slow"  # wait, then process and answer
    UNAUTHORIZED = "unauthorized"  # answer as to an expired token, without processing
    WRONG_JSON = "wrong-json"  # answer 200 with a body cut short, without processing
    REDIRECT = "redirect"  # answer 302 to another host, without processing
    COMMIT_THEN_DROP = "commit-then-drop"  # process, then close the connection
    COMMIT_THEN_TIMEOUT = "commit-then-timeout"  # process, hold the answer, then close
    PAGE_DRIFT = "page-drift"  # repeat the former page's last record at the top of the next page


@dataclass(slots=True, kw_only=True)
class Fault:
    """One planned fault."""

    method: str
    """Empty for any method."""
    path: str
    """Regular expression searched in the decoded path; empty for any path."""
    part: bool
    """Whether it is meant for parts of batches, not for requests."""
    action: FaultAction
    status: int
    code: str
    message: str
    """Code and text of the error in the body of a status fault."""
    seconds: float
    retry_after: int | None
    occasion: Occasion

    def fits(self, method: str, path: str) -> bool:
        """Whether it is meant for this method and path."""
        return (not self.method or self.method == method) and bool(re.search(self.path, path))

    def answer(self) -> SimResponse | None:
        """The answer that takes the place of processing, None where the request is processed."""
        match self.action:
            case FaultAction.STATUS:
                retry = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
                error = {"code": self.code, "message": self.message}
                return SimResponse(
                    status=self.status, body={"error": error}, headers=retry, operations=0
                )
            case FaultAction.WRONG_JSON:
                return SimResponse(
                    status=200,
                    body=b'{"value": [{"cut": ',
                    headers={"Content-Type": "application/json"},
                    operations=0,
                )
            case FaultAction.REDIRECT:
                return SimResponse(status=302, headers={"Location": ELSEWHERE}, operations=0)
            case _:
                return None

    def snapshot(self) -> dict[str, Any]:
        """The fault as the admin API shows it, with its remaining times."""
        return {
            "match": {"method": self.method, "path": self.path},
            "part": self.part,
            "action": self.action,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "seconds": self.seconds,
            "retry_after": self.retry_after,
            **self.occasion.snapshot(),
        }


class FaultPlan:
    """The planned faults in the order given; the first that strikes takes a request."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, description: Any) -> None:
        """Plan one fault from its JSON; raises ``DescriptionError``."""
        self._faults.append(_fault_from(description))

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, one of its times used up."""
        return self._take(method, path, part=False, drift=False)

    def take_part(self, method: str, path: str) -> SimResponse | None:
        """The answer to a part of a batch that a fault strikes, one of its times used up."""
        fault = self._take(method, path, part=True, drift=False)
        return fault.answer() if fault is not None else None

    def takes_drift(self, method: str, path: str) -> bool:
        """Whether a page-drift strikes this request for a next page."""
        return self._take(method, path, part=False, drift=True) is not None

    @property
    def drifts(self) -> bool:
        """Whether pages may drift, so that their last records are to be remembered."""
        return any(fault.action is FaultAction.PAGE_DRIFT for fault in self._faults)

    def snapshot(self) -> list[dict[str, Any]]:
        """The faults left, with their remaining times."""
        return [fault.snapshot() for fault in self._faults]

    def _take(self, method: str, path: str, *, part: bool, drift: bool) -> Fault | None:
        for fault in self._faults:
            if fault.part is not part or (fault.action is FaultAction.PAGE_DRIFT) is not drift:
                continue
            if fault.fits(method, path) and fault.occasion.strikes():
                if fault.occasion.used_up:
                    self._faults.remove(fault)
                return fault
        return None


_MEMBERS = OCCASION_MEMBERS | {
    "match",
    "part",
    "action",
    "status",
    "code",
    "message",
    "seconds",
    "retry_after",
}


def _fault_from(given: Any) -> Fault:
    description = described(given, _MEMBERS, "a fault")
    match = described(description.get("match", {}), {"method", "path"}, "match")
    if description.get("action") not in list(FaultAction):
        raise DescriptionError(f"action is one of {[str(action) for action in FaultAction]}")
    action = FaultAction(description["action"])
    part = description.get("part", False)
    if not isinstance(part, bool) or (part and action is not FaultAction.STATUS):
        raise DescriptionError(
            "part is true or false; parts of a batch are struck by a status alone"
        )
    status = number(description, "status", 503, whole=True)
    return Fault(
        method=str(match.get("method", "")).upper(),
        path=pattern(match.get("path", ""), "match.path"),
        part=part,
        action=action,
        status=status,
        code=_text(description, "code", "InjectedFault"),
        message=_text(description, "message", f"Injected status {status}."),
        seconds=number(description, "seconds", 1.0),
        retry_after=(
            None
            if description.get("retry_after") is None
            else number(description, "retry_after", 0, whole=True)
        ),
        occasion=occasion_from(description),
    )


def _text(description: Mapping[str, Any], name: str, default: str) -> str:
    value = description.get(name, default)
    if not isinstance(value, str):
        raise DescriptionError(f"{name} is a text")
    return value
