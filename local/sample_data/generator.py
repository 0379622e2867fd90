"""A generated company: the same seed and size give the same data, byte for byte."""

from __future__ import annotations

from local.sample_data.business_central import CURRENCIES, BusinessCentralCompany
from local.sample_data.crm import crm_organization
from local.sample_data.model import SampleData
from local.sample_data.words import Words

COMPANY = "Fabrikam Interiors"
DEFAULT_CUSTOMERS = 300


def generate(
    customers: int = DEFAULT_CUSTOMERS, *, seed: int = 2017, known_to_crm: int = 12
) -> SampleData:
    """A company with so many customers, and contacts, items and prices in proportion.

    ``known_to_crm``: customers and items that CRM has already, under the same numbers.
    """
    words = Words(seed)
    company = BusinessCentralCompany(words, COMPANY, customers)
    business_central = company.rows()
    crm = crm_organization(words, business_central, CURRENCIES[:2], known=known_to_crm)
    return SampleData(company=COMPANY, business_central=business_central, crm=crm)
