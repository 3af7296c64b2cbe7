"""billing-service: accounts and invoices."""

from pydantic import ConfigDict, Field

from api.demo.services.calls import Answer, Body, CallDep, Money, ServiceRouter, new_id
from api.demo.services.store import utc_now


class Changes(Body):
    """Any fields of an account."""

    model_config = ConfigDict(extra="allow")


class NewInvoice(Body):
    customer_id: str = Field(min_length=1)
    amount: Money = Field(gt=0)
    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    order_id: str | None = None


def router() -> ServiceRouter:
    routes = ServiceRouter("billing-service")
    routes.serve("PUT", "/api/accounts/{customer_id}", change_account)
    routes.serve("GET", "/api/accounts/{customer_id}", get_account)
    routes.serve("DELETE", "/api/accounts/{customer_id}", delete_account)
    routes.serve("POST", "/api/invoices", create_invoice)
    routes.serve("GET", "/api/invoices", list_invoices)
    routes.serve("GET", "/api/invoices/{invoice_id}", get_invoice)
    routes.serve("POST", "/api/invoices/{invoice_id}/void", void_invoice)
    return routes


def change_account(call: CallDep, customer_id: str, body: Changes) -> Answer:
    """Merge the given fields into the account; open it where there is none."""
    before = call.get("account", customer_id)
    opened = {"customer_id": customer_id, "status": "open", "created_at": utc_now()}
    account = (before or opened) | body.model_dump() | {"customer_id": customer_id}
    if account != before:
        call.act("account.updated" if before else "account.opened", "account", customer_id, account)
    return Answer(200 if before else 201, account)


def get_account(call: CallDep, customer_id: str) -> Answer:
    return Answer(200, call.need("account", customer_id))


def delete_account(call: CallDep, customer_id: str) -> Answer:
    call.erase("account.closed", "account", customer_id)
    return Answer(204)


def create_invoice(call: CallDep, body: NewInvoice) -> Answer:
    invoice = {"id": new_id("inv"), **body.model_dump(), "status": "open", "created_at": utc_now()}
    call.act("invoice.created", "invoice", invoice["id"], invoice)
    return Answer(201, invoice)


def list_invoices(call: CallDep, customer_id: str | None = None) -> Answer:
    invoices = call.find("invoice") if customer_id is None else call.find("invoice", "customer_id", customer_id)
    return Answer(200, {"invoices": invoices, "count": len(invoices)})


def get_invoice(call: CallDep, invoice_id: str) -> Answer:
    return Answer(200, call.need("invoice", invoice_id))


def void_invoice(call: CallDep, invoice_id: str) -> Answer:
    invoice = call.need("invoice", invoice_id)
    if invoice["status"] != "void":
        invoice |= {"status": "void", "voided_at": utc_now()}
        call.act("invoice.voided", "invoice", invoice_id, invoice)
    return Answer(200, invoice)
