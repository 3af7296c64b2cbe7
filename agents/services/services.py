"""Named services: what a step calls is a name, and the application says where that is (I02).

Only configuration holds URLs and credentials; a definition names a service and a path. The part that speaks HTTP is
`agents.services.http`, loaded when the first call is made.
"""

import asyncio
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from agents.loading import load
from agents.registry import Registry
from agents.services.addresses import parse_networks
from agents.services.endpoints import check_endpoint
from graphs.clock import Clock, SystemClock
from graphs.durations import Duration
from graphs.errors import Category, SettingsError
from graphs.loading.words import clauses

MAX_RESPONSE_BYTES = 10_000_000


class Service(BaseModel):
    """Where a service is and how it is spoken to. A value; credentials in `headers` are not shown.

    Attributes:
        name: What definitions call it.
        base_url: `http` or `https`, with a path where the service lives under one.
        headers: Sent with every request; values may be `Secret`.
        timeout: Seconds one request may take from its first byte to the answer's last.
        verify: True, or the path of a file of certificates to trust instead of the usual ones; False trusts anyone.
        networks: Networks its host may be in besides the public one (`10.0.0.0/8`; `private` for all private ones).
            A host that is written as an address, or as `localhost`, is allowed by being written so.
        proxy: The proxy to go through; where names lead to is then the proxy's to judge. The environment's proxies
            and `.netrc` are not used.
        max_response_bytes: What a longer answer is refused at.
        max_connections: How many requests may be under way at once.
        failures: What some of its statuses mean where it is not the usual: `{"409": "transient"}`.
        tenants: Whose executions may use it; everybody's where none is named. For others it is not there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    name: str = Field(min_length=1)
    base_url: str
    headers: Mapping[str, Any] = Field(default={}, repr=False)
    timeout: Duration = 30.0
    verify: bool | str = True
    networks: tuple[str, ...] = ()
    proxy: str | None = Field(default=None, repr=False)
    max_response_bytes: int = Field(default=MAX_RESPONSE_BYTES, ge=1)
    max_connections: int = Field(default=100, ge=1)
    failures: Mapping[Annotated[int, Field(ge=100, le=599)], Category] = {}
    tenants: tuple[str, ...] = ()

    @field_validator("networks")
    @classmethod
    def _networks_are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        parse_networks(value)
        return value

    @field_validator("base_url")
    @classmethod
    def _base_url_is_a_place(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url is a full URL such as 'https://users.internal:8080'")
        if parts.username or parts.password:
            raise ValueError("base_url holds a user or a password; credentials go under 'headers'")
        if parts.query or parts.fragment or "{" in value:
            raise ValueError("base_url ends with its path: no '?', no '#', no '{'")
        return value.rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a service. `path` is an endpoint; `timeout` None means the service's own."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    """A JSON value; with `has_body` false, none is sent."""
    has_body: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A service's answer. `body` is the JSON value it stands for; secrets that were sent are masked in it."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Pool(Protocol):
    """The pooled connections to one service (`agents.services.http.HttpPool`)."""

    async def send(self, request: Request, accepts: "Accepts") -> Reply: ...

    async def aclose(self) -> None: ...


class Accepts(Protocol):
    """Whether a status is what the caller wants; any other is raised as a StepError."""

    def __call__(self, status: int, /) -> bool: ...


def successful(status: int) -> bool:
    """Accepts what is accepted when nothing else is said: 2xx."""
    return 200 <= status < 300


class Services(Registry[Service]):
    """The services an application offers its steps; a resource, handed over by type.

    One pool of connections per service, opened by the first call. Call `aclose` at the end.

    Args:
        services: The services.
        clock: Tells the time when a `Retry-After` names a date.
    """

    word = "service"
    remedy = "Services are configured: BATON_SERVICES, or Services.from_mapping({'name': 'https://host'})."

    def __init__(self, services: Iterable[Service] = (), *, clock: Clock | None = None) -> None:
        super().__init__(services)
        self._clock = clock or SystemClock()
        self._pools: dict[str, Pool] = {}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, clock: Clock | None = None) -> "Services":
        """From settings: names to base URLs, or to objects with the attributes of `Service`.

        Raises:
            SettingsError: naming every service and key that is wrong.
        """
        services, faults = [], []
        for name, value in mapping.items():
            fields = {"base_url": value} if isinstance(value, str) else value
            try:
                services.append(Service.model_validate({**fields, "name": name}))
            except ValidationError as error:
                # A proxy's address may hold a password: the values are not shown.
                faults += [f"service '{name}', {clause}" for clause in clauses(Service, error, hide=True)]
            except TypeError:
                faults.append(f"service '{name}' is neither a URL nor an object with a base_url")
        if faults:
            raise SettingsError(
                f"{'; '.join(faults)}.", hint=f"A service has {', '.join(sorted(Service.model_fields))}."
            )
        return cls(services, clock=clock)

    def of(self, tenant: str) -> "Services":
        """Those that a tenant's executions may use, over the same connections."""
        own = {service.name: service for service in self if not service.tenants or tenant in service.tenants}
        if len(own) == len(self):
            return self
        theirs = copy(self)
        theirs._entries = own
        return theirs

    async def send(self, name: str, request: Request, accepts: Accepts = successful) -> Reply:
        """Ask a service.

        Raises:
            StepError: no such service, an endpoint that is none, or an answer that is a failure.
        """
        service = self.get(name)
        check_endpoint(request.path)
        if name not in self._pools:
            http = await load("agents.services.http")
            # Looked at again: another step may have opened it while this one waited.
            if name not in self._pools:
                self._pools[name] = http.HttpPool(service, self._clock)
        return await self._pools[name].send(request, accepts)

    async def aclose(self) -> None:
        """Close all connections. A later call opens new ones."""
        pools, self._pools = list(self._pools.values()), {}
        await asyncio.gather(*(pool.aclose() for pool in pools))
