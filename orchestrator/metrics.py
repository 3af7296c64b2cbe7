"""Figures in Prometheus' text format. What stands is counted when it is asked for; what happens is added up from the
records, from the moment this process began, so that nothing has to be counted while work is done."""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from agents.tools.mcp_connections import McpStatus
from graphs.budget import SPENT
from orchestrator.store.figures import Happened, Standing
from orchestrator.store.sqlite import SqliteStore

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Seconds."""

_AT_ONCE: Final = 50_000
"""Records that are added up in one go: others want to read too."""

_NAMES: Final = 200
"""Workflows and models that have figures of their own; what comes after them is counted together."""

_OTHERS: Final = "(others)"


@dataclass(slots=True)
class Durations:
    """How long steps were at work."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: each with all before it."""
        so_far, found = 0, []
        for bound, count in zip([*map(str, _BUCKETS), "+Inf"], self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


@dataclass(slots=True)
class Totals:
    """What has happened at a tenant's since this process began."""

    read: int
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: dict[str, Durations] = field(default_factory=dict)
    spent: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, one: Happened) -> None:
        """Count it."""
        if one.kind == SPENT:
            self._add_call(orjson.loads(one.spent or "{}"))
            return
        workflow = one.workflow if one.workflow in self.durations or len(self.durations) < _NAMES else _OTHERS
        durations = self.durations.setdefault(workflow, Durations())
        self.steps[workflow, one.kind.removeprefix("step.")] += 1
        if one.started_at and one.ended_at:
            began, ended = datetime.fromisoformat(one.started_at), datetime.fromisoformat(one.ended_at)
            durations.add(max(0.0, (ended - began).total_seconds()))

    def _add_call(self, fact: Mapping[str, Any]) -> None:
        model = str(fact.get("model"))
        spent = self.spent.setdefault(model if model in self.spent or len(self.spent) < _NAMES else _OTHERS, Counter())
        spent["calls"] += 1
        for name in ("input_tokens", "output_tokens", "seconds", "cost"):
            spent[name] += fact.get(name) or 0


class Metrics:
    """Adds up and tells.

    Args:
        store: Where everything stands.
        places: Runs performed at the same time at most.
        servers: How it stands with each MCP server.
    """

    def __init__(self, store: SqliteStore, places: int, servers: Callable[[], Sequence[McpStatus]] = tuple) -> None:
        self._store = store
        self._places = places
        self._servers = servers
        self._began = store.newest_seq()
        self._totals: dict[str, Totals] = {}
        self._adding = asyncio.Lock()

    async def text(self, tenant: str, streams: int) -> bytes:
        """A tenant's figures.

        Args:
            streams: Open ones of its clients.
        """
        async with self._adding:
            totals = self._totals.setdefault(tenant, Totals(self._began))
            newest = self._store.newest_seq()
            while totals.read < newest:
                until = min(newest, totals.read + _AT_ONCE)
                for one in await self._store.happened(tenant, totals.read, until):
                    totals.add(one)
                totals.read = until
            standing = await self._store.counted(tenant)
            families = [*_standing(standing, self._places, streams), *_steps(totals), *_models(totals)]
            families.append(_servers(self._servers()))
        return generate_latest(_Given(families))


class _Given(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _standing(standing: Standing, places: int, streams: int) -> Iterator[Metric]:
    yield _by("baton_executions", "Executions of workflows.", "status", standing.executions)
    yield _by("baton_runs", "Runs of threads that are kept.", "status", standing.runs)
    for name, about, value in (
        ("baton_queue_depth", "Runs that wait for their turn.", standing.queued),
        ("baton_queue_delayed", "Runs whose time has not come.", standing.delayed),
        ("baton_queue_places", "Runs performed at the same time at most.", places),
        ("baton_open_streams", "Streams and WebSockets that clients have open.", streams),
        ("baton_dead_letters", "Dead letters that are open.", standing.letters),
        ("baton_events_early", "Events from outside that nothing has taken yet.", standing.early),
        ("baton_events_early_bytes", "Bytes of their data.", standing.early_bytes),
        ("baton_events_early_age_seconds", "Seconds since the oldest of them came.", standing.early_age),
        ("baton_run_webhooks_owed", "Ends of runs that somebody is still to be told of.", standing.owed),
        ("baton_run_webhooks_given_up", "Ends of runs that nobody could be told of.", standing.given_up),
    ):
        yield GaugeMetricFamily(name, about, value=value)


def _servers(statuses: Iterable[McpStatus]) -> Metric:
    about = "Whether the tools of an MCP server are known: 1 where it was reached."
    return _by("baton_mcp_server_reached", about, "server", {status.name: int(status.reached) for status in statuses})


def _by(name: str, about: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _steps(totals: Totals) -> Iterator[Metric]:
    settled = CounterMetricFamily("baton_steps", "Steps that have settled.", labels=["workflow", "status"])
    for (workflow, status), count in sorted(totals.steps.items()):
        settled.add_metric([workflow, status], count)
    yield settled
    took = HistogramMetricFamily("baton_step_duration_seconds", "How long steps were at work.", labels=["workflow"])
    for workflow, durations in sorted(totals.durations.items()):
        took.add_metric([workflow], durations.buckets(), durations.seconds)
    yield took


def _models(totals: Totals) -> Iterator[Metric]:
    for key, name, about in (
        ("calls", "baton_model_calls", "Calls of models."),
        ("input_tokens", "baton_model_input_tokens", "Tokens that models were given."),
        ("output_tokens", "baton_model_output_tokens", "Tokens that models gave."),
        ("seconds", "baton_model_seconds", "Seconds until models had answered."),
        ("cost", "baton_model_cost", "What models have cost, where prices are known (BATON_PRICES)."),
    ):
        family = CounterMetricFamily(name, about, labels=["model"])
        for model, spent in sorted(totals.spent.items()):
            family.add_metric([model], spent[key])
        yield family
