"""What becomes of the writes in a batch, alike for both services.

A batch is sent with continue-on-error, so each write stands alone. A part that was not processed,
or failed for the service's own sake, is sent again a bounded number of times; an "already exists"
is only believed of a record that is found under the very id.

Why sending again is safe: a write names its record by an id of ours. An insert that had succeeded
comes back as existing, a guarded update as stale (it changed the version itself) and is read and
decided again, an unguarded update or upsert writes the same values once more. A delete that had
succeeded finds its record missing, which is what it wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from services import faults
from services.faults import Meaning, Words
from services.records import Record, Write, WriteKind, WriteResult, WriteStatus
from services.transport import Transport

_ROUNDS = 3
_REPEATABLE = (WriteStatus.THROTTLED, WriteStatus.FAILED)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ENOUGH_TO_TELL = 10  # fewer may be alike by chance, such as having the same forbidden owner
_TELLS_OF_ALL = (Meaning.UNAUTHENTICATED, Meaning.FORBIDDEN, Meaning.NO_SUCH_PLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOutcome:
    """What the service said of one write, before it is repeated or settled."""

    status: int
    """HTTP status; 0 where the batch's answer did not speak of this write."""
    said: Words = faults.NOTHING_SAID
    record: Record | None = None
    version: str | None = None
    retry_after: float | None = None


def result_of(write: Write, outcome: PartOutcome) -> WriteResult:
    """The write's result as far as its own answer tells it."""
    if 200 <= outcome.status <= 299:
        return WriteResult(
            write=write,
            status=WriteStatus.WRITTEN,
            version=outcome.version,
            record=outcome.record,
        )
    if not outcome.status:
        return WriteResult(
            write=write,
            status=WriteStatus.FAILED,
            code="unanswered",
            message="The service's answer to the batch did not speak of this record.",
        )
    said = outcome.said
    return WriteResult(
        write=write,
        status=_status(write, faults.judge(outcome.status, said.code), said),
        code=said.code or str(outcome.status),
        message=said.message,
    )


def _status(write: Write, meaning: Meaning, said: Words) -> WriteStatus:
    status = faults.WRITE_STATUS[meaning]
    insert = write.kind is WriteKind.INSERT
    if status is WriteStatus.STALE and insert:
        # An insert carries no version: a failed precondition can only be the record's existence.
        return WriteStatus.EXISTS
    if status is WriteStatus.EXISTS and not insert:
        return WriteStatus.REFUSED  # a unique value that another record holds
    if status is WriteStatus.MISSING and (insert or _names_another(write, said)):
        return WriteStatus.REFUSED  # not the record itself is missing, but one it refers to
    return status


def _names_another(write: Write, said: Words) -> bool:
    named = {found.lower() for found in _GUID.findall(said.message)}
    return bool(named) and write.id.lower() not in named


def repeated(
    transport: Transport,
    writes: Sequence[Write],
    send: Callable[[Sequence[Write]], Sequence[PartOutcome]],
) -> list[WriteResult]:
    """Send the writes as one batch, and again those that were throttled or failed.

    What still fails after the last round is returned as THROTTLED or FAILED. Raises the family of
    the failure when every one of many writes fails for want of login, privilege or table: that is
    not a matter of the records.
    """
    results: dict[int, WriteResult] = {}
    pending = list(range(len(writes)))
    for attempt in range(_ROUNDS):
        outcomes = send([writes[position] for position in pending])
        if attempt == 0:
            _raise_if_none_could(transport, outcomes)
        waits: list[float] = []
        for position, outcome in zip(pending, outcomes, strict=True):
            results[position] = result_of(writes[position], outcome)
            if outcome.retry_after is not None:
                waits.append(outcome.retry_after)
        pending = [at for at in pending if results[at].status in _REPEATABLE]
        longest = max(waits, default=None)
        if not pending or attempt == _ROUNDS - 1:
            break
        if longest is not None and longest > transport.limits.longest_throttle_wait:
            break
        transport.pause(attempt, longest)
    return [results[position] for position in range(len(writes))]


def _raise_if_none_could(transport: Transport, outcomes: Sequence[PartOutcome]) -> None:
    first = outcomes[0]
    meanings = {faults.judge(outcome.status, outcome.said.code) for outcome in outcomes}
    if len(outcomes) >= _ENOUGH_TO_TELL and meanings <= set(_TELLS_OF_ALL):
        raise faults.error(transport.service_name, "a batch of writes", first.status, first.said)


def settled(
    results: Sequence[WriteResult],
    present: Callable[[str, Sequence[str]], Mapping[str, Record]],
) -> list[WriteResult]:
    """Tell the inserts that found their own record from those that met another one's key.

    Both services answer the same for a taken id and for any other taken key. ``present`` looks up
    which of some ids exist in a table: an id that does was inserted before, so the record is
    adopted (EXISTS, with its version); one that does not was refused for another record's sake.
    """
    doubtful: dict[str, list[str]] = {}
    for result in results:
        if result.status is WriteStatus.EXISTS:
            doubtful.setdefault(result.write.table, []).append(result.write.id)
    found = {
        (table, record_id.lower()): record
        for table, ids in doubtful.items()
        for record_id, record in present(table, ids).items()
    }
    return [_settled(result, found) for result in results]


def _settled(result: WriteResult, found: Mapping[tuple[str, str], Record]) -> WriteResult:
    if result.status is not WriteStatus.EXISTS:
        return result
    record = found.get((result.write.table, result.write.id.lower()))
    if record is None:
        return replace(result, status=WriteStatus.REFUSED)
    return replace(result, version=record.get("@odata.etag"))


def side_by_side(
    chunks: Sequence[Sequence[int]],
    apply: Callable[[Sequence[int]], Sequence[WriteResult]],
    parallel: int,
) -> dict[int, WriteResult]:
    """Apply chunks of positions, ``parallel`` at a time, and collect the results by position.

    Every chunk is carried to its end; then the first failure, if any, is raised.
    """
    if len(chunks) == 1:
        return dict(zip(chunks[0], apply(chunks[0]), strict=True))
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="writes") as pool:
        futures = [pool.submit(apply, chunk) for chunk in chunks]
    results: dict[int, WriteResult] = {}
    for chunk, future in zip(chunks, futures, strict=True):
        results.update(zip(chunk, future.result(), strict=True))
    return results
