"""Enabling a connection, putting it on hold, changing it, and taking it away.

    draft ──enable──▶ active ◀──enable── on hold ──remove──▶ deleting
                        └─────disable──────▲

Every change names the version of the connection that it was decided on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from connections.model import Connection, ConnectionState
from connections.store import ConnectionStore, StoredConnection
from errors import RefusedRequestError
from setup.model import Result, StepResult

_ORDERS_SHOWN = 5


class SetupIncompleteError(RefusedRequestError):
    """Checks of the setup guide failed; ``errors`` names each with what to do."""

    def __init__(self, results: Sequence[StepResult]) -> None:
        failed = [
            (each.step, finding)
            for each in results
            for finding in each.findings
            if finding.result is Result.FAILED
        ]
        steps = ", ".join(dict.fromkeys(step.value for step, _ in failed))
        super().__init__(
            409,
            "setup-incomplete",
            f"The connection cannot be enabled: {len(failed)} checks failed (steps: {steps}).",
            hint="Do what each finding tells, then enable the connection again.",
        )
        self.errors = tuple(
            {
                "member": f"{step.value}/{finding.check}",
                "message": f"{finding.message} {finding.hint}".strip(),
            }
            for step, finding in failed
        )


class Lifecycle:
    """Changes of one connection's state and settings."""

    def __init__(
        self,
        connections: ConnectionStore,
        *,
        is_run_active: Callable[[], bool],
        waiting_orders: Callable[[], list[str]],
    ) -> None:
        """``waiting_orders``: numbers of CRM's submitted orders, which Business Central is to
        have; asked only where the connection takes orders over."""
        self._connections = connections
        self._is_run_active = is_run_active
        self._waiting_orders = waiting_orders

    def enable(self, stored: StoredConnection, results: Sequence[StepResult]) -> StoredConnection:
        """Enable a connection whose checks passed; one that is enabled stays so.

        Raises ``SetupIncompleteError`` (409) where a check failed, ``RefusedRequestError`` (409)
        where the connection is being deleted, (412) where it was changed since it was checked.
        """
        connection = stored.connection
        _require_not_deleting(connection)
        if any(each.result is Result.FAILED for each in results):
            raise SetupIncompleteError(results)
        if connection.state is ConnectionState.ACTIVE:
            return stored
        active = replace(connection, state=ConnectionState.ACTIVE, hold_reason="")
        return self._connections.change(stored, active)

    def disable(self, stored: StoredConnection, reason: str) -> StoredConnection:
        """Put a connection on hold; one that is on hold stays so, for the new reason.

        The state is written before runs are looked for, and a start looks at the state after it
        stored its run, so one of two that meet always sees the other:

            this call                           a start of a full synchronization
                                                reads the state: active
            writes the state: on hold
            looks for a run: none
                                                stores its run
                                                reads the state: on hold, cancels its run

        Raises ``RefusedRequestError`` (409) where a run is in process or orders wait, which would
        be stranded; (412) where the connection was changed since it was read.
        """
        connection = stored.connection
        _require_not_deleting(connection)
        if connection.options.sales_orders:
            _refuse_waiting(self._waiting_orders())
        held = replace(connection, state=ConnectionState.ON_HOLD, hold_reason=reason)
        changed = self._connections.change(stored, held)
        if self._is_run_active():
            self._connections.change(changed, connection)
            raise RefusedRequestError(
                409,
                "run-active",
                "A full synchronization of this connection is in process; put on hold now, it "
                "would leave records that it created without their couplings.",
                hint="Wait for its end, or cancel it first.",
            )
        return changed

    def change(self, stored: StoredConnection, wanted: Connection) -> StoredConnection:
        """Store other settings.

        Which company and organization are connected can be changed only until the connection is
        enabled first: its couplings belong to them. Raises ``RefusedRequestError`` (409) for that
        and for an enabled connection, (412) where it was changed since it was read.
        """
        present = stored.connection
        _require_not_deleting(present)
        if present.state is ConnectionState.ACTIVE:
            raise RefusedRequestError(
                409,
                "connection-active",
                f"The connection {present.connection_id!r} is enabled.",
                hint="Disable it, change it, and enable it again: it is checked anew then.",
            )
        if present.state is not ConnectionState.DRAFT and _ends(present) != _ends(wanted):
            raise RefusedRequestError(
                409,
                "connection-has-couplings",
                "The connection's couplings belong to its company and CRM organization, which "
                "therefore cannot be replaced.",
                hint="Create another connection for the other company or organization.",
            )
        return self._connections.change(
            stored,
            replace(
                wanted,
                state=present.state,
                hold_reason=present.hold_reason,
                incremental=present.incremental,
                created_at=present.created_at,
                created_by=present.created_by,
            ),
        )

    def begin_removal(self, stored: StoredConnection) -> StoredConnection:
        """Mark a connection as being deleted; marked already it stays so.

        Raises ``RefusedRequestError`` (409) where it is enabled, (412) where it was changed since
        it was read.
        """
        connection = stored.connection
        if connection.state is ConnectionState.DELETING:
            return stored
        if connection.state is ConnectionState.ACTIVE:
            raise RefusedRequestError(
                409,
                "connection-active",
                f"The connection {connection.connection_id!r} is enabled.",
                hint="Disable it first.",
            )
        deleting = replace(connection, state=ConnectionState.DELETING)
        return self._connections.change(stored, deleting)


def _ends(connection: Connection) -> tuple[str, str, str]:
    side = connection.business_central
    return side.url, side.company, connection.crm.url


def _refuse_waiting(orders: list[str]) -> None:
    if not orders:
        return
    shown = ", ".join(orders[:_ORDERS_SHOWN]) + (" …" if len(orders) > _ORDERS_SHOWN else "")
    raise RefusedRequestError(
        409,
        "orders-waiting",
        f"{len(orders)} submitted orders in Dynamics 365 Sales wait for Business Central: {shown}.",
        hint="Have them taken over, or cancel them in Dynamics 365 Sales, then disable the "
        "connection.",
    )


def _require_not_deleting(connection: Connection) -> None:
    if connection.state is ConnectionState.DELETING:
        raise RefusedRequestError(
            409,
            "connection-deleting",
            f"The connection {connection.connection_id!r} is being deleted.",
        )
