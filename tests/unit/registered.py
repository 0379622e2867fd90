"""The functions that the host would find, listed once for all tests of a process."""

from __future__ import annotations

from functools import cache
from typing import Any

import function_app


@cache
def functions() -> list[Any]:
    # The SDK remembers the names it listed and takes a second listing for duplicates.
    function_app.app.functions_bindings = {}
    found = function_app.app.get_functions()
    return sorted(found, key=lambda one: str(one.get_function_name()))


def http_functions() -> list[Any]:
    return [one for one in functions() if one.is_http_function()]
