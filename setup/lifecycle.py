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
        refusal: Callable[[], str],
        forget_refusal: Callable[[], None],
    ) -> None:
        """``waiting_orders``: numbers of CRM's submitted orders, which Business Central is to
        have; asked only where the connection takes orders over. ``refusal``: why the connection is
        of no use any more, as far as is known now; empty where it is not. ``forget_refusal``: what
        stopped its passes is mended."""
        self._connections = connections
        self._is_run_active = is_run_active
        self._waiting_orders = waiting_orders
        self._refusal = refusal
        self._forget_refusal = forget_refusal

    def enable(self, stored: StoredConnection, results: Sequence[StepResult]) -> StoredConnection:
        """Enable a connection whose checks passed; one that is enabled stays so, and is written
        all the same: see ``hold_refused``.

        Raises ``SetupIncompleteError`` (409) where a check failed, ``RefusedRequestError`` (409)
        where the connection is being deleted, (412) where it was changed since it was checked.
        """
        connection = stored.connection
        _require_not_deleting(connection)
        if any(each.result is Result.FAILED for each in results):
            raise SetupIncompleteError(results)
        self._forget_refusal()
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
        return self._hold(stored, reason)

    def is_to_be_held(self, stored: StoredConnection) -> bool:
        """Whether ``hold_refused`` has anything to do, as far as is known now."""
        is_active = stored.connection.state is ConnectionState.ACTIVE
        return is_active and bool(self._refusal()) and not self._is_run_active()

    def hold_refused(self, stored: StoredConnection) -> StoredConnection | None:
        """Put an enabled connection on hold because a service refuses it for good; None where
        none does. Submitted orders do not count: nothing can take them over any more.

        The connection was read before its refusal is looked at. Whoever enables it or gives it
        other credentials forgets the refusal first and writes the connection then, so of two that
        meet one is refused, or sees the other:

            this call                           an administrator
            connection read: version 1
                                                checks pass: forgets the refusal
            looks for a refusal: none, ends
                                                writes version 2

            connection read: version 1
            looks for a refusal: there is one
                                                checks pass: forgets it, writes version 2
            writes on hold over version 1: refused

            connection read, refusal there
            writes on hold over version 1
                                                checks passed: forgets the refusal, writes over
                                                version 1: refused (412), is told to look again

        A pass that works at the same moment only forgets the refusal, so that is looked for once
        more after the writing:

            this call                           a pass
            looks for a refusal: there is one
                                                works: forgets the refusal
            writes on hold
            looks for a refusal: none,
            writes active again

        Raises ``RefusedRequestError`` as ``disable``.
        """
        reason = self._refusal()
        if not reason or stored.connection.state is not ConnectionState.ACTIVE:
            return None
        held = self._hold(stored, reason)
        if self._refusal():
            return held
        self._connections.change(held, stored.connection)
        return None

    def rotate(self, stored: StoredConnection, wanted: Connection) -> StoredConnection:
        """Store credentials that both services took; raises ``RefusedRequestError`` (412) where
        the connection was changed since it was read."""
        self._forget_refusal()
        return self._connections.change(stored, wanted)

    def _hold(self, stored: StoredConnection, reason: str) -> StoredConnection:
        connection = stored.connection
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
