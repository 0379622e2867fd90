"""Finding which uncoupled records of both sides are the same thing, by natural keys. Pure.

Nothing is ever guessed: a key that several records of one side share couples none of them. This is
the incumbent's rule for match-based coupling, and it is kept; unlike there, it holds for both sides
alike, so that what is found does not depend on which record is met first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from couplings.match_keys import MatchKey, key_text
from couplings.match_keys import key_texts as key_texts

_DIGEST_BYTES = 16
"""Texts are compared by digests of so many bytes: two of them are never the same by chance."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ExactMatch:
    """One record of each side that fit each other and nobody else."""

    bc_id: str
    crm_id: str
    level: int
    """Which key decided, counted from 0."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AmbiguousMatch:
    """Records that share a key, at least one on each side and several on one; in order of ids."""

    bc_ids: tuple[str, ...]
    crm_ids: tuple[str, ...]
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """What became of all records; each is in exactly one place. All in order of ids."""

    exact: list[ExactMatch]
    ambiguous: list[AmbiguousMatch]
    unmatched_bc: list[str]
    unmatched_crm: list[str]


class Matching:
    """Matches the records of both sides, level by level.

    Among the records that no earlier key matched, those that share the text of a key are a group:
    one of each side is an exact match; several with at least one on each side are ambiguous, and
    no later key decides about any of them. Memory and time grow with the number of records.
    """

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._bc: dict[str, list[bytes]] = {}
        self._crm: dict[str, list[bytes]] = {}

    def add_bc(self, bc_id: str, texts: Sequence[str]) -> None:
        """An uncoupled BC record by its key texts, one for each level, empty where it has none."""
        self._bc[bc_id] = self._digests(texts)

    def add_crm(self, crm_id: str, texts: Sequence[str]) -> None:
        """An uncoupled CRM record, as ``add_bc``."""
        self._crm[crm_id] = self._digests(texts)

    def resolve(self) -> Matches:
        """What becomes of the records, in whatever order they were added."""
        exact: list[ExactMatch] = []
        ambiguous: list[AmbiguousMatch] = []
        left_bc, left_crm = dict.fromkeys(sorted(self._bc)), dict.fromkeys(sorted(self._crm))
        for level in range(self._levels):
            of_crm = _groups(self._crm, left_crm, level)
            of_bc = _groups(self._bc, left_bc, level, among=of_crm)
            for digest, bc_ids in of_bc.items():
                crm_ids = of_crm[digest]
                if len(bc_ids) == len(crm_ids) == 1:
                    exact.append(ExactMatch(bc_id=bc_ids[0], crm_id=crm_ids[0], level=level))
                else:
                    ambiguous.append(
                        AmbiguousMatch(bc_ids=tuple(bc_ids), crm_ids=tuple(crm_ids), level=level)
                    )
                _remove(left_bc, bc_ids)
                _remove(left_crm, crm_ids)
        return Matches(
            exact=sorted(exact),
            ambiguous=sorted(ambiguous),
            unmatched_bc=list(left_bc),
            unmatched_crm=list(left_crm),
        )

    def _digests(self, texts: Sequence[str]) -> list[bytes]:
        if len(texts) != self._levels:
            raise ValueError(f"{len(texts)} key texts were given for {self._levels} keys")
        return [_digest(text) for text in texts]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest() if text else b""


def _groups(
    digests: Mapping[str, list[bytes]],
    ids: Mapping[str, None],
    level: int,
    among: Mapping[bytes, list[str]] | None = None,
) -> dict[bytes, list[str]]:
    """Ids by their digests of one level; only of digests ``among`` those of the other side."""
    groups: dict[bytes, list[str]] = {}
    for record_id in ids:
        digest = digests[record_id][level]
        if digest and (among is None or digest in among):
            groups.setdefault(digest, []).append(record_id)
    return groups


def _remove(left: dict[str, None], ids: Sequence[str]) -> None:
    for record_id in ids:
        del left[record_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a search found: one record, or several that nobody may choose between."""

    crm_id: str | None = None
    candidates: tuple[str, ...] = ()
    """CRM ids that fit equally well; empty unless the match is ambiguous."""
    fields: tuple[str, ...] = ()
    """The BC fields whose values decided."""


class MatchIndex:
    """Uncoupled CRM records by their natural keys, for BC records that are met one by one.

    Memory grows with the number of records added, by one short text and one id for every key.
    """

    def __init__(self, keys: Sequence[MatchKey]) -> None:
        """``keys`` in order of priority."""
        self._keys = list(keys)
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
            text = key_text(record, key, "crm")
            if text:
                found[text].append(crm_id)

    def find(self, record: Mapping[str, Any]) -> Match:
        """The partner of a BC record; the first key that fits anything decides.

        A record that has its partner fits no other one: the next pass would not offer it either.
        """
        for key, found in zip(self._keys, self._found, strict=True):
            text = key_text(record, key, "bc")
            fitting = found.get(text, []) if text else []
            candidates = [each for each in fitting if each not in self._taken]
            fields = tuple(field.bc for field in key.fields)
            if len(candidates) == 1:
                return Match(crm_id=candidates[0], fields=fields)
            if candidates:
                self._contested.update(candidates)
                return Match(candidates=tuple(sorted(candidates)), fields=fields)
        return Match()

    def take(self, crm_id: str) -> None:
        """Remember that a record found its partner, so that no second one gets it."""
        self._taken.add(crm_id)
