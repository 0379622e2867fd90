"""Proposing which records may be the same because their names are alike. Pure.

A proposal is for people to look at; nothing is ever coupled by one. Names are compared only where
they share a word, or the beginning of one, that few other names have: so the work grows with the
number of names and not with its square.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz

from couplings.match_keys import plain

_MOST_SHARING = 20
"""A word that more names of a side have tells nothing."""
_MOST_EACH = 5
"""So many proposals are made for one record, the best ones."""
_BEGINNING = 4
_WORD = re.compile(r"[^\W_]+")
_JOINED = re.compile(r"['\u2019.]")
"""Written within a word by some and left out by others: Spotsmeyer's, S.A."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Two records that a person may look at."""

    bc_id: str
    crm_id: str
    percent: int
    """How much alike their names are, 0 to 100."""


class Proposals:
    """Finds pairs of unmatched records with names alike, in whatever order they are added.

    Symmetric: the same pairs are found if the sides are swapped.
    """

    def __init__(self, threshold: int) -> None:
        """``threshold`` in percent: pairs below it are not proposed."""
        self._threshold = threshold
        self._bc: dict[str, str] = {}
        self._crm: dict[str, str] = {}

    def add_bc(self, bc_id: str, name: str) -> None:
        self._bc[bc_id] = _normal(name)

    def add_crm(self, crm_id: str, name: str) -> None:
        self._crm[crm_id] = _normal(name)

    def find(self) -> list[Proposal]:
        """The pairs in order of BC ids, the most alike first."""
        found = [
            Proposal(bc_id=bc_id, crm_id=crm_id, percent=percent)
            for bc_id, crm_id in self._candidates()
            if (percent := _percent(self._bc[bc_id], self._crm[crm_id])) >= self._threshold
        ]
        kept = _best(found, lambda each: each.bc_id) & _best(found, lambda each: each.crm_id)
        return sorted(kept, key=lambda each: (each.bc_id, -each.percent, each.crm_id))

    def _candidates(self) -> set[tuple[str, str]]:
        """Pairs that share something telling."""
        of_bc, of_crm = _telling(self._bc), _telling(self._crm)
        return {
            (bc_id, crm_id)
            for mark in of_bc.keys() & of_crm.keys()
            for bc_id in of_bc[mark]
            for crm_id in of_crm[mark]
        }


def _telling(names: dict[str, str]) -> dict[str, list[str]]:
    """Record ids by the marks of their names, without marks that too many share."""
    sharing: dict[str, list[str]] = defaultdict(list)
    for record_id, name in names.items():
        for mark in set(_marks(name)):
            sharing[mark].append(record_id)
    return {mark: ids for mark, ids in sharing.items() if len(ids) <= _MOST_SHARING}


def _marks(name: str) -> Iterator[str]:
    for word in name.split():
        yield word
        yield f"{word[:_BEGINNING]}…"


def _normal(name: str) -> str:
    """The words of a name in one form."""
    return " ".join(_WORD.findall(_JOINED.sub("", plain(name).casefold())))


def _percent(one: str, other: str) -> int:
    return int(fuzz.token_sort_ratio(one, other))


def _best(found: Iterable[Proposal], record_of: Callable[[Proposal], str]) -> set[Proposal]:
    """The best proposals of each record; of several that are as good, all or none."""
    of_record: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in found:
        of_record[record_of(proposal)].append(proposal)
    kept: set[Proposal] = set()
    for proposals in of_record.values():
        proposals.sort(key=lambda each: -each.percent)
        if len(proposals) > _MOST_EACH:
            beyond = proposals[_MOST_EACH].percent
            proposals = [each for each in proposals if each.percent > beyond]
        kept.update(proposals)
    return kept
