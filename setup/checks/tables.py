"""Step ``tables``: each CRM table, its change tracking, and the privileges on it, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.dataverse_administration import TableDefinition
from setup.checks.findings import Trouble, failed, failed_by, passed, warning
from setup.model import Finding
from setup.needs import Access, CrmNeed

TABLE = "table-exists"
TRACKING = "change-tracking"
PRIVILEGES = "privileges"
TEAM = "owning-team"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    needs: tuple[CrmNeed, ...]
    tables: Mapping[str, TableDefinition | Trouble | None]
    """By logical name."""
    privileges: frozenset[str] | Trouble
    """The names of the synchronization user's privileges."""
    team_id: str = ""
    """Of the team that is to own new records, where one is."""
    team: str | Trouble | None = None
    """Its name, None where there is no such team."""
    team_privileges: frozenset[str] | Trouble = frozenset()
    """The names of the privileges that its roles give it."""


def check_tables(facts: TableFacts) -> list[Finding]:
    found = _team(facts) if facts.team_id else []
    if isinstance(facts.privileges, Trouble):
        found.append(failed_by(PRIVILEGES, "", facts.privileges))
    for need in facts.needs:
        table = facts.tables[need.table]
        used = f"needed by {', '.join(need.used_by)}"
        if isinstance(table, Trouble):
            found.append(failed_by(TABLE, need.table, table))
            continue
        if table is None:
            found.append(
                failed(
                    TABLE,
                    need.table,
                    f"The organization has no table {need.table} ({used}).",
                    "Install the app that brings it, or disable those table mappings.",
                )
            )
            continue
        if need.is_mapped:
            found.append(_tracking(table))
        if not isinstance(facts.privileges, Trouble):
            found.append(privileges_finding(need, table, facts.privileges, used))
    return found


def privileges_finding(
    need: CrmNeed, table: TableDefinition, held: frozenset[str], used: str, *, whose: str = ""
) -> Finding:
    """Which privileges on a table are missing, by CRM's own names.

    A kind of access that the table has no privilege for is not restricted. ``whose``: the user's
    name, where it is not the synchronization user.
    """
    wanted = {
        access: table.privileges[access.value]
        for access in need.access
        if access.value in table.privileges
    }
    missing = [f"{access.value} ({name})" for access, name in wanted.items() if name not in held]
    if missing:
        return failed(
            PRIVILEGES,
            need.table,
            f"{whose or 'The synchronization user'} lacks on the table {need.table}: "
            f"{', '.join(missing)} ({used}).",
            f"Add {'it' if len(missing) == 1 else 'them'} for the organization to a role of the "
            "user. The CRM solution's role Coupler Integration User has all that the default table "
            "mappings need.",
        )
    return passed(PRIVILEGES, need.table, f"{', '.join(wanted.values())} ({used}).")


def _team(facts: TableFacts) -> list[Finding]:
    if isinstance(facts.team, Trouble):
        return [failed_by(TEAM, facts.team_id, facts.team)]
    if facts.team is None:
        return [
            failed(
                TEAM,
                facts.team_id,
                f"The organization has no team {facts.team_id}, which is to own new records.",
                "Give options.team_id the id of a team of type Owner in Dynamics 365 Sales, or "
                "have persons own the records.",
            )
        ]
    if isinstance(facts.team_privileges, Trouble):
        return [failed_by(TEAM, facts.team, facts.team_privileges)]
    lacking = [name for name in _read_by_owners(facts) if name not in facts.team_privileges]
    if lacking:
        return [
            failed(
                TEAM,
                facts.team,
                f"The team {facts.team} is to own new records and may not read them: it lacks "
                f"{', '.join(lacking)}.",
                "Give the team a role with these privileges: CRM lets nobody own what they may "
                "not read.",
            )
        ]
    return [passed(TEAM, facts.team, f"The team {facts.team} owns new records.")]


def _read_by_owners(facts: TableFacts) -> list[str]:
    """The privileges to read the tables whose records are created and have owners."""
    owned = [
        table
        for need in facts.needs
        if Access.CREATE in need.access
        and isinstance(table := facts.tables[need.table], TableDefinition)
        and Access.ASSIGN.value in table.privileges
    ]
    return list(dict.fromkeys(table.privileges[Access.READ.value] for table in owned))


def _tracking(table: TableDefinition) -> Finding:
    if table.tracks_changes:
        return passed(TRACKING, table.name, "Changes are tracked.")
    return warning(
        TRACKING,
        table.name,
        f"Changes of the table {table.name} are not tracked, so every pass reads all of it.",
        "Tick Track changes in the table's properties in Power Apps (Advanced options).",
    )
