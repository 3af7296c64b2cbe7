"""Everything that can be set, in one frozen value: read once at the edge (environment, `.env`), then handed on."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from agents.planning.bounds import AssistantBounds
from agents.reasoning.capability import AgentRouting
from agents.tools.mcp_servers import McpServer
from graphs.policies.named import Bounds
from orchestrator.alerts.settings import AlertSettings
from orchestrator.environment import SEPARATED, EnvironmentSettings, Seconds, read, structured


class Settings(EnvironmentSettings):
    """How an engine runs. Each field is also the environment variable `BATON_<FIELD>`; one that is JSON there may be
    the name of a YAML or JSON file that holds it.

    Attributes:
        database: The SQLite file; it is made when it is not there.
        synchronous: `full` survives a power cut; `normal` may lose the last commits in one.
        services: Named services: `{"user-service": "https://users.internal"}`, as JSON in the environment.
        limits: What bounds the use of a service, of a model provider, or of what steps name under `limits`:
            `{"payments": {"max_concurrency": 5, "rate": "100/m"}, "openai": {"rate": "10/s"}}`, as JSON in the
            environment; `*` for every service and provider that is not named.
        prices: What models cost, for a million tokens: `{"openai:gpt-5-mini": {"input": 0.25, "output": 2}}`, as JSON
            in the environment; names may hold `*`. Budgets in money and costs in results need them.
        mcp: MCP servers whose tools agents may be given, by name, as JSON in the environment or a YAML file; see
            `agents.McpServer`.
        real_models: `allow`; `loopback` refuses every model whose server is not on this machine; `refuse` all but the
            scripted ones. It wins over what modules allow themselves: the switch for tests.
        alerts: Where alerts go: `{"log": true, "file": "alerts.jsonl", "webhook": {"url": "https://…", "secret":
            "whsec_…"}}`, as JSON in the environment.
        plugins: Installed packages whose step types may be loaded; of others that offer some, none are.
        modules: Python modules that offer functions, tools, agents and workflows.
        tenant: Whose the command line's commands are: they begin and publish for them, and find only theirs. Without it
            they begin and publish for `default`, and find everybody's. An engine drives everybody's.
        secret_key: Encrypts secret inputs; without it, a key file beside the database is used.
        max_executions: Executions driven at the same time (P06).
        max_steps: Steps at work at the same time, over all executions. The last tenth of these places goes only to
            executions that have no step at work, so that one with very many steps does not keep others from beginning.
        max_result_bytes: What the result of a step may take, as JSON; a larger one fails the step, as
            `result_too_large`.
        partition_size: Steps in one superstep at most; larger plans are split into concurrent flows.
        short_wait: Seconds; a timer due within them is waited for without parking the execution.
        linger: Seconds that an execution which waits for the world outside stays in memory, ready to go on at once;
            then it is only in the database. 0: never.
        max_lingering: How many do so at the same time; the one that rests longest goes first.
        poison_after: An execution over which so many processes die in a row, while it gets no further, is put aside:
            it has failed, and is a dead letter.
        poll: Seconds between looks for what other processes stored; more than 0.
        grace: Seconds that running steps get to finish when the engine stops.
        thread_grace: Seconds that a sync function which goes on after its step's time is over (or that is cancelled) is
            waited for, before the step is tried again or undone.
        model: The model where a step, an agent and an application name none: `openai:gpt-5-mini`. The ad-hoc
            assistant and the agent of the gateway answer with it.
        assistant: What the ad-hoc assistant may use, as JSON in the environment:
            `{"tools": ["find_*"], "services": []}`; see `agents.planning.bounds.AssistantBounds`.
        agent_routing: How a step that names a capability gets an agent, as JSON in the environment; see
            `agents.reasoning.capability.AgentRouting`. `{"adaptive": false}` takes the first that has it.
        expose: Environment variables that expressions may read as `env.NAME`.
        secrets: Environment variables that expressions may read as `secrets.NAME`: opaque, and masked wherever they
            come back.
        log_level, log_format: What is logged to standard error, and how.
    """

    database: Path = Path("baton.db")
    synchronous: Literal["full", "normal", "off"] = "full"
    services: Annotated[dict[str, Any], NoDecode] = Field(default_factory=dict)
    limits: Annotated[dict[str, Bounds], NoDecode] = Field(default_factory=dict)
    prices: Annotated[dict[str, Any], NoDecode] = Field(default_factory=dict)
    mcp: Annotated[dict[str, McpServer], NoDecode] = Field(default_factory=dict)
    real_models: Literal["allow", "loopback", "refuse"] = "allow"
    alerts: Annotated[AlertSettings, NoDecode] = AlertSettings()
    plugins: Annotated[tuple[str, ...], *SEPARATED] = ()
    modules: Annotated[tuple[str, ...], *SEPARATED] = ()
    tenant: str | None = None
    secret_key: SecretStr | None = None
    max_executions: int = Field(default=100, ge=1)
    max_steps: int = Field(default=1000, ge=1)
    max_result_bytes: int = Field(default=16 * 2**20, ge=1024)
    partition_size: int = Field(default=250, ge=10)
    short_wait: Seconds = 0.5
    linger: Seconds = 30.0
    max_lingering: int = Field(default=1000, ge=0)
    poison_after: int = Field(default=5, ge=1)
    poll: Seconds = Field(default=0.1, gt=0)
    grace: Seconds = 10.0
    thread_grace: Seconds = 30.0
    model: str | None = None
    agent_routing: Annotated[AgentRouting, NoDecode] = AgentRouting()
    assistant: Annotated[AssistantBounds, NoDecode] = AssistantBounds()
    expose: Annotated[tuple[str, ...], *SEPARATED] = ()
    secrets: Annotated[tuple[str, ...], *SEPARATED] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["console", "json"] = "console"

    @field_validator("database", mode="before")
    @classmethod
    def _a_file(cls, value: Any) -> Any:
        if isinstance(value, str) and "://" in value:  # not repeated in the message: it may hold a password
            raise ValueError("it is a URL; the database is an SQLite file, and no other is supported yet")
        return value

    @field_validator("services", "limits", "prices", "mcp", "alerts", "agent_routing", "assistant", mode="before")
    @classmethod
    def _structured(cls, value: Any) -> Any:
        return structured(value)


def read_settings(**given: Any) -> Settings:
    """The settings: what is given, then the environment, then `.env`, then the defaults.

    Raises:
        SettingsError: a value cannot be; the message names the variable and the value.
    """
    return read(Settings, **given)
