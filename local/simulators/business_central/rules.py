"""What happens beside a write: the triggers of Business Central's tables, as far as imitated."""

from __future__ import annotations

import re

from local.simulators.business_central.errors import dialog, field_check
from local.simulators.business_central.fields import Row
from local.simulators.business_central.store import Company, Table

_ADDRESS = re.compile(r"[^@\s;]+@[^@\s;]+")


class Writer:
    """One operation's writes to one company, all stamped with the same moment."""

    def __init__(self, company: Company, now: str) -> None:
        self.company = company
        self._now = now

    def store(self, entity_set: str, row: Row) -> Row:
        """Put the record as changed now."""
        table = self.company[entity_set]
        if table.schema.modified_field:
            row = {**row, table.schema.modified_field: self._now}
        table.put(row)
        return row


class Rules:
    """The triggers of one table; this one has none."""

    def prepare_insert(self, company: Company, row: Row, given: set[str]) -> None:
        """Check and complete a new record in place before it is stored."""

    def inserted(self, writer: Writer, row: Row) -> None:
        """Do what follows from a new record."""

    def prepare_modify(self, company: Company, old: Row, row: Row) -> None:
        """Check and complete a changed record in place before it is stored."""

    def modified(self, writer: Writer, old: Row, row: Row) -> None:
        """Do what follows from a changed record."""

    def check_delete(self, company: Company, row: Row) -> None:
        """Raise where the record must not be deleted."""

    def deleted(self, writer: Writer, row: Row) -> None:
        """Do what follows from a deleted record."""


def next_number(table: Table, prefix: str, digits: int, step: int = 1) -> str:
    """A free number of a series, the same for the same records: counting starts behind them."""
    value = step * (len(table) + 1)
    while table.by_key(number := f"{prefix}{value:0{digits}d}") is not None:
        value += step
    return number


def check_email(address: str) -> None:
    """Refuse what is no list of e-mail addresses separated by semicolons."""
    for each in filter(None, address.split(";")):
        if not _ADDRESS.fullmatch(each.strip()):
            raise dialog(f'The email address "{each}" is not valid.')


def check_phone(value: str, caption: str, where: str) -> None:
    """Refuse letters in a telephone number."""
    if any(sign.isalpha() for sign in value):
        raise field_check(f"{caption} must not contain letters in {where}.")


def require_name(row: Row, given: set[str]) -> None:
    """Refuse a customer or contact without a name."""
    if not row["displayName"]:
        if "displayName" in given:
            raise dialog('The blank "displayName" is not allowed.')
        raise dialog('A "displayName" must be provided.')
