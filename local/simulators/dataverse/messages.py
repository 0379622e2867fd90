"""Which messages exist for which tables: the rows of sdkmessages and sdkmessagefilters."""

from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid5

from local.simulators.dataverse.schema import Row
from local.simulators.dataverse.store import Store

_MESSAGES = ("Create", "Retrieve", "RetrieveMultiple", "Update", "Delete")
_BULK_MESSAGES = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")


def metadata_id(*names: str) -> str:
    """The id of a table's, a column's or a message's description: always the same."""
    return str(uuid5(NAMESPACE_URL, "dataverse-metadata:" + "/".join(names)))


def message_rows(store: Store) -> Iterator[tuple[str, Row]]:
    """The rows by table, messages before what refers to them."""
    for message in (*_MESSAGES, *_BULK_MESSAGES):
        yield "sdkmessage", {"sdkmessageid": metadata_id("message", message), "name": message}
    for table in store.schema.tables.values():
        if table.platform:
            continue
        for message in (*_MESSAGES, *(_BULK_MESSAGES if table.multiple else ())):
            row: Row = {
                "sdkmessagefilterid": metadata_id("message", table.name, message),
                "primaryobjecttypecode": table.name,
                "secondaryobjecttypecode": "none",
                "availability": 0,
                "iscustomprocessingstepallowed": True,
                "_sdkmessageid_value": metadata_id("message", message),
            }
            yield "sdkmessagefilter", row
