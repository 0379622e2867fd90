"""What Coupler's CRM solution holds, as far as the service relies on it.

The solution's source is beside the product (folder ``solution``); a test compares both.
"""

from __future__ import annotations

SOLUTION = "Coupler"
"""The solution's unique name."""

LOWEST_VERSION = (1, 0, 0, 0)
"""The oldest version that this service works with."""

ROLES = ("Coupler Integration User", "Coupler Integration Administrator")
"""The roles that the synchronization user gets, by their names, which are not translated."""

COMPANY_COLUMN = "coupler_companyid"
COMPANY_TABLES = ("account", "contact", "pricelevel", "product", "salesorder")
"""The tables that the column tells companies apart in, by logical name."""
