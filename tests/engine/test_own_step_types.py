"""Step types of one's own, beside the built-in ones and by the same way."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from graphs.errors import DefinitionError, SettingsError
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
    """Named in the settings, its types are there for every workflow, from YAML too."""
    assert "baton" in {offer.dist.name for offer in entry_points(group="baton.step_types") if offer.dist is not None}
    install(tmp_path, "shouting", SHOUTING)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    text = "metadata: {name: w}\nspec:\n  steps:\n    - {name: a, type: shout, config: {text: '{{ input.x }}'}}\n"
    own = {"_env_file": None, "database": database, "synchronous": "off"}
    async with Orchestrator.open(Settings(plugins="Shouting", **own)) as baton:
        definition = load_workflow(text, step_types=installed_step_types(["shouting"])).workflow
        assert (await run(baton, definition, {"x": "hello"})).output == "HELLO"


@pytest.mark.parametrize("named", [None, "other"])
def test_of_a_package_that_is_not_named_no_line_is_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    """A package may be there because another needs it, or because its name was misspelt."""
    ran = tmp_path / "ran"
    for package in ("lurking", "other"):
        install(
            tmp_path,
            package,
            f"import pathlib\npathlib.Path({str(ran)!r}).write_text('{package}')\n{SHOUTING.replace('shout', package)}",
        )
    monkeypatch.syspath_prepend(tmp_path / "packages")
    known = installed_step_types([named] if named else [])
    assert ("lurking" in known, "other" in known) == (False, named == "other")
    assert (ran.read_text() if ran.exists() else "") == ("other" if named else "")


def test_a_package_that_is_named_must_be_there_and_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "broken", "raise RuntimeError('not today')")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    with pytest.raises(SettingsError, match="No package 'shoutin' is installed that offers step types"):
        installed_step_types(["shoutin"])
    with pytest.raises(SettingsError, match="'broken' cannot be loaded: RuntimeError: not today"):
        installed_step_types(["broken"])


def install(folder: Path, package: str, code: str) -> None:
    """Put a package beside Baton that offers step types."""
    info = folder / "packages" / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[baton.step_types]\n{package} = {package}_steps:step_types\n")
    (folder / "packages" / f"{package}_steps.py").write_text(code)


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
