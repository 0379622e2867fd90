"""What an app says about its host: ``host.json``, ``local.settings.json`` and app settings."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.host.errors import HostError

STORAGE_SETTING = "AzureWebJobsStorage"

# Azurite's public, documented account: the same in every installation, and no secret.
_AZURITE_ACCOUNT = "devstoreaccount1"
_AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_DURATION = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_REFERENCE = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """``extensions.queues`` of host.json, with the real host's defaults under development."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta(0)
    max_polling_interval: timedelta = timedelta(seconds=2)
    message_encoding: str = "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfiguration:
    """The part of host.json that this host understands."""

    route_prefix: str = "api"
    queues: QueueOptions = QueueOptions()
    hub_name: str = "TestHubName"
    max_concurrent_activities: int = 10


def read_host_json(directory: Path) -> HostConfiguration:
    """Read ``host.json``; raises HostError if it is missing, malformed or out of range."""
    document = _read_json(directory / "host.json")
    if document.get("version") != "2.0":
        raise HostError(f'{directory / "host.json"} must say "version": "2.0"')
    extensions = document.get("extensions", {})
    durable = extensions.get("durableTask", {})
    try:
        return HostConfiguration(
            route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
            queues=_queue_options(extensions.get("queues", {})),
            hub_name=durable.get("hubName", "TestHubName"),
            max_concurrent_activities=int(durable.get("maxConcurrentActivityFunctions", 10)),
        )
    except (ValueError, TypeError) as error:
        raise HostError(f"{directory / 'host.json'}: {error}") from error


def load_local_settings(directory: Path, environment: MutableMapping[str, str]) -> None:
    """Add the values of ``local.settings.json`` to `environment`; what is set there already stays.

    Does nothing where the file does not exist. Raises HostError if it is malformed.
    """
    path = directory / "local.settings.json"
    if not path.exists():
        return
    values = _read_json(path).get("Values", {})
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise HostError(f'{path}: "Values" must be an object of texts')
    for name, value in values.items():
        environment.setdefault(name, value)


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace each ``%NAME%`` in a binding's property by that app setting.

    Raises HostError if there is no such setting, as the real host refuses to start the function.
    """

    def setting(reference: re.Match[str]) -> str:
        name = reference[1]
        if name not in environment:
            raise HostError(f"%{name}% does not resolve: there is no app setting of that name")
        return environment[name]

    return _REFERENCE.sub(setting, text)


def storage_connection(
    name: str | None, environment: Mapping[str, str], *, azurite_port: int
) -> str:
    """The storage connection string that a binding's `connection` names.

    The setting may be called as it is or with the prefix "AzureWebJobs". ``UseDevelopmentStorage=
    true`` is Azurite on `azurite_port` (blobs; queues and tables on the next two ports).
    Raises HostError if there is no such setting, or if it is meant for a managed identity.
    """
    name = name or STORAGE_SETTING
    value = environment.get(name) or environment.get(f"AzureWebJobs{name}")
    if not value:
        if f"{name}__accountName" in environment:
            raise HostError(f"{name}: this host needs a connection string, not an identity")
        raise HostError(f"the app setting {name} (a storage connection string) is missing")
    if value.strip().rstrip(";").lower() == "usedevelopmentstorage=true":
        return azurite_connection_string(azurite_port, azurite_port + 1, azurite_port + 2)
    return value


def azurite_connection_string(blob_port: int, queue_port: int, table_port: int) -> str:
    """The connection string of an Azurite on this machine."""
    services = {"Blob": blob_port, "Queue": queue_port, "Table": table_port}
    return (
        f"DefaultEndpointsProtocol=http;AccountName={_AZURITE_ACCOUNT};AccountKey={_AZURITE_KEY};"
        + "".join(
            f"{service}Endpoint=http://127.0.0.1:{port}/{_AZURITE_ACCOUNT};"
            for service, port in services.items()
        )
    )


def duration(text: str) -> timedelta:
    """A .NET TimeSpan such as "00:00:30" or "1.00:00:00"; raises ValueError if it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration of the form hh:mm:ss")
    days, hours, minutes, seconds = match.groups()
    return timedelta(
        days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds)
    )


def _queue_options(document: Mapping[str, Any]) -> QueueOptions:
    batch_size = int(document.get("batchSize", 16))
    encoding = str(document.get("messageEncoding", "base64")).lower()
    if not 1 <= batch_size <= 32:
        raise ValueError(f"queues.batchSize is {batch_size}: use 1 to 32")
    if encoding not in ("base64", "none"):
        raise ValueError(f"queues.messageEncoding is {encoding!r}: use base64 or none")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=int(document.get("newBatchThreshold", batch_size // 2)),
        max_dequeue_count=int(document.get("maxDequeueCount", 5)),
        visibility_timeout=duration(document.get("visibilityTimeout", "00:00:00")),
        max_polling_interval=duration(document.get("maxPollingInterval", "00:00:02")),
        message_encoding=encoding,
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise HostError(f"{path} is missing") from error
    except ValueError as error:
        raise HostError(f"{path} is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise HostError(f"{path} must hold a JSON object")
    return document
