"""HTTPS without a proxy in front, and certificates that clients must show."""

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.security.tls import check_tls
from api.settings import GatewaySettings
from graphs.errors import SettingsError
from tests.support.gateway.certificates import Authority
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import serving

pytestmark = pytest.mark.capability("O21")


def trusting(authority: Authority, own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    if own is not None:
        context.load_cert_chain(*own)
    return context


async def test_whoever_shows_no_certificate_that_is_signed_rightly_is_not_let_in(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    cert, key = ours.certify("server")
    tls = {"tls_cert": cert, "tls_key": key, "tls_client_ca": ours.file}
    async with serving(tmp_path / "baton.db", **tls) as served:
        url = served.url.replace("http:", "https:")
        shown = {"x-api-key": await make_key(served.gateway.orchestrator, "viewer")}
        known, strange = ours.certify("client"), theirs.certify("stranger")
        async with httpx.AsyncClient(base_url=url, verify=trusting(ours, known), timeout=60) as client:
            assert (await client.get("/v1/executions", headers=shown)).status_code == 200
            assert (await client.get("/v1/executions")).status_code == 401  # a certificate is no key
        for wrong in (trusting(ours), trusting(ours, strange)):
            with pytest.raises(httpx.TransportError):
                async with httpx.AsyncClient(base_url=url, verify=wrong, timeout=60) as nobody:
                    await nobody.get("/ok")
        with pytest.raises(httpx.TransportError):
            async with caller(served.url) as plain:
                await plain.get("/ok")


def test_files_that_cannot_be_used_are_told_before_anything_listens(tmp_path: Path) -> None:
    cert, key = Authority(tmp_path, "ours").certify("server")
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    check_tls(GatewaySettings(tls_cert=cert, tls_key=key))
    wrong: list[dict[str, Any]] = [
        {"tls_cert": tmp_path / "none.pem", "tls_key": key},
        {"tls_cert": cert, "tls_key": Authority(tmp_path, "other").certify("other")[1]},
        {"tls_cert": cert, "tls_key": key, "tls_client_ca": empty},
        {"tls_client_ca": cert},
    ]
    for given in wrong:
        with pytest.raises(SettingsError) as caught:
            check_tls(GatewaySettings(**given))
        assert caught.value.code == "tls_unusable"
