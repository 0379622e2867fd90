"""``subscriptions`` of the API: making, renewing and ending webhook subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid4, uuid5

from local.simulators.business_central.errors import (
    bad_request,
    entity_changed,
    method_not_allowed,
    record_not_found,
    segment_not_found,
)
from local.simulators.business_central.limits import Limits
from local.simulators.business_central.paths import Address, Segment, parse_key
from local.simulators.business_central.reading import Collection
from local.simulators.business_central.representation import (
    ANY_VERSION,
    HEADERS,
    checked_if_match,
    etag,
)
from local.simulators.business_central.store import Environment
from local.simulators.business_central.subscriptions import (
    SUBSCRIPTIONS,
    Subscription,
    Subscriptions,
)
from local.simulators.core.deliveries import AddressError, Deliveries, check_address
from local.simulators.core.messages import SimRequest, SimResponse

_HANDSHAKE_SECONDS = 30.0


class SubscriptionApi:
    """Answers requests to ``subscriptions``.

    ``limits`` gives the limits that count now; ``deliveries`` asks subscribers.
    """

    def __init__(
        self,
        environment: Environment,
        subscriptions: Subscriptions,
        deliveries: Deliveries,
        limits: Callable[[], Limits],
    ) -> None:
        self._environment = environment
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._limits = limits

    async def answer(self, request: SimRequest, address: Address, user: str) -> SimResponse:
        """Answer a request to ``subscriptions``; raises ``BcError`` or ``NotSimulatedError``."""
        root = request.base_url + address.root
        user_id = str(uuid5(NAMESPACE_OID, user))
        match request.method, address.segments:
            case "GET", (Segment(key=None),):
                return self._list(request, root)
            case "POST", (Segment(key=None),):
                return await self._subscribe(request, root, user_id)
            case "GET", (Segment(key=str(key)),):
                return self._collection(root).single(request, self._existing(key).row)
            case "PATCH", (Segment(key=str(key)),):
                return await self._renew(request, root, key, user_id)
            case "DELETE", (Segment(key=str(key)),):
                return self._unsubscribe(request, key)
            case method, (Segment(name=name, key=key),):
                raise method_not_allowed(method, name, "Collection" if key is None else "Entity")
            case _, segments:
                raise segment_not_found(segments[1].name)

    def _list(self, request: SimRequest, root: str) -> SimResponse:
        if self._environment.companies:
            return self._collection(root).read(request)
        body = {"@odata.context": f"{root}/$metadata#subscriptions", "value": []}
        return SimResponse(status=200, body=body, headers=HEADERS, operations=0)

    async def _subscribe(self, request: SimRequest, root: str, user_id: str) -> SimResponse:
        prepared = self._subscriptions.prepare(_json(request), user_id, None)
        await self._shake_hands(prepared.address)
        most = self._limits().subscriptions
        if len(self._subscriptions.active()) >= most:
            raise bad_request(f"The maximum number of {most} webhook subscriptions is reached.")
        self._subscriptions.keep(prepared)
        return self._collection(root).single(request, prepared.row, status=201)

    async def _renew(self, request: SimRequest, root: str, key: str, user_id: str) -> SimResponse:
        expected = checked_if_match(request.headers.get("If-Match"))
        old = self._existing(key)
        _require_version(old, expected)
        prepared = self._subscriptions.prepare(_json(request), user_id, old)
        await self._shake_hands(prepared.address)
        _require_version(self._existing(key), expected)  # others may write during a handshake
        self._subscriptions.keep(prepared)
        return self._collection(root).single(request, prepared.row)

    def _unsubscribe(self, request: SimRequest, key: str) -> SimResponse:
        subscription = self._existing(key)
        if "If-Match" in request.headers:
            _require_version(subscription, checked_if_match(request.headers["If-Match"]))
        self._subscriptions.remove(subscription.row["subscriptionId"])
        headers = {"OData-Version": "4.0"}
        return SimResponse(status=204, headers=headers, kind="DELETE subscriptions")

    def _existing(self, key: str) -> Subscription:
        subscription_id = parse_key(key, SUBSCRIPTIONS.key_fields)[0]
        found = self._subscriptions.get(subscription_id)
        if found is None:
            raise record_not_found(SUBSCRIPTIONS.table, f"subscriptionId='{subscription_id}'")
        return found

    def _collection(self, root: str) -> Collection:
        active = self._subscriptions.active()
        versions = {each.row["subscriptionId"]: each.version for each in active}
        return Collection(
            company=next(iter(self._environment.companies.values())),
            schema=SUBSCRIPTIONS,
            source=[each.row for each in active],
            version_of=lambda row: versions[row["subscriptionId"]],
            root=root,
            path=SUBSCRIPTIONS.name,
        )

    async def _shake_hands(self, address: str) -> None:
        """Let the subscriber prove that it wants notifications; raises ``BcError``."""
        token = uuid4().hex
        try:
            check_address(address)
            sign = "&" if "?" in address else "?"
            answer = await self._deliveries.ask(
                "POST",
                f"{address}{sign}validationToken={quote(token)}",
                timeout_seconds=_HANDSHAKE_SECONDS,
            )
        except AddressError as error:
            raise bad_request(str(error)) from None
        if answer is None or answer.status != 200 or answer.text != token:
            raise bad_request(
                "The subscription validation request failed. The notification URL must answer it "
                "with status 200 and the validation token as its body.",
            )


def _require_version(subscription: Subscription, expected: str) -> None:
    if expected not in (ANY_VERSION, etag(subscription.version)):
        raise entity_changed()


def _json(request: SimRequest) -> Any:
    try:
        return request.json()
    except ValueError:
        raise bad_request("Invalid Request Body") from None
