"""The table mappings of one connection.

Whoever works for a connection asks its catalog, never the default mappings: a tenant may have
changed, disabled or added some. A catalog is loaded once for a request, a slice of a line or a
message about passes, and stays as it is meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from errors import RefusedRequestError
from sync.dependencies import ordered
from sync.mapping import TableMapping
from sync.mapping_options import NO_OPTIONS, MappingOptions, with_options
from sync.mappings import MAPPINGS

type CatalogSource = Callable[[], MappingCatalog]
"""Loads the catalog when it is first needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingCatalog:
    """All table mappings of a connection by name, parents before their children."""

    mappings: Mapping[str, TableMapping]
    separate_companies: bool = False
    """Whether the mappings are kept to the connection's company when they are worked with."""

    @classmethod
    def of(
        cls, mappings: Mapping[str, TableMapping], options: MappingOptions = NO_OPTIONS
    ) -> MappingCatalog:
        """The catalog of these mappings under the options; those that need not wait for others
        keep the order given."""
        chosen = with_options(mappings, options)
        order = ordered({name: each.dependencies for name, each in chosen.items()})
        return cls(
            mappings={name: chosen[name] for name in order},
            separate_companies=options.separate_companies,
        )

    @property
    def enabled(self) -> dict[str, TableMapping]:
        """The mappings that are synchronized."""
        return {name: each for name, each in self.mappings.items() if each.enabled}

    @property
    def dependencies(self) -> dict[str, tuple[str, ...]]:
        """What each mapping depends on, disabled ones included."""
        return {name: each.dependencies for name, each in self.mappings.items()}

    def named(self, name: str) -> TableMapping:
        """The mapping of that name; raises ``RefusedRequestError`` (404) that lists the known
        ones."""
        if name not in self.mappings:
            raise RefusedRequestError(
                404,
                "mapping-unknown",
                f"There is no table mapping {name!r}.",
                hint=f"Known table mappings: {', '.join(self.mappings)}.",
            )
        return self.mappings[name]

    def at_work(self, name: str) -> TableMapping:
        """The mapping of that name, which is enabled; raises ``RefusedRequestError``: 404 as
        ``named``, 409 where it is disabled."""
        mapping = self.named(name)
        if not mapping.enabled:
            raise RefusedRequestError(
                409,
                "mapping-disabled",
                f"The table mapping {name} is disabled.",
                hint="Enable it, or leave it out.",
            )
        return mapping

    def children(self, name: str) -> list[str]:
        """The enabled mappings whose records may wait for those of this one."""
        return [child for child, each in self.enabled.items() if name in each.builds_on]


DEFAULT_CATALOG = MappingCatalog.of(MAPPINGS)
"""The catalog of a connection whose mappings nobody changed."""
