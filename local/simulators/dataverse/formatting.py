"""Formatted values: a column as a person reads it, in English (United States)."""

from collections.abc import Callable
from datetime import datetime

from local.simulators.dataverse.computed import organization_of
from local.simulators.dataverse.schema import LOOKUP_TABLE, Column, Row, TableSchema
from local.simulators.dataverse.store import Store

_DEFAULT_DECIMALS = 2


def lookup_target(column: Column, row: Row) -> str:
    """The table that a lookup's value is of."""
    target = row.get(column.row_name + LOOKUP_TABLE)
    return target if target is not None else next(iter(column.navigation))


def formatted_value(store: Store, table: TableSchema, column: Column, row: Row) -> str | None:
    """The text of a value that is not null; None where the type has no form of its own."""
    if column.type == "lookup":
        return _title_of(store, column, row)
    if column.type == "money":
        return _money_text(store, column, row)
    if column.type in ("state", "status"):
        return _state_text(table, column, row)
    form = _FORMS.get(column.type)
    return form(column, row[column.row_name]) if form else None


def _title_of(store: Store, column: Column, row: Row) -> str | None:
    if not column.navigation:
        return None
    target = store.schema.tables[lookup_target(column, row)]
    found = store.row(target.name, row[column.row_name])
    return found.get(target.title) if found and target.title else None


def _money_text(store: Store, column: Column, row: Row) -> str:
    currency_id = row.get("_transactioncurrencyid_value")
    if column.name.endswith("_base"):
        currency_id = organization_of(store)["_basecurrencyid_value"]
    currency = store.row("transactioncurrency", currency_id)
    symbol = currency["currencysymbol"] if currency else ""
    decimals = currency["currencyprecision"] if currency else _DEFAULT_DECIMALS
    return f"{symbol}{row[column.row_name]:,.{decimals}f}"


def _state_text(table: TableSchema, column: Column, row: Row) -> str | None:
    value = row[column.row_name]
    if column.type == "state":
        return table.states[value].label
    state = table.state_of_status(value)
    return state.statuses[value] if state else None


def _decimal_text(column: Column, value: float) -> str:
    decimals = column.precision if isinstance(column.precision, int) else _DEFAULT_DECIMALS
    return f"{value:,.{decimals}f}"


def _moment_text(_: Column, value: str) -> str:
    moment = datetime.fromisoformat(value)
    hour, half = moment.hour % 12 or 12, "AM" if moment.hour < 12 else "PM"
    return f"{_day_text(moment)} {hour}:{moment:%M} {half}"


def _day_text(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year}"


_FORMS: dict[str, Callable[..., str | None]] = {
    "choice": lambda column, value: column.options.get(value),
    "boolean": lambda _, value: "Yes" if value else "No",
    "decimal": _decimal_text,
    "double": _decimal_text,
    "integer": lambda _, value: f"{value:,}",
    "bigint": lambda _, value: f"{value:,}",
    "datetime": _moment_text,
    "date": lambda _, value: _day_text(datetime.fromisoformat(value)),
}
