"""An import of the CRM solution as the API shows it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.sign_in import SignIn
from setup.solution.model import SolutionImport


def import_document(connection_id: str, value: SolutionImport) -> dict[str, Any]:
    """How the import goes; nothing of who signed in."""
    return {
        "connection_id": connection_id,
        "state": value.state.value,
        "progress": value.progress,
        "version": value.version,
        "roles": list(value.roles),
        "began_at": _shown(value.began_at),
        "changed_at": _shown(value.changed_at),
        "problem": asdict(value.problem) if value.problem else None,
    }


def sign_in_document(sign_in: SignIn) -> dict[str, Any]:
    """What the person enters and where, and what the caller keeps to be given the token."""
    return {
        "user_code": sign_in.user_code,
        "verification_uri": sign_in.verification_uri,
        "device_code": sign_in.device_code,
        "interval": sign_in.interval,
        "expires_in": sign_in.expires_in,
    }


def _shown(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
