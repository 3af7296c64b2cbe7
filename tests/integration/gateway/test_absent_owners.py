"""Crons of people who show no key: nobody can ask with their tokens again, so a team's handlers are asked about them
each time, and whoever stays away for too long is forgotten."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("O21", "I16")

EACH_SECOND = {"schedule": "* * * * * *", "assistant_id": "echo", "input": {"text": "x"}, "on_run_completed": "keep"}
AUTH = """
from pathlib import Path
from langgraph_sdk import Auth

auth = Auth()

@auth.authenticate
async def authenticate(authorization):
    name = authorization.removeprefix("Bearer ")
    return {"identity": name, "team": "sales", "badge": f"badge-of-{name}"}

@auth.on
async def own(ctx, value):
    value.setdefault("metadata", {})["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}

@auth.on.threads.create_run
async def run(ctx, value):
    said = Path(__file__).with_name("rules.txt").read_text()
    if said == "broken":
        raise KeyError("a table is gone")
    if f"{ctx.user['team']}:{ctx.user.identity}" not in said.split():
        raise Auth.exceptions.HTTPException(status_code=403, detail="They are in the team no more.")
    value["metadata"]["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}
"""


def rule(folder: Path, who: str) -> None:
    """Say who may run something; whoever reads sees all of it."""
    (folder / "rules.new").write_text(who)
    (folder / "rules.new").replace(folder / "rules.txt")


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """An application whose auth asks a file who may run something."""
    graphs = {"echo": f"{GRAPHS.with_name('served_graphs.py')}:echo"}
    (tmp_path / "auth.py").write_text(AUTH)
    rule(tmp_path, "sales:ann sales:ben")
    config = tmp_path / "langgraph.json"
    config.write_text(json.dumps({"graphs": graphs, "auth": {"path": "./auth.py:auth"}}))
    return config


@pytest.fixture
async def served(tmp_path: Path, team: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db", config=team) as gateway:
        yield gateway


def person(served: Served, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


@asynccontextmanager
async def looking(served: Served) -> AsyncIterator[Callable[..., Any]]:
    """Finds the one cron of somebody, once it is so; the eyes are those of a key, so that nobody has come by it."""
    key = await make_key(served.gateway.orchestrator, "editor")
    async with caller(served.url, key) as client:

        async def until(holds: Callable[[Any], bool], name: str = "ann") -> Any:
            async with asyncio.timeout(60):
                while True:
                    crons = (await client.post("/runs/crons/search", json={})).json()
                    [cron] = [each for each in crons if each["user_id"] == name]
                    if holds(cron):
                        return cron
                    await asyncio.sleep(0.05)

        yield until


def failed(cron: Any) -> bool:
    return cron["last_failure"] is not None


async def test_the_teams_handlers_are_asked_each_time_about_who_made_it(served: Served, tmp_path: Path) -> None:
    async with person(served, "ann") as ann, person(served, "ben") as ben, looking(served) as until:
        for each in (ann, ben):
            made = await each.post("/runs/crons", json=EACH_SECOND)
            assert made.status_code == 200, made.text
        rule(tmp_path, "sales:ben")
        cron = await until(failed)
        assert cron["last_failure"]["code"] == "owner_not_allowed"
        assert cron["last_failure"]["message"] == (
            "The cron belongs to 'ann', who may start nothing now: They are in the team no more."
        )
        assert (await until(lambda cron: True, "ben"))["last_failure"] is None
        rule(tmp_path, "sales:ann sales:ben")
        await until(lambda cron: not failed(cron))
        runs = (await ann.post("/threads/search", json={})).json()
        assert runs and {each["metadata"]["owner"] for each in runs} == {"ann"}


async def test_a_handler_that_breaks_holds_up_nobody_elses_crons(served: Served, tmp_path: Path) -> None:
    async with person(served, "ann") as ann, person(served, "ben") as ben, looking(served) as until:
        for each in (ann, ben):
            await each.post("/runs/crons", json=EACH_SECOND)
        rule(tmp_path, "broken")
        for name in ("ann", "ben"):
            cron = await until(failed, name)
            assert cron["last_failure"]["code"] == "owner_not_allowed"
            assert "KeyError: 'a table is gone'" in cron["last_failure"]["message"]


async def test_a_thread_that_is_no_longer_theirs_is_run_on_no_more(served: Served) -> None:
    async with person(served, "ann") as ann, looking(served) as until:
        thread = (await ann.post("/threads", json={})).json()["thread_id"]
        await ann.post(f"/threads/{thread}/runs/crons", json=EACH_SECOND)
        await served.gateway.desk.threads.change(thread, "default", {"owner": "ben"}, None)
        assert (await until(failed))["last_failure"]["code"] == "thread_not_found"


async def test_what_the_team_says_of_its_users_is_not_in_the_file_in_clear(served: Served, tmp_path: Path) -> None:
    async with person(served, "ann") as ann, looking(served) as until:
        await ann.post("/runs/crons", json=EACH_SECOND)
        assert not failed(await until(lambda cron: True))
    files = [path.read_bytes() for path in tmp_path.glob("baton.db*")]
    assert not any(b"badge-of-ann" in content for content in files)


async def test_an_application_that_has_no_auth_any_more_runs_nothing_for_its_users(tmp_path: Path, team: Path) -> None:
    async with serving(tmp_path / "baton.db", config=team) as served, person(served, "ann") as ann:
        await ann.post("/runs/crons", json=EACH_SECOND)
        await make_key(served.gateway.orchestrator, "editor")
    team.write_text(json.dumps({"graphs": json.loads(team.read_text())["graphs"]}))
    async with serving(tmp_path / "baton.db", config=team) as served, looking(served) as until:
        assert "has no auth any more" in (await until(failed))["last_failure"]["message"]


KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def oidc(tmp_path: Path) -> dict[str, Any]:
    """The settings of a provider of tokens."""
    key = {**jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "one", "use": "sig"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key]}))
    where = str(tmp_path / "jwks.json")
    return {"oidc_issuer": "https://id.example", "oidc_audience": "baton", "oidc_jwks": where}


def token(*roles: str) -> str:
    ends = datetime.now(UTC) + timedelta(minutes=5)
    claims = {"iss": "https://id.example", "aud": "baton", "sub": "ann", "exp": ends, "roles": roles}
    return jwt.encode(claims, KEY, "ES256", headers={"kid": "one"})


async def test_the_crons_of_whoever_stays_away_too_long_start_nothing_until_they_come_again(
    tmp_path: Path, oidc: dict[str, Any]
) -> None:
    async with (
        serving(tmp_path / "baton.db", config=GRAPHS, owner_age=2.0, **oidc) as served,
        person(served, token("operator")) as ann,
        person(served, token("viewer")) as ann_as_she_is_now,
        looking(served) as until,
    ):
        assert (await ann.post("/runs/crons", json=EACH_SECOND)).status_code == 200
        said = (await until(failed))["last_failure"]
        assert said["code"] == "owner_not_allowed" and "BATON_OWNER_AGE is over" in said["message"]

        async def comes(who: httpx.AsyncClient) -> None:
            while True:
                assert (await who.get("/assistants/echo")).status_code == 200
                await asyncio.sleep(0.1)

        coming = asyncio.create_task(comes(ann_as_she_is_now))
        again = await until(lambda cron: (cron["last_failure"] or {}).get("due") != said["due"])
        coming.cancel()
        assert failed(again)
        coming = asyncio.create_task(comes(ann))
        await until(lambda cron: not failed(cron))
        coming.cancel()


async def test_for_the_usual_age_a_cron_of_a_token_starts_in_its_owners_name(
    tmp_path: Path, oidc: dict[str, Any]
) -> None:
    async with (
        serving(tmp_path / "baton.db", config=GRAPHS, **oidc) as served,
        person(served, token("operator")) as ann,
    ):
        made = (await ann.post("/runs/crons", json=EACH_SECOND)).json()
        desk = served.gateway.desk
        cron = desk.crons.get(made["cron_id"], "default")
        assert served.gateway.owners.judge(cron).person.name == "ann"
    async with serving(tmp_path / "baton.db", config=GRAPHS) as served, looking(served) as until:
        assert "No tokens are accepted any more" in (await until(failed))["last_failure"]["message"]
