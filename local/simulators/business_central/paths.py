"""Addresses of the API: which tenant, environment, interface and record a path means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.simulators.business_central.errors import (
    BcError,
    NotSimulatedError,
    segment_not_found,
)

API = "api/v2.0"
WEB_SERVICES = "ODataV4"

_KEYED = re.compile(r"(?P<name>[A-Za-z_$][\w$.]*)\((?P<key>.*)\)")
_KEY_PART = re.compile(r"(?:(?P<name>\w+)\s*=\s*)?(?P<value>'(?:[^']|'')*'|[^,']+)(?:,|$)")
_OUTSIDE_QUOTES = re.compile(r"((?:[^/']|'(?:[^']|'')*')+)")


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path: ``customers`` or ``customers(…)``."""

    name: str
    key: str | None = None
    """The text in parentheses; None where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request goes."""

    tenant: str
    environment: str
    interface: str
    """``API`` or ``WEB_SERVICES``."""
    segments: tuple[Segment, ...]

    instance: str = ""
    """On premises: the server instance, which stands in the place of tenant and environment."""

    @property
    def root(self) -> str:
        """The path of the interface, without a slash at the end."""
        place = self.instance or f"v2.0/{self.tenant}/{self.environment}"
        return f"/{place}/{self.interface}"


def parse_path(path: str) -> Address:
    """The address of a percent-decoded path; raises ``BcError`` or ``NotSimulatedError``."""
    parts = _OUTSIDE_QUOTES.findall(path)
    tenant, environment, instance = "", "", ""
    if len(parts) >= 4 and parts[0] == "v2.0":
        tenant, environment, rest = parts[1], parts[2], parts[3:]
    elif len(parts) >= 2 and parts[0] != "v2.0":
        instance, rest = parts[0], parts[1:]
    else:
        raise segment_not_found(parts[0] if parts else "")
    if rest[:2] == ["api", "v2.0"]:
        interface, rest = API, rest[2:]
    elif rest[0] == WEB_SERVICES:
        interface, rest = WEB_SERVICES, rest[1:]
    elif rest[0] == "api":
        raise NotSimulatedError(f"the API '{'/'.join(rest)}'")
    else:
        raise segment_not_found(rest[0])
    return Address(
        tenant=tenant,
        environment=environment,
        instance=instance,
        interface=interface,
        segments=tuple(map(_segment, rest)),
    )


def parse_key(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of a key in the order of ``names``; quotation marks are taken off.

    A single part may come without its name. Raises ``BcError`` where the parts do not fit.
    """
    found: dict[str, str] = {}
    position = 0
    for match in _KEY_PART.finditer(text):
        if match.start() != position:
            raise _bad_key(text)
        position = match.end()
        name = match["name"] or (names[0] if len(names) == 1 else "")
        found[name] = _unquoted(match["value"].strip())
    if position != len(text) or found.keys() != set(names):
        raise _bad_key(text)
    return tuple(found[name] for name in names)


def _segment(text: str) -> Segment:
    match = _KEYED.fullmatch(text)
    return Segment(match["name"], match["key"]) if match else Segment(text)


def _unquoted(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def _bad_key(text: str) -> BcError:
    return BcError(400, "BadRequest_NotFound", f"Bad Request - Error in query syntax: '({text})'.")
