"""How long imports of solutions take, and what is to go wrong with the next one."""

from enum import StrEnum
from typing import Any

from local.simulators.core.descriptions import described, number
from local.simulators.core.simulator import SeedError


class ImportFault(StrEnum):
    """What `/_sim/imports` lets go wrong."""

    INVALID = "invalid"  # staging finds the package wrong
    MISSING_DEPENDENCY = "missing-dependency"  # staging misses what the package needs
    BUSY = "busy"  # another import runs
    FAILS = "fails"  # the import ends with a failed component
    FAILS_ON_DEPENDENCY = "fails-on-dependency"  # the import ends missing what the package needs
    STUCK = "stuck"  # the import never ends, until no fault is planned any more
    CANCELLED = "cancelled"  # somebody cancels the import

    @staticmethod
    def of_running() -> tuple["ImportFault", ...]:
        """Those that an import meets once it has started."""
        return (
            ImportFault.FAILS,
            ImportFault.FAILS_ON_DEPENDENCY,
            ImportFault.STUCK,
            ImportFault.CANCELLED,
        )


class ImportPlan:
    """The planned fault, and how many more times it strikes."""

    def __init__(self) -> None:
        self.seconds = 2.0
        """How long an asynchronous import takes."""
        self._fault: ImportFault | None = None
        self._times = 0
        self.keeps_stuck = False
        """Whether a stuck import goes on being so."""

    def change(self, values: Any) -> None:
        """Set `seconds`, and `fault` (null: none) with its `times` (1); raises `SeedError`."""
        given = described(values, {"seconds", "fault", "times"}, "imports")
        seconds = number(given, "seconds", self.seconds)
        times = number(given, "times", 1, whole=True)
        fault = given.get("fault")
        if fault is not None and fault not in list(ImportFault):
            raise SeedError(f"imports: fault is one of {[str(each) for each in ImportFault]}")
        if seconds < 0 or times < 1:
            raise SeedError("imports: seconds is not negative, times at least 1")
        self.seconds = float(seconds)
        if "fault" in given:
            self._fault = ImportFault(fault) if fault else None
            self._times = times if fault else 0
            self.keeps_stuck = self._fault is ImportFault.STUCK

    def take(self, *concerned: ImportFault) -> ImportFault | None:
        """The planned fault where it is one of these; one of its times is then used up."""
        if self._times == 0 or self._fault not in concerned:
            return None
        self._times -= 1
        return self._fault

    def snapshot(self) -> dict[str, Any]:
        """What is planned."""
        return {"seconds": self.seconds, "fault": self._fault, "times": self._times}
