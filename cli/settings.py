"""Which service is spoken to and as whom, from the environment and the command line.

No secret is taken from the command line, where other users of the machine and the shell's history
would see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cli.errors import UsageError

VARIABLES = {
    "COUPLER_URL": "address of the service, such as https://coupler.example.com",
    "COUPLER_TENANT": "your Entra ID tenant, a GUID or a domain",
    "COUPLER_CLIENT_ID": "the application that you sign in with",
    "COUPLER_CLIENT_SECRET": "its secret, where a program signs in and no person",
    "COUPLER_TOKEN": "an access token that you have already, in place of signing in",
    "COUPLER_AUDIENCE": "the service's application ID URI; api://coupler where it is not set",
    "COUPLER_AUTHORITY": "Entra ID's address; https://login.microsoftonline.com if not set",
    "REQUESTS_CA_BUNDLE": "certificates to trust in place of the usual ones",
}
"""The environment variables that are read, for ``coupler --help``."""

_MICROSOFT = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CliSettings:
    """Where the service is, and how to sign in."""

    url: str
    """Without a slash at its end."""
    tenant: str
    client_id: str
    client_secret: str
    token: str
    audience: str
    authority: str

    @property
    def is_microsofts_authority(self) -> bool:
        """Whether the authority is known to Entra ID's instance discovery."""
        return urlsplit(self.authority).hostname in _MICROSOFT


def settings_from(environment: Mapping[str, str], *, url: str = "") -> CliSettings:
    """The settings; ``url`` is the one of the command line, which goes before the environment.

    Raises ``UsageError`` for an address that is missing or not https.
    """
    chosen = (url or environment.get("COUPLER_URL", "")).rstrip("/")
    if not chosen:
        raise UsageError("Which service? Set COUPLER_URL, or give --url.")
    parts = urlsplit(chosen)
    is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_here)):
        raise UsageError(
            f"{chosen!r} is no https:// address; a token is not sent to any other kind."
        )
    return CliSettings(
        url=chosen,
        tenant=environment.get("COUPLER_TENANT", ""),
        client_id=environment.get("COUPLER_CLIENT_ID", ""),
        client_secret=environment.get("COUPLER_CLIENT_SECRET", ""),
        token=environment.get("COUPLER_TOKEN", ""),
        audience=environment.get("COUPLER_AUDIENCE", "") or "api://coupler",
        authority=(
            environment.get("COUPLER_AUTHORITY", "") or "https://login.microsoftonline.com"
        ).rstrip("/"),
    )
