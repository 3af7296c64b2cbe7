"""Do the parts of a definition fit together? Everything that can be said before anything runs.

    names.py        names are different, types exist and have the steps they need
    order.py        dependencies lead somewhere, without circles
    reachable.py    every step can run, every case can be taken
    configs.py      `config` fits the step type's model
    expressions.py  expressions can be read, and what they read exists where they stand
    data.py         JSON Schemas can be used; secrets are marked; the output has sources
    triggers.py     events that start it: their names, what they read
    bounds.py       loops end, times fit into one another
    links.py        workflows exist, and none contains itself
    uses.py         services, functions, tools and agents exist
    undoing.py      what undoes stands where something is undone

    outline.py      the steps in their places (sites.py), which all of them stand on

All problems are found at once. Errors keep a definition from being published, warnings do not.
"""

from graphs.errors import Problem
from graphs.loading.findings import Findings
from graphs.loading.gaps import Gaps
from graphs.loading.places import Place, Positions
from graphs.spec import Workflow
from graphs.steps import StepTypes
from graphs.validation.bounds import check_bounds, check_size
from graphs.validation.configs import check_configs
from graphs.validation.data import check_output, check_schemas
from graphs.validation.expressions import check_expressions
from graphs.validation.known import Known, Named
from graphs.validation.links import check_links, unchecked_links
from graphs.validation.names import check_names, check_types
from graphs.validation.order import check_order
from graphs.validation.outline import Outline
from graphs.validation.reachable import check_reachable
from graphs.validation.triggers import check_triggers
from graphs.validation.undoing import check_undoing
from graphs.validation.uses import unchecked_uses
from graphs.validation.variables import Variables

__all__ = ["Known", "find_problems", "unchecked", "validate"]


def validate(
    workflow: Workflow,
    step_types: StepTypes,
    *,
    positions: Positions | None = None,
    known: Known | None = None,
    made: bool = False,
) -> tuple[Problem, ...]:
    """Everything that is wrong with a workflow, and what is doubtful about it.

    Args:
        workflow: The workflow.
        step_types: What a step's `type` may name.
        positions: Where its values stand in the text it was read from.
        known: What else the engine knows; what it does not say is not checked.
        made: Nobody wrote it as it is: a face made it, and may use step types that are for faces only.

    Returns:
        Errors and warnings, in the order of the text.
    """
    findings = Findings(positions)
    find_problems(workflow, step_types, findings, known, made=made)
    return findings.problems()


def unchecked(workflow: Workflow, step_types: StepTypes, known: Known) -> dict[Named, list[str]]:
    """What it names of things that `known` does not speak of: whether these exist could not be said."""
    outline = Outline(workflow, step_types)
    found: dict[Named, list[str]] = {"workflow": unchecked_links(outline, known)}
    found.update(unchecked_uses(outline, known))
    return {thing: names for thing, names in found.items() if names}


def find_problems(
    workflow: Workflow,
    step_types: StepTypes,
    findings: Findings,
    known: Known | None = None,
    gaps: Gaps | None = None,
    *,
    made: bool = False,
) -> None:
    """As `validate`, into a collection that may hold other problems already.

    Args:
        gaps: What was taken out of the definition because it did not fit: what may follow from that is not said.
    """
    known = known or Known()
    outline = Outline(workflow, step_types, gaps)
    if not check_size(outline, findings):
        return
    if not outline.sites and "steps" not in outline.gaps.names:
        words, hint = "there are no steps, so there is nothing to run", "Add steps."
        findings.add("no_steps", Place().at("spec", "steps"), words, hint, severity="warning")
    check_names(outline, findings)
    check_types(outline, step_types, findings, made=made)
    check_order(outline, findings)
    check_reachable(outline, findings)
    check_undoing(outline, findings)
    check_configs(outline, findings)
    check_schemas(outline, findings)
    check_expressions(outline, known, findings)
    check_triggers(outline, findings)
    check_output(outline, Variables(outline), findings)
    check_bounds(outline, findings)
    check_links(outline, known, findings)
