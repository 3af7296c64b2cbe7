"""What all drives of an engine share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphs.clock import Clock
from graphs.compile import CompiledGraph
from graphs.lasting import Lasting
from graphs.policies.named import NamedLimits
from graphs.prepare import Library
from graphs.steps import Logger
from orchestrator.brain.pasts import PastOfAll
from orchestrator.breakers import Breakers
from orchestrator.hooks import Hooks
from orchestrator.places import Places
from orchestrator.settings import Settings
from orchestrator.store.port import Record
from orchestrator.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Works:
    """What all drives of an engine share."""

    store: SqliteStore
    clock: Clock
    graph: CompiledGraph
    library: Library
    resources: Mapping[type, Any]
    settings: Settings
    hooks: Hooks
    log: Logger
    publish: Callable[[list[Record]], None]
    follows_words: Callable[[str], bool]
    emit_event: Callable[..., Awaitable[Any]]
    places: Places
    limits: NamedLimits
    breakers: Breakers
    pasts: PastOfAll
    environment: Mapping[str, str]
    lasting: Lasting = field(default_factory=Lasting)
