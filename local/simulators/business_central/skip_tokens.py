"""Skip tokens: where a page ended. Clients must not look into them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson

from local.simulators.business_central.fields import EntitySet, Row
from local.simulators.core.odata import Order


def skip_token(schema: EntitySet, orders: tuple[Order, ...], last: Row) -> str:
    """The token of the page behind ``last``: its id and, in an order, its values as they are now.

    With the values a page goes on at the same place after that record was changed or deleted.
    """
    if not orders:
        return str(last[schema.id_field])
    values = orjson.dumps([last[name] for name in _names(schema, orders)])
    return f"{last[schema.id_field]},{urlsafe_b64encode(values).decode().rstrip('=')}"


def marker_row(schema: EntitySet, orders: tuple[Order, ...], token: str) -> Row | None:
    """A row that stands at the place of an order's token; None for what is none."""
    _, _, encoded = token.partition(",")
    names = _names(schema, orders)
    try:
        values = orjson.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        return None
    if not isinstance(values, list) or len(values) != len(names):
        return None
    return schema.empty_row() | dict(zip(names, values, strict=True))


def _names(schema: EntitySet, orders: tuple[Order, ...]) -> list[str]:
    return [*(order.path for order in orders), *schema.key_fields]
