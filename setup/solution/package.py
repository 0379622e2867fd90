"""Reading an uploaded package strictly: only a small, plain zip with our solution is passed on.

The package comes from outside and goes to the CRM organization with an administrator's rights, so
nothing of it is believed: sizes are counted while reading, names must be plain, and the XML may
declare nothing. What is passed on is the very bytes that were checked.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

from errors import RefusedRequestError
from setup.solution.contents import SOLUTION

LARGEST_PACKAGE = 4 * 1024 * 1024
"""Bytes of the zip file."""
LONGEST_TEXT = (LARGEST_PACKAGE + 2) // 3 * 4
"""Characters of its base64."""
_LARGEST_FILE = 16 * 1024 * 1024
_LARGEST_WHOLE = 32 * 1024 * 1024
_MOST_FILES = 500
_LARGEST_MANIFEST = 1024 * 1024
"""Of the one file that is held as a tree, which takes many times its size."""
_MANIFEST = "solution.xml"
_CUSTOMIZATIONS = "customizations.xml"
_ENCRYPTED = 0x1
_HINT = "Send what python -m solution.pack writes, in base64."


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package fit to be imported."""

    version: str
    digest: str
    """Tells packages apart."""
    content: bytes = field(repr=False)


def read_package(encoded: str) -> Package:
    """The package in a base64 text; raises ``RefusedRequestError`` (422, ``package-not-valid``)
    that says what is wrong with it."""
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("it is not base64") from None
    if len(content) > LARGEST_PACKAGE:
        raise _refused(f"it is larger than {LARGEST_PACKAGE} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = _files(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError):
        raise _refused("it is no readable zip file") from None
    for name in (_MANIFEST, _CUSTOMIZATIONS):
        if name not in files:
            raise _refused(f"it holds no {name} at its root")
    if len(files[_MANIFEST]) > _LARGEST_MANIFEST:
        raise _refused(f"its {_MANIFEST} is larger than {_LARGEST_MANIFEST} bytes")
    manifest = _parsed(_MANIFEST, files[_MANIFEST])
    _require_plain(_CUSTOMIZATIONS, files[_CUSTOMIZATIONS])
    name, version = (
        (manifest.findtext(f"SolutionManifest/{member}") or "").strip()
        for member in ("UniqueName", "Version")
    )
    if name != SOLUTION:
        raise _refused(f"it holds the solution {name[:60]!r}, and only {SOLUTION!r} is imported")
    if not version or not all(part.isascii() and part.isdigit() for part in version.split(".")):
        raise _refused(f"its version {version[:60]!r} is not numbers with dots between them")
    return Package(version=version, digest=sha256(content).hexdigest(), content=content)


def _files(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Every file by its name; stops as soon as too much comes out, whatever the zip promises."""
    entries = archive.infolist()
    if len(entries) > _MOST_FILES:
        raise _refused(f"it holds more than {_MOST_FILES} files")
    files: dict[str, bytes] = {}
    left = _LARGEST_WHOLE
    for entry in entries:
        name = entry.filename
        if name in files:
            raise _refused(f"it holds {name[:60]!r} twice")
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise _refused(f"it holds a file with the name {name[:60]!r}")
        if entry.flag_bits & _ENCRYPTED:
            raise _refused("it is encrypted")
        most = min(_LARGEST_FILE, left)
        with archive.open(entry) as source:
            files[name] = source.read(most + 1)
        if len(files[name]) > most:
            raise _refused("it unpacks to more than a solution holds")
        left -= len(files[name])
    return files


def _parsed(name: str, content: bytes) -> Element:
    """The root of an XML file; refused as by ``_require_plain``."""
    builder = TreeBuilder()
    _require_plain(name, content, builder)
    return builder.close()


def _require_plain(name: str, content: bytes, builder: TreeBuilder | None = None) -> None:
    """Refuses what is no XML, or declares a document type and so perhaps entities; what is in it
    goes to the ``builder``."""
    parser = ParserCreate()
    if builder is not None:
        parser.StartElementHandler = builder.start
        parser.EndElementHandler = builder.end
        parser.CharacterDataHandler = builder.data

    def refuse(*_declaration: object) -> None:
        raise _refused(f"{name} declares a document type")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except ExpatError:
        raise _refused(f"{name} is no well-formed XML") from None


def _refused(why: str) -> RefusedRequestError:
    return RefusedRequestError(
        422, "package-not-valid", f"The solution's package is not taken: {why}.", hint=_HINT
    )
