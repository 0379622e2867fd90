"""The conflict policies of a table mapping: the part of it that is changed most, by itself. Pure.

Nothing else about a mapping can be changed this way. A changed policy changes the mapping's
lineage, so the next pass compares all of its records, and conflicts that were held are settled by
the new policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from errors import RefusedRequestError
from sync.mapping import DeletionConflict, Direction, TableMapping, UpdateConflict
from sync.mapping_faults import Fault

WITHOUT_EFFECT = "policy-without-effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The conflict policies of one table mapping."""

    update_conflict: UpdateConflict
    deletion_conflict: DeletionConflict
    fields: Mapping[str, UpdateConflict] = field(default_factory=dict)
    """CRM column → who wins a conflict on it; the others go as ``update_conflict`` says."""


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
