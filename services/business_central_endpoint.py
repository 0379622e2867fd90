"""Where a table's records are in Business Central: in the API, or on a published page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    API = "api"  # an entity set of API v2.0
    PAGE = "page"  # a page published as an OData web service, read only


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a table's records are found, and which column holds a record's id."""

    source: Source
    name: str
    id_field: str

    @classmethod
    def api(cls, entity_set: str) -> Endpoint:
        return cls(Source.API, entity_set, "id")

    @classmethod
    def page(cls, service: str) -> Endpoint:
        """The page must expose the system fields ``SystemId`` and ``SystemModifiedAt``."""
        return cls(Source.PAGE, service, "SystemId")
