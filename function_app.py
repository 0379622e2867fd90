"""The function app: every feature's blueprint, a net under the logs, and nothing else."""

from __future__ import annotations

import azure.durable_functions as df
import azure.functions as func

from api.functions import blueprint as api
from audit.functions import blueprint as audit
from connections.functions import blueprint as connections
from log_masking import mask_logs
from setup.guide_functions import blueprint as guide
from setup.lifecycle_functions import blueprint as lifecycle
from setup.solution_functions import blueprint as solution
from sync.by_hand.functions import blueprint as by_hand
from sync.functions import blueprint as sync
from sync.incremental_functions import blueprint as incremental
from sync.journal.functions import blueprint as journal
from sync.mapping_functions import blueprint as mappings
from sync.matching.functions import blueprint as matches
from sync.outcome_functions import blueprint as outcomes
from sync.reconcile_functions import blueprint as reconcile
from sync.records.functions import blueprint as records
from sync.runs.functions import blueprint as runs
from sync.transfer.functions import blueprint as transfer
from upkeep.functions import blueprint as upkeep
from webhooks.functions import blueprint as webhooks

mask_logs()

# Anonymous to the host: identity is the Entra ID token that web.edge verifies on every route, or
# the key that a webhook's receiver verifies.
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(api)
app.register_functions(audit)
app.register_functions(connections)
app.register_functions(guide)
app.register_functions(lifecycle)
app.register_functions(solution)
app.register_functions(by_hand)
app.register_functions(sync)
app.register_functions(incremental)
app.register_functions(journal)
app.register_functions(mappings)
app.register_functions(matches)
app.register_functions(outcomes)
app.register_functions(reconcile)
app.register_functions(records)
app.register_functions(runs)
app.register_functions(transfer)
app.register_functions(upkeep)
app.register_functions(webhooks)
