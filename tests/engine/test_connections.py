"""A service and a secret may be one tenant's: for the executions of others they are not there."""

from pathlib import Path
from typing import Any

import pytest

from agents import Service, Services
from agents.services.services import Reply
from graphs.expressions import Secret
from orchestrator.engine import Orchestrator
from orchestrator.secrets import EngineSecrets
from orchestrator.settings import Settings
from orchestrator.tenancy import TenantView
from tests.support.engine.engines import workflow

pytestmark = pytest.mark.capability("O21")

CALLS = workflow("calls", [{"name": "call", "type": "service_call", "config": {"service": "crm", "endpoint": "/x"}}])


class Answers:
    """The connections to a service that always answers."""

    async def send(self, request: Any, accepts: Any) -> Reply:
        return Reply(status=200, headers={}, body={"ok": True})

    async def aclose(self) -> None:
        return


def services() -> Services:
    made = Services(
        [
            Service(name="crm", base_url="https://crm.invalid", tenants=("acme",)),
            Service(name="mail", base_url="https://mail.invalid"),
        ]
    )
    made._pools["crm"] = Answers()
    return made


async def test_a_service_that_is_anothers_is_not_there(tmp_path: Path) -> None:
    settings = Settings(database=tmp_path / "b.db")
    async with Orchestrator.open(settings, resources=[services()]) as baton:
        ends = {}
        for tenant in ("acme", "other"):
            ends[tenant] = await baton.wait((await baton.start(CALLS, tenant=tenant)).id)
        assert (ends["acme"].status, ends["other"].status) == ("completed", "failed")
        error: Any = ends["other"].error
        assert error["code"] == "service_unknown" and "acme" not in str(error)
        known = {tenant: (await TenantView(baton, tenant).may_name()).services for tenant in ("acme", "other")}
        assert known == {"acme": ("crm", "mail"), "other": ("mail",)}


def test_a_secret_that_is_named_for_a_tenant_is_that_tenants() -> None:
    environ = {"CRM_TOKEN": "a", "SMTP": "b", "BOTH": "c"}
    secrets = EngineSecrets.from_environment(("acme/CRM_TOKEN", "SMTP", "acme/BOTH", "zoo/BOTH", "NOT_SET"), environ)
    seen = {tenant: set(secrets.of(tenant).names()) for tenant in ("acme", "zoo", "default")}
    assert seen == {"acme": {"CRM_TOKEN", "SMTP", "BOTH"}, "zoo": {"SMTP", "BOTH"}, "default": {"SMTP"}}
    everybodys = EngineSecrets({"SMTP": Secret("b")})
    assert everybodys.of("zoo") is everybodys


async def test_a_secret_that_is_anothers_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_TOKEN", "hush-hush-hush")
    reads = workflow(
        "reads",
        [{"name": "a", "type": "approval", "config": {"message": "?", "payload": {"t": "{{ secrets.CRM_TOKEN }}"}}}],
    )
    settings = Settings(database=tmp_path / "b.db", secrets=("acme/CRM_TOKEN",))
    async with Orchestrator.open(settings) as baton:
        started = [await baton.start(reads, tenant=tenant) for tenant in ("acme", "other")]
        ends = [await baton.wait(one.id, until="rest") for one in started]
    assert [one.status for one in ends] == ["waiting", "failed"]
    assert "hush" not in str(ends)
