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
from services.table_facts import ValueKind


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
    also_writes: tuple[str, ...] = ()
    """Further columns that ``columns`` writes."""
    bc_kind: ValueKind | None = None
    crm_kind: ValueKind | None = None
    """What kind of values it takes on either side; None: the same kind on both."""
    crm_of_new: Any = None
    """The CRM value of a record that was just created without it; None where that is not known."""
    meaning: str
    """One line for the mapping documentation."""

    @property
    def goes_to_crm(self) -> bool:
        """Whether a value may go to CRM by it: one that works on one way only goes no other."""
        return self.to_crm is not _unchanged or self.to_bc is _unchanged

    @property
    def goes_to_bc(self) -> bool:
        return self.to_bc is not _unchanged or self.to_crm is _unchanged


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


def whole_number(value: Any) -> int:
    """Rounded to a whole number; blank is zero."""
    return int(_number(value).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


_NO_DATE = "0001-01-01"


def date_to_crm(value: Any) -> str | None:
    """A day; Business Central writes the first of January of the year 1 for none."""
    day = text(value)[:10]
    return None if day in ("", _NO_DATE) else day


def date_to_bc(value: Any) -> str:
    return text(value)[:10] or _NO_DATE


def trimmed(value: Any) -> str:
    """Text without blanks at its ends."""
    return text(value).strip()


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


_TEXT, _NUMBER, _OPTION = ValueKind.TEXT, ValueKind.NUMBER, ValueKind.OPTION

TRANSFORMATIONS: dict[str, Transformation] = {
    "same": Transformation(meaning="as it is"),
    "text": Transformation(
        to_crm=text, to_bc=text, bc_kind=_TEXT, crm_kind=_TEXT, meaning="as it is"
    ),
    "trimmed": Transformation(
        to_crm=trimmed, to_bc=trimmed, bc_kind=_TEXT, crm_kind=_TEXT, meaning="trimmed"
    ),
    "code": Transformation(
        to_crm=code, to_bc=code, bc_kind=_TEXT, crm_kind=_TEXT, meaning="trimmed, upper case"
    ),
    "date": Transformation(
        to_crm=date_to_crm,
        to_bc=date_to_bc,
        bc_kind=ValueKind.DATE,
        crm_kind=ValueKind.DATE,
        meaning="a day, blank where there is none",
    ),
    "money": Transformation(
        to_crm=money,
        to_bc=money,
        bc_kind=_NUMBER,
        crm_kind=_NUMBER,
        meaning="rounded to 4 decimals",
    ),
    "whole_number": Transformation(
        to_crm=whole_number,
        to_bc=whole_number,
        bc_kind=_NUMBER,
        crm_kind=_NUMBER,
        meaning="rounded to a whole number",
    ),
    "not_negative": Transformation(
        to_crm=not_negative,
        bc_kind=_NUMBER,
        crm_kind=_NUMBER,
        meaning="rounded to 4 decimals, negative becomes 0",
    ),
    "quantity": Transformation(
        to_crm=quantity,
        bc_kind=_NUMBER,
        crm_kind=_NUMBER,
        meaning="2 decimals, negative becomes 0",
    ),
    "unit_group_name": Transformation(
        to_crm=unit_group_name, bc_kind=_TEXT, crm_kind=_TEXT, meaning='"NAV " and the code'
    ),
    "decimal_places": Transformation(
        to_crm=decimal_places,
        bc_kind=_TEXT,
        crm_kind=_NUMBER,
        meaning='largest number of decimals in "2:2"',
    ),
    "person_name": Transformation(
        to_crm=full_name,
        to_bc=full_name,
        columns=person_name,
        also_writes=("firstname", "middlename", "lastname"),
        bc_kind=_TEXT,
        crm_kind=_TEXT,
        meaning="written as first name and last name (the last word)",
    ),
    "product_state": Transformation(
        to_crm=product_state,
        columns=product_state_columns,
        also_writes=("statuscode",),
        bc_kind=ValueKind.FLAG,
        crm_kind=_OPTION,
        meaning="blocked becomes retired, else active",
    ),
    "inactive_blocks": Transformation(
        to_bc=inactive_blocks,
        bc_kind=_TEXT,
        crm_kind=_OPTION,
        crm_of_new=0,  # Dataverse creates records active
        meaning="an inactive account blocks the customer, never unblocks",
    ),
    "salesperson_code": Transformation(
        to_bc=salesperson_code,
        bc_kind=_TEXT,
        crm_kind=_TEXT,
        meaning="part before the @, upper case, at most 20 characters",
    ),
}
"""By the names that field mappings give."""
