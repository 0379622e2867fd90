"""Uncoupled records that could be partners of given ones: those that share a key with them.

They are asked for by the values of the mapping's keys, which takes few requests for many records.
A service finds more than fits, since it compares without regard to case; matching decides
(``couplings.matching``).
"""

from __future__ import annotations

from collections.abc import Sequence

from couplings.match_keys import MatchKey
from services.records import Record
from sync.crm_index import in_scope
from sync.fetching import fetch_crm
from sync.work import Work


def crm_candidates(work: Work, derived: Sequence[Record], keys: Sequence[MatchKey]) -> list[Record]:
    """The uncoupled CRM records that could be partners of these BC records by one of these keys.

    The BC records are given with what is derived from them. CRM records that were made of them are
    among the candidates.
    """
    mapping = work.mapping
    kin = [work.context.ids.of(mapping.name, "bc", each[mapping.bc.id_field]) for each in derived]
    found = fetch_crm(work, kin)
    for key in keys:
        columns = tuple(column for _, column in key.pairs)
        values = _whole([[each.get(name) for name, _ in key.pairs] for each in derived])
        if values:
            table, select = mapping.crm, mapping.crm_select()
            for record in work.crm.fetch_matching(table.entity_set, columns, values, select):
                found[record[table.id_column]] = record
    coupled = work.couplings.find_by_crm(mapping.name, found)
    return [
        record
        for crm_id, record in found.items()
        if crm_id not in coupled and in_scope(mapping.crm.scope, record)
    ]


def bc_candidates(work: Work, records: Sequence[Record], keys: Sequence[MatchKey]) -> list[Record]:
    """The uncoupled BC records that could be partners of these CRM records, as
    ``crm_candidates``; nothing is derived from them."""
    mapping = work.mapping
    own_fields = {each.bc for each in mapping.fields if not each.derived} | {mapping.bc.key}
    found: dict[str, Record] = {}
    for key in keys:
        pairs = [pair for pair in key.pairs if pair[0] in own_fields]
        values = _whole([[record.get(column) for _, column in pairs] for record in records])
        if values:
            fields, select = tuple(name for name, _ in pairs), mapping.bc_select()
            for record in work.bc.fetch_matching(work.endpoint, fields, values, select):
                found[str(record[mapping.bc.id_field])] = record
    coupled = work.couplings.find_by_bc(mapping.name, found)
    return [
        record
        for bc_id, record in found.items()
        if bc_id not in coupled and in_scope(mapping.bc.scope, record)
    ]


def _whole(values: list[list[object]]) -> list[list[object]]:
    """Those in which nothing is missing: a blank part of a key fits nobody."""
    return [each for each in values if each and all(part not in (None, "") for part in each)]
