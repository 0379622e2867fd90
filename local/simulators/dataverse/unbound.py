"""Functions and actions that belong to no table."""

from typing import Any

from local.simulators.core.messages import SimResponse
from local.simulators.dataverse.computed import organization_of
from local.simulators.dataverse.errors import unknown_segment
from local.simulators.dataverse.paths import Segment
from local.simulators.dataverse.solutions import Solutions
from local.simulators.dataverse.state import Call, State, json_response, no_content

_FUNCTIONS = frozenset({"WhoAmI", "RetrieveVersion"})
_ACTIONS = frozenset({"StageSolution", "ImportSolution", "ImportSolutionAsync"})
UNBOUND = _FUNCTIONS | _ACTIONS


class Unbound:
    """Answers requests to `/{function}`."""

    def __init__(self, state: State, solutions: Solutions) -> None:
        self._state = state
        self._solutions = solutions

    def handle(self, segment: Segment, call: Call) -> SimResponse:
        """Answer a request to a function, with or without its parentheses."""
        method = "GET" if segment.name in _FUNCTIONS else "POST"
        if call.request.method != method or segment.key:
            raise unknown_segment(segment.name)
        values = self._values(segment.name, call)
        if values is None:
            return no_content()
        context = call.url(f"$metadata#Microsoft.Dynamics.CRM.{segment.name}Response")
        return json_response({"@odata.context": context, **values})

    def _values(self, name: str, call: Call) -> dict[str, Any] | None:
        match name:
            case "WhoAmI":
                return self._who_am_i(call)
            case "RetrieveVersion":
                return self._version()
            case "StageSolution":
                return self._solutions.stage(call)
            case "ImportSolutionAsync":
                return self._solutions.import_later(call)
        self._solutions.import_now(call)
        return None

    def _who_am_i(self, call: Call) -> dict[str, str]:
        return {
            "BusinessUnitId": call.caller.business_unit_id,
            "UserId": call.caller.user_id,
            "OrganizationId": organization_of(self._state.store)["organizationid"],
        }

    def _version(self) -> dict[str, str]:
        return {"Version": self._state.switches.version}
