"""HTTPS spoken by the gateway itself, and certificates that clients must show (mTLS)."""

import ssl
from typing import Any

from api.settings import GatewaySettings
from graphs.errors import SettingsError


def tls_of(settings: GatewaySettings) -> dict[str, Any]:
    """The same for uvicorn; nothing where none is set."""
    if settings.tls_cert is None:
        return {}
    files: dict[str, Any] = {"ssl_certfile": str(settings.tls_cert), "ssl_keyfile": settings.tls_key}
    if settings.tls_client_ca is not None:
        files |= {"ssl_ca_certs": str(settings.tls_client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return files


def check_tls(settings: GatewaySettings) -> None:
    """Before anything listens: whether the files can be used.

    Raises:
        SettingsError: they cannot, or one is missing; whoever asks for clients' certificates must not get plain HTTP.
    """
    if settings.tls_cert is None:
        if given := [name for name in ("tls_key", "tls_client_ca") if getattr(settings, name) is not None]:
            raise SettingsError(
                f"BATON_{given[0].upper()} is set, and BATON_TLS_CERT is not: this would be plain HTTP.",
                hint="Name the certificate, or leave the other out.",
                code="tls_unusable",
            )
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=lambda: "")  # or it would ask for one
        if settings.tls_client_ca is not None:
            context.load_verify_locations(settings.tls_client_ca)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"The files of BATON_TLS_CERT, BATON_TLS_KEY and BATON_TLS_CLIENT_CA cannot be used: {error}.",
            hint="They hold certificates and a key without a password, as PEM.",
            code="tls_unusable",
        ) from error
