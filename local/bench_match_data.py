"""Two systems that were both in use before they were connected, to measure a match with.

Of every hundred customers, and as many accounts, 96 fit each other and nobody else: two thirds of
them by number, the others, whose accounts have none, by name and postal code. One customer's number
is that of two accounts, one customer's account is spelled otherwise, and two customers and one
account are known to one system only. Which is which follows from the position alone, so what a
match has to find is counted while the records are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from local.sample_data.generator import generate
from local.sample_data.model import SampleData
from local.sample_data.words import Words

PROPOSED_FROM = 90
"""Percent. Two spellings of one name differ in one letter of more than twenty; names of different
companies are made of letters by chance, and never so much alike."""

_SEED = 2017
_CYCLE = 100
_AMBIGUOUS, _SIMILAR, _ONLY_IN_BC, _APART = range(4)
"""What the first ones of a cycle are; all others fit each other."""
_BY_NAME = 3
"""Of so many that fit each other, one does so by name and postal code."""
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvz", "aeiou"
_SYLLABLES = 5
_LEFT_OUT = 6
_COUNTS = (
    *("exact", "ambiguous", "ambiguous_bc", "ambiguous_crm", "proposed"),
    *("unmatched_bc", "unmatched_crm", "left_out"),
)
"""As the API tells them of a match."""

type _Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchData:
    """Both systems, nothing coupled, and what a match of CUSTOMER finds in them."""

    data: SampleData
    counts: dict[str, int]


def match_data(records: int) -> MatchData:
    """So many customers, and as many accounts where it is a multiple of a hundred; the same
    records each time."""
    base = generate(1, known_to_crm=1)
    made = _Made(base)
    for position in range(records):
        made.add(position)
    # the base's only contacts work for its only customer, who is left out
    own = {"customers": made.customers, "contacts": [], "contactsInformation": []}
    data = replace(
        base,
        business_central=base.business_central | own,
        crm=base.crm | {"accounts": made.accounts},
    )
    return MatchData(data=data, counts={name: made.counts[name] for name in _COUNTS})


class _Made:
    """Records like the first ones of another company, and what a match finds in them."""

    def __init__(self, base: SampleData) -> None:
        self.customers: list[_Record] = []
        self.accounts: list[_Record] = []
        self.counts: Counter[str] = Counter()
        self._customer = base.business_central["customers"][0]
        self._account = base.crm["accounts"][0]
        self._names = _names()
        self._words = Words(_SEED)

    def add(self, position: int) -> None:
        """The records of one position."""
        number, name = f"C{position:07d}", next(self._names)
        self._add_customer(number, name)
        kind = position % _CYCLE
        if kind == _AMBIGUOUS:
            self._add_account(name, number)
            self._add_account(f"{name} (old)", number)
            self.counts.update({"ambiguous": 1, "ambiguous_bc": 1, "ambiguous_crm": 2})
        elif kind == _SIMILAR:
            self._add_account(name[:_LEFT_OUT] + name[_LEFT_OUT + 1 :])
            self.counts["proposed"] += 1
        elif kind == _ONLY_IN_BC:
            self.counts["unmatched_bc"] += 1
        elif kind == _APART:
            self._add_account(next(self._names))
            self.counts.update({"unmatched_bc": 1, "unmatched_crm": 1})
        else:
            self._add_account(name, None if position % _BY_NAME == 0 else number)
            self.counts["exact"] += 1

    def _add_customer(self, number: str, name: str) -> None:
        own = {
            "id": self._words.id("match customer", number),
            "number": number,
            "displayName": name,
            "email": f"office@{number.lower()}.example",
        }
        self.customers.append(self._customer | own)

    def _add_account(self, name: str, number: str | None = None) -> None:
        own = {
            "accountid": self._words.id("match account", name),
            "accountnumber": number,
            "name": name,
            "address1_postalcode": self._customer["postalCode"],
        }
        self.accounts.append(self._account | own)


def _names() -> Iterator[str]:
    """Names of companies, the same ones each time."""
    random = Random(_SEED)  # noqa: S311 - sample data, not secrets

    def word() -> str:
        letters = (random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(_SYLLABLES))
        return "".join(letters).capitalize()

    while True:
        yield f"{word()} {word()} Ltd"
