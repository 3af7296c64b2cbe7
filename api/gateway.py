"""What every route is given: one frozen value, kept at `app.state.gateway`."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from api.mcp.starting import Mcp
from api.security.door import Door
from api.security.owners import Owners
from api.settings import GatewaySettings
from orchestrator.engine import Orchestrator
from orchestrator.metrics import Metrics
from orchestrator.serving.desk import Desk
from orchestrator.triggers import Triggers
from orchestrator.webhooks.outbound import Outbound


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The parts a gateway is made of; each is opened and closed by whoever made it (`api.serve`).

    Attributes:
        orchestrator: Starts, answers, looks, stops.
        desk: Runs and threads, for clients of langgraph-sdk.
        settings: How to serve.
        door: Finds out who asks.
        owners: Know whose something is that starts runs later.
        triggers: Start workflows when events ask for it.
        metrics: Figures for whoever watches over it.
        streams: How many are open, by tenant.
        outbound: Tells others what happens, and how runs ended.
        mcp: Answers clients of the Model Context Protocol.
    """

    orchestrator: Orchestrator
    desk: Desk
    settings: GatewaySettings
    door: Door
    owners: Owners
    triggers: Triggers
    outbound: Outbound
    metrics: Metrics
    streams: Counter[str] = field(default_factory=Counter)
    mcp: Mcp

    async def drain(self) -> None:
        """Begin nothing new; what runs may finish within the time there is."""
        await asyncio.gather(self.desk.drain(), self.orchestrator.drain())
        # Streams of threads have no end of their own. Those of runs are cut, which clients take as a reason to return.
        self.desk.hub.close()


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway a request or a WebSocket came to."""
    gateway: Gateway = connection.app.state.gateway
    return gateway


async def current_gateway(connection: HTTPConnection) -> Gateway:
    """The same as a dependency of routes: FastAPI calls what is not async in a thread, which takes longer than all
    else about a request."""
    return gateway_of(connection)
