"""The names of the services; each is also the first part of its path."""

SERVICE_NAMES = (
    "user-service",
    "profile-service",
    "notification-service",
    "order-service",
    "payment-service",
    "inventory-service",
    "shipping-service",
    "crm-service",
    "billing-service",
    "analytics-service",
    "document-service",
    "patient-service",
)
