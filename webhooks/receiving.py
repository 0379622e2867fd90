"""Taking calls of both services in: verified, then stored as record hints and requested passes.

A call is a hint and nothing more. One that is forged is dropped, one that is lost is made good by
the next pass over the table, one that comes twice finds its hint there already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from couplings.model import Side
from errors import RefusedRequestError
from sync.catalog import CatalogSource, MappingCatalog
from sync.hints import HintReason, HintStore, RecordHint
from sync.requests import PassRequests
from webhooks.mapped_tables import mappings_of_bc, mappings_of_crm
from webhooks.payloads import Change, bc_entries, crm_change, first_client_state, parsed
from webhooks.store import WebhookStore

log = logging.getLogger(__name__)

BODY_LIMIT = 320 * 1024
"""Bytes of a call. Dataverse leaves the larger members out above 256 KiB."""

_DELAY_SECONDS = 1
"""Changes come in bursts; the pass takes them together."""


class Receiver:
    """The receivers of one connection; ``store`` may hold nothing, for anybody can call."""

    def __init__(
        self,
        *,
        store: WebhookStore,
        hints: HintStore,
        requests: PassRequests,
        catalog: CatalogSource,
        is_kept_in_step: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        """``is_kept_in_step`` tells whether passes may begin by themselves; where they may not,
        hints wait until a person asks for one."""
        self._store = store
        self._hints = hints
        self._requests = requests
        self._catalog = catalog
        self._is_kept_in_step = is_kept_in_step
        self._now = now

    def crm_call(self, key: str, body: bytes) -> int:
        """Take a call of Dataverse in; the number of mappings whose tables it concerns.

        Raises ``RefusedRequestError``: 401 for a wrong key, which is answered alike whether or not
        there is such a connection, 413, and 400 for a verified caller's body that is no JSON.
        """
        if len(body) > BODY_LIMIT:
            raise RefusedRequestError(413, "body-too-large", "The call is too large.")
        registration = self._store.load()
        if not registration.ring("crm").matches(key, self._now()):
            raise RefusedRequestError(401, "webhook-key-refused", "The key is not valid.")
        try:
            change = crm_change(parsed(body))
        except ValueError:
            raise RefusedRequestError(400, "malformed-json", "The call is not JSON.") from None
        self._store.note_delivery(registration, "crm", self._now())
        return self._look_at("crm", [change] if change else [], mappings_of_crm)

    def bc_call(self, body: bytes) -> int:
        """Take a call of Business Central in; the number of mappings whose tables it concerns.

        Never refuses: at any refusal Business Central ends the subscription. Entries that are not
        ours are dropped. A thousand changes make a call that is too long to be parsed: all tables
        are looked at instead, where it begins with an entry of ours.
        """
        if len(body) > BODY_LIMIT:
            return self._oversized_bc_call(body)
        try:
            entries = bc_entries(parsed(body))
        except ValueError:
            log.warning("a call of Business Central was dropped: it is not JSON")
            return 0
        registration = self._store.load()
        ring, now = registration.ring("bc"), self._now()
        verified = [entry for entry in entries if ring.matches(entry.client_state, now)]
        if len(verified) < len(entries):
            forged = len(entries) - len(verified)
            log.warning("%d of %d entries were dropped: wrong clientState", forged, len(entries))
        if not verified:
            return 0
        self._store.note_delivery(registration, "bc", now)
        changes = [entry.change(registration.subscriptions) for entry in verified]
        return self._look_at("bc", [one for one in changes if one], mappings_of_bc)

    def _oversized_bc_call(self, body: bytes) -> int:
        registration, now = self._store.load(), self._now()
        if not registration.ring("bc").matches(first_client_state(body), now):
            log.warning("a call of Business Central was dropped: it has %d bytes", len(body))
            return 0
        self._store.note_delivery(registration, "bc", now)
        if self._is_kept_in_step():
            self._requests.send("", delay_seconds=_DELAY_SECONDS)
        return len(self._catalog().enabled)

    def bc_handshake(self) -> bool:
        """Whether Business Central may be told that this address wants its calls: only where a
        subscription was made or is being made."""
        return bool(self._store.load().ring("bc").current)

    def _look_at(
        self,
        side: Side,
        changes: Sequence[Change],
        mappings_of: Callable[[MappingCatalog, str], list[str]],
    ) -> int:
        if not changes:
            return 0
        due, catalog = self._now(), self._catalog()
        records: dict[str, list[RecordHint]] = {}
        for change in changes:
            for mapping in mappings_of(catalog, change.table):
                hints = records.setdefault(mapping, [])
                if change.record_id:
                    hints.append(
                        RecordHint(
                            side=side,
                            record_id=change.record_id,
                            reason=HintReason.CHANGED,
                            due_at=due,
                        )
                    )
        for mapping, hints in records.items():
            self._hints.add_many(mapping, hints)
        if records and self._is_kept_in_step():
            for mapping in records:
                self._requests.request(mapping, delay_seconds=_DELAY_SECONDS)
        return len(records)
