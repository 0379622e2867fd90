"""Route templates as ASP.NET reads them: `items/{id:int}/{part?}`, `files/{*path}`."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.errors import HostError

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::(?:[^{}()?]|\([^()]*\))+)*)(\??)\}")
_CONSTRAINT = re.compile(r":(\w+)(?:\(([^()]*)\))?")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)

type _Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """One part of a template between slashes."""

    pattern: re.Pattern[str]
    tests: tuple[tuple[str, _Test], ...] = ()
    optional: bool = False
    catch_all: str | None = None
    """The name of the parameter that takes all the rest, if this is one."""
    rank: int
    """ASP.NET's order: 1 literal, 2 constrained or mixed, 3 parameter, 4 and 5 catch-all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A template ready to be matched; `precedence` sorts the most specific route first."""

    template: str
    segments: tuple[_Segment, ...]

    @property
    def precedence(self) -> tuple[int, ...]:
        return tuple(segment.rank for segment in self.segments)

    def match(self, raw_path: str) -> dict[str, str] | None:
        """The route parameters if `raw_path` (still percent-encoded) fits, else None.

        Values are decoded, but for an encoded slash, as ASP.NET leaves it. Literals and parameter
        constraints ignore case. Optional parameters that are absent are not in the answer.
        """
        parts = (
            [_decode(part) for part in raw_path.strip("/").split("/")] if raw_path != "/" else []
        )
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            if segment.catch_all is not None:
                rest = "/".join(parts[index:])
                return _accept_rest(segment, rest, values)
            if index >= len(parts):
                if not segment.optional:
                    return None
                continue
            found = segment.pattern.fullmatch(parts[index])
            if found is None or not _passes(segment.tests, found.groupdict()):
                return None
            values |= found.groupdict()
        return values if len(parts) <= len(self.segments) else None


def parse_route(template: str) -> Route:
    """Read a template; raises HostError for what is malformed or not supported here."""
    texts = [text for text in template.strip("/").split("/") if text]
    segments = tuple(_parse_segment(text, template) for text in texts)
    if any(segment.catch_all for segment in segments[:-1]):
        raise HostError(f"route {template!r}: a catch-all parameter must be the last part")
    return Route(template=template, segments=segments)


def most_specific[T](candidates: Iterable[tuple[Route, T]]) -> tuple[Route, T] | None:
    """The candidate with the highest precedence; the first one where several are equal."""
    return min(candidates, key=lambda candidate: candidate[0].precedence, default=None)


def _decode(part: str) -> str:
    return "%2F".join(unquote(piece) for piece in _ENCODED_SLASH.split(part))


def _passes(tests: tuple[tuple[str, _Test], ...], values: Mapping[str, str]) -> bool:
    return all(test(values[name]) for name, test in tests)


def _accept_rest(segment: _Segment, rest: str, values: dict[str, str]) -> dict[str, str] | None:
    if not rest:
        return values
    captured = {str(segment.catch_all): rest}
    return values | captured if _passes(segment.tests, captured) else None


def _parse_segment(text: str, template: str) -> _Segment:
    pattern, tests, position = "", [], 0
    catch_all: str | None = None
    optional = False
    parameters = list(_PARAMETER.finditer(text))
    for parameter in parameters:
        pattern += re.escape(_literal(text[position : parameter.start()], template))
        stars, name, constraints, question_mark = parameter.groups()
        pattern += f"(?P<{name}>.+)"
        tests += [(name, _constraint(*found, template)) for found in _constraints(constraints)]
        catch_all = name if stars else catch_all
        optional = optional or bool(question_mark)
        position = parameter.end()
    pattern += re.escape(_literal(text[position:], template))
    alone = len(parameters) == 1 and parameters[0].group() == text
    if catch_all and not alone:
        raise HostError(f"route {template!r}: a catch-all parameter must stand alone")
    if optional and not alone:
        raise HostError(f"route {template!r}: an optional parameter must stand alone here")
    return _Segment(
        pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL),
        tests=tuple(tests),
        optional=optional,
        catch_all=catch_all,
        rank=_rank(
            alone=alone, plain=not parameters, catch_all=bool(catch_all), tested=bool(tests)
        ),
    )


def _rank(*, alone: bool, plain: bool, catch_all: bool, tested: bool) -> int:
    if plain:
        return 1
    if catch_all:
        return 4 if tested else 5
    return 2 if tested or not alone else 3


def _literal(text: str, template: str) -> str:
    if "{" in text or "}" in text:
        raise HostError(f"route {template!r}: cannot read {text!r}")
    return text


def _constraints(text: str) -> list[tuple[str, str]]:
    return [(kind, arguments) for kind, arguments in _CONSTRAINT.findall(text)]


def _constraint(kind: str, arguments: str, template: str) -> _Test:
    plain, parametrized = _PLAIN.get(kind.lower()), _PARAMETRIZED.get(kind.lower())
    try:
        if plain is not None and not arguments:
            return plain
        if parametrized is not None:
            return parametrized(*arguments.split(",") if kind.lower() != "regex" else [arguments])
    except (TypeError, ValueError, re.error) as error:
        raise HostError(f"route {template!r}: {kind}({arguments}): {error}") from error
    raise HostError(f"route {template!r}: this host does not know the constraint {kind!r}")


def _whole_number(value: str, bits: int) -> bool:
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        return False
    limit: int = 2 ** (bits - 1)
    return -limit <= int(value) < limit


def _is_guid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def _length(shortest: str, longest: str | None = None) -> _Test:
    low, high = int(shortest), int(longest if longest is not None else shortest)
    return lambda value: low <= len(value) <= high


def _at_least(shortest: str) -> _Test:
    low = int(shortest)
    return lambda value: len(value) >= low


def _at_most(longest: str) -> _Test:
    high = int(longest)
    return lambda value: len(value) <= high


def _between(low: int | None, high: int | None) -> _Test:
    return lambda value: (
        _whole_number(value, 64)
        and (low is None or int(value) >= low)
        and (high is None or int(value) <= high)
    )


def _matches(pattern: str) -> _Test:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda value: compiled.search(value) is not None


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")

_PLAIN: dict[str, _Test] = {
    "int": lambda value: _whole_number(value, 32),
    "long": lambda value: _whole_number(value, 64),
    "bool": lambda value: value.lower() in ("true", "false"),
    "alpha": lambda value: re.fullmatch("[A-Za-z]*", value) is not None,
    "guid": _is_guid,
    "decimal": lambda value: _NUMBER.fullmatch(value) is not None,
    "double": lambda value: _NUMBER.fullmatch(value) is not None,
    "float": lambda value: _NUMBER.fullmatch(value) is not None,
    "required": bool,
}

_PARAMETRIZED: dict[str, Callable[..., _Test]] = {
    "length": _length,
    "minlength": _at_least,
    "maxlength": _at_most,
    "min": lambda low: _between(int(low), None),
    "max": lambda high: _between(None, int(high)),
    "range": lambda low, high: _between(int(low), int(high)),
    "regex": _matches,
}
