"""Editing a connection's table mappings: every change judged as a whole before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from errors import ConcurrencyError, RefusedRequestError
from sync.dependencies import levels
from sync.mapping import TableMapping
from sync.mapping_check import check
from sync.mapping_faults import Fault, MappingRefusedError
from sync.mapping_store import (
    LONGEST_DOCUMENT,
    MOST_CHANGES,
    MappingStore,
    StoredMapping,
    StoredMappings,
    document_text,
)
from sync.mappings import MAPPINGS

MOST_ADDED = MOST_CHANGES - len(MAPPINGS)
_TRIES = 3
"""How often a change is judged anew because another mapping was changed meanwhile."""


class Origin(StrEnum):
    DEFAULT = "default"  # as it comes with Coupler
    CHANGED = "changed"  # comes with Coupler, and was changed
    ADDED = "added"  # a tenant's own


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedMapping:
    """A mapping as its document is edited: without what the connection's options change."""

    mapping: TableMapping
    origin: Origin
    stored: StoredMapping | None = None
    """None where nobody changed it."""

    @property
    def etag(self) -> str:
        """What a change must name."""
        return f'"{self.stored.version if self.stored else 0}"'


type Verify = Callable[[TableMapping, TableMapping | None], tuple[TableMapping, list[Fault]]]
"""Holds a mapping against both services' own descriptions of its tables, where what it was before
differs in that; gives it back with what it left open filled in."""


class MappingEditor:
    """Edits the mappings of one connection; stateless between calls."""

    def __init__(
        self, store: MappingStore, *, verify: Verify, now: Callable[[], datetime], by: str
    ) -> None:
        """``by`` is who edits, as people know the caller."""
        self._store = store
        self._verify = verify
        self._now = now
        self._by = by

    def all(self) -> list[EditedMapping]:
        """Every mapping, those that come with Coupler first."""
        return list(_edited(self._store.load_current()).values())

    def read(self, name: str) -> EditedMapping:
        """One mapping; raises ``RefusedRequestError`` (404)."""
        return _named(_edited(self._store.load_current()), name)

    def faults(self, mapping: TableMapping) -> list[Fault]:
        """Everything that would keep the mapping from being saved; nothing is."""
        return self._judged(mapping, _edited(self._store.load_current()))[1]

    def add(self, mapping: TableMapping) -> EditedMapping:
        """Add a tenant's own mapping.

        Raises ``RefusedRequestError``: 409 where there is one of that name or there are too many,
        422 with all faults.
        """

        def change(loaded: StoredMappings) -> dict[str, TableMapping | None]:
            known = _edited(loaded.mappings)
            if mapping.name in known:
                raise RefusedRequestError(
                    409,
                    "mapping-exists",
                    f"There is a table mapping {mapping.name} already.",
                    hint="Change that one, or choose another name.",
                )
            if sum(each.origin is Origin.ADDED for each in known.values()) >= MOST_ADDED:
                raise RefusedRequestError(
                    409,
                    "mappings-too-many",
                    f"A connection has at most {MOST_ADDED} table mappings of its own.",
                    hint="Remove one that is not needed any more.",
                )
            return {mapping.name: self._accepted(mapping, known)}

        self._change(change)
        return self.read(mapping.name)

    def save(self, name: str, mapping: TableMapping, etag: str) -> EditedMapping:
        """Put a mapping in the place of the version that ``etag`` names.

        Raises ``RefusedRequestError``: 404, 412 where it was changed since (also where that was
        this very change and its answer was lost), 422 with all faults.
        """

        def change(loaded: StoredMappings) -> dict[str, TableMapping | None]:
            known = _edited(loaded.mappings)
            _check_version(_named(known, name), etag)
            if mapping.name != name:
                fault = Fault(path="name", code="name-fixed", message=f"must stay {name!r}")
                raise MappingRefusedError(name, [fault])
            return {name: self._accepted(mapping, known)}

        self._change(change)
        return self.read(name)

    def remove(self, name: str, etag: str) -> None:
        """Undo all changes of a mapping that comes with Coupler; remove a tenant's own.

        What is stored of an own one (couplings, outcomes) stays, and counts again should it be
        added anew. Raises ``RefusedRequestError``: 404, 412 as ``save``, 409 where others need it.
        """

        def change(loaded: StoredMappings) -> dict[str, TableMapping | None]:
            known = _edited(loaded.mappings)
            found = _named(known, name)
            _check_version(found, etag)
            _check_unneeded(found, known)
            return {name: None} if found.stored else {}

        self._change(change)

    def reset(self, names: Sequence[str]) -> list[str]:
        """Have mappings as they come with Coupler (all of them where none is named); a tenant's own
        ones stay. Returns those that were changed.

        Raises ``RefusedRequestError`` (404) for a name that does not come with Coupler.
        """
        for name in names:
            if name not in MAPPINGS:
                raise _unknown(name, MAPPINGS)
        wanted = set(names or MAPPINGS)
        undone: list[str] = []

        def change(loaded: StoredMappings) -> dict[str, TableMapping | None]:
            undone[:] = [name for name in loaded.mappings if name in wanted]
            return dict.fromkeys(undone)

        self._change(change)
        return undone

    def _change(self, change: Callable[[StoredMappings], dict[str, TableMapping | None]]) -> None:
        """Decide on what is stored and store it; decide anew where it was changed in between."""
        for attempt in range(1, _TRIES + 1):
            loaded = self._store.load()
            changes = change(loaded)
            if not changes:
                return
            _check_together(loaded, changes)
            try:
                self._store.change(loaded, changes, at=self._now(), by=self._by)
            except ConcurrencyError:
                if attempt == _TRIES:
                    raise
            else:
                return

    def _accepted(self, mapping: TableMapping, known: Mapping[str, EditedMapping]) -> TableMapping:
        completed, faults = self._judged(mapping, known)
        if faults:
            raise MappingRefusedError(mapping.name, faults)
        return completed

    def _judged(
        self, mapping: TableMapping, known: Mapping[str, EditedMapping]
    ) -> tuple[TableMapping, list[Fault]]:
        """The mapping with what the services tell of it, and everything that is wrong with it."""
        others = {name: each.mapping for name, each in known.items() if name != mapping.name}
        before = known.get(mapping.name)
        faults = check(mapping, others, MAPPINGS.get(mapping.name))
        faults += _faults_of_others(mapping, others)
        if not any(fault.code == "name-invalid" for fault in faults):
            # The services are asked only about names that cannot be anything but names.
            mapping, found = self._verify(mapping, before.mapping if before else None)
            faults += found
        if len(document_text(mapping)) > LONGEST_DOCUMENT:
            message = f"is too long: {LONGEST_DOCUMENT} characters of JSON are allowed"
            faults.append(Fault(path="", code="mapping-too-long", message=message))
        return mapping, faults


def _edited(stored: Mapping[str, StoredMapping]) -> dict[str, EditedMapping]:
    found = {}
    for name, default in MAPPINGS.items():
        change = stored.get(name)
        found[name] = EditedMapping(
            mapping=change.mapping if change else default,
            origin=Origin.CHANGED if change else Origin.DEFAULT,
            stored=change,
        )
    for name, added in stored.items():
        if name not in MAPPINGS:
            found[name] = EditedMapping(mapping=added.mapping, origin=Origin.ADDED, stored=added)
    return found


def _named(known: Mapping[str, EditedMapping], name: str) -> EditedMapping:
    if name not in known:
        raise _unknown(name, known)
    return known[name]


def _unknown(name: str, known: Mapping[str, object]) -> RefusedRequestError:
    return RefusedRequestError(
        404,
        "mapping-unknown",
        f"There is no table mapping {name!r}.",
        hint=f"Known table mappings: {', '.join(known)}.",
    )


def _check_version(found: EditedMapping, etag: str) -> None:
    if etag not in (found.etag, "*"):
        raise RefusedRequestError(
            412,
            "mapping-changed",
            f"The table mapping {found.mapping.name} was changed since you read it.",
            hint="Read it again, then repeat the change if it is still wanted.",
        )


def _check_unneeded(found: EditedMapping, known: Mapping[str, EditedMapping]) -> None:
    """Raise where a tenant's own mapping is to go that others build on."""
    name = found.mapping.name
    if found.origin is not Origin.ADDED:
        return
    needing = [other for other, each in known.items() if name in each.mapping.builds_on]
    if needing:
        raise RefusedRequestError(
            409,
            "mapping-needed",
            f"{', '.join(needing)} depend on {name} or look records up through it.",
            hint="Change them first.",
        )


def _faults_of_others(mapping: TableMapping, others: Mapping[str, TableMapping]) -> list[Fault]:
    """What the change breaks in other mappings: they were without fault before."""
    known = {**others, mapping.name: mapping}
    faults = []
    for name, other in others.items():
        rest = {each: known[each] for each in known if each != name}
        for fault in check(other, rest, MAPPINGS.get(name)):
            if fault.code == "dependency-cycle":
                continue  # told of the changed mapping itself
            message = f"{name} would be broken: {fault.path}: {fault.message}"
            faults.append(Fault(path="", code="needed-by-other", message=message))
    return faults


def _check_together(loaded: StoredMappings, changes: Mapping[str, TableMapping | None]) -> None:
    """Raise where undoing changes would leave other mappings in a circle or without a parent."""
    if all(changes.values()):
        return
    left = {name: each for name, each in loaded.mappings.items() if name not in changes}
    known = {name: each.mapping for name, each in _edited(left).items()}
    levels({name: each.dependencies for name, each in known.items()})
    for name, mapping in known.items():
        rest = {each: known[each] for each in known if each != name}
        for fault in check(mapping, rest, MAPPINGS.get(name)):
            raise RefusedRequestError(
                409,
                "mapping-needed",
                f"{name} would be broken: {fault.path}: {fault.message}.",
                hint="Change that mapping first.",
            )
