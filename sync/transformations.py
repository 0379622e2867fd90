"""The fixed set of value transformations that a field mapping may name. All pure.

A transformation turns one side's value into the other side's. Where CRM stores one value in
several columns (a person's name, a state and its reason), ``columns`` says what to write.
Equality is judged after transformation, so a transformation that loses something must be
idempotent: ``to_crm(to_bc(to_crm(x))) == to_crm(x)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from errors import RecordError


class Keep:
    """The type of ``KEEP``."""


KEEP = Keep()
"""Result of a transformation that has nothing to say: the target is left as it is."""


def _unchanged(value: Any) -> Any:
    return value


def _one_column(column: str, value: Any) -> dict[str, Any]:
    return {column: value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformation:
    """Both directions of one transformation, and how its CRM value is written."""

    to_crm: Callable[[Any], Any] = _unchanged
    to_bc: Callable[[Any], Any] = _unchanged
    columns: Callable[[str, Any], dict[str, Any]] = _one_column
    meaning: str
    """One line for the mapping documentation."""


def text(value: Any) -> str:
    """Both sides' forms of "no text" (null, empty) as the empty text."""
    return "" if value is None else str(value)


def _number(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def money(value: Any) -> float:
    """Rounded to the four decimals that Dataverse keeps of a money column; blank is zero."""
    return float(_number(value).quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN))


def not_negative(value: Any) -> float:
    """Dataverse refuses negative prices and stock; the incumbent writes zero instead."""
    return max(0.0, money(value))


def quantity(value: Any) -> float:
    """Stock with the two decimals of the column; negative stock counts as none."""
    rounded = _number(value).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
    return max(0.0, float(rounded))


def code(value: Any) -> str:
    """Business Central keeps codes trimmed and in upper case."""
    return text(value).strip().upper()


def unit_group_name(value: Any) -> str:
    """The incumbent's convention: the unit group of unit PCS is "NAV PCS"."""
    return f"NAV {code(value)}"


def decimal_places(value: Any) -> int:
    """Largest number of decimals in Business Central's "2:2" notation; 2 where it is blank."""
    last = text(value).rpartition(":")[2].strip()
    return min(int(last), 4) if last.isdigit() else 2


def person_name(column: str, value: Any) -> dict[str, Any]:
    """The columns behind CRM's computed full name: the last word is the last name."""
    del column
    *given, last = text(value).split() or [""]
    return {
        "firstname": " ".join(given) or None,
        "middlename": None,
        "lastname": last or None,
    }


def full_name(value: Any) -> str:
    """A name with single blanks, as CRM composes it."""
    return " ".join(text(value).split())


def product_state(value: Any) -> int:
    """An item's ``blocked`` as a product's state: 0 active, 1 retired."""
    return 1 if value else 0


_PRODUCT_STATUS_OF_STATE = {0: 1, 1: 2}


def product_state_columns(column: str, value: Any) -> dict[str, Any]:
    """A state is written together with its status reason."""
    return {column: value, "statuscode": _PRODUCT_STATUS_OF_STATE[value]}


def inactive_blocks(value: Any) -> Any:
    """An inactive account blocks the customer for everything; an active one never unblocks it."""
    return "All" if value == 1 else KEEP


def salesperson_code(value: Any) -> str:
    """A salesperson's code from the user's e-mail address: ``amy.alberts@…`` → ``AMY.ALBERTS``.

    CRM has no such code, and Business Central needs one of at most 20 characters. Raises
    ``RecordError`` where the address gives none.
    """
    local_part = text(value).partition("@")[0]
    letters = re.sub(r"[^A-Z0-9.\-_]", "", local_part.upper())[:20]
    if not letters:
        raise RecordError(
            "no-salesperson-code",
            f"The user's e-mail address {text(value)!r} gives no code for a salesperson.",
            field="internalemailaddress",
            value=text(value),
            hint="Enter the user's primary e-mail address in Dynamics 365 Sales.",
        )
    return letters


TRANSFORMATIONS: dict[str, Transformation] = {
    "same": Transformation(meaning="as it is"),
    "text": Transformation(to_crm=text, to_bc=text, meaning="as it is"),
    "code": Transformation(to_crm=code, to_bc=code, meaning="trimmed, upper case"),
    "money": Transformation(to_crm=money, to_bc=money, meaning="rounded to 4 decimals"),
    "not_negative": Transformation(
        to_crm=not_negative, meaning="rounded to 4 decimals, negative becomes 0"
    ),
    "quantity": Transformation(to_crm=quantity, meaning="2 decimals, negative becomes 0"),
    "unit_group_name": Transformation(to_crm=unit_group_name, meaning='"NAV " and the code'),
    "decimal_places": Transformation(
        to_crm=decimal_places, meaning='largest number of decimals in "2:2"'
    ),
    "person_name": Transformation(
        to_crm=full_name,
        to_bc=full_name,
        columns=person_name,
        meaning="written as first name and last name (the last word)",
    ),
    "product_state": Transformation(
        to_crm=product_state,
        columns=product_state_columns,
        meaning="blocked becomes retired, else active",
    ),
    "inactive_blocks": Transformation(
        to_bc=inactive_blocks, meaning="an inactive account blocks the customer, never unblocks"
    ),
    "salesperson_code": Transformation(
        to_bc=salesperson_code, meaning="part before the @, upper case, at most 20 characters"
    ),
}
