"""Step ``item-availability``: stock can be read, where salespeople are to see it.

Online it is read from API v2.0 by the application. On-premises Business Central may take a user
with a web service access key (Basic authentication) in its place, for which page 30 is published.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.business_central_administration import Probe, Readability
from setup.checks.business_central import entity_set_finding, page_finding
from setup.checks.findings import Trouble, failed, failed_by, not_checked, passed
from setup.model import Finding
from setup.needs import STOCK_CHANGES, BcNeed

OPTION = "item-availability"
WEB_SERVICE_USER = "web-service-user"

STOCK = BcNeed(
    name="items", is_page=False, columns=("number", "inventory"), used_by=("item availability",)
)
MOVEMENTS = BcNeed(
    name=STOCK_CHANGES[0],
    is_page=False,
    columns=STOCK_CHANGES[2],
    used_by=("item availability",),
)
CARD = BcNeed(
    name="ItemCard", is_page=True, columns=("No", "Inventory"), used_by=("item availability",)
)
_CHECK = "stock-readable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAvailabilityFacts:
    stock: Probe | Trouble
    movements: Probe | Trouble
    user: str = ""
    """Business Central's web service user, where one is given."""
    is_online: bool = True
    """At Microsoft's own address, where access keys are not taken."""
    published: frozenset[str] | Trouble = frozenset()
    """The web services that this user is shown."""
    card: Probe | Trouble | None = None
    """The published item card, read as this user."""


def not_chosen() -> list[Finding]:
    return [not_checked(OPTION, "", "Item availability is not chosen.")]


def check_item_availability(facts: ItemAvailabilityFacts) -> list[Finding]:
    found = [
        entity_set_finding(STOCK, facts.stock, check=_CHECK),
        entity_set_finding(MOVEMENTS, facts.movements, check=_CHECK),
    ]
    return [*found, *_of_web_service_user(facts)]


def _of_web_service_user(facts: ItemAvailabilityFacts) -> list[Finding]:
    if not facts.user:
        return []
    if facts.is_online:
        return [
            failed(
                WEB_SERVICE_USER,
                facts.user,
                "Business Central online takes no web service access keys.",
                "Take the web service user out of the connection: stock is read as the "
                "application.",
            )
        ]
    if isinstance(facts.published, Trouble):
        return [_refused(facts.user, facts.published)]
    if isinstance(facts.card, Trouble):
        return [_refused(facts.user, facts.card)]
    is_published = CARD.name in facts.published
    accepted = passed(WEB_SERVICE_USER, facts.user, "Business Central takes the user and its key.")
    probe = facts.card or Probe(readability=Readability.ABSENT)
    return [accepted, page_finding(CARD, probe, is_published=is_published)]


def _refused(user: str, trouble: Trouble) -> Finding:
    if trouble.code != "service-login-refused":
        return failed_by(WEB_SERVICE_USER, user, trouble)
    return failed(
        WEB_SERVICE_USER,
        user,
        f"Business Central does not take the user {user} with this web service access key.",
        "On the user's card in Business Central choose Change Web Service Key, store the new key "
        "in Key Vault under the connection's name for it, and check that the user has a licence.",
    )
