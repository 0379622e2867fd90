"""What both systems hold of a table, in one request to each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from services.records import Page
from sync.recommendation import Holdings, SideCount
from sync.work import Work

_MOST_COUNTED = 5000
"""Dataverse tells a count up to one less."""
_SIDE_BY_SIDE = 4
"""Tables looked at at a time."""


def holdings_of(work: Work) -> Holdings:
    """Count the mapping's records on both sides, under its filters as far as the services can be
    asked, and its couplings. Raises the families of ``errors``."""
    mapping = work.mapping
    bc = work.bc.fetch_pages(
        work.endpoint,
        select=[mapping.bc.id_field],
        filter=mapping.bc.filter or None,
        page_size=1,
        count=True,
    )
    crm = work.crm.fetch_pages(
        mapping.crm.entity_set,
        select=[mapping.crm.id_column],
        filter=mapping.crm.filter or None,
        page_size=1,
        count=True,
    )
    return Holdings(bc=_counted(bc), crm=_counted(crm), coupled=work.couplings.count(mapping.name))


def holdings_of_all(works: Sequence[Work]) -> dict[str, Holdings]:
    """As ``holdings_of``, of several tables, some side by side; by the names of the mappings."""
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE, thread_name_prefix="holdings") as pool:
        found = pool.map(holdings_of, works)
        return {work.mapping.name: each for work, each in zip(works, found, strict=True)}


def _counted(pages: Iterator[Page]) -> SideCount:
    total = next(pages).total
    if total is None:
        return SideCount(records=_MOST_COUNTED, is_all=False)
    return SideCount(records=total)
