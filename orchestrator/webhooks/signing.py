"""Standard Webhooks: how a message between services is signed, and how a signature is checked. Pure.

    webhook-id         a name for the message, the same when it is sent again
    webhook-timestamp  seconds since 1970
    webhook-signature  `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several, with spaces between them

Secrets are `whsec_` and base64. See https://www.standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from graphs.errors import BatonError, InputError
from orchestrator.store.values import Message

TOLERANCE: Final = 300
"""Seconds by which a message may be old, or two clocks may differ."""

_PREFIX: Final = "whsec_"
_SHORTEST: Final = 16


class SignatureError(BatonError):
    """A message that was not signed by whoever may send it, or too long ago. Which of them is in the code."""

    code = "signature_wrong"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret to check with, until when it counts (None: for good): old ones count on while senders change over."""

    text: str
    until: datetime | None = None


def new_secret() -> str:
    """A new secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key a secret stands for.

    Raises:
        InputError: it is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) < _SHORTEST:
        raise InputError(
            f"A webhook's secret is '{_PREFIX}' and at least {_SHORTEST} bytes as base64.", code="secret_wrong"
        )
    return key


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message."""
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "replace") + body
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


def headers_for(known: Iterable[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message, signed with each of the secrets."""
    timestamp = int(at.timestamp())
    signatures = " ".join(signature(secret, message_id, timestamp, body) for secret in known)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures}


def verified(known: Iterable[Secret], headers: Mapping[str, str], body: bytes, now: datetime) -> Message:
    """A message that was signed by whoever may send it, a moment ago.

    Raises:
        SignatureError: it was not; or not a moment ago.
    """
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not message_id or len(message_id) > 200 or not given or not (stamp.isascii() and stamp.isdigit()):
        raise SignatureError(
            "The message is not signed.",
            hint="Send webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks).",
            code="signature_missing",
        )
    if abs(now.timestamp() - int(stamp[:15])) > TOLERANCE:
        raise SignatureError(
            f"The message's time is more than {TOLERANCE // 60} minutes from now.", code="signature_too_old"
        )
    shown = [each.encode("utf-8", "replace") for each in given.split(" ")[:10]]
    for secret in known:
        right = signature(secret.text, message_id, int(stamp[:15]), body).encode()
        # Each is compared, so that how long it takes tells nothing.
        if any([hmac.compare_digest(right, each) for each in shown]) and (secret.until is None or now < secret.until):  # noqa: C419
            return Message(message_id, hashlib.sha256(body).digest(), int(stamp[:15]))
    raise SignatureError("The message's signature is not right.", hint="Check the secret on both sides.")
