"""Steps made at run time (F22): judged before any of them runs, as those of a definition are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from graphs.composites.base import MAX_NESTING, Opening
from graphs.errors import BatonError, EngineError, StepError
from graphs.loading.names import nearest
from graphs.loading.places import written
from graphs.loading.words import clauses
from graphs.planner import ordered, plan_steps
from graphs.prepare import Library, Prepared
from graphs.spec import Step, Workflow


def check_made(opening: Opening, documents: Sequence[Mapping[str, Any]]) -> None:
    """Whether these can be run beside the steps that the definition gives.

    Raises:
        StepError: `steps_invalid`, naming everything that is wrong with them.
    """
    made: list[Step] = []
    wrong: list[str] = []
    for index, document in enumerate(documents):
        where = written((index,), "steps_from")
        try:
            step = Step.model_validate(document)
        except ValidationError as error:
            wrong += clauses(Step, error, where)
        else:
            wrong += _faults(step, where, opening.library)
            made.append(step)
    # What cannot be read may be what the others depend on.
    if not wrong:
        around = opening.step.steps
        wrong = [*_names(made, "steps_from", {step.name for step in around} | opening.step.branches.keys())]
        wrong = wrong or [*_circle((*around, *made), opening.library)]
    if wrong:
        raise StepError(
            f"step '{opening.step.name}' was given steps that cannot be run: {'; '.join(wrong)}.",
            category="validation",
            code="steps_invalid",
        )


def made_workflow(opening: Opening, document: Mapping[str, Any]) -> Workflow:
    """A workflow that is known only at run time.

    Raises:
        StepError: `definition_invalid`, naming everything that is wrong with it.
    """
    try:
        workflow = Workflow.model_validate(document)
    except ValidationError as error:
        wrong = list(clauses(Workflow, error, "definition"))
    else:
        spec = workflow.spec
        lists = {"steps": spec.steps, "compensation.steps": spec.compensation.steps, "finally": spec.finally_}
        wrong = [
            fault
            for key, steps in lists.items()
            for index, step in enumerate(steps)
            for fault in _faults(step, written((index,), f"definition.{key}"), opening.library)
        ]
        for key, steps in lists.items():
            wrong = wrong or [*_names(steps, f"definition.{key}")]
        wrong = wrong or [*_circle(spec.steps, opening.library)]
        if not wrong:
            return workflow
    raise StepError(
        f"step '{opening.step.name}' was given a workflow that cannot be run: {'; '.join(wrong)}.",
        category="validation",
        code="definition_invalid",
    )


def _faults(step: Step, where: str, library: Library, depth: int = 1) -> Iterator[str]:
    """What is wrong with a step by itself and with those inside it."""
    if depth > MAX_NESTING:
        yield f"{where}: steps are nested more than {MAX_NESTING} deep"
        return
    offered = library.step_types.offered
    kind = offered.get(step.type)
    if kind is None:
        near = nearest(step.type, offered)
        meant = f" (did you mean '{near}'?)" if near else ""
        yield f"{where}: there is no step type '{step.type}'{meant}"
        return
    containers = dict(step.containers())
    filled = {key.partition(".")[0].partition("[")[0] for key in containers}
    yield from (f"{where}: a '{kind.name}' step needs '{key}'" for key in sorted(kind.required_containers - filled))
    yield from (f"{where}: a '{kind.name}' step has no '{key}'" for key in sorted(filled - kind.containers))
    try:
        prepared = Prepared(step, kind)
    except BatonError as error:
        yield f"{where}: {error.message.rstrip('.')}"
    else:
        # A type's own check relies on a configuration that fits, and of others that is only known when they run.
        if prepared.constant:
            problems = [problem for problem in kind.check(step) if problem.severity == "error"]
            yield from (f"{where}: {problem.message.rstrip('.')}" for problem in problems)
    for path, inner in _inside(step):
        yield from _faults(inner, f"{where}.{path}", library, depth + 1)


def _inside(step: Step) -> Iterator[tuple[str, Step]]:
    for container, steps in step.containers():
        yield from ((f"{container}[{index}]", inner) for index, inner in enumerate(steps))
    for key, other in (("on_failure.fallback", step.on_failure.fallback), ("compensate", step.compensate)):
        if other is not None:
            yield key, other


def _names(steps: Sequence[Step], where: str, taken: Collection[str] = ()) -> Iterator[str]:
    """Names that are taken, or that nothing has, in this list and in those inside its steps."""
    names = set(taken)
    for index, step in enumerate(steps):
        if step.name in names:
            yield f"{where}[{index}]: the name '{step.name}' is taken"
        names.add(step.name)
    for step in steps:
        for verb, wanted in _links(step):
            if wanted not in names:
                yield f"'{step.name}' {verb} '{wanted}', which is not among them"
    for index, step in enumerate(steps):
        for container, inner in step.containers():
            beside = step.branches.keys() if container == "steps" else ()
            yield from _names(inner, f"{where}[{index}].{container}", beside)


def _links(step: Step) -> Iterator[tuple[str, str]]:
    yield from (("depends on", need.step) for need in step.depends_on)
    yield from (("goes on to", name) for name in step.next)
    if (goto := step.on_failure.goto) is not None:
        yield "goes to", goto


def _circle(steps: Sequence[Step], library: Library, *, sequential: bool = False) -> Iterator[str]:
    try:
        ordered(plan_steps(steps, library.node_of, sequential=sequential))
    except EngineError as error:
        yield error.message.rstrip(".")
    for step in steps:
        side_by_side = getattr(library.step_types.offered[step.type], "side_by_side", False)
        for container, inner in step.containers():
            yield from _circle(inner, library, sequential=not (side_by_side and container == "steps"))
