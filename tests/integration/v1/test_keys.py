"""Keys: who comes in, who does not, and when an open gateway closes."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import APIRouter

from api.security import Principal, Right, everybodys, needs
from api.security.guard import guarded
from graphs.errors import EngineError
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import serving

SEEN = "/v1/executions"


@pytest.mark.capability("O21")
async def test_without_keys_this_machine_may_do_everything_and_the_first_key_ends_that(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served, caller(served.url) as client:
        assert (await client.get(SEEN)).status_code == 200
        key = await make_key(served.gateway.orchestrator, "viewer")
        refused = await client.get(SEEN)
        assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
        assert refused.headers["www-authenticate"] == 'Bearer realm="baton"'
        async with caller(served.url, key) as known:
            assert (await known.get(SEEN)).status_code == 200


async def test_a_key_may_be_sent_as_a_bearer_token(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        key = await make_key(served.gateway.orchestrator, "viewer")
        async with caller(served.url) as client:
            answer = await client.get(SEEN, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("spoil", [lambda key: key[:-1] + "~", lambda key: key[:-4] + "AAAA", lambda key: key[:20]])
async def test_a_key_that_is_not_quite_right_opens_nothing(tmp_path: Path, spoil) -> None:
    async with serving(tmp_path / "baton.db") as served:
        key = await make_key(served.gateway.orchestrator, "admin")
        async with caller(served.url, spoil(key)) as client:
            answer = await client.get(SEEN)
    assert (answer.status_code, answer.json()["detail"]) == (401, "The key is not known. Make one: baton keys create.")


async def test_a_revoked_and_an_expired_key_open_nothing_and_do_not_open_the_gateway(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        baton = served.gateway.orchestrator
        expired = await make_key(baton, "admin", expires_at=baton.clock.now() - timedelta(seconds=1))
        revoked = await make_key(baton, "admin")
        async with caller(served.url, revoked) as client:
            assert (await client.get(SEEN)).status_code == 200
            await baton.store.revoke_key(revoked.split("_")[1])
            answer = await client.get(SEEN)
        assert (answer.status_code, answer.json()["detail"].split(".")[0]) == (401, "The key was revoked")
        async with caller(served.url, expired) as client:
            answer = await client.get(SEEN)
        assert (answer.status_code, answer.json()["detail"].split(".")[0]) == (401, "The key has expired")
        async with caller(served.url) as client:
            assert (await client.get(SEEN)).status_code == 401


async def test_a_scope_leaves_a_key_only_some_of_its_role(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        key = await make_key(served.gateway.orchestrator, "operator", scopes=["run"], name="ci")
        async with caller(served.url, key) as client:
            answer = await client.get(SEEN)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert answer.json()["detail"] == "This needs the right 'read', which 'ci' does not have. It has: run."


async def test_who_asks_is_settled_before_the_body_is_read(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        await make_key(served.gateway.orchestrator, "viewer")
        async with caller(served.url) as client:
            answer = await client.post(SEEN, content=b"{not json", headers={"content-type": "application/json"})
    assert answer.status_code == 401


async def test_the_last_use_of_a_key_is_noted(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        baton = served.gateway.orchestrator
        async with caller(served.url, await make_key(baton, "viewer")) as client:
            await client.get(SEEN)
        await baton.store.barrier()
        [key] = await baton.store.keys()
        assert key.used_at is not None


# -- an open gateway and browsers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::ffff:8.8.8.8]"])
async def test_an_open_gateway_is_not_reached_by_another_name(tmp_path: Path, host: str) -> None:
    async with serving(tmp_path / "baton.db") as served, caller(served.url) as client:
        answer = await client.get(SEEN, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "host_not_allowed")


async def test_an_open_gateway_is_not_called_by_pages_of_other_sites(tmp_path: Path) -> None:
    at = serving(tmp_path / "baton.db", origins=("https://chat.example",))
    async with at as served, caller(served.url) as client:
        stranger = await client.get(SEEN, headers={"Origin": "https://evil.example"})
        assert (stranger.status_code, stranger.json()["code"]) == (403, "origin_not_allowed")
        for origin in ("https://chat.example", "http://localhost:3000", "http://127.0.0.1:5173"):
            answer = await client.get(SEEN, headers={"Origin": origin})
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == origin


async def test_the_name_does_not_matter_once_there_are_keys(tmp_path: Path) -> None:
    async with serving(tmp_path / "baton.db") as served:
        key = await make_key(served.gateway.orchestrator, "viewer")
        async with caller(served.url, key) as client:
            assert (await client.get(SEEN, headers={"Host": "baton.example"})).status_code == 200


# -- routes --------------------------------------------------------------------------------------------------------


async def test_a_route_that_does_not_say_what_it_needs_is_not_served(tmp_path: Path) -> None:
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten() -> None: ...

    async with serving(tmp_path / "baton.db") as served:
        with pytest.raises(EngineError, match=r"GET /forgotten does not say what it needs, so it is not served\."):
            list(guarded([router], served.gateway.door))


async def test_a_router_inside_a_router_is_refused_because_its_routes_would_have_no_guard(tmp_path: Path) -> None:
    inner, outer = APIRouter(prefix="/inner", dependencies=[everybodys()]), APIRouter()
    inner.add_api_route("/x", lambda: 1)
    outer.include_router(inner)
    async with serving(tmp_path / "baton.db") as served:
        with pytest.raises(EngineError, match="cannot be guarded"):
            list(guarded([outer], served.gateway.door))


def test_all_rights_that_a_route_and_its_router_declare_are_needed() -> None:
    router = APIRouter(dependencies=[needs(Right.READ)])
    router.add_api_route("/x", lambda: 1, dependencies=[needs(Right.EDIT)])
    [route] = guarded([router], None)  # type: ignore[arg-type]
    assert {each.right for each in route.app._needed} == {Right.READ, Right.EDIT}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/ok", "/docs", "/openapi.json"])
async def test_what_is_everybodys_needs_no_key(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path / "baton.db") as served:
        await make_key(served.gateway.orchestrator, "viewer")
        async with caller(served.url) as client:
            assert (await client.get(path)).status_code == 200


def test_a_principal_has_no_more_than_it_is_given() -> None:
    assert Principal(rights=frozenset({Right.READ})).rights == {Right.READ}
