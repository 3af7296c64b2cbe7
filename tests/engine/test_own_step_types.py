"""Step types of one's own, beside the built-in ones and by the same way."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from graphs.errors import DefinitionError
from graphs.loader import load_workflow
from graphs.steps import Action, StepConfig, StepContext, StepTypes
from orchestrator.engine import Orchestrator
from orchestrator.plugins import installed_step_types
from orchestrator.settings import Settings
from tests.support.engine.engines import (
    TYPES,
    engine,
    run,
    workflow,
)


@pytest.mark.capability("I12", "I11", "A37")
async def test_a_type_of_ones_own_stands_beside_the_built_in_ones(database: Path) -> None:
    """Registered by name, once."""

    class Double(Action):
        name = "double"

        class Config(StepConfig):
            number: int

        async def run(self, context: StepContext, config: Any) -> Any:
            return config.number * 2

    types = StepTypes([*TYPES.values(), Double()])
    async with engine(database, types=types) as baton:
        steps = [{"name": "d", "type": "double", "config": {"number": "{{ input.n }}"}}]
        execution = await run(baton, workflow("w", steps), {"n": 21})
        assert execution.output == 42
    with pytest.raises(DefinitionError, match="step type 'double' is offered twice"):
        StepTypes([Double(), Double()])


@pytest.mark.capability("I12", "T01", "A37")
def test_a_name_that_no_type_has_is_refused_and_no_name_means_a_service_call() -> None:
    """Where it stands, with the nearest name there is."""
    text = "metadata: {name: w}\nspec:\n  steps:\n    - {name: a, type: %s}\n"
    with pytest.raises(DefinitionError, match=r"w.yaml:4:23: .*no step type 'aprov'.*Did you mean 'approval'"):
        load_workflow(text % "aprov", step_types=TYPES, file="w.yaml")
    call = "{name: a, config: {service: s, endpoint: /e}}"
    loaded = load_workflow(f"metadata: {{name: w}}\nspec:\n  steps:\n    - {call}\n", step_types=TYPES)
    assert loaded.workflow.spec.steps[0].type == "service_call"


@pytest.mark.capability("I11", "I12")
async def test_a_package_brings_step_types_by_the_entry_point_ours_come_by(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed beside Baton, its types are there for every workflow, from YAML too."""
    assert "baton" in {offer.dist.name for offer in entry_points(group="baton.step_types") if offer.dist is not None}
    info = tmp_path / "packages" / "shouting-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[baton.step_types]\nshouting = shouting_steps:step_types\n")
    (tmp_path / "packages" / "shouting_steps.py").write_text(SHOUTING)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    text = "metadata: {name: w}\nspec:\n  steps:\n    - {name: a, type: shout, config: {text: '{{ input.x }}'}}\n"
    async with Orchestrator.open(Settings(_env_file=None, database=database, synchronous="off")) as baton:  # type: ignore[call-arg]
        definition = load_workflow(text, step_types=installed_step_types()).workflow
        assert (await run(baton, definition, {"x": "hello"})).output == "HELLO"


SHOUTING = """
from graphs.steps import Action, StepConfig


class Shout(Action):
    name = "shout"

    class Config(StepConfig):
        text: str

    async def run(self, context, config):
        return config.text.upper()


def step_types():
    return [Shout()]
"""
