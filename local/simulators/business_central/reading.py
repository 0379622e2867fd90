"""GET requests below a company: collections, single records, counts and their expansions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from local.simulators.business_central.conditions import require_property, unknown_property
from local.simulators.business_central.contact_cards import contacts_information
from local.simulators.business_central.errors import (
    NotSimulatedError,
    bad_request,
    dialog,
)
from local.simulators.business_central.fields import EntitySet, Row
from local.simulators.business_central.master_data import CONTACTS_INFORMATION
from local.simulators.business_central.navigation import Navigation, navigation
from local.simulators.business_central.query import (
    Query,
    count_rows,
    page_size,
    parse_query,
    read_page,
)
from local.simulators.business_central.representation import HEADERS, context, shown
from local.simulators.business_central.store import Company, Table
from local.simulators.core.messages import SimRequest, SimResponse
from local.simulators.core.odata import ODataError, parse_select, required_values

type VersionOf = Callable[[Row], int | None]

_LINE_SETS = ("salesOrderLines", "salesInvoiceLines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A set of records at one address, ready to be read."""

    company: Company
    schema: EntitySet
    source: Table | list[Row]
    version_of: VersionOf
    root: str
    """Absolute address of the interface, for contexts."""
    path: str
    """What the context calls the collection: ``companies(…)/customers``."""

    def read(self, request: SimRequest) -> SimResponse:
        """One page of the records; raises ``BcError`` or ``NotSimulatedError``."""
        query = parse_query(self.schema, request.query_string)
        expansions = _expansions(self.schema, query)
        source = _restricted(self, query)
        page = read_page(source, self.schema, query, page_size(request.headers.get("Prefer")))
        body: dict[str, Any] = {
            "@odata.context": context(self.root, self.path, query.select, expansions, single=False)
        }
        if page.total is not None:
            body["@odata.count"] = page.total
        body["value"] = [self._shown(row, query.select, expansions) for row in page.rows]
        if page.token is not None:
            body["@odata.nextLink"] = _next_link(request, page.token, page.rest)
        return SimResponse(
            status=200,
            body=body,
            headers=HEADERS,
            operations=len(page.rows),
            kind=f"GET {self.schema.name}",
        )

    def count(self, request: SimRequest) -> SimResponse:
        """The number of records as text."""
        query = parse_query(self.schema, request.query_string)
        return SimResponse(
            status=200,
            body=str(count_rows(_restricted(self, query), self.schema, query)),
            headers={"Content-Type": "text/plain", "OData-Version": "4.0"},
            kind=f"GET {self.schema.name}/$count",
        )

    def single(self, request: SimRequest, row: Row, *, status: int = 200) -> SimResponse:
        """One record of the collection as the answer."""
        query = parse_query(self.schema, request.query_string)
        expansions = _expansions(self.schema, query)
        head = {
            "@odata.context": context(self.root, self.path, query.select, expansions, single=True)
        }
        return SimResponse(
            status=status,
            body=head | self._shown(row, query.select, expansions),
            headers=HEADERS,
            kind=f"{request.method} {self.schema.name}",
        )

    def _shown(
        self, row: Row, select: tuple[str, ...] | None, expansions: dict[str, Expansion]
    ) -> dict[str, Any]:
        if select is None and self.schema.hidden:
            select = tuple(self.schema.by_name)
        result = shown(row, self.version_of(row), select)
        for name, expansion in expansions.items():
            result[name] = expansion.shown(self.company, row)
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """One navigation property that a request expands, with the fields selected of it."""

    navigation: Navigation
    select: tuple[str, ...] | None

    def shown(self, company: Company, row: Row) -> Any:
        """The related records as JSON."""
        related = [
            shown(each, self.navigation.version(company, each), self.select)
            for each in self.navigation.related(company, row)
        ]
        if self.navigation.single:
            return related[0] if related else None
        return related


def table_collection(company: Company, schema: EntitySet, *, root: str, path: str) -> Collection:
    """A whole entity set of a company."""
    table = company[schema.name]
    versions = company["contacts"] if schema is CONTACTS_INFORMATION else table
    id_field = schema.id_field
    return Collection(
        company=company,
        schema=schema,
        source=table,
        version_of=lambda row: versions.version(row[id_field]),
        root=root,
        path=path,
    )


def related_collection(
    company: Company, parent: Row, found: Navigation, *, root: str, path: str
) -> Collection:
    """The records behind a navigation property of one record."""
    return Collection(
        company=company,
        schema=found.target,
        source=found.related(company, parent),
        version_of=lambda row: found.version(company, row),
        root=root,
        path=path,
    )


def _expansions(schema: EntitySet, query: Query) -> dict[str, Expansion]:
    expansions: dict[str, Expansion] = {}
    for part in query.expand:
        found = navigation(schema, part.path)
        if found is None:
            if part.path in schema.parts:
                raise NotSimulatedError(f"expanding '{part.path}' of {schema.name}")
            raise unknown_property(schema, part.path)
        if part.options.keys() - {"$select"}:
            raise NotSimulatedError(f"the options {sorted(part.options)} of an expansion")
        expansions[part.path] = Expansion(
            navigation=found, select=_selected(found.target, part.options.get("$select"))
        )
    return expansions


def _selected(schema: EntitySet, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    try:
        names = parse_select(text)
    except ODataError as error:
        raise bad_request(str(error)) from error
    for name in names:
        require_property(schema, name)
    return names


def _restricted(collection: Collection, query: Query) -> Table | list[Row]:
    """The source; some sets can only be read for one record, which the filter has to name."""
    name = collection.schema.name
    if not isinstance(collection.source, Table):
        return collection.source
    required = {} if query.condition is None else required_values(query.condition)
    if name in _LINE_SETS and not required.keys() & {"id", "documentId"}:
        raise dialog("You must specify an Id or a Document Id to get the lines.")
    if collection.schema is CONTACTS_INFORMATION:
        return _contacts_information(collection.company, required)
    return collection.source


def _contacts_information(company: Company, required: dict[str, frozenset[Any]]) -> list[Row]:
    related, types = required.get("relatedId", frozenset()), required.get("relatedType")
    if len(related) != 1 or types is None:
        raise dialog("id type not specified.")
    if types != {"Customer"}:
        raise NotSimulatedError("contactsInformation of anything but customers")
    customer = company["customers"].get(next(iter(related)))
    return [] if customer is None else contacts_information(company, customer)


def _next_link(request: SimRequest, token: str, rest: int | None) -> str:
    """The request's own address with the place where the next page begins."""
    options = [
        option
        for option in request.query_string.split("&")
        if option
        and unquote(option.partition("=")[0]) not in ("aid", "$skiptoken", "$skip", "$top")
    ]
    if rest is not None:
        options.append(f"$top={rest}")
    options += ["aid=FIN", f"$skiptoken={token}"]
    return f"{request.base_url}{request.raw_path or request.path}?{'&'.join(options)}"
