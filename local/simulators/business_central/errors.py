"""The refusals of Business Central, in its own words and codes.

Codes and wording follow Microsoft's table of OData error codes; the messages of business rules
are those of the tables and API pages that raise them.
"""

from __future__ import annotations

from uuid import uuid4

from local.simulators.core.messages import SimResponse

ERROR_HEADERS = {"Content-Type": "application/json", "OData-Version": "4.0"}

_TABLE_NUMBERS = {
    "Payment Terms": 3,
    "Currency": 4,
    "Customer Price Group": 6,
    "Shipment Method": 10,
    "Salesperson/Purchaser": 13,
    "Customer": 18,
    "Item": 27,
    "Item Ledger Entry": 32,
    "Company Information": 79,
    "Resource": 156,
    "Unit of Measure": 204,
    "Currency Exchange Rate": 330,
    "Contact": 5050,
    "Contact Business Relation": 5054,
    "Opportunity": 5092,
    "Item Unit of Measure": 5404,
    "Item Category": 5722,
    "Sales Price": 7002,
}


class BcError(Exception):
    """A request that Business Central would refuse, with the status and code it would use."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> SimResponse:
        """The answer on the wire; every one names its own correlation id."""
        message = f"{self.message}  CorrelationId:  {uuid4()}."
        return SimResponse(
            status=self.status,
            body={"error": {"code": self.code, "message": message}},
            headers=ERROR_HEADERS,
            operations=0,
        )


class NotSimulatedError(Exception):
    """Something that Business Central can do and the simulator does not imitate (501)."""


def bad_request(message: str) -> BcError:
    """A request that cannot be understood."""
    return BcError(400, "BadRequest", message)


def dialog(message: str) -> BcError:
    """A business rule said no (AL ``Error``)."""
    return BcError(400, "Application_DialogException", message)


def field_check(message: str) -> BcError:
    """A business rule on one field said no (AL ``TestField``, ``FieldError``)."""
    return BcError(400, "Application_FieldValidationException", message)


def invalid_relation(caption: str, table: str, value: str, related: str) -> BcError:
    """A code that does not exist in the table it refers to."""
    return BcError(
        400,
        "Internal_InvalidTableRelation",
        f"The field {caption} of table {table} contains a value ({value}) that cannot be found "
        f"in the related table ({related}).",
    )


def segment_not_found(segment: str) -> BcError:
    """An address that names nothing."""
    return BcError(
        404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment}'."
    )


def record_not_found(table: str, key: str) -> BcError:
    """No record of that key."""
    return BcError(
        404,
        "Internal_RecordNotFound",
        f"The {table} does not exist. Identification fields and values: {key}",
    )


def company_not_found(name: str) -> BcError:
    """No company of that id or name, or none named where one is needed."""
    return BcError(
        404,
        "Internal_CompanyNotFound",
        f"Cannot process the request because the company '{name}' cannot be found.",
    )


def already_exists(table: str, key: str) -> BcError:
    """A second record of the same id or primary key."""
    return BcError(
        409,
        "Internal_EntityWithSameKeyExists",
        f"The {table} already exists. Identification fields and values: {key}",
    )


def method_not_allowed(method: str, segment: str, edm_type: str) -> BcError:
    """The entity set does not allow this kind of write."""
    return BcError(
        405,
        "BadRequest_MethodNotAllowed",
        f"'{method}' requests for '{segment}' of EdmType '{edm_type}' are not allowed within "
        "Dynamics 365 Business Central OData web services.",
    )


def missing_token() -> BcError:
    """A modification without a usable ``If-Match``."""
    return BcError(
        400,
        "BadRequest_InvalidToken",
        "Could not validate the client concurrency token required by the service. "
        "Please provide a valid token in the client request.",
    )


def entity_changed() -> BcError:
    """The record has another version than the caller read."""
    return BcError(409, "Request_EntityChanged", "Another user has already changed the record.")


def permission_missing(table: str, action: str) -> BcError:
    """The caller's permission sets do not allow an action on a table."""
    number = _TABLE_NUMBERS.get(table)
    where = f"{number} {table}" if number else table
    return BcError(
        403,
        "Internal_ServerError",
        "Sorry, the current permissions prevented the action. "
        f"(TableData {where} {action}: Base Application)",
    )


def rejected_credentials() -> BcError:
    """The token is not for this environment."""
    return BcError(
        401,
        "Authentication_InvalidCredentials",
        "The server has rejected the client credentials.",
    )


def too_many_requests(actual: int, maximum: int) -> BcError:
    """A limit of the environment is used up."""
    return BcError(
        429,
        "Application_TooManyRequests",
        f"Too many requests reached. Actual ({actual}). Maximum ({maximum}).",
    )
