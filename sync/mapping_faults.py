"""What is wrong with a table mapping that somebody wants to save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from errors import RefusedRequestError

_MOST_TOLD = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that keeps a mapping from being saved."""

    path: str
    """The member of the mapping's document, such as ``fields[3].transformation``."""
    code: str
    message: str
    """What is wrong with it, and what would be right."""


class MappingRefusedError(RefusedRequestError):
    """A mapping is not saved; ``errors`` names all that is wrong with it, member by member."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        first = f"{faults[0].path or 'the document'}: {faults[0].message}"
        rest = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
        super().__init__(
            422,
            "mapping-invalid",
            f"The table mapping {name} cannot be saved. {first}{rest}",
            hint="Mend what the errors name, and send the whole mapping again.",
        )
        self.errors = tuple(
            {"member": each.path, "code": each.code, "message": each.message}
            for each in faults[:_MOST_TOLD]
        )
