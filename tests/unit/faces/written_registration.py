"""The requirement documents' user registration, written with Python's builder."""

from graphs.builder import (
    WorkflowBuilder,
    service_call,
    workflow,
)


def user_registration() -> WorkflowBuilder:
    schema = {
        "type": "object",
        "properties": {
            "username": {"type": "string", "minLength": 3, "maxLength": 50},
            "email": {"type": "string", "format": "email"},
            "password": {"type": "string", "format": "password", "minLength": 8},
            "profile_data": {"type": "object", "default": {}},
        },
        "required": ["username", "email", "password"],
    }
    user_id = "{{ steps.create_user_account.output.user_id }}"
    rules = [
        {"field": "email", "rule": "unique_email", "service": "user-service"},
        {"field": "username", "rule": "unique_username", "service": "user-service"},
    ]
    return (
        workflow(
            "user-registration-workflow",
            version="1.2.0",
            description="Complete user registration process with validation and notifications",
            tags=["user-management", "registration", "onboarding"],
        )
        .config(
            timeout="30m",
            retry_policy={"max_attempts": 3, "backoff": "exponential", "initial_delay": "5s", "max_delay": "5m"},
        )
        .input(schema)
        .validation("validate_input", rules, on_failure={"action": "terminate", "message": "Validation failed"})
        .service_call(
            "create_user_account",
            "user-service",
            "/api/users",
            method="POST",
            payload={
                "username": "{{ input.username }}",
                "email": "{{ input.email }}",
                "password_hash": "{{ password_hash(input.password) }}",
                "status": "pending",
            },
            depends_on="validate_input",
            output={"user_id": "{{ response.id }}"},
            on_failure={"action": "retry", "max_attempts": 3},
        )
        .service_call(
            "create_user_profile",
            "profile-service",
            "/api/profiles",
            method="POST",
            payload={"user_id": user_id, "profile_data": "{{ input.profile_data }}"},
            depends_on="create_user_account",
            parallel=True,
        )
        .service_call(
            "send_welcome_email",
            "notification-service",
            "/api/emails/send",
            method="POST",
            payload={
                "to": "{{ input.email }}",
                "template": "welcome_email",
                "variables": {"username": "{{ input.username }}", "user_id": user_id},
            },
            depends_on="create_user_account",
            parallel=True,
            on_failure="continue",
        )
        .wait_for_event(
            "wait_for_verification",
            "user.email_verified",
            wait="24h",
            filter={"user_id": user_id},
            depends_on="send_welcome_email",
            on_timeout={
                "action": "compensate",
                "compensation_workflow": "user-cleanup-workflow",
                "compensation_input": {"user_id": user_id},
            },
        )
        .service_call(
            "activate_user_account",
            "user-service",
            f"/api/users/{user_id}/activate",
            method="PUT",
            depends_on=["wait_for_verification", "create_user_profile"],
        )
        .service_call(
            "send_activation_notification",
            "notification-service",
            "/api/notifications/send",
            method="POST",
            payload={
                "user_id": user_id,
                "type": "account_activated",
                "message": "Your account has been successfully activated!",
            },
            depends_on="activate_user_account",
        )
        .compensation(
            service_call(
                "cleanup_user_account",
                "user-service",
                f"/api/users/{user_id}",
                method="DELETE",
                condition="{{ steps.create_user_account.completed }}",
            ),
            service_call(
                "cleanup_user_profile",
                "profile-service",
                f"/api/profiles/user/{user_id}",
                method="DELETE",
                condition="{{ steps.create_user_profile.completed }}",
            ),
        )
        .output(
            {
                "user_id": user_id,
                "status": "{{ steps.activate_user_account.output.status }}",
                "activation_date": "{{ steps.activate_user_account.output.activation_date }}",
            },
            schema={
                "type": "object",
                "properties": {
                    "user_id": {"type": "string"},
                    "status": {"type": "string"},
                    "activation_date": {"type": "string", "format": "date-time"},
                },
            },
        )
    )
