"""What service endpoints and steps may be registered.

Imitated are webhooks, called asynchronously after the operation, on Create, Update and Delete of
one table. Other registrations that the service knows are refused as not implemented.
"""

import re
from collections.abc import Iterator
from html import unescape

from local.simulators.core.deliveries import AddressError, check_address
from local.simulators.dataverse.errors import invalid_argument, not_implemented
from local.simulators.dataverse.events import MESSAGES, UPDATE
from local.simulators.dataverse.schema import Row
from local.simulators.dataverse.store import Store

WEBHOOK = 8
WEBHOOK_KEY, HTTP_HEADER, HTTP_QUERY_STRING = 4, 5, 6
ASYNCHRONOUS, POST_OPERATION = 1, 40
_SETTINGS = re.compile(r"\s*<settings>(?P<inside>.*)</settings>\s*", re.DOTALL)
_SETTING = re.compile(r'\s*<setting\s+name="(?P<name>[^"<]+)"\s+value="(?P<value>[^"<]*)"\s*/>\s*')


def settings_of(text: str | None) -> dict[str, str] | None:
    """Names and values of `<settings><setting name="…" value="…"/></settings>`; None where a text
    is no such XML."""
    match = _SETTINGS.fullmatch(text or "")
    if match is None:
        return None
    inside = match["inside"]
    found = {each["name"]: unescape(each["value"]) for each in _SETTING.finditer(inside)}
    return found if found and not _SETTING.sub("", inside).strip() else None


def attributes_of(step: Row) -> tuple[str, ...]:
    """The columns that a step is told of; empty for all."""
    names = (step.get("filteringattributes") or "").split(",")
    return tuple(name.strip() for name in names if name.strip())


def check_endpoint(row: Row) -> None:
    """Check a new or changed service endpoint."""
    if row["contract"] != WEBHOOK:
        raise not_implemented(f"service endpoints of contract {row['contract']}, only webhooks (8)")
    if row["authtype"] not in (WEBHOOK_KEY, HTTP_HEADER, HTTP_QUERY_STRING):
        raise invalid_argument(
            "The authtype of a webhook is 4 (WebhookKey), 5 (HttpHeader) or 6 (HttpQueryString)."
        )
    if not row.get("authvalue"):
        raise invalid_argument("A webhook needs an authvalue.")
    if row["authtype"] != WEBHOOK_KEY and settings_of(row["authvalue"]) is None:
        raise invalid_argument(
            'The authvalue must be <settings><setting name="…" value="…"/></settings>.'
        )
    try:
        check_address(row.get("url") or "")
    except AddressError as error:
        raise invalid_argument(f"The url of a webhook: {error}") from error


class StepRules:
    """Checks the steps that are registered."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, row: Row) -> None:
        """Check a new or changed step."""
        if row["mode"] != ASYNCHRONOUS:
            raise not_implemented("synchronous steps, only mode 1")
        if row["stage"] != POST_OPERATION:
            raise not_implemented(f"steps of stage {row['stage']}, only of 40")
        message = self._store.tables["sdkmessage"].rows[row["_sdkmessageid_value"]]["name"]
        if message not in MESSAGES:
            raise not_implemented(f"steps of the message {message}")
        message_filter = self._store.row("sdkmessagefilter", row.get("_sdkmessagefilterid_value"))
        if message_filter is None:
            raise not_implemented("steps for all tables, without sdkmessagefilterid")
        if message_filter["_sdkmessageid_value"] != row["_sdkmessageid_value"]:
            raise invalid_argument("The sdkmessagefilter is of another message than the step.")
        for problem in self._attribute_problems(row, message, message_filter):
            raise invalid_argument(problem)

    def _attribute_problems(self, row: Row, message: str, message_filter: Row) -> Iterator[str]:
        names = attributes_of(row)
        if names and message != UPDATE:
            yield f"Filtering attributes are not allowed for the message {message}."
        table = message_filter["primaryobjecttypecode"]
        columns = self._store.schema.tables[table].columns
        for name in names:
            if name not in columns:
                yield f"'{table}' entity doesn't contain attribute with Name = '{name}'."
