"""Which resource a URL names."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from local.simulators.core.messages import SimRequest

API = re.compile(r"/api/data/v9\.\d+/?")
# A segment ends at a slash outside of parentheses; text in a key may hold slashes of its own.
_SEGMENT = re.compile(r"(?P<name>[^/(]+)(?:\((?P<key>(?:'(?:[^']|'')*'|[^')])*)\))?(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One step of a path: `name` or `name(key)`; `key` is "" for `name()`."""

    name: str
    key: str | None


def parse_segments(request: SimRequest) -> list[Segment] | None:
    """The steps behind the API's root; None for a path outside of it or one that is malformed."""
    raw = request.raw_path or request.path
    root = API.match(raw)
    if root is None:
        return None
    text = unquote(raw[root.end() :])
    segments = []
    position = 0
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None:
            return None
        segments.append(Segment(name=match["name"], key=match["key"]))
        position = match.end()
    return segments
