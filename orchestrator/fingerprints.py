"""Whether the same idempotency key comes with the same wish: a second wish under it is a mistake, not a repetition."""

import hashlib
from typing import Any, Final, Protocol

import orjson

from graphs.errors import InputError

KEY_REUSED: Final = "idempotency_key_reused"


class Keyed(Protocol):
    """Makes digests that nobody can make who has not its key (orchestrator.store.cipher)."""

    def digest(self, value: bytes) -> str: ...


def fingerprint(wish: Any, cipher: Keyed | None = None) -> str:
    """What tells a wish from others.

    Args:
        wish: JSON values.
        cipher: For a wish with secrets in it: out of a plain digest, a short one could be guessed.
    """
    text = orjson.dumps(wish, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return hashlib.sha256(text).hexdigest() if cipher is None else cipher.digest(text)


def is_same(kept: str | None, asked: str | None) -> bool:
    """Whether both are of the same wish; what was kept by an older Baton, or is asked without one, counts as it."""
    return kept is None or asked is None or kept == asked


def key_reused(key: str, **first: Any) -> InputError:
    """The error for a key that comes with another wish.

    Args:
        first: What was begun with it at first (`run_id`, `execution_id`).
    """
    return InputError(
        f"The idempotency key '{key[:100]}' was sent before, with something else.",
        hint="Repeat what was sent with it at first, or send another key.",
        code=KEY_REUSED,
        **first,
    )
