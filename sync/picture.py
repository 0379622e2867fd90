"""The order of table mappings as a picture (SVG): level by level, from left to right. Pure.

How a table fares is told by colour and in words. The picture has no script and no style sheet, and
loads nothing, so that it can be shown under the strictest of policies; whatever a tenant named is
escaped. Screen readers are told the same in words (``title`` and ``desc``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_LETTER = 9.4
"""Width of a capital letter of a name, in pixels; names are mostly capital letters."""
_SMALL_LETTER = 6.6
_MARGIN = 24
_PADDING = 14
_BOX_HEIGHT = 54
_ROW = 78
_GAP = 90
"""Between two levels, for the arrows."""
_HEAD = 70
"""Above the boxes, for the title and the names of the levels."""

_INK = "#1b1f24"
_QUIET = "#57606a"
_GREEN, _AMBER, _RED, _BLUE, _GREY = "#1a7f37", "#9a6700", "#b42318", "#0550ae", "#6e7781"
_COLOURS = {
    "finished": _GREEN,
    "finished-with-errors": _AMBER,
    "in-process": _AMBER,
    "ready": _BLUE,
    "waiting": _BLUE,
    "error": _RED,
    "blocked": _RED,
    "cancelled": _RED,
}
_WORDS = {"": "not run yet"}
_ARROW_HEAD = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
    'markerHeight="8" orient="auto">'
    f'<path d="M0 0 L10 5 L0 10 z" fill="{_QUIET}"/></marker></defs>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A table mapping as it is drawn."""

    name: str
    level: int
    dependencies: tuple[str, ...]
    state: str
    """How its line of the last run stands, as the API says it; blank where there is none."""
    enabled: bool = True

    @property
    def words(self) -> str:
        """The state as people read it."""
        if not self.enabled:
            return "disabled"
        return _WORDS.get(self.state, self.state.replace("-", " "))

    @property
    def colour(self) -> str:
        return _COLOURS.get(self.state, _GREY) if self.enabled else _GREY


type _Place = tuple[float, float]
"""The upper left corner of a box."""


def draw(title: str, boxes: Sequence[Box]) -> str:
    """The picture as a document of its own; dependencies on what is no box are left out."""
    columns = _columns(boxes)
    width = max(
        [150.0]
        + [_LETTER * len(each.name) + 2 * _PADDING for each in boxes]
        + [_SMALL_LETTER * len(each.words) + 2 * _PADDING for each in boxes]
    )
    places = {
        box.name: (_MARGIN + column * (width + _GAP), _HEAD + row * _ROW)
        for column, level in enumerate(columns)
        for row, box in enumerate(level)
    }
    across = 2 * _MARGIN + max(1, len(columns)) * (width + _GAP) - _GAP
    down = _HEAD + max([1, *map(len, columns)]) * _ROW
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" '
            f'width="{across:.0f}" height="{down:.0f}" viewBox="0 0 {across:.0f} {down:.0f}" '
            'font-family="system-ui, sans-serif">'
        ),
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(_described(columns))}</desc>',
        _ARROW_HEAD,
        f'<rect width="{across:.0f}" height="{down:.0f}" fill="#ffffff"/>',
        _text(_MARGIN, 26, title, size=15, weight=600),
        *(
            _text(_MARGIN + n * (width + _GAP), _HEAD - 12, f"Level {n + 1}", colour=_QUIET)
            for n in range(len(columns))
        ),
        *_arrows(boxes, places, width),
        *(_drawn(box, places[box.name], width) for level in columns for box in level),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _columns(boxes: Sequence[Box]) -> list[list[Box]]:
    """The boxes level by level; each as near to what it depends on as may be, for short arrows."""
    rows: dict[str, float] = {}
    columns: list[list[Box]] = []
    for level in sorted({box.level for box in boxes}):
        column = sorted(
            (box for box in boxes if box.level == level), key=lambda box: _wish(box, rows)
        )
        rows |= {box.name: row for row, box in enumerate(column)}
        columns.append(column)
    return columns


def _wish(box: Box, rows: Mapping[str, float]) -> tuple[float, str]:
    parents = [rows[name] for name in box.dependencies if name in rows]
    return (sum(parents) / len(parents) if parents else 0.0, box.name)


def _described(columns: Sequence[Sequence[Box]]) -> str:
    return " ".join(
        f"Level {number}: {'; '.join(_told(box) for box in level)}."
        for number, level in enumerate(columns, 1)
    )


def _told(box: Box) -> str:
    after = f", after {', '.join(box.dependencies)}" if box.dependencies else ""
    return f"{box.name} ({box.words}){after}"


def _arrows(boxes: Sequence[Box], places: Mapping[str, _Place], width: float) -> list[str]:
    return [
        _arrow(places[parent], places[box.name], width)
        for box in boxes
        for parent in box.dependencies
        if parent in places
    ]


def _arrow(parent: _Place, child: _Place, width: float) -> str:
    x1, y1 = parent[0] + width, parent[1] + _BOX_HEIGHT / 2
    x2, y2 = child[0] - 2, child[1] + _BOX_HEIGHT / 2
    bend = _GAP * 0.6
    return (
        f'<path d="M{x1:.1f} {y1:.1f} C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} '
        f'{x2:.1f} {y2:.1f}" fill="none" stroke="{_QUIET}" stroke-width="1.5" '
        'marker-end="url(#arrow)"/>'
    )


def _drawn(box: Box, place: _Place, width: float) -> str:
    x, y = place
    dashes = "" if box.enabled else ' stroke-dasharray="5 4"'
    return (
        f"<g><title>{escape(_told(box))}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BOX_HEIGHT}" rx="6" '
        f'fill="#ffffff" stroke="{box.colour}" stroke-width="2"{dashes}/>'
        + _text(x + _PADDING, y + 23, box.name, size=14, weight=600)
        + _text(x + _PADDING, y + 42, box.words, colour=box.colour)
        + "</g>"
    )


def _text(
    x: float, y: float, text: str, *, size: int = 12, weight: int = 400, colour: str = _INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
