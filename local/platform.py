"""The whole local platform: Azurite, the simulators and the function host, started in order."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from local import azurite
from local.app_settings import derived_settings, example_settings, write_local_settings
from local.certificates import ensure_certificates
from local.http_client import HttpClient
from local.identities import (
    API_AUDIENCE,
    APPLICATIONS,
    PEOPLE,
    PORTAL,
    SERVICE,
    SERVICE_SECRET_NAME,
    TENANT,
    Application,
    Person,
)
from local.ports import Ports
from local.processes import Processes, ProcessSpec, Sink, StartError
from local.service_credentials import SIMULATED, ServiceCredentials

REPOSITORY = Path(__file__).resolve().parent.parent
_SERVICE_TOKEN_SECONDS = 3599
_HOST = "function-host"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOptions:
    """What may differ between two platforms."""

    ports: Ports
    crm_url: str | None = None
    """A CRM organization in the Dataverse simulator's place, which is then not started."""
    bc_url: str | None = None
    """A Business Central base address (up to and without ``/api``) in its simulator's place."""
    service: ServiceCredentials = SIMULATED
    """As whom the connection calls both services."""
    state: Path = REPOSITORY / ".local"
    """Where certificates, Azurite and its data are kept."""
    settings_file: Path = REPOSITORY / "local.settings.json"
    in_memory: bool = False
    """Whether Azurite forgets its data at the end."""
    storage_log: bool = False
    """Whether Azurite tells each request in its output."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """App settings beside or in place of the derived ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Base addresses without a slash at the end."""

    function_app: str
    entra: str
    key_vault: str
    crm: str
    business_central: str
    """For a simulator: without tenant and environment."""


class Platform:
    """The processes of one platform; leaving the context stops all of them."""

    def __init__(self, options: PlatformOptions, sink: Sink) -> None:
        ports = options.ports
        self.options = options
        self.addresses = Addresses(
            function_app=f"http://127.0.0.1:{ports.host}",
            entra=_local(ports.entra),
            key_vault=_local(ports.key_vault),
            crm=options.crm_url or _local(ports.dataverse),
            business_central=options.bc_url or _local(ports.business_central),
        )
        self.certificates = ensure_certificates(options.state / "certs")
        self.client = HttpClient(self.certificates.bundle)
        self._processes = Processes(sink)
        self._host_environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every part and wait until it is ready; raises ``StartError``.

        Raises ``local.azurite.InstallError`` where Azurite is missing and cannot be installed.
        """
        self.start_azurite()
        self.start_simulators()
        self.write_settings()
        self.start_host()

    def stop(self) -> None:
        """Stop every part, the last started first."""
        self._processes.stop_all()

    def wait_for_an_end(self) -> str:
        """Wait until a part ends by itself; tells which, how, and its last lines."""
        return self._processes.wait_for_an_end().epitaph("by itself")

    def start_azurite(self) -> None:
        """Start Azurite, installing it where it is not yet."""
        ports = self.options.ports
        location = self.options.state / "storage" / str(ports.base)
        access_log = self.options.storage_log
        command = azurite.ensure_installed(self.options.state / "azurite")
        self._processes.start(
            ProcessSpec(
                name="azurite",
                command=[
                    *command,
                    *azurite.options(
                        ports,
                        None if self.options.in_memory else location,
                        access_log=access_log,
                    ),
                ],
                ports=(ports.azurite_blob, ports.azurite_queue, ports.azurite_table),
            )
        )

    def start_simulators(self) -> None:
        """Start Entra ID and Key Vault with the known applications, then both services."""
        ports = self.options.ports
        clients = [
            {
                "tenant": TENANT,
                "client_id": application.client_id,
                "secret": application.secret,
                "expires_in": _SERVICE_TOKEN_SECONDS,
                "roles": application.roles,
                "public": application.public,
            }
            for application in APPLICATIONS
        ]
        users = [
            {"tenant": TENANT, "password": person.password, **asdict(person)} for person in PEOPLE
        ]
        self._start_simulator("entra", ports.entra, {"clients": clients, "users": users})
        self._start_simulator("key_vault", ports.key_vault, {"tenant": TENANT})
        secret = {"name": SERVICE_SECRET_NAME, "value": self.options.service.secret}
        self._seed(self.addresses.key_vault, {"secrets": [secret]})
        if self.options.crm_url is None:
            known = {"clients": [SERVICE.client_id]}
            self._start_simulator("dataverse", ports.dataverse, known)
        if self.options.bc_url is None:
            known = {"applications": [SERVICE.client_id]}
            self._start_simulator("business_central", ports.business_central, known)

    def write_settings(self) -> None:
        """Write ``local.settings.json`` from the example and the derived settings."""
        services = (self.addresses.crm, self.addresses.business_central)
        derived = {
            **derived_settings(
                self.options.ports, self.certificates, services, self.options.service.authority
            ),
            **self.options.settings,
        }
        defaults = example_settings(REPOSITORY / "local.settings.example.json")
        write_local_settings(
            self.options.settings_file, defaults | derived, host_port=self.options.ports.host
        )
        # The host lets its environment win over the file, as the real one does, and a machine may
        # well have variables of these names (REQUESTS_CA_BUNDLE): so they are set for it, too.
        chosen = {name: os.environ.get(name, value) for name, value in defaults.items()}
        self._host_environment = chosen | derived | {"NO_PROXY": "127.0.0.1,localhost"}

    def start_host(self) -> None:
        """Start the function host, for the first time or after ``kill_host``."""
        ports = self.options.ports
        self._processes.start(
            ProcessSpec(
                name=_HOST,
                command=[
                    *(sys.executable, "-m", "local.host", str(REPOSITORY)),
                    *("--port", str(ports.host), "--azurite-port", str(ports.azurite_blob)),
                ],
                ports=(ports.host,),
                environment=self._host_environment,
                stop_seconds=30.0,  # functions in flight may end their slice
            )
        )

    def kill_host(self) -> None:
        """Kill the function host as a crash would (SIGKILL) and wait until it is gone."""
        self._processes.stop(_HOST, signal.SIGKILL)

    def host_process_id(self) -> int:
        """The function host's process id."""
        return self._processes.process_id(_HOST)

    def caller_token(self) -> str:
        """An access token of the portal for the function app's API."""
        return self.token(PORTAL, API_AUDIENCE)

    def token(self, application: Application, audience: str) -> str:
        """An access token of an application for a service."""
        answer = self.client.request(
            "POST",
            f"{self.addresses.entra}/{TENANT}/oauth2/v2.0/token",
            form={
                "grant_type": "client_credentials",
                "client_id": application.client_id,
                "client_secret": application.secret,
                "scope": f"{audience}/.default",
            },
        )
        return str(answer.body["access_token"])

    def person_token(self, person: Person, scope: str, application: Application = SERVICE) -> str:
        """An access token of a person for a service, by an application that allows it:
        ``person_token(READER, f"{API_AUDIENCE}/access_as_user")``."""
        answer = self.client.request(
            "POST",
            f"{self.addresses.entra}/{TENANT}/oauth2/v2.0/token",
            form={
                "grant_type": "password",
                "client_id": application.client_id,
                "username": person.sign_in_name,
                "password": person.password,
                "scope": scope,
            },
        )
        return str(answer.body["access_token"])

    def _start_simulator(self, name: str, port: int, configuration: Mapping[str, object]) -> None:
        path = self.options.state / f"{name}.json"
        path.write_text(json.dumps(configuration), encoding="utf-8")
        command = [
            *(sys.executable, "-m", f"local.simulators.{name}", "--port", str(port)),
            *("--certificate", str(self.certificates.certificate)),
            *("--key", str(self.certificates.key), "--entra", self.addresses.entra),
            *("--configuration", str(path)),
        ]
        self._processes.start(
            ProcessSpec(
                name=name,
                command=command,
                ports=(port,),
                environment={"REQUESTS_CA_BUNDLE": str(self.certificates.bundle)},
                ready=self._healthy(port),
            )
        )

    def _healthy(self, port: int) -> Callable[[], bool]:
        def healthy() -> bool:
            try:
                return self.client.request("GET", f"{_local(port)}/_sim/health").status == 200
            except OSError:
                return False

        return healthy

    def _seed(self, address: str, data: Mapping[str, object]) -> None:
        answer = self.client.request("POST", f"{address}/_sim/seed", body=data)
        if answer.status != 200:
            raise StartError(f"{address} refused its first data: {answer.body}")


def describe(addresses: Addresses) -> dict[str, str]:
    """Addresses by a name that people understand."""
    return {name.replace("_", " "): address for name, address in asdict(addresses).items()}


def _local(port: int) -> str:
    return f"https://127.0.0.1:{port}"
