"""The conflict policies of a connection: what the defaults of a table mapping are changed to.

A stored policy replaces the mapping's own; nothing else about a mapping can be changed this way. A
changed policy changes the mapping's lineage, so the next pass compares all of its records, and
conflicts that were held are settled by the new policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from errors import RefusedRequestError
from storage.columns import Columns
from storage.rows import Row, RowChangedError, RowExistsError, Value
from storage.tables import TenantTable
from sync.mapping import DeletionConflict, Direction, TableMapping, UpdateConflict
from sync.mapping_faults import Fault

WITHOUT_EFFECT = "policy-without-effect"

NOT_STORED = '"0"'
"""The version of policies that nobody changed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The conflict policies of one table mapping."""

    update_conflict: UpdateConflict
    deletion_conflict: DeletionConflict
    fields: Mapping[str, UpdateConflict] = field(default_factory=dict)
    """CRM column → who wins a conflict on it; the others go as ``update_conflict`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPolicies:
    policies: Policies
    etag: str
    """What a change must name; ``NOT_STORED`` where these are the mapping's own."""


def policies_of(mapping: TableMapping) -> Policies:
    """The policies that the mapping has now."""
    return Policies(
        update_conflict=mapping.update_conflict,
        deletion_conflict=mapping.deletion_conflict,
        fields={each.crm: each.update_conflict for each in mapping.fields if each.update_conflict},
    )


def apply(mapping: TableMapping, policies: Policies) -> TableMapping:
    """The mapping with these policies; one that names a field no more is left out."""
    fields = tuple(
        replace(each, update_conflict=policies.fields.get(each.crm)) for each in mapping.fields
    )
    return replace(
        mapping,
        update_conflict=policies.update_conflict,
        deletion_conflict=policies.deletion_conflict,
        fields=fields,
    )


def policy_faults(mapping: TableMapping) -> list[Fault]:
    """The policies of the mapping that could do nothing."""
    faults = []
    two_way = {each.crm for each in mapping.fields if each.direction is Direction.BOTH}
    if mapping.update_conflict is not UpdateConflict.KEEP_BOTH and not two_way:
        message = "no field is synchronized both ways, so none has update conflicts"
        faults.append(Fault(path="update_conflict", code=WITHOUT_EFFECT, message=message))
    for n, each in enumerate(mapping.fields):
        if each.update_conflict and each.crm not in two_way:
            path = f"fields[{n}].update_conflict"
            message = f"{each.crm} is not synchronized both ways, so it has no update conflicts"
            faults.append(Fault(path=path, code=WITHOUT_EFFECT, message=message))
    creates = mapping.creates_in_bc or mapping.creates_in_crm
    if mapping.deletion_conflict is DeletionConflict.RESTORE and not creates:
        message = "the mapping creates records on neither side, so it restores none"
        faults.append(Fault(path="deletion_conflict", code=WITHOUT_EFFECT, message=message))
    return faults


def check(mapping: TableMapping, policies: Policies) -> None:
    """Raise ``RefusedRequestError`` (422) for policies that could do nothing on this mapping."""
    two_way = {each.crm for each in mapping.fields if each.direction is Direction.BOTH}
    for column in policies.fields:
        if column not in two_way:
            known = ", ".join(sorted(two_way)) or "none"
            raise RefusedRequestError(
                422,
                "policy-field-unknown",
                f"{column!r} is not a CRM column that {mapping.name} synchronizes both ways.",
                hint=f"Columns that can have a policy: {known}.",
            )
    for fault in policy_faults(apply(mapping, policies)):
        message = f"{fault.path} of {mapping.name}: {fault.message}."
        raise RefusedRequestError(422, fault.code, message)


class PolicyStore:
    """The changed policies of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._connection = connection_id

    def load(self, mapping: TableMapping) -> StoredPolicies:
        """The policies that count for the mapping; one point read."""
        row = self._table.get((self._connection,), (mapping.name,))
        if row is None:
            return StoredPolicies(policies=policies_of(mapping), etag=NOT_STORED)
        return StoredPolicies(policies=_policies_of_row(row), etag=row.etag)

    def applied(self, mapping: TableMapping) -> TableMapping:
        """The mapping as it is for this connection; one point read."""
        stored = self.load(mapping)
        return mapping if stored.etag == NOT_STORED else apply(mapping, stored.policies)

    def save(self, mapping: TableMapping, policies: Policies, etag: str) -> StoredPolicies:
        """Store policies in place of those of that version.

        Raises ``RefusedRequestError``: 422 as ``check``; 412 where they were changed since, also
        where that was this very change and its answer was lost.
        """
        check(mapping, policies)
        row = Row(partition=(self._connection,), key=(mapping.name,), values=_values(policies))
        try:
            if etag == NOT_STORED:
                stored = self._table.insert(row)
            else:
                stored = self._table.replace(row, etag)
        except (RowExistsError, RowChangedError) as error:
            raise RefusedRequestError(
                412,
                "policies-changed",
                f"The policies of {mapping.name} were changed since you read them.",
                hint="Read them again, then repeat the change if it is still wanted.",
            ) from error
        return StoredPolicies(policies=policies, etag=stored.etag)


def _values(policies: Policies) -> dict[str, Value]:
    return {
        "update_conflict": policies.update_conflict.value,
        "deletion_conflict": policies.deletion_conflict.value,
        "fields": json.dumps({name: each.value for name, each in policies.fields.items()}),
    }


def _policies_of_row(row: Row) -> Policies:
    columns = Columns(row)
    fields = json.loads(columns.text("fields"))
    return Policies(
        update_conflict=UpdateConflict(columns.text("update_conflict")),
        deletion_conflict=DeletionConflict(columns.text("deletion_conflict")),
        fields={name: UpdateConflict(value) for name, value in fields.items()},
    )
