"""What ``POST /_sim/…`` can do with this simulator alone: post inventory, edit as a person does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.simulators.business_central.editing import (
    delete_records,
    edit_records,
    insert_records,
)
from local.simulators.business_central.errors import BcError, NotSimulatedError
from local.simulators.business_central.inventory import post_inventory
from local.simulators.business_central.store import Company, Environment
from local.simulators.core.descriptions import described
from local.simulators.core.simulator import SeedError

type _Work = Callable[[Company, Any, str], Any]

WORKS: dict[str, tuple[_Work, str]] = {
    "post-inventory": (post_inventory, "posted"),
    "insert": (insert_records, "inserted"),
    "edit": (edit_records, "edited"),
    "delete": (delete_records, "deleted"),
}
"""Of a command's name to what it does with its body, and what its answer calls the result."""


def remove_company(environment: Environment, values: Any) -> None:
    """Take a company away with everything in it, by its name or id."""
    given = described(values, {"company"}, "a company")
    company = environment.company(str(given.get("company", "")))
    if company is None:
        raise SeedError(f"There is no company {given.get('company')!r}.")
    del environment.companies[company.id]


def administer(
    environment: Environment, name: str, body: Any, company_name: str, now: str
) -> dict[str, Any]:
    """Carry one of ``WORKS`` out, wholly or not at all (``SeedError``).

    Without a name of a company it is done in the first one.
    """
    work, word = WORKS[name]
    company = environment.company(company_name) if company_name else environment.first_company()
    if company is None:
        raise SeedError(f"There is no company '{company_name}'.")
    try:
        with environment.journal.transaction():
            return {word: work(company, body, now)}
    except BcError as error:
        raise SeedError(f"{error.code}: {error.message}") from error
    except NotSimulatedError as error:
        raise SeedError(f"This simulator does not implement {error}.") from error
