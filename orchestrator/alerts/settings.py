"""Where alerts go. Light: settings are read by commands that load no engine."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from orchestrator.webhooks.signing import key_of


class AlertWebhook(BaseModel):
    """An address that is sent each alert.

    Attributes:
        url: `http` or `https`.
        secret: `whsec_…`; messages are signed with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    url: str = Field(repr=False)  # such addresses often hold a secret themselves
    secret: SecretStr | None = None

    @field_validator("url")
    @classmethod
    def _url_is_one(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is a full URL such as 'https://alerts.internal/baton'")
        return value

    @field_validator("secret")
    @classmethod
    def _secret_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            key_of(value.get_secret_value())
        return value


class AlertSettings(BaseModel):
    """Where alerts go.

    Attributes:
        log: To the engine's log.
        file: A file of JSON lines.
        webhook: An address, or its URL alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    log: bool = True
    file: Path | None = None
    webhook: AlertWebhook | None = None

    @field_validator("webhook", mode="before")
    @classmethod
    def _a_url_is_a_webhook(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value
