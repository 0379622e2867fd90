"""Faults that a test asks a simulator to make: which request fails, how, and how often."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NoReturn

from local.simulators.core.messages import SimResponse

ELSEWHERE = "https://elsewhere.invalid/"


class FaultAction(StrEnum):
    STATUS = "status"  # answer the given status without processing
    DROP = "drop"  # close the connection without processing
    SLOW = "slow"  # wait, then process and answer
    WRONG_JSON = "wrong-json"  # answer 200 with a body cut short, without processing
    REDIRECT = "redirect"  # answer 302 to another host, without processing
    COMMIT_THEN_DROP = "commit-then-drop"  # process, then close the connection


class FaultError(ValueError):
    """A fault was described wrongly; the message names the member."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One planned fault."""

    method: str
    """Empty for any method."""
    path: str
    """Regular expression searched in the decoded path; empty for any path."""
    action: FaultAction
    status: int
    seconds: float
    retry_after: int | None
    times: int | None
    """How many more requests it strikes; None until cleared."""

    def strikes(self, method: str, path: str) -> bool:
        """Whether it is meant for this request."""
        return (not self.method or self.method == method) and bool(re.search(self.path, path))

    def answer(self) -> SimResponse | None:
        """The answer that takes the place of processing, None where the request is processed."""
        match self.action:
            case FaultAction.STATUS:
                retry = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
                error = {"code": "InjectedFault", "message": f"Injected status {self.status}."}
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


class FaultPlan:
    """The planned faults in the order given; the first that fits a request strikes it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, description: Any) -> None:
        """Plan one fault from its JSON; raises ``FaultError``."""
        self._faults.append(_fault_from(description))

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, one of its times used up."""
        for fault in self._faults:
            if fault.strikes(method, path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None

    def snapshot(self) -> list[dict[str, Any]]:
        """The faults left, with their remaining times."""
        return [asdict(fault) for fault in self._faults]


def _fault_from(description: Any) -> Fault:
    known = {"match", "action", "status", "seconds", "retry_after", "times"}
    if not isinstance(description, dict) or not description.keys() <= known:
        raise FaultError(f"a fault is an object with members of {sorted(known)}")
    match = description.get("match", {})
    if not isinstance(match, dict) or not match.keys() <= {"method", "path"}:
        raise FaultError("match is an object with method and path")
    if description.get("action") not in list(FaultAction):
        raise FaultError(f"action is one of {[str(action) for action in FaultAction]}")
    times = description.get("times", 1)
    if times is not None and (not isinstance(times, int) or times < 1):
        raise FaultError("times is a whole number above 0, or null until cleared")
    return Fault(
        method=str(match.get("method", "")).upper(),
        path=_pattern(str(match.get("path", ""))),
        action=FaultAction(description["action"]),
        status=_number(description, "status", 503, whole=True),
        seconds=_number(description, "seconds", 1.0),
        retry_after=(
            None
            if description.get("retry_after") is None
            else _number(description, "retry_after", 0, whole=True)
        ),
        times=times,
    )


def _pattern(expression: str) -> str:
    try:
        re.compile(expression)
    except re.error as error:
        raise FaultError(f"match.path is no regular expression: {error}") from error
    return expression


def _number(description: dict[str, Any], name: str, default: float, *, whole: bool = False) -> Any:
    value = description.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        _refuse_number(name)
    return value


def _refuse_number(name: str) -> NoReturn:
    raise FaultError(f"{name} is a number")
