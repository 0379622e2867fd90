"""Finding which uncoupled records of both sides are the same thing, by natural keys. Pure.

Nothing is ever guessed: a key that several records of one side share couples none of them. This is
the incumbent's rule for match-based coupling, and it is kept; unlike there, it holds for both sides
alike, so that what is found does not depend on which record is met first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from couplings.match_keys import MatchKey
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

    def remove_crm(self, crm_id: str) -> bool:
        """Whether the CRM record was there; it is not any more."""
        return self._crm.pop(crm_id, None) is not None

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
    """Uncoupled records of both sides by their keys, asked for the partners of BC records.

    As ``Matching``, so no record that is asked for first has an advantage; all that may be asked
    for, or compete for a partner, is to be expected before. One that is not is expected when it is
    asked for, which resolves all anew.
    """

    def __init__(self, keys: Sequence[MatchKey]) -> None:
        """``keys`` in order of priority."""
        self._keys = list(keys)
        self._matching = Matching(len(self._keys))
        self._expected: dict[str, list[str]] = {}
        self._taken: set[str] = set()
        self._resolved: _Resolved | None = None

    @property
    def claimed(self) -> set[str]:
        """CRM ids that have their partner, or that nobody may give one: several records fit."""
        resolved = self._resolve()
        return self._taken | resolved.contested | resolved.fitting

    def add(self, crm_id: str, record: Mapping[str, Any]) -> None:
        """Make an uncoupled CRM record findable."""
        self._matching.add_crm(crm_id, key_texts(record, self._keys, "crm"))
        self._resolved = None

    def expect(self, bc_id: str, record: Mapping[str, Any]) -> None:
        """An uncoupled BC record that a CRM record may be the partner of."""
        texts = key_texts(record, self._keys, "bc")
        if self._expected.get(bc_id) != texts:
            self._expected[bc_id] = texts
            self._matching.add_bc(bc_id, texts)
            self._resolved = None

    def find(self, bc_id: str, record: Mapping[str, Any]) -> Match:
        """The partner of a BC record.

        A record that has its partner fits no other one: the next pass would not offer it either.
        """
        self.expect(bc_id, record)
        resolved = self._resolve()
        if bc_id in resolved.exact:
            exact = resolved.exact[bc_id]
            crm_id = None if exact.crm_id in self._taken else exact.crm_id
            return Match(crm_id=crm_id, fields=self._fields(exact.level))
        if bc_id in resolved.ambiguous:
            group = resolved.ambiguous[bc_id]
            return Match(candidates=group.crm_ids, fields=self._fields(group.level))
        return Match()

    def take(self, crm_id: str) -> None:
        """Remember that a record has its partner, so that no other one gets it."""
        self._taken.add(crm_id)
        fits = self._resolved is not None and crm_id in self._resolved.fitting
        if not fits and self._matching.remove_crm(crm_id):
            self._resolved = None

    def _fields(self, level: int) -> tuple[str, ...]:
        return tuple(field.bc for field in self._keys[level].fields)

    def _resolve(self) -> _Resolved:
        if self._resolved is None:
            self._resolved = _Resolved.of(self._matching.resolve())
        return self._resolved


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    """What became of records, by their ids."""

    exact: Mapping[str, ExactMatch]
    ambiguous: Mapping[str, AmbiguousMatch]
    fitting: frozenset[str]
    """CRM ids of exact matches."""
    contested: frozenset[str]
    """CRM ids of ambiguous ones."""

    @classmethod
    def of(cls, matches: Matches) -> _Resolved:
        return cls(
            exact={each.bc_id: each for each in matches.exact},
            ambiguous={bc_id: each for each in matches.ambiguous for bc_id in each.bc_ids},
            fitting=frozenset(each.crm_id for each in matches.exact),
            contested=frozenset(crm_id for each in matches.ambiguous for crm_id in each.crm_ids),
        )
