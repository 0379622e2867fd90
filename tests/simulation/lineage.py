"""Where each value of a field came from: the independent judge of what may overwrite what.

A user who enters a value saw the one that it replaces. So values have ancestors, and Coupler may
replace a value only by one that descends from it: somebody saw it and decided otherwise. Anything
else is a change that was lost.
"""

from __future__ import annotations

from collections import defaultdict

type FieldKey = tuple[str, str, str]
"""Entity, and the field's two names: what both sides hold of one thing."""


class BrokenGuaranteeError(BaseException):
    """Coupler broke a promise. Not an ``Exception``: the product must not handle it."""


class Lineage:
    """The values that each field ever had by a user's hand, and what each was entered over."""

    def __init__(self) -> None:
        self._parents: dict[FieldKey, dict[str, set[str]]] = defaultdict(dict)

    def entered(self, key: FieldKey, value: str, over: str | None) -> None:
        """A user entered the value in place of ``over``; None where there was nothing to see."""
        parents = self._parents[key].setdefault(value, set())
        if over is not None and over != value:
            parents.add(over)

    def knows(self, key: FieldKey, value: str) -> bool:
        """Whether any user ever entered this value."""
        return value in self._parents[key]

    def descends(self, key: FieldKey, value: str, ancestor: str) -> bool:
        """Whether who entered the value, or a later one, had seen the ancestor."""
        parents = self._parents[key]
        seen: set[str] = set()
        left = [value]
        while left:
            each = left.pop()
            if each == ancestor:
                return True
            if each not in seen:
                seen.add(each)
                left += parents.get(each, ())
        return False
