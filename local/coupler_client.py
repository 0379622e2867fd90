"""Calling Coupler's own API, as an administrator's portal would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from local.http_client import Answer
from local.platform import Platform


class CouplerApiError(Exception):
    """The API refused a call; the text is the problem's title, detail and hint."""


class CouplerClient:
    """One caller of one function app, with a token of its own."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._token = platform.caller_token()

    def create_connection(self, document: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", "connections", document)

    def enable(self, connection: str) -> dict[str, Any]:
        """Have the setup guide's checks made, and the connection enabled if they pass."""
        return self._call("POST", f"connections/{connection}/enable")

    def setup(self, connection: str) -> dict[str, Any]:
        """Every step of the setup guide as it was found last."""
        return self._call("GET", f"connections/{connection}/setup")

    def recommendations(self, connection: str) -> list[dict[str, Any]]:
        """What is recommended for each table, from what both systems hold now."""
        path = f"connections/{connection}/full-sync/recommendations"
        found: list[dict[str, Any]] = self._call("GET", path)["recommendations"]
        return found

    def start_full_sync(self, connection: str) -> dict[str, Any]:
        """Synchronize all tables, and create the partners that are missing, whatever is
        recommended: the generated systems know each other's records by their numbers."""
        wanted = {"mode": "full-synchronization"}
        return self._call("POST", f"connections/{connection}/full-sync/start", wanted)

    def review(self, connection: str) -> dict[str, Any]:
        return self._call("GET", f"connections/{connection}/full-sync")

    def set_incremental(self, connection: str, document: dict[str, Any]) -> dict[str, Any]:
        """Switch passes on or off, with their period."""
        path = f"connections/{connection}"
        version = self._ask("GET", path).headers["ETag"]
        return self._call("PUT", f"{path}/incremental", document, {"If-Match": version})

    def register_webhooks(self, connection: str) -> dict[str, Any]:
        """Have both services tell of changes; how either side tells of each table's."""
        return self._call("PUT", f"connections/{connection}/webhooks", {})

    def remove_webhooks(self, connection: str) -> None:
        """Have neither service tell of changes any more."""
        self._call("DELETE", f"connections/{connection}/webhooks")

    def run_passes(self, connection: str) -> dict[str, Any]:
        """Ask for a pass over every table, due or not."""
        return self._call("POST", f"connections/{connection}/incremental/run", {})

    def tables(self, connection: str) -> dict[str, Any]:
        """How every table fares between its passes."""
        return self._call("GET", f"connections/{connection}/tables")

    def start_reconcile(self, connection: str, mappings: list[str]) -> dict[str, Any]:
        """Compare these tables with their couplings."""
        return self._call("POST", f"connections/{connection}/reconcile", {"mappings": mappings})

    def reconcile(self, connection: str) -> dict[str, Any]:
        """What the last comparison with the couplings found, in counts."""
        return self._call("GET", f"connections/{connection}/reconcile")

    def drift(self, connection: str) -> list[dict[str, Any]]:
        """Every record and pair that is not as it should be."""
        return self._all(f"connections/{connection}/reconcile/drift", "drift")

    def repair(self, connection: str, selection: dict[str, Any]) -> dict[str, Any]:
        """Have drift repaired by the next passes; what was begun, by kind."""
        return self._call("POST", f"connections/{connection}/reconcile/repair", selection)

    def change_mapping(self, connection: str, mapping: str, members: dict[str, Any]) -> None:
        """Have members of a table mapping be others."""
        path = f"connections/{connection}/mappings/{quote(mapping)}"
        answer = self._ask("GET", path)
        changed = {"mapping": answer.body["mapping"] | members}
        self._call("PUT", path, changed, {"If-Match": answer.headers["ETag"]})

    def start_match(self, connection: str, mappings: list[str]) -> dict[str, Any]:
        """Have the uncoupled records of these tables matched."""
        return self._call("POST", f"connections/{connection}/matches/start", {"mappings": mappings})

    def matches(self, connection: str) -> dict[str, Any]:
        """How far the last match is, and what the last one of each table found, in counts."""
        return self._call("GET", f"connections/{connection}/matches")

    def outcomes(self, connection: str) -> list[dict[str, Any]]:
        """Every record that is not in step."""
        return self._all(f"connections/{connection}/outcomes", "outcomes")

    def couplings(self, connection: str, mapping: str) -> list[dict[str, Any]]:
        """Every coupling of a table mapping."""
        return self._all(f"connections/{connection}/couplings/{quote(mapping)}", "couplings")

    def _all(self, path: str, member: str) -> list[dict[str, Any]]:
        """A whole list, page by page."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self._call("GET", f"{path}?limit=1000{after}")
            found += page[member]
            if not page["continuation"]:
                return found
            after = f"&continuation={quote(page['continuation'], safe='')}"

    def _call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        document: dict[str, Any] = self._ask(method, path, body, headers).body or {}
        return document

    def _ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        answer = self._platform.client.request(
            method,
            f"{self._platform.addresses.function_app}/api/{path}",
            body=body,
            headers={"Authorization": f"Bearer {self._token}", **(headers or {})},
        )
        if answer.status >= 400:
            problem = answer.body if isinstance(answer.body, dict) else {"detail": answer.body}
            told = " ".join(str(problem.get(part, "")) for part in ("title", "detail", "hint"))
            faults = [f"{each['member']}: {each['message']}" for each in problem.get("errors", [])]
            told = "\n  ".join((told, *faults))
            raise CouplerApiError(f"{method} /api/{path} answered {answer.status}: {told}")
        return answer
