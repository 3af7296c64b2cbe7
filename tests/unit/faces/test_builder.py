"""Baton's own builder: the same model, and so the same digest, as the YAML that says the same."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphs import builder
from graphs.builder import WorkflowBuilder, agent, case, failed, from_state, parallel, step, tool, workflow
from graphs.building.options import StepOptions
from graphs.errors import DefinitionError
from graphs.library import example_names, example_path
from graphs.loader import dump_yaml, load_file, load_workflow
from graphs.spec import Case, Step, Workflow
from orchestrator.faces import states
from orchestrator.faces.running import check, known_step_types
from tests.unit.faces.written import WRITTEN

DEFINITIONS = Path(__file__).parent / "definitions"
TYPES = known_step_types()


def test_each_fixture_is_written_in_python_too() -> None:
    assert sorted(WRITTEN) == sorted(path.stem for path in DEFINITIONS.glob("*.yaml"))


@pytest.mark.capability("C01", "C05", "C09")
@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_yaml_and_builder_give_one_digest(name: str) -> None:
    from_yaml = load_file(DEFINITIONS / f"{name}.yaml", step_types=TYPES).workflow
    from_python = WRITTEN[name]().build()
    assert from_python.as_document() == from_yaml.as_document()
    assert from_python.digest == from_yaml.digest


@pytest.mark.parametrize("name", example_names())
def test_every_example_can_be_said_with_the_builder(name: str) -> None:
    example = load_file(example_path(name), step_types=TYPES).workflow
    assert retold(example).digest == example.digest


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_what_python_wrote_reads_back_from_yaml(name: str) -> None:
    written = WRITTEN[name]().build()
    assert load_workflow(dump_yaml(written), step_types=TYPES).workflow.digest == written.digest


def test_a_workflow_with_python_in_it_says_that_yaml_cannot_hold_it() -> None:
    held = workflow("held").tool("mail", args=from_state(lambda state: {"to": state["email"]})).build()
    with pytest.raises(DefinitionError, match="which YAML cannot say"):
        dump_yaml(held)
    assert held.callables() == ("spec.steps[0].config.args.function",)


def test_what_is_left_out_is_not_in_the_definition() -> None:
    (made,) = workflow("small").approval("ask", wait="24h").build().as_document()["spec"]["steps"]
    assert made == {"name": "ask", "type": "approval", "config": {"timeout": "24h"}}


def test_dependencies_take_names_steps_and_outcomes() -> None:
    first, second = tool("first"), tool("second")
    built = workflow("order").add(first, second).tool("third", depends_on=["first", second, failed(second)]).build()
    needs = built.spec.steps[2].depends_on
    assert [(need.step, need.outcome) for need in needs] == [
        ("first", "succeeded"),
        ("second", "succeeded"),
        ("second", "failed"),
    ]


@pytest.mark.capability("X01")
@pytest.mark.parametrize(("retry", "attempts"), [(4, 4), ({"max_retries": 4}, 5), ({"max_attempts": 4}, 4)])
def test_retries_are_not_attempts(retry: Any, attempts: int) -> None:
    made = step("try", retry=retry).retry
    assert made is not None and made.max_attempts == attempts
    config = workflow("all").config(retry_policy=retry).build().spec.config.retry_policy
    assert config is not None and config.max_attempts == attempts


def test_retries_and_attempts_together_are_refused() -> None:
    with pytest.raises(DefinitionError) as caught:
        step("try", retry={"max_retries": 2, "max_attempts": 3})
    assert str(caught.value) == (
        "retry: 'max_retries' and 'max_attempts' are both given. "
        "Keep one: attempts count the first try too, so max_attempts is max_retries + 1."
    )


def test_a_branch_may_be_a_list_or_one_step() -> None:
    listed = parallel("both", branches=[[tool("a"), tool("b")], tool("c")])
    assert {name: [one.name for one in steps] for name, steps in listed.branches.items()} == {
        "branch_0": ["a", "b"],
        "branch_1": ["c"],
    }
    assert list(parallel("named", branches={"left": tool("a")}).branches) == ["left"]


def test_config_adds_up() -> None:
    built = workflow("limits").config(timeout="30m").config(deadline="2d").build()
    assert (built.spec.config.timeout, built.spec.config.deadline) == (1800.0, 172800.0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: step("look up", retry={"max_attempts": 0}),
            "step 'look up', name: 'look up' cannot be a name. A name begins with a letter or '_' and goes on with "
            "letters, digits, '_' and '-', 128 characters at most.\n"
            "step 'look up', retry.max_attempts: 0 is too small; the least is 1.",
        ),
        (
            lambda: step("pay", on_failure={"action": "contine"}),
            "step 'pay', on_failure.action: 'contine' is none of terminate, retry, continue, fallback, escalate, goto. "
            "Did you mean 'continue'?",
        ),
        (
            lambda: WorkflowBuilder("pay", versio="2").build(),
            "workflow 'pay', metadata: there is no key 'versio' here. Did you mean 'version'?",
        ),
        (lambda: case("fast", when="x", steps=[3]), "case 'fast', steps[0]: 3 is not a mapping."),  # type: ignore[list-item]
    ],
)
def test_what_the_model_does_not_accept_is_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        make()
    assert str(caught.value) == sentence


@pytest.mark.parametrize("module", [builder, states])
def test_the_examples_of_the_docstrings_run(module: Any) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", module.__doc__, re.DOTALL)
    names: dict[str, Any] = dict(vars(module))
    exec(code, names)
    built = names["order"] if module is builder else names["workflow"].to_workflow()
    check(built, TYPES)


# -- any workflow, said again with the builder -----------------------------------------------------------------------


def retold(example: Workflow) -> Workflow:
    """The same workflow, each part handed to the builder."""
    meta, spec = example.metadata, example.spec
    telling = WorkflowBuilder(meta.name, **meta.model_dump(exclude={"name"}, exclude_defaults=True))
    if config := spec.config.model_dump(exclude_defaults=True):
        telling.config(**config)
    if spec.input.schema_ is not None:
        telling.input(spec.input.schema_)
    for name, value in spec.variables.items():
        telling.variable(name, value)
    telling.add(*map(step_again, spec.steps)).compensation(*map(step_again, spec.compensation.steps))
    return telling.output(spec.output.values, schema=spec.output.schema_).build()


def step_again(told: Step) -> Step:
    maker = getattr(builder, {"map": "map_items", "workflow": "sub_workflow"}.get(told.type, told.type), None)
    config, options = dict(told.config), options_of(told)
    match told.type:
        case "parallel" | "parallel_group":
            branches = {name: list(map(step_again, steps)) for name, steps in told.branches.items()}
            steps = list(map(step_again, told.steps))
            if told.type == "parallel":
                return parallel(told.name, steps, branches=branches, **config, **options)
            return step(told.name, told.type, config, steps=steps, branches=branches, **options)
        case "map":
            items, name = config.pop("items"), config.pop("as", None)
            return builder.map_items(told.name, items, [*map(step_again, told.steps)], as_=name, **config, **options)
        case "loop":
            config = {{"while": "while_", "as": "as_"}.get(key, key): value for key, value in config.items()}
            return builder.loop(told.name, [*map(step_again, told.steps)], **config, **options)
        case "conditional":
            then, other = [*map(step_again, told.then or ())], told.else_ and [*map(step_again, told.else_)]
            return builder.conditional(told.name, config["if"], then, other, **options)
        case "switch":
            default = told.default if told.default is None else [*map(step_again, told.default)]
            return builder.switch(told.name, [*map(case_again, told.cases)], default=default, **config, **options)
        case "sequence":
            return builder.sequence(told.name, [*map(step_again, told.steps)], **options)
        case "workflow":
            given = {"with_input": config.pop("input")} if "input" in config else {}
            return builder.sub_workflow(told.name, **config, **given, **options)
        case "approval" | "wait_for_event":
            words = {"timeout": "wait", "on_timeout": "when_late", "on_reject": "when_rejected"}
            renamed = {words.get(key, key): value for key, value in config.items()}
            return maker(told.name, **renamed, **options)  # type: ignore[misc, no-any-return]
        case "validation":
            return builder.validation(told.name, config["validation_rules"], **options)
        case "agent":
            if "agent_capability" in config:
                config["capability"] = config.pop("agent_capability")
            return agent(told.name, steps=[*map(step_again, told.steps)] or None, **config, **options)
        case _ if maker is not None and config.keys() <= inspect.signature(maker).parameters.keys():
            return maker(told.name, **config, **options)  # type: ignore[no-any-return]
        case _:
            return step(told.name, told.type, config, **options)


def case_again(told: Case) -> Case:
    steps = [step_again(one) for one in told.steps]
    return case(told.name, steps, when=told.when, equals=told.equals, description=told.description)


def options_of(told: Step) -> StepOptions:
    names = told.model_fields_set & StepOptions.__annotations__.keys()
    options: dict[str, Any] = {name: getattr(told, name) for name in names}
    if options.get("compensate") is not None:
        options["compensate"] = step_again(options["compensate"])
    return options  # type: ignore[return-value]
