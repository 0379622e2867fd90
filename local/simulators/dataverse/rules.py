"""The platform's own rules for unit groups, units, products and price list items.

Source: the notes "Unit rules", "Product rules", "Price-list rules" of the tables' documentation.
What they do not state is not imitated: `not_implemented` refuses it.
"""

from collections.abc import Callable, Mapping
from uuid import uuid4

from local.simulators.dataverse.computed import organization_of
from local.simulators.dataverse.errors import invalid_argument, not_implemented
from local.simulators.dataverse.schema import Row
from local.simulators.dataverse.store import Store
from local.simulators.dataverse.webhook_rules import StepRules, check_endpoint

ACTIVE, RETIRED, DRAFT, UNDER_REVISION = 0, 1, 2, 3
_PLAIN_PRODUCT = 1
# From draft straight to retired is what Business Central itself does with a blocked item.
_ALLOWED_PRODUCT_STATES = {
    (DRAFT, ACTIVE),
    (DRAFT, RETIRED),
    (ACTIVE, RETIRED),
    (RETIRED, ACTIVE),
}
_PRODUCT_LABELS = {ACTIVE: "Active", RETIRED: "Retired", DRAFT: "Draft"}

# Tables whose rows the simulator reads and seeds, but whose own logic (totals, price calculation,
# roles) it does not imitate.
_NOT_CREATED = {
    "salesorder": "creating sales orders",
    "salesorderdetail": "creating sales order lines",
    "organization": "creating organizations",
    "businessunit": "creating business units",
    "role": "creating roles",
    "team": "creating teams",
    "sdkmessage": "creating messages",
    "sdkmessagefilter": "creating message filters",
    "asyncoperation": "creating system jobs",
}
_NOT_CHANGED = {
    "salesorder": "changing sales orders",
    "salesorderdetail": "changing sales order lines",
    "role": "changing roles",
    "sdkmessage": "changing messages",
    "sdkmessagefilter": "changing message filters",
    "asyncoperation": "changing system jobs",
}
_NOT_DELETED = {*_NOT_CREATED, "systemuser"} - {"asyncoperation"}


class Rules:
    """Checks before and effects after a write.

    `activation_needs_price`: whether a product can only become active with a default price list or
    at least one price list item. Microsoft's service has it either way, by organization settings.
    """

    def __init__(self, store: Store, *, activation_needs_price: bool) -> None:
        self._store = store
        self._activation_needs_price = activation_needs_price
        steps = StepRules(store)
        self._on_create: Mapping[str, Callable[[Row], None]] = {
            "uom": self._check_unit,
            "product": self._new_product,
            "productpricelevel": self._check_price_list_item,
            "systemuser": _check_new_user,
            "serviceendpoint": check_endpoint,
            "sdkmessageprocessingstep": steps.check,
        }
        self._on_update: Mapping[str, Callable[[Row, Row], None]] = {
            "uom": lambda _former, row: self._check_unit(row),
            "product": self._changed_product,
            "productpricelevel": lambda _former, row: self._check_price_list_item(row),
            "serviceendpoint": lambda _former, row: check_endpoint(row),
            "sdkmessageprocessingstep": lambda _former, row: steps.check(row),
        }

    def before_create(self, table: str, row: Row) -> None:
        """Check a new row, its computed columns already set; may set its state."""
        if table in _NOT_CREATED:
            raise not_implemented(_NOT_CREATED[table])
        if table in self._on_create:
            self._on_create[table](row)

    def before_update(self, table: str, former: Row, row: Row) -> None:
        """Check a changed row."""
        if table in _NOT_CHANGED:
            raise not_implemented(_NOT_CHANGED[table])
        if table in self._on_update:
            self._on_update[table](former, row)

    def before_delete(self, table: str) -> None:
        """Refuse what the simulator cannot delete."""
        if table in _NOT_DELETED:
            raise not_implemented(f"deleting rows of {table}")

    def initial_state(self, table: str) -> int:
        """The state in which a row is created."""
        if table != "product":
            return ACTIVE
        setting = organization_of(self._store).get("createproductswithoutparentinactivestate")
        return ACTIVE if setting else DRAFT

    def base_unit_of(self, schedule: Row) -> Row:
        """The base unit that comes into being with a unit group."""
        return {
            "uomid": str(uuid4()),
            "name": schedule["baseuomname"],
            "_uomscheduleid_value": schedule["uomscheduleid"],
            "_baseuom_value": None,
            "quantity": 1.0,
            "isschedulebaseuom": True,
        }

    def _check_unit(self, row: Row) -> None:
        if row.get("isschedulebaseuom"):
            return
        base = self._store.row("uom", row.get("_baseuom_value"))
        if base is None:
            raise invalid_argument("A unit needs a base unit (baseuom) and a quantity of it.")
        if base["_uomscheduleid_value"] != row["_uomscheduleid_value"]:
            raise invalid_argument("The base unit does not belong to the unit group of the unit.")
        if row["uomid"] == base["uomid"]:
            raise invalid_argument("A unit cannot be its own base unit.")
        if not row.get("quantity"):
            raise invalid_argument("The quantity of a unit must be greater than zero.")

    def _new_product(self, row: Row) -> None:
        if row.get("productstructure") != _PLAIN_PRODUCT:
            raise not_implemented("product families and bundles")
        self._check_product_units(row)
        if row["statecode"] == ACTIVE:
            self._check_activation(row)

    def _changed_product(self, former: Row, row: Row) -> None:
        unit_group = "_defaultuomscheduleid_value"
        if row.get(unit_group) != former.get(unit_group) and self._is_used(row["productid"]):
            raise invalid_argument(
                "The unit group (defaultuomscheduleid) cannot be changed because the product is "
                "already used in a price list or an order."
            )
        self._check_product_units(row)
        before, after = former["statecode"], row["statecode"]
        if before == after:
            return
        if UNDER_REVISION in (before, after):
            raise not_implemented("the revision of products")
        if (before, after) not in _ALLOWED_PRODUCT_STATES:
            raise invalid_argument(
                f"A product in state {_PRODUCT_LABELS[before]} cannot be set to "
                f"{_PRODUCT_LABELS[after]}."
            )
        if (before, after) == (DRAFT, ACTIVE):
            self._check_activation(row)

    def _is_used(self, product_id: str) -> bool:
        return any(
            next(self._store.tables[table].find("_productid_value", product_id), None)
            for table in ("productpricelevel", "salesorderdetail")
        )

    def _check_product_units(self, row: Row) -> None:
        unit = self._store.row("uom", row.get("_defaultuomid_value"))
        if unit is None or row.get("_defaultuomscheduleid_value") is None:
            raise invalid_argument("A product needs a unit group and a default unit.")
        if unit["_uomscheduleid_value"] != row["_defaultuomscheduleid_value"]:
            raise invalid_argument(
                "The default unit (defaultuomid) must belong to the unit group "
                "(defaultuomscheduleid) of the product."
            )

    def _check_activation(self, row: Row) -> None:
        if not self._activation_needs_price or row.get("_pricelevelid_value"):
            return
        items = self._store.tables["productpricelevel"].find("_productid_value", row["productid"])
        if next(items, None) is None:
            raise invalid_argument(
                "The product cannot be activated: it needs a default price list or at least one "
                "price list item."
            )

    def _check_price_list_item(self, row: Row) -> None:
        product = self._store.row("product", row["_productid_value"])
        unit = self._store.row("uom", row["_uomid_value"])
        if product is None or unit is None:
            raise invalid_argument("A price list item needs a product and a unit.")
        if unit["_uomscheduleid_value"] != product["_defaultuomscheduleid_value"]:
            raise invalid_argument(
                "The unit of the price list item must belong to the unit group of the product."
            )


def _check_new_user(row: Row) -> None:
    if row.get("applicationid") is None:
        raise not_implemented("creating users that are no application users")
