"""The workflows in `definitions`, written with Python's builder instead of YAML."""

from graphs.builder import (
    WorkflowBuilder,
    agent,
    approval,
    case,
    function,
    service_call,
    settled,
    switch,
    tool,
    workflow,
)
from tests.unit.faces.written_registration import user_registration


def create_if_not_exists() -> WorkflowBuilder:
    schema = {
        "type": "object",
        "properties": {"username": {"type": "string", "minLength": 3}, "email": {"type": "string", "format": "email"}},
        "required": ["username", "email"],
    }
    create = tool(
        "create_user_account",
        "create_user_account",
        {"username": "{{ input.username }}", "email": "{{ input.email }}", "upsert": True},
        retry=3,
    )
    return (
        workflow(
            "create_if_not_exists",
            version="1.0.0",
            description="Creates a user account unless there is one",
            tags=["user-management", "idempotency"],
        )
        .input(schema)
        .service_call(
            "look_up_user",
            "user-service",
            "/api/users",
            query={"email": "{{ input.email }}"},
            output={"exists": "{{ response.count > 0 }}", "user_id": "{{ response.users[0].id | default(none) }}"},
        )
        .conditional(
            "create_if_not_exists",
            "{{ not steps.look_up_user.output.exists }}",
            then=create,
            depends_on="look_up_user",
        )
        .output(
            {
                "created": "{{ not steps.look_up_user.output.exists }}",
                "user_id": "{{ steps.look_up_user.output.user_id "
                "| default(steps.create_if_not_exists.output.output.id) }}",
            }
        )
    )


def customer_onboarding() -> WorkflowBuilder:
    schema = {
        "type": "object",
        "properties": {
            "customer_id": {"type": "string", "minLength": 1},
            "name": {"type": "string", "minLength": 1},
            "customer_email": {"type": "string", "format": "email"},
        },
        "required": ["customer_id", "name", "customer_email"],
    }
    account = {
        "customer_id": "{{ input.customer_id }}",
        "name": "{{ input.name }}",
        "email": "{{ input.customer_email }}",
        "type": "standard",
    }
    mail = {
        "to": "{{ input.customer_email }}",
        "subject": "Welcome to our service",
        "body": "{{ steps.welcome.output.answer }}",
    }
    close = service_call("close_account", "crm-service", "/api/customers/{{ input.customer_id }}", method="DELETE")
    return (
        workflow(
            "customer_onboarding",
            version="1.0.0",
            description="Complete customer onboarding workflow",
            tags=["customers", "agents"],
        )
        .input(schema)
        .variable("verification_status", "pending")
        .agent("welcome", "welcome_agent", "Welcome new customer {{ input.name }}", timeout=60, retry=3)
        .tool(
            "create_account",
            "account_tool",
            account,
            depends_on="welcome",
            timeout="30s",
            retry=3,
            variables={"verification_status": "{{ 'sent' if output.id == input.customer_id else 'unknown' }}"},
            compensate=close,
        )
        .tool("send_welcome_email", args=mail, depends_on="create_account", timeout=30, retry={"max_retries": 2})
        .output(
            {
                "customer_id": "{{ steps.create_account.output.id }}",
                "welcome": "{{ steps.welcome.output.answer }}",
                "email_id": "{{ steps.send_welcome_email.output.id }}",
                "verification_status": "{{ vars.verification_status }}",
            }
        )
    )


def data_processing() -> WorkflowBuilder:
    schema = {"type": "object", "properties": {"values": {"type": "array"}}, "required": ["values"]}
    rules = [
        {"field": "values", "rule": "length", "min": 5, "message": "at least five values are needed"},
        {"field": "values", "rule": "schema", "schema": {"items": {"type": "number"}}},
    ]
    return (
        workflow(
            "data_processing",
            version="1.0.0",
            description="Validates and summarises a series of measurements, with a review",
            tags=["data", "timeouts"],
        )
        .input(schema)
        .validation("quick_validation", rules, timeout=10)
        .add(
            function(
                "heavy_computation",
                "summarise_series",
                {"values": "{{ input.values }}"},
                timeout="5m",
                depends_on=["quick_validation"],
            )
        )
        .add(
            approval(
                "human_review",
                "Do these numbers make sense?",
                payload="{{ steps.heavy_computation.output }}",
                allow=["approve", "reject", "edit"],
                wait=3600,
                depends_on="heavy_computation",
            )
        )
        .output(
            {
                "summary": "{{ steps.human_review.output.data }}",
                "reviewed_by": "{{ steps.human_review.output.by }}",
            }
        )
    )


def multi_system_update() -> WorkflowBuilder:
    schema = {
        "type": "object",
        "properties": {
            "customer_id": {"type": "string", "minLength": 1},
            "changes": {"type": "object", "default": {}},
        },
        "required": ["customer_id"],
    }
    thrice = {"max_attempts": 3, "initial_delay": "500ms"}
    crm = service_call(
        "update_crm",
        "crm-service",
        "/api/customers/{{ input.customer_id }}",
        method="PUT",
        payload="{{ input.changes }}",
        retry=thrice,
    )
    billing = service_call(
        "update_billing",
        "billing-service",
        "/api/accounts/{{ input.customer_id }}",
        method="PUT",
        payload="{{ input.changes }}",
        retry=thrice,
    )
    analytics = service_call(
        "update_analytics",
        "analytics-service",
        "/api/events",
        method="POST",
        payload={
            "type": "customer.updated",
            "subject_id": "{{ input.customer_id }}",
            "properties": "{{ input.changes }}",
        },
        retry={"max_attempts": 2, "initial_delay": 0.5},
    )
    return (
        workflow(
            "multi_system_update",
            version="1.0.0",
            description="Updates the CRM, billing and analytics; at least two must succeed",
            tags=["customers", "parallel", "partial-failure"],
        )
        .input(schema)
        .parallel(
            "multi_system_update",
            [crm, billing, analytics],
            failure_policy="continue_on_partial_failure",
            min_success=2,
        )
        .output(
            {
                "updated": "{{ steps.multi_system_update.output.successful_steps }}",
                "success_rate": "{{ steps.multi_system_update.output.success_rate }}",
                "failed": "{{ steps.multi_system_update.output.failures | map('step_id') }}",
            }
        )
    )


def payment_processing() -> WorkflowBuilder:
    schema = {
        "type": "object",
        "properties": {
            "order_id": {"type": "string", "minLength": 1},
            "amount": {"type": "number", "exclusiveMinimum": 0, "default": 100},
            "payment_method": {"type": "string", "default": "credit_card"},
        },
        "required": ["order_id"],
    }
    args = {
        "order_id": "{{ input.order_id }}",
        "amount": "{{ input.amount }}",
        "method": "{{ input.payment_method }}",
    }
    once_more = tool("retry_payment", "payment_tool", {**args, "retry": True}, timeout=60)
    review = agent(
        "manual_review",
        "review_agent",
        "Manual payment review required",
        context={"order_id": "{{ input.order_id }}", "amount": "{{ input.amount }}"},
    )
    handler = switch(
        "handle_payment_error",
        [case("retry_payment", once_more, equals="timeout")],
        on="{{ error.category }}",
        default=review,
        output={
            "id": "{{ response.output.id | default(none) }}",
            "status": "{{ response.output.status | default('in_review') }}",
            "note": "{{ response.output.answer | default(none) }}",
        },
    )
    return (
        workflow(
            "payment_processing",
            version="1.0.0",
            description="Charges a payment, with an error handler",
            tags=["payments", "errors"],
        )
        .input(schema)
        .tool(
            "process_payment",
            "payment_tool",
            args,
            timeout=30,
            retry={"max_retries": 3, "initial_delay": "1s", "retry_on": ["transient", "dependency"]},
            on_timeout="terminate",
            on_failure=handler,
        )
        .output(
            {
                "payment_id": "{{ steps.process_payment.output.id }}",
                "status": "{{ steps.process_payment.output.status }}",
                "note": "{{ steps.process_payment.output.note | default(none) }}",
            }
        )
    )


def process_orders() -> WorkflowBuilder:
    order = {
        "type": "object",
        "properties": {
            "order_id": {"type": "string", "minLength": 1},
            "items": {"type": "array"},
            "total": {"type": "number"},
        },
        "required": ["order_id", "items"],
    }
    orders = {"type": "array", "maxItems": 100, "items": order}
    check = service_call("check", "order-service", "/api/orders/validate", method="POST", payload="{{ order }}")
    process = tool(
        "process_item",
        "processing_tool",
        {"order": "{{ input.orders[index] }}", "check": "{{ steps.check_orders.output.results[index] }}"},
        timeout=300,
    )
    book = service_call(
        "book",
        "order-service",
        "/api/orders",
        method="POST",
        payload={
            "order_id": "{{ steps.process_item.output.order_id }}",
            "items": "{{ input.orders[index].items }}",
            "total": "{{ steps.process_item.output.total }}",
        },
        condition="{{ steps.process_item.output.accepted }}",
        output={"order_id": "{{ response.id }}", "total": "{{ response.total }}", "booked": True},
    )
    return (
        workflow(
            "process_orders",
            version="1.0.0",
            description="Checks a list of orders and books those that add up",
            tags=["orders", "loop", "map"],
        )
        .input({"type": "object", "properties": {"orders": orders}, "required": ["orders"]})
        .map("check_orders", "{{ input.orders }}", check, as_="order", max_concurrency=5)
        .loop(
            "process_orders",
            [process, book],
            while_="{{ index < (input.orders | length) }}",
            max_iterations=10,
            depends_on="check_orders",
        )
        .output(
            {
                "processed": "{{ steps.process_orders.output.iterations }}",
                "orders": "{{ steps.process_orders.output.results }}",
            }
        )
    )


def user_cleanup() -> WorkflowBuilder:
    return (
        workflow(
            "user-cleanup-workflow",
            version="1.0.0",
            description="Deletes the profile and the account of a user whose registration was not finished",
            tags=["user-management", "registration", "clean-up"],
        )
        .config(failure_policy="continue", retry_policy={"max_attempts": 5, "initial_delay": "1s", "max_delay": "1m"})
        .input(
            {"type": "object", "properties": {"user_id": {"type": "string", "minLength": 1}}, "required": ["user_id"]}
        )
        .service_call("delete_profile", "profile-service", "/api/profiles/user/{{ input.user_id }}", method="DELETE")
        .service_call(
            "delete_account",
            "user-service",
            "/api/users/{{ input.user_id }}",
            method="DELETE",
            depends_on=settled("delete_profile"),
        )
        .output({"user_id": "{{ input.user_id }}", "deleted": True})
    )


WRITTEN = {
    "create_if_not_exists": create_if_not_exists,
    "customer_onboarding": customer_onboarding,
    "data_processing": data_processing,
    "multi_system_update": multi_system_update,
    "payment_processing": payment_processing,
    "process_orders": process_orders,
    "user-cleanup-workflow": user_cleanup,
    "user-registration-workflow": user_registration,
}
