"""Everything about the gateway that can be set, in one frozen value: read once at the edge, then handed on."""

from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graphs.durations import Duration
from graphs.errors import SettingsError

PREFIX = "BATON_"


class GatewaySettings(BaseSettings):
    """How the gateway serves. Each field is also the environment variable `BATON_<FIELD>`.

    Attributes:
        host: The address to listen at. Without keys, only this machine's own (loopback).
        port: 0 picks a free one. 2024 is where clients of LangGraph look first.
        origins: Web pages that may call, for browsers (CORS); `*` is any.
        drain: Seconds that runs under way get to finish when the gateway stops; what remains goes on at the next start.
        heartbeat: Seconds between signs of life on a quiet stream or wait, so that proxies keep it open.
        max_body: Bytes of a request at most.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=2024, ge=0, le=65535)
    origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    drain: Duration = 30.0
    heartbeat: Duration = 5.0
    max_body: int = Field(default=16 * 1024 * 1024, ge=1024)

    @field_validator("origins", mode="before")
    @classmethod
    def _lists_are_separated_by_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def read_gateway_settings(**given: Any) -> GatewaySettings:
    """The settings: what is given, then the environment, then `.env`, then the defaults.

    Raises:
        SettingsError: a value cannot be; the message names the variable and the value.
    """
    try:
        return GatewaySettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [
            f"{PREFIX}{str(detail['loc'][0]).upper()} is {detail.get('input')!r}: {detail['msg']}"
            for detail in error.errors(include_url=False)
        ]
        raise SettingsError(f"{'; '.join(wrong)}.", hint="Mend it in the environment or in .env.") from error
