"""HTTP to one service of one connection: patient, bounded, and never led elsewhere.

Every request to a tenant's service goes through here. It holds the limits of concurrency, waits
when asked to slow down, repeats what may be repeated, refuses redirects and foreign next links,
bounds time and size of answers, and turns failures into the families of ``errors``. It knows
nothing of records.
"""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from threading import BoundedSemaphore, Lock

import requests

from errors import ConfigurationError, CouplerError, ThrottledError
from services import faults
from services.addresses import same_origin
from services.calls import AnswerLostError, Call, NeverSentError, classified
from services.deadline import EndableSession
from services.faults import Meaning
from services.records import Traffic

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The clock a transport lives by; tests bring their own."""

    now: Callable[[], float] = time.time
    """Seconds since 1970, also compared with dates that a service sends."""
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.SystemRandom().random
    """A number from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, how often and how much. Times are seconds, sizes bytes."""

    attempts: int = 5
    """Tries of one request that fails; waits for throttling are not counted here."""
    first_backoff: float = 1.0
    longest_backoff: float = 30.0
    longest_throttle_wait: float = 300.0
    """All waiting of one request for throttling; both services' windows are five minutes long. A
    request that would have to wait longer is given back as ``ThrottledError``."""
    connect_timeout: float = 10.0
    read_timeout: float = 300.0
    """Silence of the service. Dataverse gives an operation up to 2 minutes, Business Central 8."""
    whole_answer: float = 600.0
    largest_answer: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer to a request: a success, or a refusal the caller has to judge."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes
    request: str
    """What was asked, fit for messages: method and path, without the query."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status <= 299


class Transport:
    """One service as one connection reaches it. Safe to use from several threads.

    ``token`` gives the bearer token of the moment; ``forget_token`` is called before it is asked
    anew because the service did not accept the last one. ``scheme`` is how the service takes it:
    ``Basic`` for a user with a key. ``base_url`` is an address that ``services.addresses`` has
    checked.
    """

    def __init__(
        self,
        service_name: str,
        base_url: str,
        token: Callable[[], str],
        *,
        concurrency: int,
        traffic: Traffic,
        ca_bundle: str | None = None,
        forget_token: Callable[[], None] | None = None,
        scheme: str = "Bearer",
        timing: Timing | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.service_name = service_name
        self.base_url = base_url.rstrip("/")
        self.traffic = traffic
        self.timing = timing or Timing()
        self.limits = limits or Limits()
        self._token = token
        self._forget_token = forget_token or _nothing
        self._scheme = scheme
        self._verify: str | bool = ca_bundle or True
        self._gate = BoundedSemaphore(concurrency)
        # A session is not safe to share, so each is lent to one request at a time. Lending keeps
        # connections alive for whichever thread comes next.
        self._sessions: queue.LifoQueue[EndableSession] = queue.LifoQueue()
        self._quiet_lock = Lock()
        self._quiet_until = 0.0

    def close(self) -> None:
        """Close the connections that are not in use."""
        while True:
            try:
                self._sessions.get_nowait().close()
            except queue.Empty:
                return

    def send(
        self,
        method: str,
        path_or_next_link: str,
        *,
        kind: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        idempotent: bool,
    ) -> Response:
        """Send one request and return its answer: 2xx, or a 4xx that judges the request itself.

        ``path_or_next_link`` is a path below the base address, or a link that the service gave.
        ``idempotent`` says that carrying the request out twice leaves the same records as once;
        only then is it repeated where its answer was lost. ``kind`` names it in ``Traffic``.

        Raises ``ThrottledError`` when the wait would be too long; ``TransientError`` when the
        service cannot be reached or keeps failing, with code ``answer-lost`` when a request that
        must not be repeated may have been carried out; ``AuthorizationError`` on 401 and 403;
        ``ConfigurationError`` on redirects, untrusted certificates and foreign links.
        """
        call = Call(
            service=self.service_name,
            method=method,
            url=self._url(path_or_next_link),
            base_url=self.base_url,
            headers=headers or {},
            body=body,
            kind=kind,
        )
        while True:
            answer = self._attempt(call, idempotent=idempotent)
            if answer is not None:
                return answer

    def pause(self, attempt: int, retry_after: float | None = None) -> None:
        """Wait before repeating parts of a batch: as told, else by exponential back-off."""
        self.timing.sleep(self._backoff(attempt) if retry_after is None else retry_after)

    def retry_after(self, headers: Mapping[str, str]) -> float | None:
        """Seconds that a ``Retry-After`` header asks to wait (it may hold a date); None without."""
        value = (headers.get("Retry-After") or headers.get("retry-after") or "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.fromtimestamp(self.timing.now(), UTC)).total_seconds())

    def _url(self, path_or_link: str) -> str:
        if "://" not in path_or_link.partition("?")[0]:
            return f"{self.base_url}/{path_or_link.lstrip('/')}"
        if not same_origin(self.base_url, path_or_link):
            raise ConfigurationError(
                "foreign-link",
                f"{self.service_name} gave a link to another host than its own; it was not "
                "followed.",
                hint="Check the connection's address: a proxy may be rewriting answers.",
            )
        return path_or_link

    def _attempt(self, call: Call, *, idempotent: bool) -> Response | None:
        """One try; None when the request is to be sent again."""
        try:
            answer = self._exchange(call)
        except NeverSentError as failure:
            self._again_or_raise(call, call.unreachable(str(failure)))
            return None
        except AnswerLostError as failure:
            if not idempotent:
                raise call.answer_lost(str(failure)) from None
            self._again_or_raise(call, call.unreachable(str(failure)))
            return None
        said = faults.NOTHING_SAID if answer.ok else faults.words(answer.body)
        return self._judge(call, answer, said, idempotent=idempotent)

    def _judge(
        self, call: Call, answer: Response, said: faults.Words, *, idempotent: bool
    ) -> Response | None:
        if answer.ok:
            return answer
        if 300 <= answer.status <= 399:
            raise call.redirected(answer.status)
        match faults.judge(answer.status, said.code):
            case Meaning.THROTTLED:
                self._throttled(call, answer)
                return None
            case Meaning.UNAVAILABLE:
                if not idempotent:
                    raise call.answer_lost(f"status {answer.status}")
                failure = call.error(answer.status, said)
                self._again_or_raise(call, failure, self.retry_after(answer.headers))
                return None
            case Meaning.UNAUTHENTICATED if not call.renewed:
                # The token may have been revoked or expired on the way: one new one is tried.
                call.renewed = True
                self._forget_token()
                return None
            case Meaning.UNAUTHENTICATED | Meaning.FORBIDDEN:
                raise call.error(answer.status, said)
            case _:
                return answer

    def _again_or_raise(self, call: Call, failure: CouplerError, told: float | None = None) -> None:
        call.failures += 1
        if call.failures >= self.limits.attempts:
            raise failure
        wait = self._backoff(call.failures - 1) if told is None else told
        self.timing.sleep(min(wait, self.limits.longest_backoff))

    def _throttled(self, call: Call, answer: Response) -> None:
        self.traffic.add_throttled()
        told = self.retry_after(answer.headers)
        wait = self._backoff(call.throttlings) if told is None else told
        call.throttlings += 1
        call.throttle_wait += wait
        if call.throttle_wait > self.limits.longest_throttle_wait:
            raise ThrottledError(
                "service-throttled",
                f"{self.service_name} asks to slow down: {call.request} has to wait "
                f"{wait:.0f} more seconds.",
                retry_after=min(wait, self.limits.longest_throttle_wait),
                hint="It is tried again then.",
            )
        # The limits are per user, so every other request of this connection waits as well.
        with self._quiet_lock:
            self._quiet_until = max(self._quiet_until, self.timing.now() + wait)

    def _backoff(self, attempt: int) -> float:
        longest = min(self.limits.longest_backoff, self.limits.first_backoff * 2.0**attempt)
        return longest * (0.5 + self.timing.jitter() / 2)

    def _wait_while_quiet(self) -> None:
        while (wait := self._quiet_until - self.timing.now()) > 0:
            self.timing.sleep(wait)

    @contextmanager
    def _session(self) -> Iterator[EndableSession]:
        try:
            session = self._sessions.get_nowait()
        except queue.Empty:
            session = self._new_session()
        try:
            yield session
        finally:
            self._sessions.put(session)

    def _new_session(self) -> EndableSession:
        session = EndableSession()
        session.trust_env = False  # no proxy, no .netrc credentials, no bundle from outside
        session.verify = self._verify
        # Without the affinity cookie Dataverse spreads requests over its servers, and nothing of
        # one answer is carried into the next request.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session

    def _exchange(self, call: Call) -> Response:
        with self._gate, self._session() as session:
            self._wait_while_quiet()
            headers = {**call.headers, "Authorization": f"{self._scheme} {self._token()}"}
            self.traffic.add_request(call.kind)
            with session.within(self.limits.whole_answer) as deadline:
                try:
                    response = self._answer(session, call, headers)
                except requests.RequestException as failure:
                    if not deadline.is_over:
                        raise classified(call, failure) from None
                else:
                    if not deadline.is_over:
                        return response
            raise AnswerLostError("the answer took too long")

    def _answer(self, session: EndableSession, call: Call, headers: Mapping[str, str]) -> Response:
        with session.request(
            call.method,
            call.url,
            headers=headers,
            data=call.body,
            timeout=(self.limits.connect_timeout, self.limits.read_timeout),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return Response(
                status=answer.status_code,
                headers=answer.headers,
                body=self._read(call, answer),
                request=call.request,
            )

    def _read(self, call: Call, answer: requests.Response) -> bytes:
        deadline = self.timing.now() + self.limits.whole_answer
        chunks: list[bytes] = []
        size = 0
        for chunk in answer.iter_content(_CHUNK):
            size += len(chunk)
            if size > self.limits.largest_answer:
                raise call.oversize(self.limits.largest_answer)
            if self.timing.now() > deadline:
                raise AnswerLostError("the answer took too long")
            chunks.append(chunk)
        return b"".join(chunks)


def _nothing() -> None:
    """Used where tokens are not kept and so need not be forgotten."""
