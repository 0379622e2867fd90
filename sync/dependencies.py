"""The graph of dependencies between table mappings. Pure.

The incumbent keeps dependencies as a filter text and silently ignores names it does not know;
here an unknown name, a self reference or a cycle is refused, with the path named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from errors import ConfigurationError


def check_dependencies(dependencies: Mapping[str, Sequence[str]]) -> None:
    """Raise ``ConfigurationError`` unless the names form a graph without cycles."""
    for name, parents in dependencies.items():
        for parent in parents:
            if parent == name:
                raise ConfigurationError(
                    "dependency-on-itself",
                    f"The table mapping {name} depends on itself.",
                    hint=f"Remove {name} from its own dependencies.",
                )
            if parent not in dependencies:
                raise ConfigurationError(
                    "dependency-unknown",
                    f"The table mapping {name} depends on {parent}, which does not exist.",
                    hint=f"Known table mappings: {', '.join(sorted(dependencies))}.",
                )
    levels(dependencies)


def levels(dependencies: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """The names in layers: each depends only on earlier layers; inside a layer by name.

    Names that are not keys are left out, so that a run of some mappings ignores parents that do
    not take part. Raises ``ConfigurationError`` that names the path of a cycle.
    """
    present = {
        name: [parent for parent in parents if parent in dependencies]
        for name, parents in dependencies.items()
    }
    sorter = TopologicalSorter(present)
    try:
        sorter.prepare()
    except CycleError as error:
        path = " → ".join(reversed(error.args[1]))
        raise ConfigurationError(
            "dependency-cycle",
            f"The table mappings depend on each other in a circle: {path}.",
            hint="Remove one of these dependencies.",
        ) from None
    layers: list[tuple[str, ...]] = []
    while sorter.is_active():
        ready = tuple(sorted(sorter.get_ready()))
        sorter.done(*ready)
        layers.append(ready)
    return layers


def level_of_each(dependencies: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The level of each name, 1 for those that depend on nothing; in the order given. Raises
    ``ConfigurationError`` as ``levels``."""
    found = {name: number for number, layer in enumerate(levels(dependencies), 1) for name in layer}
    return {name: found[name] for name in dependencies}


def ordered(dependencies: Mapping[str, Sequence[str]]) -> list[str]:
    """The names, each after those it depends on, otherwise in the order given.

    Names that are not keys are left out. Raises ``ConfigurationError`` as ``levels``.
    """
    levels(dependencies)
    placed: dict[str, None] = {}

    def place(name: str) -> None:
        for parent in dependencies[name]:
            if parent in dependencies and parent not in placed:
                place(parent)
        placed[name] = None

    for name in dependencies:
        if name not in placed:
            place(name)
    return list(placed)


def descendants(dependencies: Mapping[str, Sequence[str]], name: str) -> set[str]:
    """Every name that depends on ``name``, directly or through others."""
    found: set[str] = set()
    frontier = {name}
    while frontier:
        frontier = {
            child
            for child, parents in dependencies.items()
            if child not in found and not frontier.isdisjoint(parents)
        }
        found |= frontier
    return found
