"""Which addresses a tenant may name as its services.

The addresses are tenants' input and the requests to them carry our tokens, so only hosts of an
allow-list are spoken to, over TLS, at the address as normalised here. Pure: nothing is resolved or
called. What else guards a request (no redirects, no proxies, next links held to the same origin,
time and size limits) is in ``services.transport``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from errors import RefusedRequestError

_HTTPS_PORT = 443
_LONGEST = 500
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# 127.0.0.1, but also the forms that resolvers read as one: 2130706433, 0x7f.1, 127.1
_LIKE_IP = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*")
_PATH = re.compile(r"(/[A-Za-z0-9._~%-]+)*")


def check_address(address: str, allowed: Iterable[str]) -> str:
    """The address in its one normal form (lower-case host, no trailing slash), if it is allowed.

    ``allowed`` holds exact hosts and ``*.suffix`` entries (``settings.allowed_service_hosts``),
    each with a port or without. One with a port admits that port; one without admits port 443, and
    any other of what is not a public name: ``localhost``, or an IP address outside the public
    ranges.

    Raises ``RefusedRequestError`` (422, ``address-not-allowed``) that says which rule is broken.
    """
    parts = _split(address)
    host = _host(parts)
    entries = [_entry(entry.strip().lower()) for entry in allowed]
    ports = {given for name, given in entries if _matches(host, name)}
    if not ports:
        if _LIKE_IP.fullmatch(host) or ":" in host:
            raise _refused("it names an IP address that is not on the list of allowed hosts")
        raise _refused(f"the host {host} is not on the list of allowed hosts")
    port = _port(parts)
    usual = _HTTPS_PORT if _is_public(host) else port
    if port not in {usual if given is None else given for given in ports}:
        raise _refused(f"the port {port} of {host} is not on the list of allowed hosts")
    shown = f"[{host}]" if ":" in host else host
    return f"https://{shown}{'' if port == _HTTPS_PORT else f':{port}'}{_path(parts)}"


def same_origin(base: str, url: str) -> bool:
    """Whether a link that a service gave leads back to the very origin it was asked at."""
    try:
        first, second = _split(base, link=True), _split(url, link=True)
        return (_host(first), _port(first)) == (_host(second), _port(second))
    except RefusedRequestError:
        return False


def _refused(rule: str) -> RefusedRequestError:
    return RefusedRequestError(
        422,
        "address-not-allowed",
        f"The service address cannot be used: {rule}.",
        hint="Give the address as the service's own administration shows it, for example "
        "https://contoso.crm.dynamics.com.",
    )


def _split(address: str, *, link: bool = False) -> SplitResult:
    """``link``: a service's own link, which is long, has a query and may hold blanks in it."""
    if len(address) > _LONGEST and not link:
        raise _refused(f"it is longer than {_LONGEST} characters")
    # urlsplit drops tabs and line ends silently, and other readers take "\" for "/".
    forbidden = "\\\x7f" if link else " \\\x7f"
    if any(character < " " or character in forbidden for character in address):
        raise _refused("it holds blanks, control characters or backslashes")
    try:
        parts = urlsplit(address)
    except ValueError:
        raise _refused("it is not a well-formed address") from None
    if parts.scheme != "https":
        raise _refused("it does not begin with https://")
    if "@" in parts.netloc:
        raise _refused("it carries a user name or password")
    if not link and ("?" in address or "#" in address):
        raise _refused("it carries a query or a fragment")
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii").lower()
        except UnicodeError:
            raise _refused("its host is not a valid international name") from None
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise _refused("its host is not a valid IP address") from None
    if not host or len(host) > 253 or not all(map(_LABEL.fullmatch, host.split("."))):
        raise _refused("its host is not a plain host name")
    return host


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise _refused("its port is not a number from 1 to 65535") from None
    if port == 0:
        raise _refused("its port is not a number from 1 to 65535")
    return port or _HTTPS_PORT


def _path(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    segments = path.lower().replace("%2e", ".").split("/")
    hidden = "%2f" in path.lower() or "%5c" in path.lower()
    if not _PATH.fullmatch(path) or hidden or {".", ".."} & set(segments):
        raise _refused("its path holds characters or steps that no service address has")
    return path


def _entry(text: str) -> tuple[str, int | None]:
    """Host and port of an entry; an IPv6 address with a port is in brackets."""
    name, _, port = text.rpartition(":")
    if name and port.isdecimal() and (":" not in name or name.endswith("]")):
        return name, int(port)
    return text, None


def _matches(host: str, entry: str) -> bool:
    if entry.startswith("*."):
        # A suffix never admits an IP address, and never the bare suffix itself.
        return host.endswith(entry[1:]) and not _LIKE_IP.fullmatch(host)
    return host == entry.strip("[]")


def _is_public(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True
