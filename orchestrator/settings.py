"""Everything that can be set, in one frozen value: read once at the edge (environment, `.env`), then handed on."""

from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graphs.durations import Duration
from graphs.errors import SettingsError
from graphs.loading.words import complaints

PREFIX = "BATON_"


class Settings(BaseSettings):
    """How an engine runs. Each field is also the environment variable `BATON_<FIELD>`.

    Attributes:
        database: The SQLite file; it is made when it is not there.
        synchronous: `full` survives a power cut; `normal` may lose the last commits in one.
        services: Named services: `{"user-service": "https://users.internal"}`, as JSON in the environment.
        modules: Python modules that offer functions, tools, agents and workflows.
        secret_key: Encrypts secret inputs; without it, a key file beside the database is used.
        max_executions: Executions driven at the same time (P06).
        max_steps: Steps at work at the same time, over all executions.
        partition_size: Steps in one superstep at most; larger plans are split into concurrent flows.
        short_wait: Seconds; a timer due within them is waited for without parking the execution.
        poll: Seconds between looks for what other processes stored; more than 0.
        grace: Seconds that running steps get to finish when the engine stops.
        expose: Environment variables that expressions may read as `env.NAME`.
        log_level, log_format: What is logged to standard error, and how.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database: Path = Path("baton.db")
    synchronous: Literal["full", "normal", "off"] = "full"
    services: Annotated[dict[str, Any], NoDecode] = Field(default_factory=dict)
    modules: Annotated[tuple[str, ...], NoDecode] = ()
    secret_key: SecretStr | None = None
    max_executions: int = Field(default=100, ge=1)
    max_steps: int = Field(default=1000, ge=1)
    partition_size: int = Field(default=250, ge=10)
    short_wait: Duration = 0.5
    poll: Duration = Field(default=0.1, gt=0)
    grace: Duration = 10.0
    expose: Annotated[tuple[str, ...], NoDecode] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["console", "json"] = "console"

    @field_validator("services", mode="before")
    @classmethod
    def _services_are_json(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"it is not JSON: {error}") from None

    @field_validator("short_wait", "poll", "grace", mode="before")
    @classmethod
    def _a_bare_number_is_seconds(cls, value: Any) -> Any:
        # The environment has only text, so a number arrives there as one.
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value

    @field_validator("modules", "expose", mode="before")
    @classmethod
    def _lists_are_separated_by_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def read_settings(**given: Any) -> Settings:
    """The settings: what is given, then the environment, then `.env`, then the defaults.

    Raises:
        SettingsError: a value cannot be; the message names the variable and the value.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [
            f"{PREFIX}{str(complaint.path[0]).upper()}: {complaint.message}"
            for complaint in complaints(Settings, error)
        ]
        raise SettingsError(f"{'; '.join(wrong)}.", hint="Mend it in the environment or in .env.") from error
