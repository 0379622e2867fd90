"""The triggers that answer the API's description: public, the same for everybody, of no tenant."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

import azure.functions as func

from web.edge import Delivery, public_route

blueprint = func.Blueprint()

_FOLDER = Path(__file__).parent
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@public_route(blueprint, "openapi.json")
def read_openapi(req: Delivery) -> func.HttpResponse:
    """200 with the description for programs."""
    del req
    return func.HttpResponse(_text("openapi.json"), mimetype="application/json")


@public_route(blueprint, "docs")
def read_reference(req: Delivery) -> func.HttpResponse:
    """200 with the description for people: a page whose style is its own, and nothing else."""
    del req
    return func.HttpResponse(
        _text("reference.html"),
        mimetype="text/html",
        headers={"Content-Security-Policy": _policy(), "Referrer-Policy": "no-referrer"},
    )


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Only the one style that the page holds; no script, no frame, nothing from anywhere."""
    [style] = _STYLE.findall(_text("reference.html"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
