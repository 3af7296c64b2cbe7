"""Everything the examples in `graphs/library` need, for `BATON_MODULES=api.demo.catalogue`.

resources()   functions, tools, agents and the scripted models, so that no key is needed (with one, real models speak)
workflows()   the examples themselves, known by their names
"""

import os
from typing import Any, Final

import structlog

from agents import Functions, Models, Script
from api.demo import clinic, functions, planner
from api.demo.scripts import SCRIPTS
from api.demo.shop import tools
from api.demo.staff import agents, real_model
from graphs.library import example_names, example_path
from graphs.loader import load_file
from graphs.spec import Workflow
from graphs.state import Result
from orchestrator.plugins import installed_step_types

PROVIDER: Final = "BATON_DEMO_PROVIDER"
"""Where the demo has its own provider in OpenAI's shape, which its engine is told through the environment."""


def scripts() -> tuple[Script, ...]:
    """What models say in the examples: in the engine's process, or over HTTP from `api.demo.provider`."""
    return (*SCRIPTS, planner.planner())


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
        )
    )


def resources() -> list[Any]:
    """What the engine hands to the examples' steps. Services are not among them: where they are is a setting."""
    real = real_model(os.environ)
    provider = os.environ.get(PROVIDER)
    models = Models(
        default=real or f"scripted:{planner.NAME}",
        scripts=scripts(),
        settings={"openai": {"base_url": provider, "api_key": "none"}} if provider and not real else None,
    )
    return [offered_functions(), tools(), agents(real), models]


def workflows() -> list[Workflow]:
    """Every example, read and checked."""
    step_types = installed_step_types()
    return [load_file(example_path(name), step_types=step_types).workflow for name in example_names()]


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
