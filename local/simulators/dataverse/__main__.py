"""`python -m local.simulators.dataverse`: serves one organization over HTTPS.

The configuration file (JSON) may give: `clients` (a list of application ids), `base_currency`
(`[code, name, symbol]`), `activation_needs_price`, `untracked` (table names), `latency_seconds`,
`limits` (`requests`, `execution_seconds`, `window_seconds`, `concurrent`) and `webhooks` (seconds:
`timeout`, `retry`).
"""

from pathlib import Path

import orjson

from local.simulators.core.command_line import Options, run
from local.simulators.dataverse.limits import ServiceLimits
from local.simulators.dataverse.simulator import DataverseSimulator, Settings
from local.simulators.dataverse.webhooks import WebhookTimes


def read_settings(path: Path | None) -> Settings:
    """The settings of a configuration file; an unknown name in it raises `TypeError`."""
    if path is None:
        return Settings()
    given = orjson.loads(path.read_bytes())
    limits = ServiceLimits(**given.pop("limits", {}))
    webhooks = WebhookTimes(**given.pop("webhooks", {}))
    for name, kind in (("clients", tuple), ("base_currency", tuple), ("untracked", frozenset)):
        if name in given:
            given[name] = kind(given[name])
    return Settings(limits=limits, webhooks=webhooks, **given)


def _build(options: Options) -> DataverseSimulator:
    return DataverseSimulator(read_settings(options.configuration), ca_file=options.ca_file)


if __name__ == "__main__":
    run("dataverse", _build)
