"""Functions and actions that belong to no table."""

from local.simulators.core.messages import SimResponse
from local.simulators.dataverse.computed import organization_of
from local.simulators.dataverse.errors import unknown_segment
from local.simulators.dataverse.paths import Segment
from local.simulators.dataverse.state import Call, State, json_response

UNBOUND = frozenset({"WhoAmI", "RetrieveVersion"})


class Unbound:
    """Answers requests to `/{function}`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handle(self, segment: Segment, call: Call) -> SimResponse:
        """Answer a request to a function, with or without its parentheses."""
        if call.request.method != "GET" or segment.key:
            raise unknown_segment(segment.name)
        values = self._who_am_i(call) if segment.name == "WhoAmI" else self._version()
        context = call.url(f"$metadata#Microsoft.Dynamics.CRM.{segment.name}Response")
        return json_response({"@odata.context": context, **values})

    def _who_am_i(self, call: Call) -> dict[str, str]:
        return {
            "BusinessUnitId": call.caller.business_unit_id,
            "UserId": call.caller.user_id,
            "OrganizationId": organization_of(self._state.store)["organizationid"],
        }

    def _version(self) -> dict[str, str]:
        return {"Version": self._state.switches.version}
