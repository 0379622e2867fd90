"""``Idempotency-Key``: a call that is sent again is answered again, and carried out once.

A key belongs to one caller and one route. Its row is claimed before the call is carried out, and
keeps the answer of a call that was served. Of two calls at once one gets the claim:

    call A                                    call B, the same key and request
    claims the key
                                              finds it claimed: 409, to be sent again
    is carried out
    keeps its answer
                                              sent again: A's answer, marked as replayed

What was refused or failed is not kept: nothing was changed, and sending it again tries again. A
process that dies leaves a claim that nobody will complete; after longer than any function may run,
the next such call takes it over:

    call A                                    call B, the same key and request
    claims the key
    is carried out
    dies before it keeps its answer
                                              finds it claimed: 409, to be sent again
                                              (later) finds the claim too old to be alive: is
                                              carried out itself

So after a crash a call may be carried out twice; the routes that take keys are those whose second
call finds what the first one made (the same connection, the run in process).

A key counts for a day from its claim; then it is as if it had never been used.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from errors import RefusedRequestError, TransientError
from identity.model import TenantId
from storage.accounts import storage_account
from storage.columns import Columns
from storage.rows import Row, RowChangedError, RowExistsError, Value
from storage.tables import TenantTable

TABLE = "idempotency"
KEY_HEADER = "idempotency-key"
REPLAYED_HEADER = "Idempotent-Replayed"
LONGEST_CALL = timedelta(minutes=11)
"""Longer than a function may run (``functionTimeout`` in host.json: ten minutes)."""
KEPT_FOR = timedelta(hours=24)
MOST_KEPT_BYTES = 60_000
"""In UTF-16, as Azure Tables counts a text column."""
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_TRIES = 5
_LOOK_AGAIN_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedCall:
    """One call under a key."""

    route: str
    subject: str
    key: str
    request: str
    """Digest of all that the call asks for, see ``digest_of``."""

    @property
    def row_key(self) -> str:
        return _digest([self.subject, self.key])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """The answer of a call that was served."""

    status: int
    mimetype: str
    headers: Mapping[str, str]
    body: str

    @property
    def can_be_kept(self) -> bool:
        return len(self.body.encode("utf-16-le")) <= MOST_KEPT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to carry a call out."""

    row: Row


class KeyInUseError(RefusedRequestError):
    """The same call is being carried out at the moment."""

    def __init__(self) -> None:
        super().__init__(
            409,
            "idempotency-key-in-use",
            "A call with this Idempotency-Key is being carried out.",
            hint="Send it again after the time in Retry-After, unchanged.",
        )
        self.headers = {"Retry-After": str(_LOOK_AGAIN_SECONDS)}


class Claims:
    """The keys of one tenant; safe for several threads and processes."""

    def __init__(self, table: TenantTable, now: Callable[[], datetime]) -> None:
        self._table = table
        self._now = now

    def claim(self, call: KeyedCall) -> Claim | KeptAnswer:
        """The right to carry the call out, or the answer that it had already.

        Raises ``KeyInUseError`` (409) while it is carried out, ``RefusedRequestError`` (422) where
        the key was used for another request, ``TransientError`` where others are always faster.
        """
        mine = self._claimed(call)
        for _ in range(_TRIES):
            stored = self._table.get(mine.partition, mine.key)
            try:
                if stored is None:
                    return Claim(row=self._table.insert(mine))
                if stored.values["owner"] == mine.values["owner"]:
                    return Claim(row=stored)  # the answer to our own write was lost
                if self._may_take_over(stored, call):
                    return Claim(row=self._table.replace(mine, stored.etag))
            except (RowExistsError, RowChangedError):
                continue
            return _kept(stored)
        raise TransientError("idempotency-key-contended", "This Idempotency-Key is much in use.")

    def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Store the answer, unless the claim was taken over meanwhile."""
        values: dict[str, Value] = dict(claim.row.values) | {
            "finished": True,
            "status": answer.status,
            "mimetype": answer.mimetype,
            "headers": json.dumps(dict(answer.headers)),
            "body": answer.body,
        }
        row = Row(partition=claim.row.partition, key=claim.row.key, values=values)
        try:
            self._table.replace(row, claim.row.etag)
        except RowChangedError:
            return  # either our own write, whose answer was lost, or a newer claim

    def release(self, claim: Claim) -> None:
        """Let the next such call be carried out."""
        try:
            self._table.delete(claim.row.partition, claim.row.key, claim.row.etag)
        except RowChangedError:
            return

    def _claimed(self, call: KeyedCall) -> Row:
        return Row(
            partition=(call.route,),
            key=(call.row_key,),
            values={
                "request": call.request,
                "owner": uuid.uuid4().hex,
                "claimed_at": self._now(),
                "finished": False,
            },
        )

    def _may_take_over(self, stored: Row, call: KeyedCall) -> bool:
        """Raises ``RefusedRequestError`` where the key may not be used for this call at all."""
        columns = Columns(stored)
        age = self._now() - columns.time("claimed_at")
        if age >= KEPT_FOR:
            return True
        if columns.text("request") != call.request:
            raise RefusedRequestError(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key was used for another request within the last day.",
                hint="Use a new key for every new request, the same one only to repeat a request.",
            )
        return not columns.flag("finished") and age >= LONGEST_CALL


def claims_of(tenant: TenantId) -> Claims:
    """The keys of a tenant in this process's storage."""
    return Claims(storage_account().table(TABLE, tenant), lambda: datetime.now(UTC))


def checked_key(given: str) -> str:
    """The key itself; raises ``RefusedRequestError`` (400) for one of another form."""
    if not _KEY.fullmatch(given):
        raise RefusedRequestError(
            400,
            "idempotency-key-malformed",
            "Idempotency-Key must have 1 to 128 visible ASCII characters.",
            hint="Send a new random UUID with every new request.",
        )
    return given


def digest_of(path: Mapping[str, str], query: Mapping[str, str], document: object) -> str:
    """All that a call asks for, as one short text: the same however the same request is written."""
    return _digest([dict(path), dict(query), document])


def _digest(members: list[object]) -> str:
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()


def _kept(stored: Row) -> KeptAnswer:
    columns = Columns(stored)
    if not columns.flag("finished"):
        raise KeyInUseError
    return KeptAnswer(
        status=columns.number("status"),
        mimetype=columns.text("mimetype"),
        headers=json.loads(columns.text("headers")),
        body=columns.text("body"),
    )
