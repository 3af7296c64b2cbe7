"""Composition: from settings to an engine's parts, each built once and handed on."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from os import environ
from typing import Any, Final

from agents.models.models import Models
from agents.reasoning.agents import Agents
from agents.services.services import Services
from graphs.clock import Clock
from graphs.compile import compile_graph
from graphs.policies.named import NamedLimits, declared
from graphs.prepare import Library
from graphs.spec import Workflow
from graphs.steps import Logger, StepTypes
from orchestrator.alerts.opening import open_sinks
from orchestrator.alerts.telling import Telling
from orchestrator.brain.pasts import PastOfAll
from orchestrator.breakers import Breakers
from orchestrator.bus import Bus
from orchestrator.catalogue import Catalogue
from orchestrator.driving.aftermath import ALERT
from orchestrator.driving.driver import Driver
from orchestrator.driving.works import Works
from orchestrator.hooks import Hooks
from orchestrator.logs import logger
from orchestrator.places import Places
from orchestrator.plugins import installed_step_types, load_modules
from orchestrator.resources import gather
from orchestrator.sealing import Cipher
from orchestrator.settings import Settings
from orchestrator.store.cipher import Cipher as FernetCipher
from orchestrator.store.sqlite import SqliteStore

_A_SLIP: Final = 0.85
"""How much alike two names are of which one was meant for the other."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an engine is made of; `driver` is None where it only looks, answers and cancels."""

    store: SqliteStore
    catalogue: Catalogue
    driver: Driver | None
    bus: Bus
    telling: Telling | None = None


async def assemble(
    stack: AsyncExitStack,
    settings: Settings,
    *,
    resources: Iterable[Any],
    hooks: Iterable[Any],
    workflows: Iterable[Workflow],
    step_types: StepTypes | None,
    clock: Clock,
    drive: bool,
) -> Parts:
    """Build the parts; what must be closed is left to the stack, in order."""
    bus = Bus()
    store = await stack.enter_async_context(
        SqliteStore.open(
            settings.database,
            clock=clock,
            synchronous=settings.synchronous,
            on_committed=bus.publish,
            wanted=bus.wanted,
        )
    )
    stack.callback(bus.close)
    offered = load_modules(settings.modules)
    library = Library(step_types or installed_step_types(settings.plugins))
    given = [*workflows, *offered.workflows]
    names = declared(settings.limits, settings.services)
    values = [*offered.resources, *resources]
    catalogue = Catalogue(
        store,
        library,
        clock,
        given=given,
        agents=next((one for one in reversed(values) if isinstance(one, Agents)), None),
        cipher=_cipher(settings),
        limits=names,
        offers_assistant=_has_model(settings, values),
    )
    if not drive:
        return Parts(store, catalogue, None, bus)
    await stack.enter_async_context(store.driving())
    offers = {**await gather(stack, settings, values, clock), StepTypes: library.step_types}
    driver = await _driver(settings, store, catalogue, bus, clock, offers, hooks)
    log = logger(settings)
    sinks = open_sinks(settings.alerts, values, log, clock)
    telling = Telling(store, clock, log, sinks, lambda: bus.subscribe(kinds=(ALERT,)))
    return Parts(store, catalogue, driver, bus, telling)


async def _driver(
    settings: Settings,
    store: SqliteStore,
    catalogue: Catalogue,
    bus: Bus,
    clock: Clock,
    resources: Mapping[type, Any],
    hooks: Iterable[Any],
) -> Driver:
    """What carries executions out."""
    _warn_of_slips(settings, resources.get(Services), logger(settings))
    limits = NamedLimits(settings.limits)
    breakers = Breakers(store, clock, limits, logger(settings))
    await breakers.load()
    works = Works(
        store=store,
        clock=clock,
        graph=compile_graph(store.saver),
        library=catalogue.library,
        resources=resources,
        settings=settings,
        hooks=Hooks(hooks, logger(settings), log_steps=settings.log_level in ("debug", "info")),
        log=logger(settings),
        publish=bus.publish,
        follows_words=bus.follows_words,
        emit_event=_emitter(store, lambda: driver),
        places=Places(clock, settings.max_steps),
        limits=limits,
        breakers=breakers,
        pasts=PastOfAll(store, clock),
        environment={name: environ[name] for name in settings.expose if name in environ},
    )
    driver = Driver(works, catalogue)
    return driver


def _warn_of_slips(settings: Settings, services: Services | None, log: Logger) -> None:
    """A limit may be anything that steps name; one that is called almost like a service was meant for that one."""
    unbound = [name for name in services.names() if name not in settings.limits] if services is not None else []
    for limit in settings.limits:
        for near in get_close_matches(limit, unbound, 1, _A_SLIP):
            log.warning("limit.resembles", limit=limit, service=near, hint=f"Did you mean '{near}' in BATON_LIMITS?")


def _has_model(settings: Settings, given: Iterable[Any]) -> bool:
    """Whether there is a model for those who name none, such as the ad-hoc assistant."""
    return settings.model is not None or any(isinstance(one, Models) and one.default is not None for one in given)


def _cipher(settings: Settings) -> Callable[[], Cipher]:
    made: list[Cipher] = []

    def cipher() -> Cipher:
        # Not before it is needed: it may have to make a key file.
        if not made:
            key = settings.secret_key.get_secret_value() if settings.secret_key else None
            made.append(FernetCipher.open(settings.database, key))
        return made[0]

    return cipher


def _emitter(store: SqliteStore, driver: Callable[[], Driver]) -> Callable[..., Any]:
    async def emit(type: str, data: Any, **about: Any) -> None:  # noqa: A002
        event = await store.publish_event(type, data, **about, emitted=True)
        await driver().event_matched(event.matched)

    return emit
