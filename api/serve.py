"""Serving: the parts opened in order, uvicorn in front of them, and all of it stopped in order."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from agents.tools.threads import Threads
from api.app import create_app
from api.connections import PatientProtocol
from api.gateway import Gateway
from api.mcp.starting import Mcp
from api.security.custom import Custom
from api.security.door import Door
from api.security.hosts import is_loopback, refuse_open_network
from api.security.owners import Owners
from api.security.tls import check_tls, tls_of
from api.settings import GatewaySettings, read_gateway_settings
from graphs.errors import SettingsError
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.interrupts import interrupts
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import note, warn
from orchestrator.engine import Orchestrator
from orchestrator.environment import misspelt
from orchestrator.logs import logger
from orchestrator.metrics import Metrics
from orchestrator.serving.config import NAME, load_auth, load_graphs, read_config
from orchestrator.serving.loading import Source
from orchestrator.serving.opening import open_desk
from orchestrator.settings import Settings
from orchestrator.triggers import Triggers
from orchestrator.webhooks.outbound import Outbound

_LATE = 2
"""Seconds that connections get once everything behind them has stopped."""

_IDLE = 75
"""Seconds that a connection is kept on which nothing is asked. Longer than clients keep theirs (httpx, and so the SDK:
5), or one is closed here while it is used there, and its request is lost."""


async def serve(shared: Shared, *, host: str | None, port: int | None, config: Path | None) -> int:
    """Serve until a signal ends it. See `api.command`."""
    asyncio.get_running_loop().set_default_executor(Threads())
    setting = Setting(shared, serves=True)
    settings = read_gateway_settings(host=host, port=port)
    for name, meant in misspelt(Settings, GatewaySettings):
        warn(f"{name} is no setting, and changes nothing. Did you mean {meant}?")
    check_tls(settings)
    team = team_of(config)
    await _refuse_open_network(setting, settings, team)
    with listening(settings) as listener:
        async with opened(setting, settings, team) as gateway:
            server = Server(gateway)
            where = url_of(listener, tls=settings.tls_cert is not None)
            note(f"Serving {setting.settings.database} at {where} (process {os.getpid()}). Ctrl-C stops.")
            if not gateway.door.guarded:
                warn("OPEN: no keys are set, so whoever can reach this machine's loopback may do everything.")
                note("Make a key to close it: baton keys create --name NAME --role ROLE.")
            await server.serve_until_drained(listener)
    return Exit.COMPLETED


async def _refuse_open_network(setting: Setting, settings: GatewaySettings, team: "Team") -> None:
    """See `refuse_open_network`. Looks before anything listens."""
    guarded = settings.oidc_issuer is not None or team.custom is not None
    if not guarded and not is_loopback(settings.host) and setting.settings.database.exists():
        async with looking(setting) as baton:
            guarded = baton.store.guarded()
    refuse_open_network(settings.host, guarded=guarded)


@dataclass(frozen=True, slots=True)
class Team:
    """What a `langgraph.json` brings: graphs, and perhaps who may do what with them."""

    graphs: Mapping[str, Source] = field(default_factory=dict)
    custom: Custom | None = None


def team_of(config: Path | None) -> Team:
    """What the `langgraph.json` brings that is named, or lies here.

    Raises:
        SettingsError: it cannot be read, or something in it cannot be loaded.
    """
    if config is None and not Path(NAME).exists():
        return Team()
    found = read_config(config or Path(NAME))
    for key in found.left_out:
        warn(f"'{key}' of {config or NAME} has no effect here.")
    graphs, auth = load_graphs(found), load_auth(found)
    return Team(graphs, Custom(auth) if auth is not None else None)


@asynccontextmanager
async def opened(setting: Setting, settings: GatewaySettings, team: Team | None = None) -> AsyncIterator[Gateway]:
    """Open everything a gateway is made of; on leaving, what runs gets the time to finish.

    Raises:
        EngineBusyError: another process drives the database.
    """
    team = team or Team()
    engine = setting.settings.model_copy(update={"grace": settings.drain})
    offered, log = setting.offered, logger(engine)
    async with AsyncExitStack() as stack:
        orchestrator = await stack.enter_async_context(
            Orchestrator.open(engine, resources=offered.resources, workflows=offered.workflows)
        )
        custom, clock = team.custom, orchestrator.clock
        owners = Owners(orchestrator.store, clock, settings, custom, orchestrator.catalogue.cipher)
        outbound = Outbound(orchestrator, settings.webhook_networks, log)
        desk = open_desk(
            orchestrator,
            graphs=team.graphs,
            log=log,
            places=settings.max_runs,
            most=settings.max_tenant_runs,
            judge=owners.judge,
            grace=settings.drain,
            on_end=outbound.run_ended,
        )
        gateway = Gateway(
            orchestrator=orchestrator,
            desk=await stack.enter_async_context(desk),
            settings=settings,
            door=Door(orchestrator.store, settings, clock, custom),
            owners=owners,
            triggers=Triggers(orchestrator, log, settings.quota),
            outbound=outbound,
            metrics=Metrics(orchestrator.store, settings.max_runs, orchestrator.mcp_servers),
            mcp=Mcp(orchestrator),
        )
        watch = gateway.door.watch
        for part in (watch.serving(), outbound.serving(), gateway.mcp.serving(), gateway.triggers.serving()):
            await stack.enter_async_context(part)
        yield gateway


class Server(uvicorn.Server):
    """uvicorn, stopped in order: first the engine, while answers still go out, then the connections."""

    def __init__(self, gateway: Gateway) -> None:
        config = uvicorn.Config(
            create_app(gateway),
            http=PatientProtocol,
            log_level="warning",
            lifespan="off",  # what the app needs is open before the app is made
            timeout_graceful_shutdown=_LATE,
            timeout_keep_alive=_IDLE,
            server_header=False,
            ws_max_size=gateway.settings.max_message,
            **tls_of(gateway.settings),
        )
        super().__init__(config)
        self._gateway = gateway
        self._asked = asyncio.Event()

    async def serve_until_drained(self, listener: socket.socket) -> None:
        """Serve until `stop` or a signal."""
        stopping = asyncio.create_task(self._stop_in_order(), name="stopping")
        try:
            await self.serve(sockets=[listener])
        finally:
            stopping.cancel()

    def stop(self) -> None:
        """Ask it to stop; may be called again."""
        self._asked.set()

    async def _stop_in_order(self) -> None:
        await self._asked.wait()
        # A client that waits for its run should learn how it ended, if it ends within the time there is.
        await self._gateway.drain()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The first signal asks, the second leaves at once; uvicorn's own would cut the connections first."""
        with interrupts(self.stop, lambda: "baton serve"):
            yield


def listening(settings: GatewaySettings) -> socket.socket:
    """The socket to serve at, listening: whoever is told the address may connect.

    Raises:
        SettingsError: somebody else listens there, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is; otherwise the second half of
    # an answer waits for the first one's acknowledgement, which takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen at {settings.host}:{settings.port}: {error.strerror or error}.",
            hint="Name another port with --port or BATON_PORT; 0 picks a free one.",
            code="address_unusable",
        ) from error
    return listener


def url_of(listener: socket.socket, *, tls: bool = False) -> str:
    """Where a socket is reached."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
