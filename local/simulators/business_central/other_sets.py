"""Entity sets of API v2.0 that the simulator does not imitate, so that it can say so."""

from __future__ import annotations

_NAMES = """
    accountingPeriods accounts agedAccountsPayables agedAccountsReceivables applyVendorEntries
    approvalEntries approvalUserSetups assemblyOrderLines assemblyOrders attachments balanceSheets
    bankAccounts blanketPurchaseOrderLines blanketPurchaseOrders blanketSalesOrderLines
    blanketSalesOrders cashFlowStatements companyInformation contacts contactsInformation
    countriesRegions currencies currencyExchangeRates customerContacts customerFinancialDetails
    customerPaymentJournals customerPayments customerReturnReasons customerSales customers
    defaultDimensions dimensionSetLines dimensionValues dimensions disputeStatus
    documentAttachments employees fixedAssetLocations fixedAssets generalLedgerEntries
    generalLedgerSetup generalProductPostingGroups incomeStatements inventoryPostingGroups
    inventoryReceiptLines inventoryReceipts inventoryShipmentLines inventoryShipments
    itemCategories itemLedgerEntries itemVariants items jobQueueEntries jobQueueLogEntries
    journalLines journals locations opportunities paymentMethods paymentTerms pdfDocument
    physicalInventoryOrderLines physicalInventoryOrders physicalInventoryRecordingLines
    physicalInventoryRecordings pictures postedApprovalEntries postedAssemblyOrderLines
    postedAssemblyOrders postedDirectTransferLines postedDirectTransfers
    postedInventoryReceiptLines postedInventoryReceipts postedInventoryShipmentLines
    postedInventoryShipments postedPhysicalInventoryOrderLines postedPhysicalInventoryOrders
    postedPhysicalInventoryRecordingLines postedPhysicalInventoryRecordings projects
    purchaseBlanketOrderArchiveLines purchaseBlanketOrderArchives purchaseCreditMemoLines
    purchaseCreditMemos purchaseInvoiceLines purchaseInvoices purchaseOrderArchiveLines
    purchaseOrderArchives purchaseOrderLines purchaseOrders purchaseQuoteArchiveLines
    purchaseQuoteArchives purchaseQuoteLines purchaseQuotes purchaseReceiptLines purchaseReceipts
    purchaseReturnOrderArchiveLines purchaseReturnOrderArchives purchaseReturnOrderLines
    purchaseReturnOrders purchaseReturnShipments retainedEarningsStatements returnReceipts
    salesBlanketOrderArchiveLines salesBlanketOrderArchives salesCreditMemoLines salesCreditMemos
    salesInvoiceLines salesInvoices salesOrderArchiveLines salesOrderArchives salesOrderLines
    salesOrders salesQuoteArchiveLines salesQuoteArchives salesQuoteLines salesQuotes
    salesReturnOrderArchiveLines salesReturnOrderArchives salesReturnOrderLines salesReturnOrders
    salesShipmentLines salesShipments salespeoplePurchasers shipmentMethods taxAreas taxGroups
    timeRegistrationEntries transferOrderLines transferOrders transferReceiptLines
    transferReceipts transferShipmentLines transferShipments trialBalances unitsOfMeasure
    vendorPaymentJournals vendorPayments vendorPurchases vendors workflowApprovers
    workflowResponseOptions workflowSteps workflows
"""

ALL_API_SETS = frozenset(_NAMES.split()) | {"companies", "subscriptions", "entityDefinitions"}
"""Names of all entity sets of API v2.0. What is not here does not exist in Business Central."""
