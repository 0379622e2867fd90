"""Finding the partner of an uncoupled record by natural keys. Pure.

Nothing is ever guessed: a key that fits several records couples none of them. This is the
incumbent's rule for match-based coupling, and it is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a search found: one record, or several that nobody may choose between."""

    crm_id: str | None = None
    candidates: tuple[str, ...] = ()
    """CRM ids that fit equally well; empty unless the match is ambiguous."""
    fields: tuple[str, ...] = ()
    """The BC fields whose values decided."""


class MatchIndex:
    """Uncoupled CRM records by their natural keys.

    ``keys`` holds, in order of priority, pairs of BC fields and CRM columns. Memory grows with the
    number of records added, by one short text and one id for every key.
    """

    def __init__(self, keys: Sequence[Sequence[tuple[str, str]]]) -> None:
        self._keys = [tuple(key) for key in keys]
        self._found: list[dict[str, list[str]]] = [defaultdict(list) for _ in self._keys]
        self._taken: set[str] = set()
        self._contested: set[str] = set()

    @property
    def claimed(self) -> set[str]:
        """CRM ids that found their partner, or that nobody may give one: several records fit."""
        return self._taken | self._contested

    def add(self, crm_id: str, record: Mapping[str, Any]) -> None:
        """Make an uncoupled CRM record findable."""
        for key, found in zip(self._keys, self._found, strict=True):
            text = key_text([record.get(column) for _, column in key])
            if text:
                found[text].append(crm_id)

    def find(self, record: Mapping[str, Any]) -> Match:
        """The partner of a BC record; the first key that fits anything decides.

        A record that has its partner fits no other one: the next pass would not offer it either.
        """
        for key, found in zip(self._keys, self._found, strict=True):
            text = key_text([record.get(field) for field, _ in key])
            fitting = found.get(text, []) if text else []
            candidates = [each for each in fitting if each not in self._taken]
            fields = tuple(field for field, _ in key)
            if len(candidates) == 1:
                return Match(crm_id=candidates[0], fields=fields)
            if candidates:
                self._contested.update(candidates)
                return Match(candidates=tuple(sorted(candidates)), fields=fields)
        return Match()

    def take(self, crm_id: str) -> None:
        """Remember that a record found its partner, so that no second one gets it."""
        self._taken.add(crm_id)


def key_text(values: Sequence[Any]) -> str:
    """Values of a key as one comparable text: trimmed, case folded; empty if any part is blank."""
    parts = ["" if value is None else str(value).strip().casefold() for value in values]
    return "\x1f".join(parts) if all(parts) else ""
