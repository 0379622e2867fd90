"""Names and addresses from Faker, drawn once and combined, so that any number of rows is quick."""

from __future__ import annotations

from random import Random
from uuid import UUID, uuid5

from faker import Faker

_NAMESPACE = UUID("0d2c5c2e-5b0a-4a53-9d43-6f0a54a1f7c2")
_POOL = 400


class Words:
    """A seeded source of plausible texts: the same seed gives the same company."""

    def __init__(self, seed: int) -> None:
        fake = Faker("en_GB")
        fake.seed_instance(seed)
        self.random = Random(seed)  # noqa: S311 - sample data, not secrets
        self._surnames = sorted({fake.last_name() for _ in range(_POOL)})
        self._given = sorted({fake.first_name() for _ in range(_POOL)})
        self._streets = sorted({fake.street_name() for _ in range(_POOL)})
        self._cities = sorted({fake.city() for _ in range(_POOL)})
        self._trades = ["Furniture", "Interiors", "Supplies", "Design", "Trading", "Hotels"]
        self._forms = ["Ltd", "PLC", "& Sons", "Group", "LLP"]
        self._materials = ["Oak", "Walnut", "Steel", "Glass", "Linen", "Leather", "Bamboo", "Ash"]
        self._things = ["desk", "chair", "shelf", "lamp", "cabinet", "bench", "screen", "table"]
        self._jobs = sorted({fake.job()[:30] for _ in range(100)})

    def id(self, *parts: str) -> str:
        """A stable id of what the parts name."""
        return str(uuid5(_NAMESPACE, "/".join(parts)))

    def company(self) -> str:
        pick = self.random.choice
        return f"{pick(self._surnames)} {pick(self._trades)} {pick(self._forms)}"

    def person(self) -> str:
        return f"{self.random.choice(self._given)} {self.random.choice(self._surnames)}"

    def job(self) -> str:
        return self.random.choice(self._jobs)

    def thing(self) -> str:
        pick = self.random.choice
        return f"{pick(self._cities)} {pick(self._things)}, {pick(self._materials).lower()}"

    def address(self) -> dict[str, str]:
        """The address block as Business Central's API has it."""
        return {
            "addressLine1": f"{self.random.randint(1, 250)} {self.random.choice(self._streets)}",
            "addressLine2": "",
            "city": self.random.choice(self._cities)[:30],
            "state": "",
            "country": "GB",
            "postalCode": f"CB{self.random.randint(1, 25)} {self.random.randint(1, 9)}AB",
        }

    def phone(self) -> str:
        """A number from the range that is kept free for fiction."""
        return f"+44 1632 960{self.random.randint(0, 999):03d}"
