"""The refusals of the Web API: HTTP status, Dataverse error code, text.

The wording follows Microsoft's documentation where it is documented; the code is what a client may
rely on.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from local.simulators.core.messages import SimResponse

_PAYLOAD_HELP = "Error identified in Payload provided by the user for Entity :'{}'"


class DataverseError(Exception):
    """A refusal, as the client sees it."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"code": self.code, "message": self.message}}


def injected(response: SimResponse) -> DataverseError:
    """What a planned fault answers to a part of a batch."""
    error = orjson.loads(response.payload())["error"]
    return DataverseError(response.status, error["code"], error["message"], dict(response.headers))


def not_implemented(what: str) -> DataverseError:
    """What the simulator does not imitate; it never guesses."""
    return DataverseError(501, "0x80060888", f"This simulator does not implement {what}.")


def not_a_member() -> DataverseError:
    """A token of somebody who is no user of the organization."""
    return DataverseError(403, "0x80072560", "The user is not a member of the organization.")


def user_disabled(user_id: str, organization_id: str) -> DataverseError:
    """A user who may not sign in."""
    message = (
        f"The user with SystemUserId={user_id} in OrganizationContext={organization_id} is "
        "disabled. Consider enabling this user."
    )
    return DataverseError(403, "0x80041d1f", message)


def administration_mode() -> DataverseError:
    """Everybody but administrators while an organization is being administered. The service's own
    code and text are not documented."""
    message = (
        "The organization is in administration mode. Only users with the System Administrator or "
        "System Customizer security role can sign in."
    )
    return DataverseError(403, "0x0", message)


def no_roles(user_id: str, privilege: str) -> DataverseError:
    """A user without any role."""
    message = (
        f"The user with id {user_id} has not been assigned any roles. They need a role with the "
        f"{privilege} privilege."
    )
    return DataverseError(403, "0x80042f09", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class LackedPrivilege:
    """A privilege that somebody would need."""

    name: str
    privilege_id: str
    table: str
    type_code: int


def missing_privilege(principal: str, caller_id: str, lacked: LackedPrivilege) -> DataverseError:
    """A user or a team without a privilege."""
    message = (
        f"Principal {principal}, is missing {lacked.name} privilege (Id={lacked.privilege_id}) on "
        f"OTC={lacked.type_code} for entity '{lacked.table}'. context.Caller={caller_id}. Consider "
        "adding missed privilege to one of the principal (user/team) roles."
    )
    return DataverseError(403, "0x80040220", message)


def record_not_found(table: str, record_id: str) -> DataverseError:
    """No row of that id."""
    return DataverseError(404, "0x80040217", f"{table} With Id = {record_id} Does Not Exist")


def records_not_found(table: str, record_id: str) -> DataverseError:
    """No row of that id, in the words of a bulk message."""
    return DataverseError(404, "0x80040217", f"{table} With Ids = {record_id} Do Not Exist")


def alternate_key_not_found(table: str) -> DataverseError:
    """No row of that alternate key."""
    message = f"A record with the specified key values does not exist in {table} entity"
    return DataverseError(404, "0x80060891", message)


def duplicate_key() -> DataverseError:
    """A row of that id or of those unique values is there already."""
    message = "A record with matching key values already exists."
    return DataverseError(412, "0x80040237", message)


def duplicate_alternate_key(columns: tuple[str, ...]) -> DataverseError:
    """A row of those alternate key values is there already."""
    message = f"Entity Key violated. A record with the same value for {', '.join(columns)} exists."
    return DataverseError(412, "0x80060892", message)


def version_mismatch() -> DataverseError:
    """The row has another version than the client asked for."""
    message = "The version of the existing record doesn't match the RowVersion property provided."
    return DataverseError(412, "0x80060882", message)


def in_use(table: str, record_id: str, by: str) -> DataverseError:
    """The row cannot be deleted, because others refer to it."""
    message = (
        f"The {table} record {record_id} cannot be deleted because it is associated with "
        f"another record ({by})."
    )
    return DataverseError(405, "0x80040227", message)


def invalid_payload(table: str, reason: str) -> DataverseError:
    """The body does not fit the type."""
    message = f"{_PAYLOAD_HELP.format(table)} ----> InnerException : {reason}"
    return DataverseError(400, "0x80048d19", message)


def unknown_payload_property(table: str, name: str) -> DataverseError:
    """A property that the table does not have."""
    return invalid_payload(
        table,
        f"Microsoft.OData.ODataException: The property '{name}' does not exist on type "
        f"'Microsoft.Dynamics.CRM.{table}'. Make sure to only use property names that are defined "
        "by the type.",
    )


def undeclared_bind(table: str, name: str) -> DataverseError:
    """A binding to a navigation property that the table does not have."""
    return invalid_payload(
        table,
        f"Microsoft.OData.ODataException: An undeclared property '{name}' which only has property "
        "annotations in the payload but no property value was found in the payload. In OData, only "
        "declared navigation properties and declared named streams can be represented as "
        "properties without values.",
    )


def wrong_type(table: str, name: str, value: object, expected: str) -> DataverseError:
    """A JSON value of the wrong type."""
    return invalid_payload(
        table,
        f"Microsoft.OData.ODataException: Cannot convert the literal '{value}' of property "
        f"'{name}' to the expected type '{expected}'.",
    )


def too_long(table: str, name: str, length: int) -> DataverseError:
    """Text longer than its column."""
    message = (
        f"A validation error occurred.  The length of the '{name}' attribute of the '{table}' "
        f"entity exceeded the maximum allowed length of '{length}'."
    )
    return DataverseError(400, "0x80044331", message)


def out_of_range(table: str, name: str, value: object) -> DataverseError:
    """A number outside the range of its column."""
    message = (
        f"A validation error occurred.  The value {value} of '{name}' on record of type '{table}' "
        "is outside the valid range."
    )
    return DataverseError(400, "0x80044330", message)


def unknown_option(table: str, name: str, value: object, accepted: str) -> DataverseError:
    """A number that is no option of its column."""
    message = (
        f"A validation error occurred.  The value {value} of '{name}' on record of type '{table}' "
        f"is outside the valid range. Accepted Values: {accepted}"
    )
    return DataverseError(400, "0x8004431A", message)


def invalid_argument(message: str) -> DataverseError:
    """A rule of the platform is broken."""
    return DataverseError(400, "0x80040203", message)


def invalid_status(table: str, status: object, state: str, record_id: str | None) -> DataverseError:
    """A status that does not belong to the state."""
    message = (
        f"{status} is not a valid status code for state code {table.capitalize()}State.{state} "
        f"on {table} with Id {record_id}."
    )
    return DataverseError(400, "0x80048408", message)


def invalid_query(message: str) -> DataverseError:
    """A query option that is wrong or not supported by the Web API."""
    return DataverseError(400, "0x80060888", message)


def unknown_query_property(table: str, name: str) -> DataverseError:
    """A property in a query that the table does not have."""
    return invalid_query(
        f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'."
    )


def unknown_segment(name: str) -> DataverseError:
    """A path that the service does not have."""
    return DataverseError(404, "0x8006088a", f"Resource not found for the segment '{name}'.")
