"""``python -m local.simulators.key_vault``; its configuration file is ``{"tenant": "..."}``."""

from __future__ import annotations

import json

from local.simulators.core.command_line import Options, run
from local.simulators.key_vault.simulator import KeyVaultSimulator


def _build(options: Options) -> KeyVaultSimulator:
    if options.configuration is None:
        raise SystemExit("key_vault needs --configuration: the vault's tenant")
    tenant = json.loads(options.configuration.read_bytes())["tenant"]
    return KeyVaultSimulator(authority=options.entra, tenant=tenant)


if __name__ == "__main__":
    run("key_vault", _build)
