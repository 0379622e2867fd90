"""The last net: what looks like a secret is masked in every log record of this process.

Nothing is meant to log a secret, and the tests scan for it. This is for the line that nobody
thought of: an SDK that tells a request's headers, an exception that quotes an address. Records are
masked when they are made, so that no handler, whoever added it, sees more.
"""

from __future__ import annotations

import logging
import re
from typing import Any

MASK = "***"

_NAMES = (
    r"client[_-]?secret|password|passwd|pwd|access_token|refresh_token|id_token|device_code"
    r"|client_assertion|assertion|accountkey|sharedaccesskey|sharedaccesssignature|sig"
    r"|x-coupler-key|clientstate|web[_-]?service[_-]?key|authorization"
)
_PATTERNS = (
    # a bearer token or Basic credentials, as a header has them
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.I), rf"\1 {MASK}"),
    # a JSON Web Token wherever it stands
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), MASK),
    # a client secret of Entra ID, which can be told by its fourth to sixth character
    (re.compile(r"(?<![\w.~-])[\w.~-]{3}[78]Q~[\w.~-]{31,34}(?![\w.~-])"), MASK),
    # the key of a webhook in an address: Dataverse sends it there
    (re.compile(r"([?&]code=)[^&\s\"'<>]{16,}"), rf"\1{MASK}"),
    # name=value and "name": "value", where the name says that it is one
    (
        re.compile(
            rf"(?<![\w-])((?:{_NAMES})[\"']?\s*[=:]\s*)(?:[\"'][^\"']*[\"']|[^\s\"',;&}}]+)", re.I
        ),
        rf"\1{MASK}",
    ),
)


def masked(text: str) -> str:
    """The text without what looks like a secret."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def mask_logs() -> None:
    """Mask every record of this process from now on; doing it again changes nothing."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _MaskingFactory):
        logging.setLogRecordFactory(_MaskingFactory(make))


class _MaskingFactory:
    """Makes records as before, and masks them."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self._formatter = logging.Formatter()

    def __call__(self, *arguments: Any, **options: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*arguments, **options)
        try:
            told = record.getMessage()
        except Exception:  # noqa: BLE001 - words that do not fit their values: logging tells
            return record
        shown = masked(told)
        if shown != told:
            record.msg, record.args = shown, None
        if record.exc_info and record.exc_info[0]:
            trace = self._formatter.formatException(record.exc_info)
            shown = masked(trace)
            if shown != trace:
                # The exception itself goes: a handler that tells it anew would tell the secret.
                record.exc_info, record.exc_text = None, shown
        return record
