"""What the setup guide asks Business Central about itself: which web services are published, and
whether a table can be read with the columns that a mapping needs. Nothing here writes.

Every method raises the families of ``services.transport`` and ``services.answers``, except for what
its own text names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from errors import AuthorizationError
from services import answers, faults, odata
from services.business_central_endpoint import Endpoint, Source
from services.faults import Meaning
from services.transport import Response, Transport

_API = "api/v2.0"
_ODATA = "ODataV4"
_HEADERS = {"Accept": "application/json"}
_UNKNOWN_COLUMN = re.compile(r"property named '(\w+)'", re.IGNORECASE)


class Readability(StrEnum):
    READABLE = "readable"
    FORBIDDEN = "forbidden"  # the permission set lacks the table
    ABSENT = "absent"  # no such entity set, or no such web service
    COLUMNS_MISSING = "columns-missing"  # it is there and lacks columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What reading one row of a table shows."""

    readability: Readability
    account: str = ""
    """Business Central's own words where it refused."""
    missing: tuple[str, ...] = ()
    """The columns that the table lacks."""


class BusinessCentralAdministration:
    """One environment, as the user of the transport's token sees it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._service = transport.service_name

    def published_services(self) -> frozenset[str]:
        """The names of the published web services, from the OData service document."""
        response = self._get(f"{_ODATA}/", "service document")
        answer = answers.json_object(self._service, response)
        found = answers.rows(self._service, response.request, answer)
        return frozenset(str(row["name"]) for row in found if row.get("kind") != "Singleton")

    def probe(
        self, endpoint: Endpoint, company_id: str, company_name: str, columns: Sequence[str]
    ) -> Probe:
        """Read one row of these columns; raises only where the service cannot be asked at all."""
        if endpoint.source is Source.API:
            place = f"{_API}/{odata.by_id('companies', company_id)}"
        else:
            place = f"{_ODATA}/{odata.by_name('Company', company_name)}"
        wanted, missing = list(columns), list[str]()
        while True:
            query = odata.query(select=wanted, top=1)
            try:
                response = self._get(f"{place}/{odata.name(endpoint.name)}{query}", endpoint.name)
            except AuthorizationError as error:
                if error.code != "service-privilege-missing":
                    raise
                return Probe(readability=Readability.FORBIDDEN, account=error.message)
            unknown = _unknown_column(response)
            if unknown not in wanted:
                break
            # Business Central names one at a time: the others are asked for again without it
            wanted.remove(unknown)
            missing.append(unknown)
        return _probe(response, tuple(missing))

    def _get(self, path: str, kind: str) -> Response:
        return self._transport.send(
            "GET", path, headers=_HEADERS, idempotent=True, kind=f"GET {kind}"
        )


def _unknown_column(response: Response) -> str:
    """The column of the query that the table lacks, empty for every other answer."""
    if response.status != 400:
        return ""
    named = _UNKNOWN_COLUMN.search(faults.words(response.body).message)
    return named.group(1) if named else ""


def _probe(response: Response, missing: tuple[str, ...]) -> Probe:
    said = faults.words(response.body)
    if not response.ok and faults.judge(response.status, said.code) is Meaning.NO_SUCH_PLACE:
        account = f"{said.code} {said.message}".strip()
        return Probe(readability=Readability.ABSENT, account=account)
    answers.json_object("Business Central", response)
    if missing:
        return Probe(readability=Readability.COLUMNS_MISSING, missing=missing)
    return Probe(readability=Readability.READABLE)
