"""When a planned fault strikes: a number of times, or at random by a seeded generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.simulators.core.descriptions import DescriptionError, number


@dataclass(slots=True, kw_only=True)
class Occasion:
    """How often a fault strikes what it is meant for.

    Two occasions of one seed and probability strike the same ones of the same row of candidates.
    """

    times: int | None
    """How many more times it strikes; None until cleared."""
    probability: float
    seed: int
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - repeatable faults, no secrets

    @property
    def used_up(self) -> bool:
        """Whether it will never strike again."""
        return self.times == 0

    def strikes(self) -> bool:
        """Whether it strikes the present candidate; one of its times is then used up."""
        if self.used_up or self._random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def snapshot(self) -> dict[str, Any]:
        """Its members as the admin API shows them."""
        return {"times": self.times, "probability": self.probability, "seed": self.seed}


OCCASION_MEMBERS = frozenset({"times", "probability", "seed"})


def occasion_from(description: Mapping[str, Any]) -> Occasion:
    """Read the members of an occasion; raises ``DescriptionError``.

    A fault with a ``probability`` strikes until cleared unless ``times`` says how often, one
    without strikes once.
    """
    probability = number(description, "probability", 1.0)
    if not 0 <= probability <= 1:
        raise DescriptionError("probability is a number from 0 to 1")
    times = description.get("times", None if "probability" in description else 1)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise DescriptionError("times is a whole number above 0, or null until cleared")
    return Occasion(
        times=times,
        probability=float(probability),
        seed=number(description, "seed", 0, whole=True),
    )
