"""`check_given`: whether the input that a model filled in for a workflow will do, and whether to ask a person."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from agents.planning.bounds import ASSISTANT
from graphs.errors import InputError
from graphs.inputs import check_input
from graphs.spec import Step
from graphs.steps import Action, StepConfig, StepContext


class CheckGivenConfig(StepConfig):
    """What is checked.

    Attributes:
        workflow: As `survey` tells of it: name, schema, acts.
        input: What the model filled in.
        missing: What it says the request does not say.
        ask: `effects` asks a person about workflows that change anything; `always` about every one.
    """

    workflow: dict[str, Any]
    input: dict[str, Any] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()
    ask: str = "effects"


class CheckGiven(Action):
    """The response: `input`, with defaults where it `fits`; whether to `ask`, the `question`, the input's `schema`."""

    name: ClassVar[str] = "check_given"
    summary: ClassVar[str] = "checks the input a model filled in for a workflow, and whether a person must be asked"
    written_in = frozenset({ASSISTANT})
    Config = CheckGivenConfig

    def acts(self, step: Step) -> bool | None:
        return False

    async def run(self, context: StepContext, config: CheckGivenConfig) -> Any:
        schema = config.workflow["schema"]
        # What is said to be missing was guessed, where it is there all the same.
        given: Any = {key: value for key, value in config.input.items() if key not in config.missing}
        wrong = None
        try:
            given = check_input(schema, given)
        except InputError as error:
            wrong = error.message
        acts = config.workflow.get("acts") or []
        return {
            "input": given,
            "fits": wrong is None,
            "ask": wrong is not None or bool(acts) or config.ask == "always",
            "question": _question(config, wrong, acts),
            "schema": schema,
        }


def _question(config: CheckGivenConfig, wrong: str | None, acts: Sequence[Mapping[str, str]]) -> str:
    name = config.workflow["name"]
    if wrong is not None:
        missing = f"it needs {', '.join(config.missing)}" if config.missing else wrong.rstrip(".")
        return f"To run '{name}', {missing}. Complete the input, or reject it."
    does = "; ".join(dict.fromkeys(act["does"] for act in acts))
    return f"May '{name}' run with this input{f', which does this: {does}' if does else ''}?"
