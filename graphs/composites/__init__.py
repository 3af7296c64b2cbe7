"""Composite step types: steps that have steps inside, each carried out as a plan of its own."""

from graphs.composites.base import Composite, Opening, RouteChooser
from graphs.composites.branching import Conditional, Switch
from graphs.composites.escalation import Escalation
from graphs.composites.groups import Map, Parallel, ParallelGroup, Sequence
from graphs.composites.loops import Loop
from graphs.composites.subworkflow import SubWorkflow
from graphs.steps import StepType

__all__ = ["Composite", "Opening", "RouteChooser", "step_types"]


def step_types() -> tuple[StepType, ...]:
    """The built-in composite step types (entry point `baton.step_types`)."""
    return (
        Parallel(),
        ParallelGroup(),
        Sequence(),
        Map(),
        Loop(),
        Conditional(),
        Switch(),
        SubWorkflow(),
        Escalation(),
    )
