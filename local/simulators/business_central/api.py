"""Requests of the two interfaces, routed to reading and writing: no limits, no tokens, no batch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from local.simulators.business_central import writing
from local.simulators.business_central.access import Access
from local.simulators.business_central.description import (
    API_NAMESPACE,
    SERVICE_NAMESPACE,
    metadata,
    service_document,
)
from local.simulators.business_central.errors import (
    BcError,
    NotSimulatedError,
    bad_request,
    company_not_found,
    method_not_allowed,
    record_not_found,
    segment_not_found,
)
from local.simulators.business_central.fields import EntitySet, Field, Row, Type
from local.simulators.business_central.master_data import COMPANIES
from local.simulators.business_central.navigation import navigation
from local.simulators.business_central.other_sets import ALL_API_SETS
from local.simulators.business_central.paths import (
    API,
    Address,
    Segment,
    parse_key,
    parse_path,
)
from local.simulators.business_central.reading import (
    Collection,
    related_collection,
    table_collection,
)
from local.simulators.business_central.representation import HEADERS
from local.simulators.business_central.schema import API_SETS
from local.simulators.business_central.store import Company, Environment
from local.simulators.business_central.values import GUID, moment_text
from local.simulators.core.messages import SimRequest, SimResponse, not_implemented

_COUNT = "$count"


class Api:
    """Answers single requests from one environment's records."""

    def __init__(
        self, environment: Environment, clock: Callable[[], datetime], access: Access
    ) -> None:
        self._environment = environment
        self._access = access
        self._clock = clock

    def answer(self, request: SimRequest) -> SimResponse:
        """The answer to one request, its refusals included."""
        try:
            address = parse_path(request.path)
            root = request.base_url + address.root
            if address.interface == API:
                return self._api(request, address, root)
            return self._web_service(request, address, root)
        except BcError as error:
            return error.response()
        except NotSimulatedError as error:
            return not_implemented(str(error))

    def _now(self) -> str:
        return moment_text(self._clock())

    # --- api/v2.0

    def _api(self, request: SimRequest, address: Address, root: str) -> SimResponse:
        match address.segments:
            case () | (Segment(name="$metadata", key=None),) if request.method != "GET":
                raise method_not_allowed(request.method, "", "Service")
            case ():
                return service_document(root, ["companies", *sorted(API_SETS)])
            case (Segment(name="$metadata", key=None),):
                return metadata(API_NAMESPACE, (COMPANIES, *API_SETS.values()))
            case (Segment(name="companies", key=None), *rest):
                return self._companies(request, root, rest)
            case (Segment(name="companies", key=str(key)),):
                return self._one_company(request, root, self._company_by_id(key))
            case (Segment(name="companies", key=str(key)), *rest):
                return self._below(request, self._company_by_id(key), root, rest)
            case segments:
                _known_set(segments[0].name)
                return self._below(request, self._named_company(request), root, list(segments))

    def _companies(self, request: SimRequest, root: str, rest: list[Segment]) -> SimResponse:
        if not self._environment.companies:
            return _empty(f"{root}/$metadata#companies")
        collection = self._company_collection(root)
        if rest == [Segment(_COUNT)] and request.method == "GET":
            return collection.count(request)
        if rest:
            raise segment_not_found(rest[0].name)
        if request.method != "GET":
            raise method_not_allowed(request.method, "companies", "Collection")
        return collection.read(request)

    def _one_company(self, request: SimRequest, root: str, company: Company) -> SimResponse:
        if request.method != "GET":
            raise method_not_allowed(request.method, "companies", "Entity")
        return self._company_collection(root).single(request, company.row)

    def _company_collection(self, root: str) -> Collection:
        companies = sorted(self._environment.companies.values(), key=lambda each: each.name)
        return Collection(
            company=companies[0],
            schema=COMPANIES,
            source=[each.row for each in companies],
            version_of=lambda _: None,
            root=root,
            path="companies",
        )

    def _below(
        self, request: SimRequest, company: Company, root: str, segments: list[Segment]
    ) -> SimResponse:
        schema = _known_set(segments[0].name)
        path = f"companies({company.id})/{schema.name}"
        self._access.require(schema, request.method)
        collection = table_collection(company, schema, root=root, path=path)
        match segments:
            case [Segment(key=None)]:
                return self._collection(request, collection)
            case [Segment(key=None), Segment(name="$count", key=None)]:
                return _get_count(request, collection)
            case [Segment(key=str(key))]:
                return self._record(request, collection, key)
            case [Segment(key=str(key)), *rest]:
                return self._navigation(request, collection, key, rest)
            case _:
                raise segment_not_found(segments[1].name)

    def _collection(self, request: SimRequest, collection: Collection) -> SimResponse:
        match request.method:
            case "GET":
                return collection.read(request)
            case "POST":
                return writing.insert(collection, request, self._environment.journal, self._now)
            case method:
                raise method_not_allowed(method, collection.schema.name, "Collection")

    def _record(self, request: SimRequest, collection: Collection, key: str) -> SimResponse:
        def row() -> Row:
            return _row_by_id(collection, key)

        journal = self._environment.journal
        match request.method:
            case "GET":
                return collection.single(request, row())
            case "PATCH":
                return writing.modify(collection, request, row, journal, self._now)
            case "DELETE":
                return writing.delete(collection, request, row, journal, self._now)
            case method:
                raise method_not_allowed(method, collection.schema.name, "Entity")

    def _navigation(
        self, request: SimRequest, collection: Collection, key: str, rest: list[Segment]
    ) -> SimResponse:
        schema, name = collection.schema, rest[0].name
        found = navigation(schema, name)
        if found is None:
            if name in schema.parts or name.startswith("Microsoft.NAV."):
                raise NotSimulatedError(f"'{name}' of {schema.name}")
            raise segment_not_found(name)
        if request.method != "GET" or rest[0].key is not None:
            raise NotSimulatedError(f"{request.method} on single records below {schema.name}")
        parent = _row_by_id(collection, key)
        related = related_collection(
            collection.company,
            parent,
            found,
            root=collection.root,
            path=f"{collection.path}({parent['id']})/{name}",
        )
        if rest[1:] == [Segment(_COUNT)] and not found.single:
            return related.count(request)
        if rest[1:]:
            raise segment_not_found(rest[1].name)
        if not found.single:
            return related.read(request)
        records = found.related(collection.company, parent)
        if not records:
            return SimResponse(status=204, headers={"OData-Version": "4.0"})
        return related.single(request, records[0])

    # --- ODataV4

    def _web_service(self, request: SimRequest, address: Address, root: str) -> SimResponse:
        if request.method != "GET":
            raise NotSimulatedError(f"{request.method} on web services")
        match address.segments:
            case (Segment(name="$metadata", key=None),):
                return metadata(SERVICE_NAMESPACE, self._access.published.values())
            case (Segment(name="Company", key=None),):
                return self._company_list(root)
            case (Segment(name="Company", key=str(key)), *rest) if rest:
                company = self._environment.company(parse_key(key, ("Name",))[0])
                if company is None:
                    raise company_not_found(key)
                return self._service(request, company, root, rest)
            case (Segment(name=name), *_) if name in self._access.published:
                company = self._named_company(request)
                return self._service(request, company, root, list(address.segments))
            case (Segment(name=name), *_) if name == "Company" or name.startswith("$"):
                raise NotSimulatedError(f"'{name}' of ODataV4 at this address")
            case (Segment(name=name), *_):
                raise segment_not_found(name)
            case _:
                return service_document(root, ["Company", *sorted(self._access.published)])

    def _service(
        self, request: SimRequest, company: Company, root: str, segments: list[Segment]
    ) -> SimResponse:
        schema = self._access.published.get(segments[0].name)
        if schema is None:
            raise segment_not_found(segments[0].name)
        self._access.require(schema, request.method)
        path = f"Company('{company.name.replace("'", "''")}')/{schema.name}"
        collection = table_collection(company, schema, root=root, path=path)
        match segments:
            case [Segment(key=None)]:
                return collection.read(request)
            case [Segment(key=None), Segment(name="$count", key=None)]:
                return collection.count(request)
            case [Segment(key=str(key))]:
                return collection.single(request, _row_by_key(company, schema, key))
            case _:
                raise segment_not_found(segments[1].name)

    def _company_list(self, root: str) -> SimResponse:
        companies = sorted(self._environment.companies.values(), key=lambda each: each.name)
        value = [
            {
                "Name": each.name,
                "Evaluation_Company": False,
                "Display_Name": each.row["displayName"],
                "Id": each.id,
                "Business_Profile_Id": each.row["businessProfileId"],
            }
            for each in companies
        ]
        body = {"@odata.context": f"{root}/$metadata#Company", "value": value}
        return SimResponse(
            status=200, body=body, headers=HEADERS, operations=len(value), kind="GET Company"
        )

    # --- companies

    def _company_by_id(self, key: str) -> Company:
        record_id = _guid(key)
        company = self._environment.companies.get(record_id)
        if company is None:
            raise company_not_found(record_id)
        return company

    def _named_company(self, request: SimRequest) -> Company:
        name = request.parameter("company") or request.headers.get("Company", "")
        company = self._environment.company(name)
        if company is None:
            raise company_not_found(name)
        return company


def _empty(context: str) -> SimResponse:
    return SimResponse(
        status=200, body={"@odata.context": context, "value": []}, headers=HEADERS, operations=0
    )


def _known_set(name: str) -> EntitySet:
    if name in API_SETS:
        return API_SETS[name]
    if name in ALL_API_SETS or name.startswith("$"):
        raise NotSimulatedError(f"'{name}' of API v2.0")
    raise segment_not_found(name)


def _get_count(request: SimRequest, collection: Collection) -> SimResponse:
    if request.method != "GET":
        raise method_not_allowed(request.method, collection.schema.name, "Collection")
    return collection.count(request)


def _row_by_id(collection: Collection, key: str) -> Row:
    record_id = _guid(key)
    row = collection.company[collection.schema.name].get(record_id)
    if row is None:
        raise record_not_found(collection.schema.table, f"SystemId='{record_id}'")
    return row


def _guid(key: str) -> str:
    value = parse_key(key, ("id",))[0]
    if not GUID.fullmatch(value):
        raise bad_request(f"Cannot convert the literal '{value}' to the expected type 'Edm.Guid'.")
    return value.lower()


def _row_by_key(company: Company, schema: EntitySet, key: str) -> Row:
    parts = parse_key(key, schema.key_fields)
    fields = [schema.by_name[name] for name in schema.key_fields]
    row = company[schema.name].by_key(*map(_key_value, fields, parts))
    if row is None:
        raise record_not_found(schema.table, key)
    return row


def _key_value(field: Field, text: str) -> Any:
    if field.type is not Type.DECIMAL:
        return text.upper() if field.type is Type.CODE else text
    try:
        return float(text)
    except ValueError:
        raise bad_request(f"'{text}' is no number (property '{field.name}').") from None
