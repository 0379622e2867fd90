"""Field tables of API v2.0: sales orders and posted sales invoices with their lines (read only)."""

from __future__ import annotations

from local.simulators.business_central.fields import (
    BLANK,
    EntitySet,
    Field,
    boolean,
    code,
    date,
    decimal,
    enum,
    guid,
    integer,
    stamp,
    text,
)

_NO = (("number", "No."),)


def _address(prefix: str, *, editable: bool) -> tuple[Field, ...]:
    return (
        text(f"{prefix}AddressLine1", 100, editable=editable),
        text(f"{prefix}AddressLine2", 50, editable=editable),
        text(f"{prefix}City", 30, editable=editable),
        code(f"{prefix}Country", 10, editable=editable),
        text(f"{prefix}State", 30, editable=editable),
        code(f"{prefix}PostCode", 20, editable=editable),
    )


_PARTIES = (
    guid("customerId"),
    code("customerNumber", 20),
    text("customerName", 100, editable=False),
    text("billToName", 100, editable=False),
    guid("billToCustomerId"),
    code("billToCustomerNumber", 20),
    text("shipToName", 100),
    text("shipToContact", 100),
    *_address("sellTo", editable=True),
    *_address("billTo", editable=False),
    *_address("shipTo", editable=True),
)
_CURRENCY = (guid("currencyId"), code("currencyCode", 10))
_DIMENSIONS = (code("shortcutDimension1Code", 20), code("shortcutDimension2Code", 20))
_TOTALS = (
    decimal("discountAmount"),
    boolean("discountAppliedBeforeTax", editable=False),
    decimal("totalAmountExcludingTax", editable=False),
    decimal("totalTaxAmount", editable=False),
    decimal("totalAmountIncludingTax", editable=False),
)
_CONTACT = (text("phoneNumber", 30), text("email", 80))

SALES_ORDERS = EntitySet(
    name="salesOrders",
    parts=(
        "dimensionSetLines",
        "salesOrderLines",
        "pdfDocument",
        "attachments",
        "documentAttachments",
    ),
    entity="salesOrder",
    table="Sales Order Entity Buffer",
    key=_NO,
    insert=True,
    modify=True,
    delete=True,
    indexed=("customerId",),
    fields=(
        guid("id", editable=False),
        code("number", 20, editable=False),
        code("externalDocumentNumber", 35),
        date("orderDate"),
        date("postingDate"),
        *_PARTIES,
        *_DIMENSIONS,
        *_CURRENCY,
        boolean("pricesIncludeTax"),
        guid("paymentTermsId"),
        guid("shipmentMethodId"),
        code("salesperson", 20),
        boolean("partialShipping"),
        date("requestedDeliveryDate"),
        *_TOTALS,
        boolean("fullyShipped"),
        enum("status", "Draft", "In_x0020_Review", "Open", editable=False),
        stamp("lastModifiedDateTime", editable=False),
        *_CONTACT,
    ),
)

SALES_INVOICES = EntitySet(
    name="salesInvoices",
    parts=(
        "dimensionSetLines",
        "salesInvoiceLines",
        "pdfDocument",
        "attachments",
        "documentAttachments",
    ),
    entity="salesInvoice",
    table="Sales Invoice Entity Aggregate",
    key=_NO,
    insert=True,
    modify=True,
    delete=True,
    indexed=("customerId",),
    fields=(
        guid("id", editable=False),
        code("number", 20, editable=False),
        code("externalDocumentNumber", 35),
        date("invoiceDate"),
        date("postingDate"),
        date("dueDate"),
        date("promisedPayDate"),
        text("customerPurchaseOrderReference", 35),
        *_PARTIES,
        _CURRENCY[0],
        *_DIMENSIONS,
        _CURRENCY[1],
        guid("orderId", editable=False),
        code("orderNumber", 20, editable=False),
        guid("paymentTermsId"),
        guid("shipmentMethodId"),
        code("salesperson", 20),
        guid("disputeStatusId"),
        code("disputeStatus", 10),
        boolean("pricesIncludeTax", editable=False),
        decimal("remainingAmount", editable=False),
        *_TOTALS,
        enum(
            "status",
            BLANK,
            "Draft",
            "In_x0020_Review",
            "Open",
            "Canceled",
            "Corrective",
            "Paid",
            editable=False,
        ),
        stamp("lastModifiedDateTime", editable=False),
        *_CONTACT,
    ),
)

_LINE = (
    guid("id", editable=False),
    guid("documentId"),
    integer("sequence"),
    guid("itemId"),
    guid("accountId"),
    enum(
        "lineType",
        "Comment",
        "Account",
        "Item",
        "Resource",
        "Fixed_x0020_Asset",
        "Charge",
        "Allocation_x0020_Account",
    ),
    code("lineObjectNumber", 20),
    text("description", 100),
    text("description2", 50),
    guid("unitOfMeasureId"),
    code("unitOfMeasureCode", 10),
    decimal("quantity"),
    decimal("unitPrice"),
    decimal("discountAmount"),
    decimal("discountPercent"),
    boolean("discountAppliedBeforeTax", editable=False),
    decimal("amountExcludingTax", editable=False),
    code("taxCode", 50),
    decimal("taxPercent", editable=False),
    decimal("totalTaxAmount", editable=False),
    decimal("amountIncludingTax", editable=False),
    decimal("invoiceDiscountAllocation", editable=False),
    decimal("netAmount", editable=False),
    decimal("netTaxAmount", editable=False),
    decimal("netAmountIncludingTax", editable=False),
    date("shipmentDate"),
)
_LINE_END = (guid("itemVariantId"), guid("locationId"))
_LINE_KEY = (("documentId", "Document Id"), ("sequence", "Line No."))

SALES_ORDER_LINES = EntitySet(
    name="salesOrderLines",
    parts=(
        "dimensionSetLines",
        "location",
    ),
    entity="salesOrderLine",
    table="Sales Invoice Line Aggregate",
    key=_LINE_KEY,
    insert=True,
    modify=True,
    delete=True,
    modified_field="",
    indexed=("documentId", "itemId"),
    fields=(
        *_LINE,
        decimal("shippedQuantity"),
        decimal("invoicedQuantity"),
        decimal("invoiceQuantity"),
        decimal("shipQuantity"),
        *_LINE_END,
    ),
)

SALES_INVOICE_LINES = EntitySet(
    name="salesInvoiceLines",
    parts=(
        "dimensionSetLines",
        "location",
    ),
    entity="salesInvoiceLine",
    table="Sales Invoice Line Aggregate",
    key=_LINE_KEY,
    insert=True,
    modify=True,
    delete=True,
    modified_field="",
    indexed=("documentId",),
    fields=(*_LINE, *_LINE_END),
)

LINES_OF = {SALES_ORDERS.name: SALES_ORDER_LINES, SALES_INVOICES.name: SALES_INVOICE_LINES}
"""The line set of each document set; seeded documents carry their lines under that name."""

DOCUMENTS = (SALES_ORDERS, SALES_ORDER_LINES, SALES_INVOICES, SALES_INVOICE_LINES)
