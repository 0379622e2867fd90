"""The secrets of one vault: versions, attributes, soft delete."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVersion:
    """One value that a secret had; attributes are in the API's own words, times in Unix seconds."""

    name: str
    version: str
    value: str
    attributes: dict[str, Any]
    content_type: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        """Whether it may be read."""
        return bool(self.attributes["enabled"])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedSecret:
    """A deleted secret that can still be recovered."""

    versions: list[SecretVersion]
    deleted_at: int


class SecretStore:
    """Secrets by name; names compare without regard to case."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._live: dict[str, list[SecretVersion]] = {}
        self._deleted: dict[str, DeletedSecret] = {}

    def set(
        self,
        name: str,
        value: str,
        *,
        attributes: dict[str, Any] | None = None,
        content_type: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> SecretVersion:
        """Add a version, which becomes the latest."""
        now = int(self._clock())
        made = {"enabled": True, **(attributes or {}), "created": now, "updated": now}
        version = SecretVersion(
            name=name,
            version=uuid.uuid4().hex,
            value=value,
            attributes=made | {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90},
            content_type=content_type,
            tags=tags or {},
        )
        self._live.setdefault(name.lower(), []).append(version)
        return version

    def versions(self, name: str) -> list[SecretVersion]:
        """All versions, the latest last; empty for an unknown name."""
        return list(self._live.get(name.lower(), ()))

    def find(self, name: str, version: str = "") -> SecretVersion | None:
        """One version, the latest where none is named."""
        versions = self.versions(name)
        if not version:
            return versions[-1] if versions else None
        return next((found for found in versions if found.version == version), None)

    def latest(self) -> list[SecretVersion]:
        """The latest version of every secret, by name."""
        return [self._live[name][-1] for name in sorted(self._live)]

    def delete(self, name: str) -> DeletedSecret | None:
        """Delete a secret with all versions, recoverably; None for an unknown name."""
        versions = self._live.pop(name.lower(), None)
        if versions is None:
            return None
        deleted = DeletedSecret(versions=versions, deleted_at=int(self._clock()))
        self._deleted[name.lower()] = deleted
        return deleted

    def deleted(self, name: str) -> DeletedSecret | None:
        """A deleted secret that was neither purged nor recovered."""
        return self._deleted.get(name.lower())

    def purge(self, name: str) -> bool:
        """Forget a deleted secret for good; False where there is none."""
        return self._deleted.pop(name.lower(), None) is not None

    def recover(self, name: str) -> SecretVersion | None:
        """Bring a deleted secret back; None where there is none."""
        deleted = self._deleted.pop(name.lower(), None)
        if deleted is None:
            return None
        self._live[name.lower()] = deleted.versions
        return deleted.versions[-1]

    def clear(self) -> None:
        """Forget everything."""
        self._live.clear()
        self._deleted.clear()
