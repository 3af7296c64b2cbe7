"""The course's steps compiled to steps of the model. What does not go together is refused, never left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphs.building.composites import case
from graphs.building.options import step_of
from graphs.spec import Step
from orchestrator.faces.enterprise.actions import Action, action_of, schema_of
from orchestrator.faces.enterprise.checking import DEFAULT_TIMEOUT, check_conditional, check_fields, targets
from orchestrator.faces.enterprise.model import StepType, WorkflowStep
from orchestrator.faces.enterprise.places import condition, of_output, place
from orchestrator.faces.enterprise.policies import problem, retry_of

LEAST_SUCCESS = 0.5
"""Of a parallel step, the rate of successes that is enough when nothing else is said (P07)."""


class Compiling:
    """One workflow's steps.

    Args:
        steps: The steps; those that are named as error handlers or rollback actions stand for these only.
        variables: Global variables.
        max_parallel: How many steps of a parallel step may be at work.
    """

    def __init__(self, steps: Sequence[WorkflowStep], variables: Mapping[str, Any], max_parallel: int) -> None:
        self._steps = {step.step_id: step for step in steps}
        self._max_parallel = max_parallel
        self._variables = {*variables, *(name for step in _all(steps) for name in step.output_mapping)}
        self._routes = {target: routes for siblings in _lists(steps) for target, routes in _led_to(siblings).items()}
        named = [name for step in _all(steps) for name in (*step.error_handlers, *step.rollback_actions)]
        self._helpers = {name for name in named if name in self._steps}
        self._check_names(steps)

    def steps(self) -> tuple[Step, ...]:
        """The steps of the workflow's own list.

        Raises:
            DefinitionError: a step cannot be compiled.
        """
        self._check_helpers()
        return tuple(self._step(step) for name, step in self._steps.items() if name not in self._helpers)

    # -- one step ----------------------------------------------------------------------------------------------------

    def _step(self, step: WorkflowStep, *, inside: bool = False) -> Step:
        check_fields(step)
        match step.step_type:
            case StepType.PARALLEL:
                return self._parallel(step, inside)
            case StepType.LOOP:
                return self._loop(step, inside)
            case StepType.CONDITIONAL:
                return self._conditional(step, inside)
            case _:
                return self._single(step, step.step_id, inside)

    def _single(self, step: WorkflowStep, name: str, inside: bool, *, body: bool = False) -> Step:
        action = self._action(step)
        options = self._acting(step, action) if body else {**self._flow(step, inside), **self._acting(step, action)}
        return step_of(name, action.kind, action.config, options)  # type: ignore[arg-type]

    def _action(self, step: WorkflowStep) -> Action:
        where = f"step '{step.step_id}'"
        arguments = {
            name: place(source, self._variables, f"{where}, input_mapping.{name}")
            for name, source in step.input_mapping.items()
        }
        return action_of(step.action, arguments or None, where, capability=step.agent_capability, wait=step.timeout)

    def _flow(self, step: WorkflowStep, inside: bool) -> dict[str, Any]:
        """When it runs, what undoes it, and what is told of it."""
        labels = {"custom_metrics": ",".join(step.custom_metrics)} if step.custom_metrics else {}
        routes = self._routes.get(step.step_id, {})
        options: dict[str, Any] = {
            "description": step.name if step.name != step.step_id else "",
            "depends_on": list(dict.fromkeys([*step.dependencies, *routes])),
            "metrics_enabled": step.metrics_enabled,
            "labels": labels,
        }
        conditions = [] if step.step_type is StepType.CONDITIONAL else self._conditions(step)
        if routes:
            ways = [f"(steps['{source}'].route | default('')) == '{route}'" for source, route in routes.items()]
            conditions.append(f"({' or '.join(ways)})")
        if conditions:
            options["condition"] = " and ".join(conditions)
        if step.next_steps and step.step_type is not StepType.CONDITIONAL:
            options["next"] = step.next_steps
        if step.rollback_actions:
            options["compensate"] = self._rollback(step, inside)
        return options

    def _conditions(self, step: WorkflowStep) -> list[str]:
        return [
            condition(given, self._variables, f"step '{step.step_id}', conditions[{index}]")
            for index, given in enumerate(step.conditions)
        ]

    def _acting(self, step: WorkflowStep, action: Action) -> dict[str, Any]:
        """How it is tried, what it leaves behind, what its failure means."""
        where = f"step '{step.step_id}'"
        retry = self._composite_retry(step) if action.limit is None else retry_of(step.retry_policy, where)
        if retry.threshold is not None:
            raise problem("field_unused", f"{where}: only a parallel step has a 'parallel_failure_threshold'.")
        options = {"retry": retry.policy, "input": action.input, **self._aftermath(step, retry.goes_on)}
        if action.limit == "attempt":
            options["timeout"] = step.timeout
        elif action.limit is None:
            options |= _limit_of_all(step)
        if step.input_validation:
            options["input_schema"] = schema_of(step.input_validation, where)
            options["input"] = action.input if action.input is not None else action.arguments
        return {key: value for key, value in options.items() if value is not None}

    def _aftermath(self, step: WorkflowStep, goes_on: bool) -> dict[str, Any]:
        where = f"step '{step.step_id}'"
        options: dict[str, Any] = {"on_failure": self._on_failure(step, goes_on)}
        if step.output_mapping:
            options["variables"] = {
                name: of_output(source, f"{where}, output_mapping.{name}")
                for name, source in step.output_mapping.items()
            }
        return options

    # -- steps with steps inside -------------------------------------------------------------------------------------

    def _parallel(self, step: WorkflowStep, inside: bool) -> Step:
        retry = self._composite_retry(step)
        config: dict[str, Any] = {
            "max_concurrency": self._max_parallel,
            "min_success_rate": LEAST_SUCCESS if retry.threshold is None else retry.threshold,
        }
        if not step.parallel_steps:
            config["steps_from"] = []  # nothing to do is done well
        options: Any = {**self._flow(step, inside), **self._aftermath(step, retry.goes_on), **_limit_of_all(step)}
        return step_of(step.step_id, "parallel", config, options, steps=self._inside(step))

    def _inside(self, step: WorkflowStep) -> tuple[Step, ...]:
        return tuple(self._step(inner, inside=True) for inner in step.parallel_steps)

    def _loop(self, step: WorkflowStep, inside: bool) -> Step:
        config = {"while": step.loop_condition, "max_iterations": step.loop_max_iterations}
        body = f"{step.step_id}_body"
        if step.parallel_steps:
            retry = self._composite_retry(step)
            least = LEAST_SUCCESS if retry.threshold is None else retry.threshold
            group = {"max_concurrency": self._max_parallel, "min_success_rate": least}
            options: Any = self._aftermath(step, retry.goes_on)
            inner = step_of(body, "parallel", group, options, steps=self._inside(step))
        else:
            inner = self._single(replace(step, timeout=DEFAULT_TIMEOUT), body, inside, body=True)
        flow: Any = {**self._flow(step, inside), **_limit_of_all(step)}
        return step_of(step.step_id, "loop", config, flow, steps=inner)

    def _conditional(self, step: WorkflowStep, inside: bool) -> Step:
        """A `switch` without steps in its cases: the steps it leads to stand beside it and ask for its route (X21)."""
        self._composite_retry(step)
        cases = tuple(case(target, when=test) for target, test in self._cases(step))
        options: Any = self._flow(step, inside)
        return step_of(step.step_id, "switch", {}, options, cases=cases, default=())

    def _cases(self, step: WorkflowStep) -> Iterator[tuple[str, str]]:
        tests = self._conditions(step)
        if any("next" in given for given in step.conditions):
            yield from zip((given["next"] for given in step.conditions), tests, strict=True)
        else:
            yield step.next_steps[0], " and ".join(tests)

    def _composite_retry(self, step: WorkflowStep) -> Any:
        retry = retry_of(step.retry_policy, f"step '{step.step_id}'")
        if retry.policy is not None:
            raise problem(
                "composite_retry",
                f"step '{step.step_id}': a {step.step_type} step is not tried again itself.",
                "Give the retries to the steps inside; 'continue_on_failure' can stay.",
            )
        return retry

    # -- failures ----------------------------------------------------------------------------------------------------

    def _on_failure(self, step: WorkflowStep, goes_on: bool) -> dict[str, Any]:
        """Its error handlers, each answering the failure of the one before it.

        A fallback has none of its own in the language, so one that is followed by another is inside of a `sequence`;
        what that gives is under `output`.
        """
        answer: dict[str, Any] = {"action": "continue"} if goes_on else {}
        where = f"step '{step.step_id}', error_handlers"
        for index, name in reversed(list(enumerate(step.error_handlers))):
            handler = self._helper(name, f"{step.step_id}_on_error_{index + 1}", where)
            followed = answer.get("action") == "fallback"
            handler = Step.model_validate({**dict(handler), "on_failure": answer})
            if followed:
                handler = step_of(f"{step.step_id}_on_error_from_{index + 1}", "sequence", {}, {}, steps=handler)
            answer = {"action": "fallback", "fallback": handler}
        return answer

    def _rollback(self, step: WorkflowStep, inside: bool) -> Step:
        """What undoes it; it is given the step's output and the workflow's input."""
        if inside:
            raise problem(
                "rollback_inside",
                f"step '{step.step_id}': its rollback_actions would not run, because it is inside of another step.",
                "Give them to the step around it.",
            )
        given = {"output": f"{{{{ steps['{step.step_id}'].output }}}}", "input": "{{ input }}"}
        where = f"step '{step.step_id}', rollback_actions"
        names = [f"{step.step_id}_rollback_{index + 1}" for index in range(len(step.rollback_actions))]
        steps = [
            self._helper(action, name, where, given) for name, action in zip(names, step.rollback_actions, strict=True)
        ]
        return steps[0] if len(steps) == 1 else step_of(f"{step.step_id}_rollback", "sequence", {}, {}, steps=steps)

    def _helper(self, text: str, name: str, where: str, given: Mapping[str, Any] | None = None) -> Step:
        """A step of the workflow that is named, or else an action."""
        if text in self._steps:
            return self._step(self._steps[text], inside=True)
        action = action_of(text, None, where)
        options: Any = {} if given is None else {"input": dict(given)}
        return step_of(name, action.kind, action.config, options)

    # -- checks ------------------------------------------------------------------------------------------------------

    def _check_names(self, steps: Sequence[WorkflowStep]) -> None:
        for step in steps:
            if self._steps[step.step_id] is not step:
                raise problem("step_twice", f"two steps are called '{step.step_id}'.", "Give one another step_id.")

    def _check_helpers(self) -> None:
        """A step that answers failures, or undoes, stands for that only."""
        for name in self._helpers:
            helper = self._steps[name]
            if helper.dependencies or helper.next_steps or helper.error_handlers:
                raise problem(
                    "helper_in_flow",
                    f"step '{name}' handles errors or rolls back, and has dependencies, next_steps or error_handlers.",
                    "Take them away: it runs when it is called for. Handlers that follow each other are one list.",
                )
            for step in self._steps.values():
                if name in (*step.dependencies, *step.next_steps):
                    raise problem(
                        "helper_in_flow",
                        f"step '{step.step_id}' depends on or leads to '{name}', which handles errors or rolls back.",
                        "Make them two steps.",
                    )


def _limit_of_all(step: WorkflowStep) -> dict[str, Any]:
    """The time limit of a step with steps inside: where it is the default, each of these has it, and not all of them
    together."""
    return {} if step.timeout == DEFAULT_TIMEOUT else {"timeout": step.timeout}


def _all(steps: Iterable[WorkflowStep]) -> Iterator[WorkflowStep]:
    for step in steps:
        yield step
        yield from _all(step.parallel_steps)


def _lists(steps: Sequence[WorkflowStep]) -> Iterator[Sequence[WorkflowStep]]:
    """The workflow's own list, and those inside of its steps."""
    yield steps
    for step in steps:
        if step.parallel_steps:
            yield from _lists(step.parallel_steps)


def _led_to(siblings: Sequence[WorkflowStep]) -> dict[str, dict[str, str]]:
    """Of the steps that conditional ones lead to: from which, by which route."""
    names = {step.step_id for step in siblings}
    found: dict[str, dict[str, str]] = {}
    for step in siblings:
        if step.step_type is not StepType.CONDITIONAL:
            continue
        check_conditional(step)
        for target, route in targets(step):
            if target not in names:
                raise problem(
                    "unknown_step",
                    f"conditional step '{step.step_id}' leads to '{target}', which is not a step beside it.",
                    f"Steps there: {', '.join(sorted(names - {step.step_id})) or 'none'}.",
                )
            found.setdefault(target, {})[step.step_id] = route
    return found
