"""`check_plan`: whether a workflow that a model (or a person) wrote can be run, and whether a person must be asked."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import Field

from agents.models.known import judge_for
from agents.planning.acting import Act, acts_of
from agents.planning.bounds import ASSISTANT
from agents.planning.fitting import unfitting
from agents.planning.offer import Offered, offered
from agents.planning.reach import out_of_reach
from agents.planning.repeating import repeated
from agents.planning.unseen import unseen
from agents.values import unfenced
from graphs.analysis import analyse, choose
from graphs.composites.subworkflow import root_plan
from graphs.errors import InputError, Problem, StepError
from graphs.inputs import check_input
from graphs.loader import dump_yaml, examine_text
from graphs.prepare import Library
from graphs.spec import Step, Workflow
from graphs.steps import Action, StepConfig, StepContext, StepTypes
from graphs.validation import Known
from graphs.validation.known import Judge

ANALYSED: Final = "plan.analysed"
"""The kind of the record of what a plan looks like."""

_PATIENT: Final = {"retry": {"max_attempts": 4}}  # no default: what stands in a plan is to be read
_MOST_TOLD: Final = 20

MOST_WRITTEN: Final = 100_000
"""Characters of a plan. Nobody reads more of one before approving it, and the engine would be held up reading it."""


class CheckPlanConfig(StepConfig):
    """What is checked.

    Attributes:
        workflow: The definition, as text in YAML or JSON.
        input: Its input.
        summary: What it does, in words.
        ask: `effects` asks a person about plans that change anything; `always` about every plan.
        by_person: A person wrote it, and need not be asked about it again.
        drafts: How many drafts of the model's before it were none.
        max_drafts: How many may be.
        model: For agents of the plan that have none of their own.
        after: Where a plan before this one failed while it ran: what `check_outcome` says of it.
    """

    workflow: str
    input: dict[str, Any] | None = None
    summary: str = ""
    ask: str = "effects"
    by_person: bool = False
    drafts: int = Field(default=0, ge=0)
    max_drafts: int = Field(default=4, ge=1)
    model: str | None = None
    after: dict[str, Any] | None = None


class CheckPlan(Action):
    """The response.

    `valid`, `problems` (lines for whoever wrote it), `ask` (whether a person must be asked), `question` and `shown`
    (what they are asked), `acts`, `drafts`; and `plan`: `definition`, `input`, `yaml`; null where it is not valid.
    """

    name: ClassVar[str] = "check_plan"
    summary: ClassVar[str] = "checks a workflow that a model wrote, and whether a person must be asked about it"
    written_in = frozenset({ASSISTANT})
    Config = CheckPlanConfig

    def acts(self, step: Step) -> bool | None:
        return False

    async def run(self, context: StepContext, config: CheckPlanConfig) -> Any:
        types, offer = context.resource(StepTypes), offered(context)
        workflow, problems = _read(config, types, offer, judge_for(context.resources))
        if workflow is None:
            return _invalid(config, problems)
        workflow = _completed(workflow, config.model)
        acts = acts_of(workflow, types, offer)
        _note_analysis(context, workflow, types)
        given = check_input(workflow.spec.input.schema_, config.input or {})
        text = dump_yaml(workflow)
        ask = not config.by_person and (config.ask == "always" or bool(acts))
        return {
            "valid": True,
            "problems": [],
            "ask": ask,
            "question": _question(config, acts),
            "shown": _shown(config, text, given, acts, ()),
            "acts": [act.as_dict() for act in acts],
            "drafts": config.drafts,
            "plan": {"definition": workflow.as_document(), "input": given, "yaml": text},
        }


def _read(
    config: CheckPlanConfig, types: StepTypes, offer: Offered, judge: Judge | None
) -> tuple[Workflow | None, list[str]]:
    """The workflow, or everything that is wrong with it."""
    if len(config.workflow) > MOST_WRITTEN:
        written = f"It has {len(config.workflow)} characters"
        return None, [f"{written}, and a plan has {MOST_WRITTEN} at most: what is alike is done by a map."]
    report = examine_text(unfenced(config.workflow), step_types=types, known=_known(offer, judge))
    unknown = [one for one in report.warnings if one.code.endswith("_unknown")]
    problems = [_told(problem) for problem in (*report.errors, *unknown)]
    if report.workflow is None:
        return None, problems
    if not report.workflow.spec.steps:
        problems.append("It has no steps.")
    problems += [told for told in out_of_reach(report.workflow, types, offer) if not _repeats(told, unknown)]
    workflow = report.workflow
    problems += [*unfitting(workflow, offer), *unseen(workflow, offer), *repeated(workflow, config.after)]
    try:
        check_input(report.workflow.spec.input.schema_, config.input or {})
    except InputError as error:
        problems.append(f"input: {error.message}")
    return (None if problems else report.workflow), problems


def _repeats(told: str, problems: Sequence[Problem]) -> bool:
    """Whether something was told already, with its place and the nearest right name."""
    step, name = told.partition(",")[0], told.rpartition(" '")[2]
    return any(problem.message.startswith(step) and name.partition("'")[0] in problem.message for problem in problems)


def _known(offer: Offered, judge: Judge | None) -> Known:
    return Known(
        workflow=lambda name, version: offer.workflows.get(name) if version is None else None,
        workflows=offer.workflows.keys(),
        services=offer.services,
        functions=offer.functions,
        tools=offer.tools.keys(),
        agents=offer.agents.keys(),
        model=judge,
    )


def _told(problem: Problem) -> str:
    place = f"line {problem.line}: " if problem.line is not None else ""
    return f"{place}{problem.message}{f' {problem.hint}' if problem.hint else ''}"


def _invalid(config: CheckPlanConfig, problems: list[str]) -> dict[str, Any]:
    told = problems[:_MOST_TOLD]
    if len(problems) > _MOST_TOLD:
        told.append(f"and {len(problems) - _MOST_TOLD} more.")
    drafts = config.drafts + (not config.by_person)
    if drafts >= config.max_drafts:
        raise StepError(
            f"the model wrote no workflow that can be run, in {drafts} drafts: {' '.join(told)}",
            category="dependency",
            retryable=False,
            code="plan_invalid",
            hint="Say more exactly what is to be done, or ask another model.",
        )
    return {
        "valid": False,
        "problems": told,
        "ask": config.by_person,
        "question": "What you wrote cannot be run. Mend it, say what is wanted, or reject the plan.",
        "shown": _shown(config, config.workflow, config.input or {}, (), told),
        "acts": [],
        "drafts": drafts,
        "plan": None,
    }


def _question(config: CheckPlanConfig, acts: list[Act]) -> str:
    what = f": {config.summary.strip()}" if config.summary.strip() else "?"
    before = _before(config.after)
    if not acts:
        return f"{before}May this plan run{what}"
    changed = "things" if len(acts) > 1 else "something"
    return f"{before}May this plan run, which changes {changed} in the world outside{what}"


def _before(after: Mapping[str, Any] | None) -> str:
    if after is None:
        return ""
    done = f", after {', '.join(after['done'])} had been done" if after["done"] else ""
    return f"The plan before failed at {', '.join(after['failed'])}{done}. "


def _shown(config: CheckPlanConfig, text: str, given: Mapping[str, Any], acts: Any, problems: Any) -> dict[str, Any]:
    """What a person is shown, and may edit."""
    shown: dict[str, Any] = {"workflow": text, "input": dict(given)}
    if config.summary:
        shown["summary"] = config.summary
    if acts:
        shown["acts"] = [act.as_dict() for act in acts]
    if problems:
        shown["problems"] = list(problems)
    if config.after is not None:
        shown |= {"done_before": config.after["done"], "failed_before": config.after["failed"]}
    return shown


def _completed(workflow: Workflow, model: str | None) -> Workflow:
    """The same workflow, its own agents speaking with the model that planned; and asking again where it is busy for a
    moment, of which models that plan do not think."""
    patient = {} if workflow.spec.config.retry_policy is not None else _PATIENT

    def changed(step: Any) -> Any:
        if isinstance(step, list):
            return [changed(one) for one in step]
        if not isinstance(step, dict):
            return step
        found = {key: changed(value) for key, value in step.items()}
        config = found.get("config", {})
        if found.get("type") == "agent" and "name" in found:
            found = {**patient, **found}
            if model is not None and not {"agent", "agent_capability"} & config.keys():
                found["config"] = {**config, "model": model}
        return found

    document = workflow.as_document()
    return Workflow.model_validate(document | {"spec": changed(document["spec"])})


def _note_analysis(context: StepContext, workflow: Workflow, types: StepTypes) -> None:
    library = Library(types)
    analysis = analyse(root_plan(workflow, library), library)
    strategy = choose(analysis, workflow.spec.config, 250)
    found = {"task_analysis": analysis.as_dict(), "execution_strategy": strategy.as_dict()}
    context.note(ANALYSED, {**found, "workflow": workflow.name})
