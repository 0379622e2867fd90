"""What changed in a Dataverse table, by its change tracking.

The first reading gives every row and a delta link; each later one goes to that link and gives what
changed since, deletions included, and the next link. A link is good for some days only
(``ExpireChangeTrackingInDays``, 7 by default), and not after the table's definition changed.
Source: "Use change tracking to synchronize data with external systems".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

from errors import ConfigurationError, WatermarkExpiredError
from services import answers, dataverse_api, faults, odata
from services.addresses import same_origin
from services.records import ChangePage, Record
from services.transport import Response, Transport

_EXPIRED = "0x80044352"
_NOT_TRACKED = re.compile(r"change tracking", re.IGNORECASE)
# No code is documented for a token that the service cannot place; its words speak of it.
_TOKEN_UNKNOWN = re.compile(r"token|version ?stamp", re.IGNORECASE)


def fetch_changes(
    transport: Transport,
    entity_set: str,
    *,
    select: Sequence[str],
    watermark: str | None,
    cursor: str | None,
    page_size: int,
) -> Iterator[ChangePage]:
    """See ``Dataverse.fetch_changes``."""
    place = f"{dataverse_api.ROOT}/{odata.name(entity_set)}"
    if watermark:
        _check_watermark(transport, place, entity_set, watermark, select)
    link: str | None = cursor or watermark or f"{place}{odata.query(select=select)}"
    # The preferences belong to the request, not to the link: they are repeated for every page.
    headers = {"Prefer": f"odata.track-changes,odata.maxpagesize={page_size}"}
    told: str | None = None
    while link:
        response = dataverse_api.get(transport, entity_set, link, headers)
        _check_answered(entity_set, response, resumed=bool(cursor or watermark))
        answer = answers.json_object(transport.service_name, response)
        told = _delta_link(transport, place, response, answer) or told
        link = answers.next_link(transport.service_name, response.request, answer)
        rows = answers.rows(transport.service_name, response.request, answer)
        transport.traffic.add_operations(len(rows))
        yield ChangePage(
            changed=[row for row in rows if not _is_deletion(row)],
            deleted=[str(row.get("id")).lower() for row in rows if _is_deletion(row)],
            next=link,
            watermark=None if link else told,
        )


def _is_deletion(row: Record) -> bool:
    return str(row.get("@odata.context", "")).endswith("/$deletedEntity")


def _check_watermark(
    transport: Transport, place: str, entity_set: str, watermark: str, select: Sequence[str]
) -> None:
    """Whether the link is of this organization, this table and these columns."""
    if not _leads_to(transport, place, watermark):
        raise WatermarkExpiredError(
            "watermark-of-another-place",
            f"The changes of {entity_set} were followed at another address than the "
            "connection's; they cannot be followed from there.",
        )
    listed = parse_qs(urlsplit(watermark).query).get("$select", [""])[0]
    if set(filter(None, listed.split(","))) != set(select):
        raise WatermarkExpiredError(
            "watermark-of-other-columns",
            f"The changes of {entity_set} were followed with other columns than the mapping has "
            "now.",
        )


def _leads_to(transport: Transport, place: str, link: str) -> bool:
    base = urlsplit(transport.base_url).path
    path = urlsplit(link).path
    return same_origin(transport.base_url, link) and path.lower() == f"{base}/{place}".lower()


def _delta_link(transport: Transport, place: str, response: Response, answer: Record) -> str | None:
    link = answer.get("@odata.deltaLink")
    if link is None:
        return None
    if not isinstance(link, str) or not _leads_to(transport, place, link):
        raise ConfigurationError(
            "foreign-link",
            f"{transport.service_name} answered {response.request} with a delta link that leads "
            "elsewhere than to its own table; it was not kept.",
            hint="Check the connection's address: a proxy may be rewriting answers.",
        )
    return link


def _check_answered(entity_set: str, response: Response, *, resumed: bool) -> None:
    """Raise what a refusal says of the table's tracking or of the watermark, if it does.

    ``resumed``: there is a watermark or cursor that a refusal can be about.
    """
    if response.status != 400:
        return
    said = faults.words(response.body)
    if said.code.lower() == _EXPIRED:
        raise WatermarkExpiredError(
            "watermark-expired",
            f"Dataverse no longer keeps what changed in {entity_set} since the last "
            f"synchronization: {said.message}",
        )
    if _NOT_TRACKED.search(said.message):
        raise WatermarkExpiredError(
            "change-tracking-off",
            f"Dataverse does not track changes of the table {entity_set}.",
            hint="Switch it on: in Power Apps open the table's properties, advanced options, and "
            "tick Track changes. Until then the whole table is compared each time.",
        )
    if resumed and _TOKEN_UNKNOWN.search(said.message):
        raise WatermarkExpiredError(
            "watermark-unknown",
            f"Dataverse does not know the point from which the changes of {entity_set} were to be "
            f"read: {said.message}",
        )
