"""The picture of the mappings' order, also as a real browser shows it."""

from __future__ import annotations

import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sync.catalog import DEFAULT_CATALOG
from sync.dependencies import level_of_each
from sync.jobs import JobState
from sync.picture import Box, draw

CHROMIUM = shutil.which("chromium")
NAMES = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>&\"'"


def boxes(**states: str) -> list[Box]:
    levels = level_of_each(DEFAULT_CATALOG.dependencies)
    return [
        Box(
            name=each.name,
            level=levels[each.name],
            dependencies=each.dependencies,
            state=states.get(each.name, ""),
        )
        for each in DEFAULT_CATALOG.mappings.values()
    ]


def drawn(title: str, drawn_boxes: list[Box]) -> ElementTree.Element:
    return ElementTree.fromstring(draw(title, drawn_boxes))


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{NAMES}text")]


def frames(root: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """Corners of the boxes."""
    found = []
    for group in root.iter(f"{NAMES}g"):
        rect: Any = group.find(f"{NAMES}rect")
        x, y, width, height = (float(rect.get(each)) for each in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


def test_every_table_is_there_with_its_level_and_its_state_in_words():
    root = drawn("Order", boxes(CUSTOMER="finished-with-errors"))
    told = texts(root)
    assert set(DEFAULT_CATALOG.mappings) <= set(told)
    assert {"Level 1", "Level 2", "Level 3", "Level 4"} <= set(told)
    assert (told.count("finished with errors"), told.count("not run yet")) == (1, 8)


def test_boxes_do_not_overlap_and_are_inside():
    root = drawn("Order", boxes())
    found = frames(root)
    assert len(found) == len(DEFAULT_CATALOG.mappings)
    for a, b in product(found, found):
        assert a is b or a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    width, height = (float(root.get(each, "0")) for each in ("width", "height"))
    assert all(x2 <= width and y2 <= height for _, _, x2, y2 in found)


def test_there_is_an_arrow_for_each_dependency():
    root = drawn("Order", boxes())
    arrows = [each for each in root.iter(f"{NAMES}path") if each.get("marker-end")]
    assert len(arrows) == sum(len(each) for each in DEFAULT_CATALOG.dependencies.values())


def test_screen_readers_are_told_the_same():
    root = drawn("Order", boxes(CURRENCY="error"))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    description = root.findtext(f"{NAMES}desc") or ""
    assert "Level 1: CURRENCY (error)" in description
    assert "CONTACT (not run yet), after CUSTOMER" in description


def test_what_a_tenant_named_stays_text():
    box = Box(name=HOSTILE, level=1, dependencies=(HOSTILE, "gone"), state=HOSTILE)
    root = drawn(HOSTILE, [box])
    assert not list(root.iter(f"{NAMES}script"))
    assert HOSTILE in texts(root)


@pytest.mark.parametrize("state", ["", *JobState])
def test_every_state_has_words_and_a_colour(state):
    root = drawn("Order", [Box(name="A", level=1, dependencies=(), state=state)])
    words = texts(root)[-1]
    assert words
    assert "-" not in words


def test_a_disabled_table_is_told_apart_by_words_and_line():
    box = Box(name="A", level=1, dependencies=(), state="finished", enabled=False)
    root = drawn("Order", [box])
    assert texts(root)[-1] == "disabled"
    assert "stroke-dasharray" in draw("Order", [box])


def test_no_tables_make_a_picture_too():
    assert texts(drawn("Order", [])) == ["Order"]


@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here")
def test_a_browser_shows_the_picture_as_it_is_described(tmp_path: Path):
    picture = tmp_path / "order.svg"
    picture.write_text(draw("Order", boxes(CUSTOMER="blocked")), encoding="utf-8")
    shown = tmp_path / "order.png"
    place = f"--user-data-dir={tmp_path / 'profile'}"
    options = ["--headless", "--no-sandbox", "--disable-gpu", place, f"--screenshot={shown}"]
    subprocess.run(
        [str(CHROMIUM), *options, picture.as_uri()], check=True, capture_output=True, timeout=60
    )
    assert shown.read_bytes().startswith(b"\x89PNG")
    assert shown.stat().st_size > 10_000, "boxes and names are more than an empty page"
