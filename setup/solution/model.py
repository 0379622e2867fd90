"""How an import of the CRM solution goes, as it is kept between the calls that carry it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ImportState(StrEnum):
    NONE = "none"  # never begun
    STAGED = "staged"  # the organization checked the package
    IMPORTING = "importing"  # the organization works on it by itself
    IMPORTED = "imported"  # the solution is there, the roles are not assigned yet
    ROLES_ASSIGNED = "roles_assigned"  # the synchronization user has the roles
    FINISHED = "finished"  # verified
    FAILED = "failed"  # see the problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an import failed."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionImport:
    """The last import of one connection. Nothing in it is secret: tokens are never kept."""

    state: ImportState = ImportState.NONE
    progress: int = 0
    """Per cent of the organization's own work."""
    version: str = ""
    """Of the package."""
    digest: str = ""
    upload_id: str = ""
    import_job_id: str = ""
    """Chosen here, so that an import whose begin was not answered is found again."""
    operation_id: str = ""
    """Of the asynchronous operation; empty until its begin was answered."""
    roles: tuple[str, ...] = ()
    """The roles that were assigned."""
    began_at: datetime | None = None
    changed_at: datetime | None = None
    begun_by: str = ""
    """Subject of the caller."""
    problem: Problem | None = None

    @property
    def is_under_way(self) -> bool:
        """More calls carry it on."""
        return self.state not in (ImportState.NONE, ImportState.FINISHED, ImportState.FAILED)
