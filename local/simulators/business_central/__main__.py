"""``python -m local.simulators.business_central``: serve the simulator until told to stop.

The configuration file, where given, is a JSON object of ``environment`` (its name),
``applications`` (client ids), ``web_service_users`` (keys by user, on premises only) and ``limits``
(fields of ``Limits``), all optional.
"""

from __future__ import annotations

from typing import Any

import orjson

from local.simulators.business_central.limits import Limits
from local.simulators.business_central.simulator import BusinessCentralSimulator
from local.simulators.core.command_line import Options, run


def build(options: Options) -> BusinessCentralSimulator:
    """The simulator as the process's options and configuration describe it."""
    settings: dict[str, Any] = {}
    if options.configuration is not None:
        settings = orjson.loads(options.configuration.read_bytes())
    return BusinessCentralSimulator(
        environment=settings.get("environment", ""),
        applications=settings.get("applications", ()),
        web_service_users=settings.get("web_service_users"),
        limits=Limits().changed(settings.get("limits", {})),
        ca_file=options.ca_file,
    )


if __name__ == "__main__":
    run(BusinessCentralSimulator.name, build)
