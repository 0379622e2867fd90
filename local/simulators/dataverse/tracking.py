"""Change tracking: delta tokens and what changed since one.

What a delta link covers. The link at the end of a first read (`odata.track-changes`) gives
everything that was written from the moment on in which its FIRST page was read: that moment's
version goes from page to page in the cookies. So a row that changes, comes or goes while the pages
are read is in the link's changes, whether its page was read before or after that. A row may come
twice, in a page and in the changes; it is never lost. The same holds from delta to delta: the pages
of one delta all end at the version of its first page, and its link begins there; a row that changes
again meanwhile leaves the pages that are left, and comes with the next delta.

A token dies of age (`expirechangetrackingindays` of the organization, by the simulator's clock), or
because the table's metadata changed (`POST /_sim/invalidate-delta`). Then the client has to read
everything again.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from local.simulators.dataverse.computed import organization_of
from local.simulators.dataverse.errors import DataverseError, invalid_query
from local.simulators.dataverse.querying import MOST_ROWS, Cookie
from local.simulators.dataverse.schema import Row, TableSchema
from local.simulators.dataverse.store import Store

_TOKEN = re.compile(r"(?P<version>\d+)!(?P<time>\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")
_TIME_FORMAT = "%m/%d/%Y %H:%M:%S"
_DEFAULT_DAYS = 7
_FORBIDDEN = ("$filter", "$orderby", "$expand", "$top")


def delta_token(version: int, now: datetime) -> str:
    """The token of everything up to a version."""
    return f"{version}!{now.strftime(_TIME_FORMAT)}"


def delta_link(url: str, query_string: str, token: str) -> str:
    """The URL that gives what changes after a token; keeps what was selected."""
    kept = [
        part
        for part in query_string.split("&")
        if part.lower().startswith(("$select=", "%24select="))
    ]
    # the service writes the escapes of a token in lower case
    escaped = re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quote(token, safe=""))
    return f"{url}?" + "&".join([*kept, f"$deltatoken={escaped}"])


def check_trackable(table: TableSchema, tracked: bool, options: dict[str, str]) -> None:
    """Refuse change tracking of a table without it, and the options that it forbids."""
    for name in _FORBIDDEN:
        if name in options:
            raise invalid_query(
                f'The "${{{name[1:]}}}" query parameter isn\'t supported when Change Tracking is '
                "enabled."
            )
    if not tracked:
        raise invalid_query(f"Entity {table.name} doesn't have change tracking enabled.")


def parse_token(store: Store, table: TableSchema, token: str, now: datetime) -> int:
    """The version of a token; refused where it is malformed, unknown, invalidated or expired."""
    match = _TOKEN.fullmatch(token)
    if match is None or int(match["version"]) > store.version:
        raise invalid_query("The delta token is invalid.")
    try:
        moment = datetime.strptime(match["time"], _TIME_FORMAT).replace(tzinfo=now.tzinfo)
    except ValueError as error:
        raise invalid_query("The delta token is invalid.") from error
    setting = organization_of(store).get("expirechangetrackingindays")
    lifetime = timedelta(days=_DEFAULT_DAYS if setting is None else setting)
    version = int(match["version"])
    if now - moment > lifetime or version < store.tables[table.name].tracked_from:
        raise DataverseError(
            400,
            "0x80044352",
            "Version stamp associated with the client has expired. Please perform a full sync.",
        )
    return version


class Changes:
    """What changed in a table after one version, up to another: rows first, then deletions."""

    def __init__(self, store: Store, table: TableSchema, *, since: int, until: int) -> None:
        rows = store.tables[table.name]
        self._changed = rows.changed(since=since, until=until)
        self._deleted = rows.deleted(since=since, until=until)
        self._until = until

    def __len__(self) -> int:
        return len(self._changed) + len(self._deleted)

    def page(
        self, size: int | None, cookie: Cookie | None
    ) -> tuple[list[Row], list[str], Cookie | None]:
        """Changed rows, deleted ids, and the cookie of the next page where there is one."""
        limit = min(size or MOST_ROWS, MOST_ROWS)
        changed_after = cookie.state["changed"] if cookie else 0
        deleted_after = cookie.state["deleted"] if cookie else 0
        changed = [row for row in self._changed if row["versionnumber"] > changed_after][:limit]
        room = limit - len(changed)
        remaining = [entry for entry in self._deleted if entry[0] > deleted_after]
        deleted = remaining[:room]
        if changed:
            changed_after = changed[-1]["versionnumber"]
        if deleted:
            deleted_after = deleted[-1][0]
        more = len(remaining) > len(deleted) or (
            bool(self._changed) and self._changed[-1]["versionnumber"] > changed_after
        )
        following = None
        if more:
            state: dict[str, Any] = {
                "changed": changed_after,
                "deleted": deleted_after,
                "until": self._until,
            }
            following = Cookie(page=cookie.page + 1 if cookie else 2, state=state, tracking=True)
        return changed, [row_id for _, row_id in deleted], following
