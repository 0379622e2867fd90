"""Criteria by which records of both sides are taken for the same thing. Pure.

Values are brought to one form and compared as texts. Nothing is guessed: two forms that may or may
not mean the same, such as a telephone number with and without its country, are different.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from couplings.model import Side

_SEPARATOR = "\x1f"
_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ß": "ss", "\u0131": "i"}
)
"""Letters that Unicode does not take apart into a plain one and its mark."""
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_NOT_A_DIGIT = re.compile(r"\D")
_IN_BRACKETS = re.compile(r"<([^<>]*)>\s*$")


class Compare(StrEnum):
    """What of two values must be the same."""

    TEXT = "text"  # all but blanks around it
    LOOSE = "loose"  # letters and digits only: no punctuation, no blanks, no accents
    PHONE = "phone"  # digits; 00 in front is +; (0) behind the country is left out
    EMAIL = "email"  # the address, without mailto: and without a name before it


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchField:
    """One field on both sides."""

    bc: str
    """BC field, mapped or derived by the mapping's rule."""
    crm: str
    """CRM column as in CRM's answers."""
    compare: Compare = Compare.TEXT
    case_sensitive: bool = False
    """Whether capital letters differ from small ones, in text and loose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchKey:
    """Fields that together identify the same thing on both sides.

    A key with a blank part identifies nothing. Several keys are tried in the mapping's order.
    """

    fields: tuple[MatchField, ...]

    @classmethod
    def of(cls, *pairs: tuple[str, str]) -> MatchKey:
        """A key of BC fields and CRM columns that are compared as text."""
        return cls(fields=tuple(MatchField(bc=bc, crm=crm) for bc, crm in pairs))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """BC field and CRM column of each part."""
        return tuple((field.bc, field.crm) for field in self.fields)

    @property
    def can_be_asked(self) -> bool:
        """Whether a service finds the records that fit: it compares texts, capital letters or not,
        and knows no other form."""
        return all(field.compare is Compare.TEXT for field in self.fields)


def key_texts(record: Mapping[str, Any], keys: Sequence[MatchKey], side: Side) -> list[str]:
    """What a record holds in each key, as one comparable text; empty where any part is blank."""
    return [key_text(record, key, side) for key in keys]


def key_text(record: Mapping[str, Any], key: MatchKey, side: Side) -> str:
    """What a record holds in one key; as ``key_texts``."""
    parts = [
        comparable(record.get(field.bc if side == "bc" else field.crm), field)
        for field in key.fields
    ]
    return _SEPARATOR.join(parts) if all(parts) else ""


def comparable(value: Any, field: MatchField) -> str:
    """A value in the form in which it is compared; idempotent."""
    text = "" if value is None else str(value).strip()
    match field.compare:
        case Compare.PHONE:
            return _phone(text)
        case Compare.EMAIL:
            return _email(text)
        case Compare.LOOSE:
            text = loose(text)
    return text if field.case_sensitive else text.casefold()


def loose(text: str) -> str:
    """Letters and digits of a text, without accents."""
    return "".join(letter for letter in plain(text) if letter.isalnum())


def plain(text: str) -> str:
    """A text without accents."""
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _phone(text: str) -> str:
    text = _TRUNK_ZERO.sub("", text)
    digits = _NOT_A_DIGIT.sub("", text)
    if text.lstrip("( ").startswith("+"):
        return f"+{digits}" if digits else ""
    return f"+{digits[2:]}" if digits.startswith("00") and len(digits) > 2 else digits


def _email(text: str) -> str:
    in_brackets = _IN_BRACKETS.search(text)
    address = (in_brackets[1] if in_brackets else text).strip().casefold()
    return address.removeprefix("mailto:").strip()
