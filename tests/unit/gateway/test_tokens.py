"""JWTs of an OIDC provider, checked against keys in a file and keys served over HTTP."""

import asyncio
import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.security.keys import NotAuthenticatedError
from api.security.rights import Right
from api.security.tokens import ProviderUnreachableError, Tokens
from api.settings import GatewaySettings
from graphs.clock import ManualClock, SystemClock
from graphs.errors import SettingsError

ISSUER = "https://id.example"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def jwks(**keys: Any) -> dict[str, Any]:
    found = []
    for name, key in keys.items():
        algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        found.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"})
    return {"keys": found}


def token(
    claims: Mapping[str, Any] | None = None, *, key: Any = KEY, kid: str | None = "one", alg: str = "RS256"
) -> str:
    body = {
        "iss": ISSUER,
        "aud": "baton",
        "sub": "ann",
        "exp": datetime.now(UTC) + timedelta(minutes=5),
        "roles": ["approver"],
        **(claims or {}),
    }
    headers = {"kid": kid} if kid else None
    return jwt.encode({name: value for name, value in body.items() if value is not None}, key, alg, headers=headers)


def tokens(folder: Path, **settings: Any) -> Tokens:
    file = folder / "jwks.json"
    file.write_text(json.dumps(jwks(one=KEY, curve=CURVE)))
    given = {"oidc_issuer": ISSUER, "oidc_audience": "baton", "oidc_jwks": str(file), **settings}
    return Tokens(GatewaySettings(**given), SystemClock())


async def test_a_token_says_who_somebody_is_and_what_they_may(tmp_path: Path) -> None:
    checked = tokens(tmp_path, oidc_tenant_claim="org.id", oidc_name_claim="email", oidc_groups_claim="groups")
    claims = {"org": {"id": "acme"}, "email": "ann@acme.example", "groups": ["finance"]}
    who = await checked.admitted(token(claims))
    assert (who.name, who.tenant, who.groups) == ("ann@acme.example", "acme", {"finance"})
    assert who.rights == {Right.DECIDE}


async def test_other_accepted_signatures_are_accepted(tmp_path: Path) -> None:
    who = await tokens(tmp_path).admitted(token(key=CURVE, kid="curve", alg="ES256"))
    assert who.name == "ann"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": datetime.now(UTC) - timedelta(minutes=2)}, "has expired"),
        ({"exp": None}, 'missing the "exp" claim'),
        ({"aud": "another"}, "Audience"),
        ({"aud": None}, 'missing the "aud" claim'),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"sub": None}, 'missing the "sub" claim'),
        ({"nbf": datetime.now(UTC) + timedelta(days=1)}, "not yet valid"),
    ],
)
async def test_a_token_for_another_time_place_or_service_is_refused(tmp_path: Path, claims: Any, why: str) -> None:
    with pytest.raises(NotAuthenticatedError, match=why):
        await tokens(tmp_path).admitted(token(claims))


async def test_a_token_signed_by_somebody_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAuthenticatedError, match="Signature verification failed"):
        await tokens(tmp_path).admitted(token(key=OTHER))


async def test_a_key_the_issuer_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAuthenticatedError, match="signed with a key its issuer does not name"):
        await tokens(tmp_path).admitted(token(key=OTHER, kid="two"))


async def test_the_public_key_is_not_taken_for_a_shared_secret(tmp_path: Path) -> None:
    # By hand: the library itself refuses to sign so.
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').decode().rstrip("=")
    signature = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    with pytest.raises(NotAuthenticatedError, match="signed in a way that is not accepted"):
        await tokens(tmp_path).admitted(forged)


async def test_an_unsigned_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAuthenticatedError, match="signed in a way that is not accepted"):
        await tokens(tmp_path).admitted(token(key=None, alg="none"))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.é.é", "." * 5000])
async def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        await tokens(tmp_path).admitted(text)


async def test_unknown_roles_give_no_rights(tmp_path: Path) -> None:
    who = await tokens(tmp_path).admitted(token({"roles": ["root", "owner"]}))
    assert who.rights == frozenset()


async def test_a_token_without_the_tenant_that_is_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAuthenticatedError, match="does not say its tenant"):
        await tokens(tmp_path, oidc_tenant_claim="org").admitted(token())


def test_tokens_must_be_meant_for_us() -> None:
    with pytest.raises(SettingsError, match="BATON_OIDC_AUDIENCE is not"):
        Tokens(GatewaySettings(oidc_issuer=ISSUER), SystemClock())


class Provider:
    """An OIDC provider over HTTP, which counts how often its keys are read."""

    def __init__(self) -> None:
        self.keys = jwks(one=KEY)
        self.reads = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.endswith("/openid-configuration"):
                    body: Any = {"jwks_uri": f"{provider.url}/keys"}
                else:
                    provider.reads += 1
                    body = provider.keys
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> "Provider":
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.thread.join(20)
        self.server.server_close()


async def test_keys_are_discovered_read_once_and_again_when_the_provider_has_new_ones() -> None:
    clock = ManualClock(datetime.now(UTC))
    with Provider() as provider:
        checked = Tokens(GatewaySettings(oidc_issuer=provider.url, oidc_audience="baton"), clock)
        mine = {"iss": provider.url}
        await checked.admitted(token(mine))
        await checked.admitted(token(mine))
        assert provider.reads == 1
        provider.keys = jwks(one=KEY, two=OTHER)
        with pytest.raises(NotAuthenticatedError):  # made-up key ids do not make us ask on and on
            await checked.admitted(token(mine, key=OTHER, kid="two"))
        assert provider.reads == 1
        clock.advance(31)
        assert (await checked.admitted(token(mine, key=OTHER, kid="two"))).name == "ann"
        assert provider.reads == 2


async def test_a_provider_that_cannot_be_asked_is_our_trouble_not_the_callers(tmp_path: Path) -> None:
    checked = tokens(tmp_path, oidc_jwks=str(tmp_path / "nowhere.json"))
    with pytest.raises(ProviderUnreachableError, match=r"keys of .* cannot be read"):
        await checked.admitted(token())


async def test_however_many_ask_at_once_the_keys_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = tokens(tmp_path)
    reads, may_go_on = [], asyncio.Event()

    async def fetched(where: str | None) -> Any:
        reads.append(where)
        await may_go_on.wait()
        return jwks(one=KEY)

    monkeypatch.setattr(checked, "_fetched", fetched)
    checked._settings = checked._settings.model_copy(update={"oidc_jwks": "https://id.example/keys"})
    asking = [asyncio.create_task(checked.admitted(token(kid=f"made-up {number}"))) for number in range(50)]
    good = asyncio.create_task(checked.admitted(token()))
    await asyncio.sleep(0)
    asking[0].cancel()  # whoever began it leaves: the others are not left without an answer
    await asyncio.sleep(0)
    may_go_on.set()
    assert (await good).name == "ann"
    refused = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(each) for each in refused} == {asyncio.CancelledError, NotAuthenticatedError}
    for _ in range(50):
        with pytest.raises(NotAuthenticatedError):
            await checked.admitted(token(kid="made-up"))
    assert len(reads) == 1


async def test_a_provider_that_is_down_is_asked_every_five_seconds_and_no_oftener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock(datetime.now(UTC))
    checked = Tokens(GatewaySettings(oidc_issuer=ISSUER, oidc_audience="baton"), clock)
    tried: list[str | None] = []

    async def fetched(where: str | None) -> Any:
        tried.append(where)
        raise OSError("no route")

    monkeypatch.setattr(checked, "_fetched", fetched)
    for seconds, times in ((0, 1), (4.9, 1), (0.2, 2), (4.9, 2), (0.2, 3)):
        clock.advance(seconds)
        for _ in range(20):
            with pytest.raises(ProviderUnreachableError, match="no route"):
                await checked.admitted(token())
        assert len(tried) == times
