"""Everything the examples in `graphs/library` need, for `BATON_MODULES=api.demo.catalogue`.

resources()   functions, tools, agents and the scripted models, so that no key is needed (with one, real models speak)
workflows()   the examples themselves, known by their names
"""

import os
from collections.abc import Iterator
from typing import Any

import structlog

from agents import Cassette, Functions, Models, Script, Tools
from api.demo import clinic, functions, planner
from api.demo.players.scripts import PLAYERS
from api.demo.players.tools import packing_list
from api.demo.players.tools import tools as players_tools
from api.demo.scripts import SCRIPTS
from api.demo.shop import tools
from api.demo.staff import agents
from api.demo.troupe import Troupe
from api.demo.voice import Voice, voice_of
from graphs.library import agent_example_names, example_names, example_path
from graphs.loader import load_document, load_file
from graphs.spec import AGENT_LABEL, Workflow
from graphs.state import Result
from orchestrator.plugins import installed_step_types


def scripts() -> tuple[Script, ...]:
    """What models say in the examples: in the engine's process, or over HTTP from `api.demo.provider`."""
    return (*SCRIPTS, *PLAYERS, planner.planner())


def everyone() -> Troupe:
    """A model that plays the part of each script, by what the agents of the examples are told to be."""
    told = [(one.instructions, one.model) for one in agents()]
    told += [pair for name in agent_example_names() for pair in _told(example(name))]
    known = {script.name: script for script in scripts()}
    parts = {str(words): known[str(model).partition(":")[2]] for words, model in told}
    return Troupe("everyone", parts=parts, otherwise_as=known[planner.NAME])


def _told(workflow: Workflow) -> Iterator[tuple[Any, Any]]:
    for step in workflow.spec.steps:
        if words := step.config.get("instructions", step.config.get("prompt")):
            yield words, step.config["model"]


def offered_functions() -> Functions:
    """What `function` steps may name."""
    return Functions(
        (
            clinic.normalize_lab_data,
            clinic.categorize_medications,
            clinic.calculate_vitals_summary,
            clinic.summarize_history,
            clinic.analyse_patient,
            functions.summarise_series,
            functions.reassess_confidence,
            functions.standard_customer,
            functions.enter_state,
            packing_list,
        )
    )


def resources(voice: Voice | None = None, cassette: Cassette | None = None) -> list[Any]:
    """What the engine hands to the examples' steps. Services are not among them: where they are is a setting.

    Args:
        voice: Who speaks; without it, whoever the environment says.
        cassette: What calls of models are recorded to, or served from.
    """
    voice = voice or voice_of(os.environ)
    models = Models(default=voice.model(planner.NAME), scripts=scripts(), settings=voice.settings(), cassette=cassette)
    return [offered_functions(), Tools((*tools(), *players_tools())), agents(voice), models]


def workflows() -> list[Workflow]:
    """Every example, read and checked; its models are those of whoever speaks."""
    voice = voice_of(os.environ)
    read = [example(name, voice) for name in (*example_names(), *agent_example_names())]
    return [workflow for workflow in read if AGENT_LABEL not in workflow.metadata.labels]


def example(name: str, voice: Voice | None = None) -> Workflow:
    """One example, its scripted models replaced by those of whoever speaks."""
    step_types = installed_step_types()
    workflow = load_file(example_path(name), step_types=step_types).workflow
    if voice is None or voice.scripted:
        return workflow
    return load_document(voice.spoken(workflow.as_document()), step_types=step_types).workflow


class DetailedWorkflowLogger:
    """X-13: a logger of one's own; hand it over with `hooks=[DetailedWorkflowLogger()]`.

    Attributes:
        entries: What was logged, for whoever wants to look at it afterwards.
    """

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._log = structlog.get_logger("baton.demo")

    def on_step_start(self, step_name: str, state: Any) -> None:
        keys = sorted(state.keys())
        self._note("Starting step", workflow_id=state.workflow_id, step_name=step_name, state_keys=keys)

    def on_step_complete(self, step_name: str, result: Result, duration_ms: float) -> None:
        success = result["status"] == "completed"
        self._note("Completed step", step_name=step_name, duration_ms=round(duration_ms, 3), success=success)

    def _note(self, event: str, **values: Any) -> None:
        self.entries.append({"event": event, **values})
        self._log.debug(event, **values)
