"""Errors of the storage SDKs as the families of ``errors``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.data.tables import RequestTooLargeError, TableTransactionError

from errors import (
    AuthorizationError,
    ConfigurationError,
    CouplerError,
    RecordError,
    ThrottledError,
    TransientError,
)
from storage.rows import RowChangedError, RowExistsError, TransactionRefusedError

_BUSY_SECONDS = 5.0
"""Wait before work on a busy table is tried again, where the service does not say."""


def is_missing_row(error: AzureError) -> bool:
    """True where the table is there and the row is not."""
    return isinstance(error, ResourceNotFoundError) and _code(error) != "TableNotFound"


def translated(
    error: AzureError,
    table: str,
    key: tuple[str, ...],
    *,
    transaction: Sequence[tuple[str, ...]] | None = None,
) -> CouplerError:
    """The error of the family whose remedy fits, naming table and row.

    ``transaction``: the keys of all operations, where several were sent at once.
    """
    if transaction is not None and isinstance(error, TableTransactionError):
        refused = _refused_transaction(error, table, transaction)
        if refused:
            return refused
    row = f"row {'~'.join(key)} of table {table}" if key else f"table {table}"
    code = _code(error)
    if code == "EntityAlreadyExists":
        return RowExistsError("row-exists", f"The {row} already exists.")
    if code in ("UpdateConditionNotSatisfied", "ConditionNotMet"):
        return RowChangedError("row-changed", f"The {row} was changed by somebody else.")
    if code == "TableNotFound":
        return ConfigurationError(
            "table-missing",
            f"The storage table {table} does not exist.",
            hint="It is created when the application starts: restart the function app.",
        )
    if isinstance(error, ResourceNotFoundError):
        return RowChangedError("row-missing", f"The {row} no longer exists.")
    return _by_status(error, row)


def _refused_transaction(
    error: TableTransactionError, table: str, keys: Sequence[tuple[str, ...]]
) -> CouplerError | None:
    """The refusal, where a condition of one operation was the reason."""
    if isinstance(error, RequestTooLargeError):
        return RecordError(
            "rows-too-large", f"The rows for table {table} are too large for one transaction."
        )
    reasons = {
        "EntityAlreadyExists": "already exists",
        "UpdateConditionNotSatisfied": "was changed by somebody else",
        "ConditionNotMet": "was changed by somebody else",
        "ResourceNotFound": "no longer exists",
        "EntityNotFound": "no longer exists",
    }
    reason = reasons.get(_code(error))
    if reason is None:
        return None
    index = error.index if 0 <= error.index < len(keys) else 0
    return TransactionRefusedError(
        "transaction-refused",
        f"Nothing was written to table {table}: the row {'~'.join(keys[index])} {reason}.",
        index=index,
    )


def _by_status(error: AzureError, row: str) -> CouplerError:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if isinstance(error, ClientAuthenticationError) or status in (401, 403):
        return AuthorizationError(
            "storage-forbidden",
            f"The storage account refused access to {row}.",
            hint="Check AzureWebJobsStorage, or grant the application's identity the roles Storage "
            "Table Data Contributor and Storage Queue Data Contributor.",
        )
    if status in (429, 503):
        return ThrottledError(
            "storage-busy",
            f"The storage account is too busy for {row}.",
            retry_after=_retry_after(error),
        )
    if status is None or status >= 500 or status == 408:
        return TransientError(
            "storage-unavailable",
            f"The storage account did not answer for {row}.",
            hint="The work is tried again; if this lasts, check AzureWebJobsStorage.",
        )
    if _code(error) in ("EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge"):
        return RecordError("row-too-large", f"The {row} is larger than the table can hold.")
    return CouplerError(
        "storage-refused", f"The storage account refused {row} ({status} {_code(error)})."
    )


def _retry_after(error: AzureError) -> float:
    response = getattr(error, "response", None)
    header = response.headers.get("Retry-After", "") if response is not None else ""
    return float(header) if header.isdigit() else _BUSY_SECONDS


def _code(error: AzureError) -> str:
    """The service's error code, empty where there is none."""
    code = getattr(error, "error_code", None)
    if code is not None:
        return str(getattr(code, "value", code))
    # of an insert the SDK raises the error as it came, with the code still in the body
    response = error.response if isinstance(error, HttpResponseError) else None
    if response is None:
        return ""
    try:
        content = json.loads(response.text())
    except ValueError:
        return ""
    match content:
        case {"odata.error": {"code": str(found)}}:
            return found
    return ""
