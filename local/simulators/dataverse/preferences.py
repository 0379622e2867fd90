"""The `Prefer` header: what a client asks for, and what it is told was applied."""

import re
from dataclasses import dataclass

from local.simulators.core.messages import SimRequest
from local.simulators.dataverse.errors import invalid_query

_PREFERENCE = re.compile(r'\s*(?P<name>[\w.-]+)\s*(?:=\s*(?P<value>"[^"]*"|[^,]*))?\s*(?:,|$)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The preferences of one request."""

    page_size: int | None = None
    track_changes: bool = False
    representation: bool = False
    continue_on_error: bool = False
    annotations: str | None = None

    def annotate(self, annotation: str) -> bool:
        """Whether an annotation was asked for, by name or by a pattern such as `*`."""
        if self.annotations is None:
            return False
        wanted = [part.strip() for part in self.annotations.split(",")]
        return any(
            part in ("*", annotation) or (part.endswith("*") and annotation.startswith(part[:-1]))
            for part in wanted
        )


_NONE = Preferences()


def parse_preferences(request: SimRequest) -> Preferences:
    """Read the header. Unknown preferences are passed over, as HTTP has it."""
    text = request.headers.get("Prefer", "")
    if not text:
        return _NONE
    found: dict[str, str] = {}
    position = 0
    while position < len(text) and (match := _PREFERENCE.match(text, position)):
        found[match["name"].lower()] = (match["value"] or "").strip().strip('"')
        position = match.end()
    size = found.get("odata.maxpagesize")
    if size is not None and not (size.isascii() and size.isdigit() and int(size) > 0):
        raise invalid_query(f"Invalid value '{size}' for odata.maxpagesize.")
    return Preferences(
        page_size=int(size) if size is not None else None,
        track_changes="odata.track-changes" in found,
        representation=found.get("return") == "representation",
        continue_on_error="odata.continue-on-error" in found,
        annotations=found.get("odata.include-annotations"),
    )
