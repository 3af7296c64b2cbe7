"""payment-service: charges and refunds, with declines by rule."""

from decimal import Decimal

from pydantic import AliasChoices, Field

from api.demo.services.calls import Answer, Body, CallDep, Money, Refused, ServiceRouter, new_id
from api.demo.services.store import utc_now

LIMIT = Decimal(10_000)
DECLINED_METHODS = {
    "declined_card": "card_declined",
    "expired_card": "card_expired",
    "insufficient_funds": "insufficient_funds",
}


class Charge(Body):
    amount: Money = Field(gt=0)
    method: str = Field(validation_alias=AliasChoices("method", "payment_method"), min_length=1)
    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    order_id: str | None = None
    customer_id: str | None = None


class Refund(Body):
    amount: Money | None = Field(None, gt=0, description="Everything that is left when it is not said")
    reason: str | None = None


def router() -> ServiceRouter:
    routes = ServiceRouter("payment-service")
    routes.serve("POST", "/api/payments", charge)
    routes.serve("GET", "/api/payments", list_payments)
    routes.serve("GET", "/api/payments/{payment_id}", get_payment)
    routes.serve("POST", "/api/payments/{payment_id}/refund", refund)
    return routes


def charge(call: CallDep, body: Charge) -> Answer:
    reason = "amount_over_limit" if body.amount > LIMIT else DECLINED_METHODS.get(body.method)
    if reason is not None:
        message = f"The payment of {body.amount} {body.currency} by {body.method} was declined: {reason}."
        raise Refused(402, "payment_declined", message, reason=reason)
    payment = {
        "id": new_id("pay"),
        **body.model_dump(),
        "status": "captured",
        "payment_successful": True,
        "refunded_amount": 0.0,
        "created_at": utc_now(),
    }
    call.act("payment.captured", "payment", payment["id"], payment)
    return Answer(201, payment)


def list_payments(call: CallDep, order_id: str | None = None) -> Answer:
    payments = call.find("payment") if order_id is None else call.find("payment", "order_id", order_id)
    return Answer(200, {"payments": payments, "count": len(payments)})


def get_payment(call: CallDep, payment_id: str) -> Answer:
    return Answer(200, call.need("payment", payment_id))


def refund(call: CallDep, payment_id: str, body: Refund | None = None) -> Answer:
    payment = call.need("payment", payment_id)
    refunded = Decimal(str(payment["refunded_amount"]))
    left = Decimal(str(payment["amount"])) - refunded
    amount = body.amount if body is not None and body.amount is not None else left
    if amount > left:
        raise Refused(409, "refund_too_large", f"Of payment '{payment_id}' only {left} is left.", left=float(left))
    if amount > 0:  # a whole refund of what is refunded already changes nothing: a compensation may run twice
        status = "refunded" if amount == left else "partially_refunded"
        reason = body.reason if body is not None else None
        payment |= {"status": status, "refunded_amount": float(refunded + amount), "refund_reason": reason}
        payment["refunded_at"] = utc_now()
        call.act("payment.refunded", "payment", payment_id, payment)
    return Answer(200, payment)
