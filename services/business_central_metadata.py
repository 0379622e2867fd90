"""What Business Central's own description says of its tables."""

from __future__ import annotations

from errors import ConfigurationError
from services import answers
from services.business_central_endpoint import Endpoint, Source
from services.csdl import CsdlError, tables_of
from services.table_facts import TableFacts
from services.transport import Transport

_PLACES = {Source.API: "api/v2.0/$metadata", Source.PAGE: "ODataV4/$metadata"}


class BusinessCentralMetadata:
    """The description of one environment's tables. Safe to use from several threads.

    Every method raises the families of ``services.transport``.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def table(self, endpoint: Endpoint) -> TableFacts | None:
        """A table's fields, None where there is no such entity set or published page.

        Raises ``ConfigurationError`` where what answers is no description of tables.
        """
        response = self._transport.send(
            "GET",
            _PLACES[endpoint.source],
            headers={"Accept": "application/xml"},
            idempotent=True,
            kind="GET $metadata",
        )
        service = self._transport.service_name
        body = answers.checked(service, response).body
        try:
            return tables_of(body).get(endpoint.name)
        except CsdlError as error:
            raise ConfigurationError(
                "service-description-unreadable",
                f"{service} describes its tables in a way that cannot be read: {error}.",
                hint="Check the connection's address of Business Central.",
            ) from error
