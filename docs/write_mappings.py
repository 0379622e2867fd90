"""Writes docs/mappings.md from the mapping data: ``python -m docs.write_mappings``."""

from __future__ import annotations

from pathlib import Path

from sync.dependencies import levels
from sync.mapping import (
    Compare,
    Direction,
    FieldMapping,
    LookupTarget,
    MatchField,
    TableMapping,
)
from sync.mappings import DEPENDENCIES, MAPPINGS
from sync.transformations import TRANSFORMATIONS

TARGET = Path(__file__).with_name("mappings.md")

_ARROW = {Direction.TO_CRM: "→", Direction.FROM_CRM: "←", Direction.BOTH: "↔"}

_HEAD = """# Table mappings

<!-- Written by `python -m docs.write_mappings` from the data in `sync/mappings/`. Do not edit. -->

What is kept equal between Business Central (BC) and Dynamics 365 Sales (CRM), field by field.
BC's fields carry the names of API v2.0 or of the published page, CRM's columns their logical names.
→ flows from BC to CRM, ← from CRM to BC, ↔ both ways.

These are the mappings as they come with Coupler. A connection can change them and add others:
[how](editing-mappings.md).

"""


def document() -> str:
    """The whole document."""
    sections = "\n".join(_section(mapping) for mapping in MAPPINGS.values())
    return f"{_HEAD}{_order()}{sections}\n{_transformations()}"


def _order() -> str:
    lines = ["## Order", "", "A table begins when the tables it depends on are done.", ""]
    for number, layer in enumerate(levels(DEPENDENCIES), start=1):
        lines.append(f"{number}. {', '.join(layer)}")
    return "\n".join([*lines, "", ""])


def _transformations() -> str:
    lines = ["## Transformations", "", "What a field mapping may do to a value on its way.", ""]
    lines += ["| Name | | Meaning |", "|---|---|---|"]
    for name, each in TRANSFORMATIONS.items():
        arrow = "→" if not each.goes_to_bc else "↔" if each.goes_to_crm else "←"
        lines.append(f"| `{name}` | {arrow} | {each.meaning} |")
    return "\n".join([*lines, ""])


def _section(mapping: TableMapping) -> str:
    source = f"`{mapping.bc.name}`" + (" (web service)" if mapping.bc.page else "")
    lines = [
        f"## {mapping.name}",
        "",
        f"{source} {_ARROW[mapping.direction]} `{mapping.crm.entity_set}`",
        "",
        *_facts(mapping),
        "",
        "| BC | | CRM | Rule |",
        "|---|---|---|---|",
        *(_row(field) for field in mapping.fields),
        "",
    ]
    if mapping.not_offered:
        lines += ["Not offered by the API, and so not synchronized:", ""]
        lines += [f"- {each}" for each in mapping.not_offered]
        lines.append("")
    return "\n".join(lines)


def _facts(mapping: TableMapping) -> list[str]:
    facts = []
    if mapping.dependencies:
        facts.append(f"- After: {', '.join(mapping.dependencies)}")
    if mapping.bc.filter:
        facts.append(f"- BC records: `{mapping.bc.filter}`")
    facts += [
        f"- BC records with `{each.field}` = {_values(each.values)} only"
        for each in mapping.bc.scope
        if not each.asked
    ]
    if mapping.crm.filter:
        facts.append(f"- CRM records: `{mapping.crm.filter}`")
    facts += [
        f"- Created in CRM only if `{each.field}` = {_values(each.values)}"
        for each in mapping.bc.requires
    ]
    facts += [
        f"- Coupled, or created in BC, only if `{each.field}` = {_values(each.values)}"
        for each in mapping.crm.requires
    ]
    keys = [" and ".join(_compared(field) for field in key.fields) for key in mapping.match]
    facts.append(f"- Recognized as the same by: {'; else '.join(keys)}")
    created = [
        name
        for name, creates in (("CRM", mapping.creates_in_crm), ("BC", mapping.creates_in_bc))
        if creates
    ]
    facts.append(f"- Created where missing: in {' and in '.join(created)}")
    for side, constants in (("CRM", mapping.constants_in_crm), ("BC", mapping.constants_in_bc)):
        for each in constants:
            value = "the local currency" if each.lookup_local_currency else f"`{each.value}`"
            facts.append(f"- New in {side}: `{each.name}` = {value}")
    return facts


def _compared(field: MatchField) -> str:
    how = "" if field.compare is Compare.TEXT else f" ({field.compare.value})"
    return f"`{field.bc}` = `{field.crm}`{how}"


def _values(values: tuple[object, ...]) -> str:
    return " or ".join(f"`{value!r}`" for value in values)


def _row(field: FieldMapping) -> str:
    bc = f"`{field.bc}`" + ("*" if field.derived else "")
    return f"| {bc} | {_ARROW[field.direction]} | `{field.crm}` | {'; '.join(_rules(field))} |"


def _rules(field: FieldMapping) -> list[str]:
    rules = []
    if field.derived:
        rules.append(f"derived: {field.derived}")
    if field.lookup:
        is_unit = field.lookup.target is LookupTarget.BASE_UNIT
        what = "base unit of the unit group" if is_unit else "record"
        rules.append(f"the {what} coupled under {' or '.join(field.lookup.mappings)}")
        if field.lookup.blank_is_local_currency:
            rules.append("blank means local currency")
    else:
        rules.append(TRANSFORMATIONS[field.transformation].meaning)
    if field.bc_length and field.direction.writes_bc:
        rules.append(f"at most {field.bc_length} characters in BC")
    if field.crm_length and field.direction.writes_crm:
        rules.append(f"at most {field.crm_length} characters in CRM")
    if field.truncate:
        rules.append("longer text is cut")
    if field.keep_if_blank:
        rules.append("a blank leaves the other side as it is")
    if field.only_on_insert:
        rules.append("set when the record is created")
    if field.last:
        rules.append("written after the record is priced")
    return rules


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
