"""Bytes and digests of values, for the filters and functions that make them."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any, Final

from graphs.expressions.arguments import need_text
from graphs.expressions.faults import fault, nearest
from graphs.expressions.frame import Frame
from graphs.expressions.json_text import canonical
from graphs.expressions.limits import PASSWORD_HASH_STEPS
from graphs.expressions.values import kind_of, plain, refuse_secret, text_steps

_ALGORITHMS: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}

# One of the settings that OWASP's password storage sheet holds equal to its first choice. It is the one with the
# least memory (16 MB), since many steps may hash at once; five passes make up for that.
_LOG_ROUNDS: Final = 14
_BLOCK_SIZE: Final = 8
_PASSES: Final = 5
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_MEMORY: Final = 64 * 1024 * 1024


def utf8(text: str) -> bytes:
    """The bytes of a text.

    Raises:
        ExpressionError: `bad_value`: it holds half a character, which has no bytes.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise fault(
            "bad_value", "the text holds half a character (a lone surrogate).", "Clean it where it comes from."
        ) from None


def digest(frame: Frame, value: Any, algorithm: Any = "sha256") -> str:
    """`hash(x)`, `x|hash('sha512')`: the digest in hexadecimal; of what is not text, of its canonical JSON.

    Refuses secrets: a fast digest of a password is as good as the password to whoever can try a billion a second.
    """
    refuse_secret(value, "a plain hash", "For passwords use password_hash(x).")
    algorithm = need_text(algorithm, "argument 'algorithm' of hash")
    if algorithm not in _ALGORITHMS:
        hint = nearest(algorithm, _ALGORITHMS) or f"Known: {', '.join(_ALGORITHMS)}."
        raise fault("bad_value", "hash does not know this algorithm.", hint)
    data = utf8(plain(value) if kind_of(value) == "text" else canonical(frame, value))
    frame.charge(text_steps(len(data)))
    return _ALGORITHMS[algorithm](data).hexdigest()


def password_hash(frame: Frame, value: Any) -> str:
    """`password_hash(input.password)`: scrypt, in the modular crypt format that passlib and others verify.

    `$scrypt$ln=14,r=8,p=5$SALT$KEY`: the logarithm of the cost, the block size, the passes, then 16 bytes of salt and
    32 of key, both in base64 without padding.
    """
    password = utf8(need_text(value, "password_hash()"))
    frame.charge(PASSWORD_HASH_STEPS)
    salt = _salt(frame)
    key = hashlib.scrypt(
        password, salt=salt, n=2**_LOG_ROUNDS, r=_BLOCK_SIZE, p=_PASSES, maxmem=_MEMORY, dklen=_KEY_BYTES
    )
    return f"$scrypt$ln={_LOG_ROUNDS},r={_BLOCK_SIZE},p={_PASSES}${_base64(salt)}${_base64(key)}"


def _salt(frame: Frame) -> bytes:
    # A random salt would give another hash when a step is attempted again, and the replayed step would no longer
    # match its record. A salt need not be secret, only be different for every hash: so it is derived from what
    # names this one, the seed of the step and the place of the value. HMAC, since the seed may be guessed in parts
    # (ids, paths) and two of seed and place must never run together into the same text.
    if frame.context is None:
        raise fault(
            "no_context",
            "password_hash() needs the seed of the step, and none was given.",
            "Pass an EvaluationContext.",
        )
    place = f"password_hash:{frame.place}:{frame.offset}"
    return hmac.digest(utf8(frame.context.seed), utf8(place), "sha256")[:_SALT_BYTES]


def _base64(data: bytes) -> str:
    return b64encode(data).rstrip(b"=").decode("ascii")
