"""Secret inputs at rest: encrypted with a key that is not in the database.

Nothing else in the store imports this: cryptography takes its time to load, and few executions have secrets.
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken

from graphs.errors import StoreError
from orchestrator.store.rows import to_json

_HINT = (
    "Put back the key this database was used with (a backup does not contain it); a new one reads nothing of the old."
)


class Cipher:
    """Encrypts JSON values (Fernet: AES-128 in CBC with an HMAC, so that a changed value is noticed).

    Made by `open`. The key is read at the first need.

    Args:
        key: 32 bytes as URL-safe base64, as `new_key` makes them; None for the one in `file`.
        file: The key file; made at the first encryption when there is none.
    """

    def __init__(self, key: str | None, file: Path) -> None:
        self._file = file
        self._source = "the settings" if key else f"'{file}'"
        self._key = b""
        self._fernet = self._made(key) if key else None

    @classmethod
    def open(cls, database: Path, key: str | None = None) -> "Cipher":
        """The cipher for a database: with the key from the settings, or with the one in `<database>.key`.

        Raises:
            StoreError: the key from the settings is none.
        """
        return cls(key, database.with_name(f"{database.name}.key"))

    @staticmethod
    def new_key() -> str:
        return Fernet.generate_key().decode()

    @property
    def has_key(self) -> bool:
        """Whether there is a key already."""
        return self._fernet is not None or self._file.exists()

    def encrypt(self, value: Any) -> bytes:
        """The value as JSON, encrypted. Makes the key file, readable by its owner only, when there is none.

        Raises:
            StoreError: it is no JSON value, or the key file cannot be made or read.
        """
        return self._with_key(make=True).encrypt(to_json(value).encode())

    def decrypt(self, token: bytes) -> Any:
        """The value again.

        Raises:
            StoreError: the key is missing or another one, or the value was changed since.
        """
        try:
            return orjson.loads(self._with_key(make=False).decrypt(token))
        except InvalidToken as error:
            raise StoreError(
                f"A secret input cannot be decrypted with the key from {self._source}: "
                "it was encrypted with another one, or changed since.",
                hint=_HINT,
                code="key_wrong",
            ) from error

    def digest(self, value: bytes) -> str:
        """A digest that nobody can make without the key.

        Raises:
            StoreError: the key file cannot be made or read.
        """
        self._with_key(make=True)
        return hmac.new(self._key, b"digest:" + value, hashlib.sha256).hexdigest()

    def _with_key(self, *, make: bool) -> Fernet:
        if self._fernet is None:
            try:
                if make and not self._file.exists():
                    _make(self._file)
                self._fernet = self._made(self._file.read_text("ascii", errors="replace"))
            except FileNotFoundError as error:
                raise StoreError(
                    f"The key for secret inputs is missing: there is no {self._source}.", hint=_HINT, code="key_missing"
                ) from error
            except OSError as error:
                raise StoreError(
                    f"The key for secret inputs, {self._source}, cannot be used: {error.strerror}.",
                    hint="Check its rights and its folder's, or give the key in the settings.",
                    code="key_unreadable",
                ) from error
        return self._fernet

    def _made(self, key: str) -> Fernet:
        try:
            self._key = key.strip().encode()
            return Fernet(self._key)
        except ValueError as error:
            raise StoreError(
                f"The key for secret inputs, from {self._source}, is no key: 32 bytes as URL-safe base64 are needed.",
                hint=_HINT,
                code="key_invalid",
            ) from error


def _make(path: Path) -> None:
    """Make the key file: whole beside it and then linked, so that two processes agree on the first one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, Cipher.new_key().encode())
        os.fsync(handle)
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was faster: its key is the one
    finally:
        os.close(handle)
        draft.unlink()
