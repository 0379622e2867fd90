"""Everybody whom Entra ID knows: the applications and people of its tenants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local.simulators.core.simulator import SeedError
from local.simulators.entra.clients import Client, client_from
from local.simulators.entra.users import User, user_from


class Directory:
    """Looks up applications and people; ids and names without regard to case."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Client] = {}
        self._users: dict[tuple[str, str], User] = {}

    def add(self, clients: Iterable[dict[str, Any]], users: Iterable[dict[str, Any]]) -> None:
        """Register rows, in the place of those of their names; raises ``SeedError``, none."""
        read_clients = [client_from(row) for row in clients]
        read_users = [user_from(row) for row in users]
        self._clients |= {(each.tenant, each.client_id): each for each in read_clients}
        self._users |= {(each.tenant, each.sign_in_name): each for each in read_users}

    def clear(self) -> None:
        """Forget everybody."""
        self._clients.clear()
        self._users.clear()

    @property
    def clients(self) -> Iterable[Client]:
        return self._clients.values()

    @property
    def users(self) -> Iterable[User]:
        return self._users.values()

    def knows(self, tenant: str) -> bool:
        """Whether any application is registered in a tenant."""
        return any(known == tenant for known, _ in self._clients)

    def client(self, tenant: str, client_id: str) -> Client | None:
        return self._clients.get((tenant, client_id.lower()))

    def user(self, tenant: str, sign_in_name: str) -> User | None:
        return self._users.get((tenant, sign_in_name.lower()))

    def user_named(self, tenant: str, sign_in_name: str) -> User:
        """The person; raises ``SeedError`` where there is none."""
        user = self.user(tenant, sign_in_name)
        if user is None:
            raise SeedError(f"tenant {tenant} has no user {sign_in_name!r}")
        return user
