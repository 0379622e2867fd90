"""``python -m local.simulators.entra``; the configuration file is ``{"clients": […],
"users": […]}``."""

from __future__ import annotations

import json

from local.simulators.core.command_line import Options, run
from local.simulators.entra.simulator import EntraSimulator


def _build(options: Options) -> EntraSimulator:
    if options.configuration is None:
        return EntraSimulator()
    configuration = json.loads(options.configuration.read_bytes())
    return EntraSimulator(configuration.get("clients"), configuration.get("users"))


if __name__ == "__main__":
    run("entra", _build)
