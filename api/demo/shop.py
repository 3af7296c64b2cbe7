"""The tools of the examples. Each asks a real service, and hands on the step's idempotency key when it acts.

A tool for agents takes no argument that says whose data it reads: that comes from the execution's state. Whatever a
model is talked into, it cannot look into another customer's account.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from agents.services.service_call import call_headers
from agents.services.services import Request, Services
from agents.tools.tools import Tool, tool
from graphs.errors import StepError
from graphs.steps import StepContext

Json = dict[str, Any]

# Which service keeps which table, and under which path.
TABLES: Final[Mapping[str, tuple[str, str]]] = {
    "customers": ("crm-service", "/api/customers"),
    "accounts": ("billing-service", "/api/accounts"),
}
MANAGERS: Final[Mapping[str, str]] = {"premium": "Ada Okafor", "gold": "Chen Wei"}
BULK_QUANTITY: Final = 10
BULK_DISCOUNT: Final = Decimal("0.05")


async def ask(
    context: StepContext, service: str, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None
) -> Any:
    """Ask a service in the name of a step; the same attempt again has the same key."""
    request = Request(
        method=method,
        path=path,
        query=query or {},
        headers=call_headers(context, method, context.idempotency_key),
        body=body,
        has_body=body is not None,
    )
    return (await context.resource(Services).send(service, request)).body


# -- for tool steps ------------------------------------------------------------------------------------------------


@tool(effect="reversible")
async def account_tool(customer_id: str, name: str, email: str, context: StepContext, type: str = "standard") -> Any:  # noqa: A002 - the document's word
    """Open a customer's account in the CRM."""
    body = {"id": customer_id, "name": name, "email": email, "type": type}
    return await ask(context, "crm-service", "POST", "/api/customers", body)


async def _send_email(
    to: str,
    context: StepContext,
    subject: str | None = None,
    body: str | None = None,
    template: str | None = None,
    variables: dict[str, Any] | None = None,
) -> Any:
    message = {"to": to, "subject": subject, "body": body, "template": template, "variables": variables or {}}
    return await ask(context, "notification-service", "POST", "/api/emails/send", message)


send_email = Tool("send_email", "Send an e-mail to a customer.", _send_email, effect="irreversible")
send_welcome_email = Tool("send_welcome_email", "Send the e-mail that greets.", _send_email, effect="irreversible")


@tool(effect="reversible")
async def database_tool(table: str, key: str, fields: dict[str, Any], context: StepContext) -> Any:
    """Write a row of a table: made where there is none, its fields changed where there is one."""
    if table not in TABLES:
        raise StepError(f"there is no table '{table}'.", category="validation", hint=f"Known: {', '.join(TABLES)}.")
    service, path = TABLES[table]
    return await ask(context, service, "PUT", f"{path}/{key}", fields)


@tool(effect="none")
def processing_tool(order: dict[str, Any], check: dict[str, Any] | None = None) -> Json:
    """Decide about one order and reckon what it comes to: many of one article are cheaper."""
    if check is None or not check["order_valid"]:
        problems = [problem["message"] for problem in check["problems"]] if check else ["it could not be checked"]
        return {"order_id": order["order_id"], "accepted": False, "booked": False, "problems": problems}
    # Through text: 29.99 as a binary fraction is not 29.99.
    lines = [Decimal(str(item["price"])) * item["quantity"] for item in order["items"]]
    bulk = sum(
        (line for line, item in zip(lines, order["items"], strict=True) if item["quantity"] >= BULK_QUANTITY),
        Decimal(0),
    )
    total = (sum(lines, Decimal(0)) - bulk * BULK_DISCOUNT).quantize(Decimal("0.01"))
    return {
        "order_id": order["order_id"],
        "accepted": True,
        "total": float(total),
        "discount": float(bulk * BULK_DISCOUNT),
    }


@tool(effect="reversible")
async def payment_tool(order_id: str, amount: float, method: str, context: StepContext, retry: bool = False) -> Any:
    """Charge an order. With `retry`, a charge whose answer was lost is looked for first, and not made twice."""
    if retry:
        made = await ask(context, "payment-service", "GET", "/api/payments", query={"order_id": order_id})
        captured = [payment for payment in made["payments"] if payment["status"] == "captured"]
        if captured:
            return captured[0] | {"found": True}
    body = {"order_id": order_id, "amount": amount, "method": method}
    return await ask(context, "payment-service", "POST", "/api/payments", body)


@tool(effect="none")
def auto_approve_tool(auto_approve: bool, amount: float | None = None) -> Json:
    """Approve by rule, without a person."""
    approved_at = datetime.now(UTC).isoformat()
    return {"approved": auto_approve, "by": "rule", "amount": amount, "approved_at": approved_at}


@tool(effect="reversible")
async def create_user_account(username: str, email: str, context: StepContext, upsert: bool = False) -> Any:
    """Create a user's account; with `upsert`, one that is there is brought up to date."""
    return await ask(
        context, "user-service", "POST", "/api/users", {"username": username, "email": email, "upsert": upsert}
    )


# -- for agents ----------------------------------------------------------------------------------------------------


@tool(effect="none")
async def billing_history(context: StepContext) -> Json:
    """The customer's invoices, and what looks as if it were charged twice."""
    customer = context.state["customer_id"]
    found = await ask(context, "billing-service", "GET", "/api/invoices", query={"customer_id": customer})
    open_ones = [invoice for invoice in found["invoices"] if invoice["status"] != "void"]
    counts = Counter((invoice["order_id"], invoice["amount"]) for invoice in open_ones if invoice["order_id"])
    twice = [order for (order, _), count in counts.items() if count > 1]
    return {"invoices": len(open_ones), "charged_twice": twice}


@tool(effect="reversible")
async def assign_manager(context: StepContext) -> Json:
    """Give the customer the account manager who looks after customers of that tier."""
    manager = MANAGERS.get(context.state.get("tier", "standard"), "Ben Lindqvist")
    path = f"/api/customers/{context.state['customer_id']}"
    await ask(context, "crm-service", "PUT", path, {"manager": manager})
    return {"manager": manager}


@tool(effect="irreversible")
async def tell_customer_of_delay(context: StepContext) -> Json:
    """Write to the customer that the order takes longer."""
    order = context.state["order_id"]
    email = {"to": context.state["customer_email"], "template": "order_delayed", "variables": {"order_id": order}}
    sent = await ask(context, "notification-service", "POST", "/api/emails/send", email)
    return {"told": sent["to"], "email_id": sent["id"]}


@tool(effect="none")
async def shipment_of_order(context: StepContext) -> Json:
    """Where the order is: carrier and tracking number of its label."""
    found = await ask(context, "shipping-service", "GET", "/api/labels", query={"order_id": context.state["order_id"]})
    label = found["labels"][-1] if found["labels"] else {}
    return {"carrier": label.get("carrier"), "tracking_number": label.get("tracking_number")}


@tool(effect="none")
async def look_up_order(context: StepContext) -> Json:
    """The order in question: its items, its total, where it goes."""
    order = await ask(context, "order-service", "GET", f"/api/orders/{context.state['order_id']}")
    return {key: order[key] for key in ("id", "status", "items", "total", "shipping_address")}


@tool(effect="none")
async def check_stock(context: StepContext) -> Json:
    """Whether everything the order needs is in stock."""
    order = await ask(context, "order-service", "GET", f"/api/orders/{context.state['order_id']}")
    found = await ask(context, "inventory-service", "POST", "/api/availability", {"items": order["items"]})
    short = [item["sku"] for item in found["missing"]]
    return {"inventory_available": found["inventory_available"], "missing": ", ".join(short)}


@tool(effect="reversible")
async def queue_for_review(context: StepContext) -> Json:
    """Put the order's payment before a person."""
    notice = {"user_id": "payments-team", "type": "manual_review", "message": f"Payment of {context.state['order_id']}"}
    sent = await ask(context, "notification-service", "POST", "/api/notifications/send", notice)
    return {"queued": sent["id"]}


def tools() -> tuple[Tool, ...]:
    """All of them."""
    return (
        account_tool,
        send_email,
        send_welcome_email,
        database_tool,
        processing_tool,
        payment_tool,
        auto_approve_tool,
        create_user_account,
        billing_history,
        assign_manager,
        tell_customer_of_delay,
        shipment_of_order,
        look_up_order,
        check_stock,
        queue_for_review,
    )
