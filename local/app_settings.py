"""The function app's settings on this machine, derived from ports and certificates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local import azurite
from local.certificates import Certificates
from local.identities import API_AUDIENCE, FUNCTION_APP, TENANT
from local.ports import Ports

_LOCAL_HOSTS = ("127.0.0.1", "localhost")


def derived_settings(
    ports: Ports,
    certificates: Certificates,
    service_addresses: Iterable[str],
    service_authority: str = "",
) -> dict[str, str]:
    """Settings that point the function app at the platform.

    The hosts of ``service_addresses`` (Business Central and CRM) are allowed beside this machine.
    ``service_authority`` gives the tokens for them, the simulator of Entra ID where it is empty.
    """
    named = (urlsplit(address).hostname or "" for address in service_addresses)
    hosts = dict.fromkeys([*_LOCAL_HOSTS, *filter(None, named)])
    entra = f"https://127.0.0.1:{ports.entra}"
    return {
        "AzureWebJobsStorage": azurite.connection_string(ports),
        "KEY_VAULT_URL": f"https://127.0.0.1:{ports.key_vault}",
        "KEY_VAULT_VERIFY_CHALLENGE": "false",
        "ENTRA_AUTHORITY": entra,
        "ENTRA_INSTANCE_DISCOVERY": "false",
        "SERVICE_AUTHORITY": service_authority or entra,
        "SERVICE_INSTANCE_DISCOVERY": "true" if service_authority else "false",
        "API_AUDIENCE": API_AUDIENCE,
        "ALLOWED_SERVICE_HOSTS": ",".join(hosts),
        "PUBLIC_URL": f"http://127.0.0.1:{ports.host}",
        "REQUESTS_CA_BUNDLE": str(certificates.bundle),
        # how azure-identity's DefaultAzureCredential signs in as the function app
        "AZURE_AUTHORITY_HOST": entra,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": FUNCTION_APP.client_id,
        "AZURE_CLIENT_SECRET": FUNCTION_APP.secret,
    }


def example_settings(example: Path) -> dict[str, str]:
    """The values of ``local.settings.example.json``: the defaults of all settings."""
    values: dict[str, str] = json.loads(example.read_text(encoding="utf-8"))["Values"]
    return values


def write_local_settings(path: Path, values: Mapping[str, str], *, host_port: int) -> None:
    """Write ``local.settings.json``, as the Functions host reads it; replaces the file."""
    document = {
        "IsEncrypted": False,
        "Host": {"LocalHttpPort": host_port},
        "Values": dict(values),
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
