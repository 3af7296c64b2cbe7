"""Everything about the gateway that can be set, in one frozen value: read once at the edge, then handed on."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from orchestrator.environment import SEPARATED, EnvironmentSettings, Seconds, read
from orchestrator.quota import Quota

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""None with a shared secret: whoever could check such a token could make one."""


class GatewaySettings(EnvironmentSettings):
    """How the gateway serves. Each field is also the environment variable `BATON_<FIELD>`.

    Attributes:
        host: The address to listen at. Without keys, only this machine's own (loopback).
        port: 0 picks a free one. 2024 is where clients of LangGraph look first.
        tls_cert, tls_key: Files (PEM) of a certificate and its key: with them it speaks HTTPS itself.
        tls_client_ca: A file of certificates (PEM): whoever connects must then show one that these have signed (mTLS),
            besides a key or a token.
        origins: Web pages that may call, for browsers (CORS), besides this machine's own; `*` is any.
        drain: Seconds that runs under way get to finish when the gateway stops; what remains goes on at the next start.
            By itself it leaves some of the 30 seconds after which supervisors kill, for the rest that is to be closed.
        heartbeat: Seconds between signs of life on a quiet stream or wait, so that proxies keep it open.
        max_runs: Runs of threads performed at the same time at most; others wait for their turn.
        max_tenant_runs: Runs of threads of a tenant that have not ended, and executions that it starts elsewhere that
            are queued or running, at most; 0 for any number.
        max_tenant_events: Events of a tenant's that nothing has taken yet, at most; 0 for any number.
        max_tenant_event_bytes: Bytes of their data, all together; 0 for any number.
        event_age: Seconds after which such events make room for new ones when there is none, unless an execution that
            goes on may still take them.
        max_body: Bytes of a request at most.
        max_message: Bytes of a message on a WebSocket at most.
        max_depth: Levels of nested lists and objects in a request at most.
        tenant_rate, key_rate: Requests a second, of all of a tenant's keys and of one; 0 for no limit. At an open
            gateway there is none.
        stranger_rate: Attempts a second without a key that is known, from one address; 0 for no limit.
        max_open: Requests and streams of a tenant under way at the same time.
        owner_age: Seconds that crons go on after their owner last came, where that is somebody with a token, or a user
            of the application's own auth: nobody can ask about these while they are away. 0 for ever.
        chat_on_disconnect: What becomes of a run of `/v1/chat/completions` whose client leaves before its answer: it
            goes on, or is cancelled (`cancel`); `on_disconnect` of a request says otherwise.
        public_url: How people reach the gateway from outside, for links; without it, as whoever asks reached it.
        webhook_networks: Networks that webhook targets may be in besides the public one; `private` is all private ones.
        oidc_issuer: Whose JWTs are accepted, besides keys.
        oidc_audience: Whom they must be meant for.
        oidc_jwks: Where the issuer's keys are, a URL or a file; without it, the issuer is asked (OIDC discovery).
        oidc_algorithms: Signatures that are accepted.
        oidc_name_claim, oidc_roles_claim, oidc_groups_claim: Where a token says who it is, its roles (ours, by name),
            and its groups. A dotted path reaches inside (`realm_access.roles`).
        oidc_tenant_claim: Where it says its tenant; without it, everybody is of tenant `default`.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=2024, ge=0, le=65535)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    origins: Annotated[tuple[str, ...], *SEPARATED] = ()
    drain: Seconds = 25.0
    heartbeat: Seconds = 5.0
    max_runs: int = Field(default=100, ge=1)
    max_tenant_runs: int = Field(default=10_000, ge=0)
    max_tenant_events: int = Field(default=100_000, ge=0)
    max_tenant_event_bytes: int = Field(default=256 * 1024 * 1024, ge=0)
    event_age: Seconds = 30 * 86_400.0
    max_body: int = Field(default=16 * 1024 * 1024, ge=1024)
    max_message: int = Field(default=1024 * 1024, ge=1024)
    max_depth: int = Field(default=100, ge=1, le=500)
    tenant_rate: float = Field(default=1000.0, ge=0)
    key_rate: float = Field(default=500.0, ge=0)
    stranger_rate: float = Field(default=10.0, ge=0)
    max_open: int = Field(default=5000, ge=1)
    owner_age: Seconds = 90 * 86_400.0
    chat_on_disconnect: Literal["continue", "cancel"] = "continue"
    public_url: str | None = None
    webhook_networks: Annotated[tuple[str, ...], *SEPARATED] = ()

    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks: str | None = None
    oidc_algorithms: Annotated[tuple[Algorithm, ...], *SEPARATED] = ("RS256", "ES256", "EdDSA")
    oidc_name_claim: str = "sub"
    oidc_roles_claim: str = "roles"
    oidc_groups_claim: str = "groups"
    oidc_tenant_claim: str | None = None

    @property
    def quota(self) -> Quota:
        """What a tenant may have at once."""
        return Quota(
            runs=self.max_tenant_runs,
            events=self.max_tenant_events,
            event_bytes=self.max_tenant_event_bytes,
            event_age=timedelta(seconds=self.event_age),
        )


def read_gateway_settings(**given: Any) -> GatewaySettings:
    """The settings: what is given, then the environment, then `.env`, then the defaults.

    Raises:
        SettingsError: a value cannot be; the message names the variable and the value.
    """
    return read(GatewaySettings, **given)
