"""All simulated entity sets by name."""

from __future__ import annotations

from local.simulators.business_central.documents import DOCUMENTS
from local.simulators.business_central.fields import EntitySet
from local.simulators.business_central.item_data import ITEM_DATA
from local.simulators.business_central.master_data import MASTER_DATA
from local.simulators.business_central.web_services import WEB_SERVICES

API_SETS: dict[str, EntitySet] = {
    each.name: each for each in (*MASTER_DATA, *ITEM_DATA, *DOCUMENTS)
}
"""Entity sets of ``api/v2.0`` below a company."""

WEB_SERVICE_SETS: dict[str, EntitySet] = {each.name: each for each in WEB_SERVICES}
"""Published page web services below ``ODataV4/Company('…')``."""

COMPANY_SETS: dict[str, EntitySet] = API_SETS | WEB_SERVICE_SETS
"""Everything that a company has."""


def seed_name(name: str) -> str:
    """The entity set that seed data of this name goes to.

    Files of web services are named with a small first letter (``salesPrices``).
    """
    capitalized = name[:1].upper() + name[1:]
    return capitalized if capitalized in WEB_SERVICE_SETS else name
