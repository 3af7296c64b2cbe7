"""Requests that name no workflow: what there is to answer them with, and the plans that models write for them.

    bounds.py     what the assistant may use of all an application has
    offer.py      what there is, as models are told
    survey.py     the step type `survey`: looks at a request and at what there is
    acting.py     which steps of a workflow change the world outside
    reach.py      what a model may not write, though a definition may hold it
    check.py      the step type `check_plan`: whether a workflow that a model wrote can be run, and must be asked about
    given.py      the step type `check_given`: whether the input that a model filled in will do
    outcome.py    the step type `check_outcome`: what came of a plan, and whether what is left is planned anew
    kinds.py      the step types, together
    language.md   what a model is told of the language

The workflow that puts these together is `orchestrator/brain/baton.yaml`.
"""
