"""Keys of table rows: several parts joined into one text, and back again.

Azure Tables forbids ``/ \\ # ?`` and control characters in keys and allows 1 KiB for each. A part
may hold anything: what is forbidden, the separator and the escape character itself are written
as ``!`` and two hexadecimal digits. Two different sequences of parts never make the same key.
"""

from __future__ import annotations

import re

SEPARATOR = "~"
_AFTER_SEPARATOR = "\u00a0"
"""The first character that sorts after the separator and is not a control character, so that no
key lies between ``prefix~...`` and ``prefix`` followed by it."""

_LIMIT_BYTES = 1024
_ESCAPED = re.compile("[/\\\\#?!~\u0000-\u001f\u007f-\u009f]")
_ESCAPE_SEQUENCE = re.compile("!([0-9A-F]{2})")


def partition_key(*parts: str) -> str:
    """The partition key of these parts; raises ``ValueError`` for none, or more than 1 KiB."""
    return _join(parts)


def row_key(*parts: str) -> str:
    """The row key of these parts; raises ``ValueError`` for none, or more than 1 KiB."""
    return _join(parts)


def parts_of(key: str) -> tuple[str, ...]:
    """The parts that ``partition_key`` or ``row_key`` joined."""
    return tuple(_unescape(part) for part in key.split(SEPARATOR))


def prefix_range(*parts: str) -> tuple[str, str]:
    """From (inclusive) and to (exclusive) of the keys that begin with these parts and have more.

    The key of exactly these parts is not among them.
    """
    prefix = _join(parts)
    return prefix + SEPARATOR, prefix + _AFTER_SEPARATOR


def _join(parts: tuple[str, ...]) -> str:
    if not parts:
        raise ValueError("a key needs at least one part")
    key = SEPARATOR.join(_ESCAPED.sub(_escape, part) for part in parts)
    # The service counts a key in UTF-16; a lone surrogate cannot be stored and raises here.
    if len(key.encode("utf-16-le")) > _LIMIT_BYTES:
        raise ValueError(f"the key {key[:60]}... is longer than {_LIMIT_BYTES} bytes in UTF-16")
    return key


def _escape(match: re.Match[str]) -> str:
    return f"!{ord(match.group()):02X}"


def _unescape(part: str) -> str:
    return _ESCAPE_SEQUENCE.sub(lambda match: chr(int(match.group(1), 16)), part)
