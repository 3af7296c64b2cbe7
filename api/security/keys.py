"""API keys: `baton_<id>_<secret>`. The id finds the key, the secret proves it; only a hash of the secret is kept.

A fast hash is right here: the secret has 256 random bits, so there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final

from api.security.principal import Principal
from api.security.rights import rights_of
from graphs.errors import BatonError
from orchestrator.store.port import Key

_KEY: Final = re.compile(r"baton_([a-z2-7]{16})_([A-Za-z0-9_-]{43})")
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"


class NotAuthenticatedError(BatonError):
    """Nobody knows who asks. The message never says which part of a key was wrong."""

    code = "not_authenticated"


def new_key() -> tuple[str, str, bytes]:
    """A new key: its id, its text (shown once), and the hash to keep."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    secret = secrets.token_urlsafe(32)
    return key_id, f"baton_{key_id}_{secret}", hash_of(secret)


def parse_key(text: str) -> tuple[str, str] | None:
    """A key's id and secret; None when it is none."""
    match = _KEY.fullmatch(text)
    return (match[1], match[2]) if match else None


def hash_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def looks_like_a_key(text: str) -> bool:
    """Whether it is meant as one of our keys, right or wrong; anything else may be a token."""
    return text.startswith("baton_")


def admitted(key: Key | None, secret: str, now: datetime) -> Principal:
    """Who comes with a key.

    Raises:
        NotAuthenticatedError: it is unknown, wrong, expired or revoked.
    """
    # Compared even when there is none, so that an unknown id takes as long as a wrong secret.
    known = hmac.compare_digest(key.hash if key else hash_of(""), hash_of(secret))
    if key is None or not known:
        raise NotAuthenticatedError("The key is not known.", hint="Make one: baton keys create.")
    refuse_ended(key, now)
    return principal_of(key)


def refuse_ended(key: Key, now: datetime) -> None:
    """Raises:
    NotAuthenticatedError: it is expired or revoked.
    """
    if key.revoked_at is not None:
        raise NotAuthenticatedError("The key was revoked.", hint="Make a new one: baton keys create.")
    if key.expires_at is not None and key.expires_at <= now:
        raise NotAuthenticatedError("The key has expired.", hint="Make a new one: baton keys create.")


def principal_of(key: Key) -> Principal:
    """Whose a key is, and what they may."""
    return Principal(
        name=key.name,
        tenant=key.tenant,
        rights=rights_of(key.role.split(), key.scopes),
        groups=frozenset(key.groups),
        source=f"key:{key.id}",
        key=key.id,
        until=key.expires_at,
    )
