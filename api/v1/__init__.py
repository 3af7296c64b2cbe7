"""Baton's own paths, under `/v1`."""

from collections.abc import Sequence

from fastapi import APIRouter

from api.v1 import (
    approvals,
    audit,
    dead_letters,
    errors,
    events,
    executions,
    going_back,
    health,
    links,
    questions,
    records,
    run_webhooks,
    targets,
    triggers,
    webhooks,
    workflows,
)

routers: Sequence[APIRouter] = (
    health.router,
    health.servers,
    workflows.router,
    executions.router,
    records.router,
    going_back.router,
    approvals.router,
    links.router,
    questions.router,
    events.router,
    triggers.router,
    webhooks.router,
    targets.router,
    run_webhooks.router,
    dead_letters.router,
    audit.router,
    errors.router,
)
