"""What happens next: pure decisions over a plan and the results so far. No clock, no database, no LangGraph.

    placing     steps of a definition  ->  planned steps (needs, node, companions)
    planned     a step in its place
    plan        a set of planned steps, ordered, with its policies: may this step run, how did the plan end?
    decisions   what such questions are answered with
    tally       does this result end the plan early?

A step that fails may have a *companion*, `pay~fallback`: a step of the same plan that rests until `pay` has settled
and whose result then stands for the failed one. Dependents of `pay` wait for both.
"""

from graphs.planner.decisions import Conclusion, Halt, Join, Run, Skip, all_is_well, failed
from graphs.planner.placing import companion_of, ordered, plan_steps
from graphs.planner.plan import FailurePolicy, Plan, Results
from graphs.planner.planned import COMPANION, Need, PlannedStep
from graphs.planner.tally import Tally

__all__ = [
    "COMPANION",
    "Conclusion",
    "FailurePolicy",
    "Halt",
    "Join",
    "Need",
    "Plan",
    "PlannedStep",
    "Results",
    "Run",
    "Skip",
    "Tally",
    "all_is_well",
    "companion_of",
    "failed",
    "ordered",
    "plan_steps",
]
