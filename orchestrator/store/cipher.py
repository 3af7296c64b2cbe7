"""Secret inputs at rest: encrypted with a key that is not in the database.

Nothing else in the store imports this: cryptography takes its time to load, and few executions have secrets.
"""

import os
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken

from graphs.errors import StoreError
from orchestrator.store.rows import to_json


class Cipher:
    """Encrypts JSON values (Fernet: AES-128 in CBC with an HMAC, so that a changed value is noticed).

    Args:
        key: 32 bytes as URL-safe base64, as `Cipher.new_key()` makes them.
        source: Where the key came from, for messages.

    Raises:
        StoreError: that is no key.
    """

    def __init__(self, key: str, *, source: str = "the settings") -> None:
        self._source = source
        try:
            self._fernet = Fernet(key.strip())
        except ValueError as error:
            raise StoreError(
                f"The key for secret inputs, from {source}, is no key: it must be 32 bytes as URL-safe base64.",
                hint="Put the right one back; a new one cannot read what the old one wrote.",
                code="key_invalid",
            ) from error

    @staticmethod
    def new_key() -> str:
        return Fernet.generate_key().decode()

    @classmethod
    def beside(cls, database: Path) -> "Cipher":
        """The cipher with the key in `<database>.key`; the file is made, readable by its owner only, when missing.

        Raises:
            StoreError: the file cannot be read or made, or holds no key.
        """
        path = database.with_name(f"{database.name}.key")
        try:
            return cls(_read_or_make(path), source=f"'{path}'")
        except OSError as error:
            raise StoreError(
                f"The key for secret inputs, '{path}', cannot be used: {error.strerror}.",
                hint="Check its rights and its folder's, or give the key in the settings.",
                code="key_unreadable",
            ) from error

    def encrypt(self, value: Any) -> bytes:
        """The value as JSON, encrypted.

        Raises:
            StoreError: it is no JSON value.
        """
        return self._fernet.encrypt(to_json(value).encode())

    def decrypt(self, token: bytes) -> Any:
        """The value again.

        Raises:
            StoreError: it was encrypted with another key, or changed since.
        """
        try:
            return orjson.loads(self._fernet.decrypt(token))
        except InvalidToken as error:
            raise StoreError(
                f"A secret input cannot be decrypted with the key from {self._source}: "
                "it was encrypted with another one, or changed since.",
                hint="Put back the key this database was used with (a backup does not contain it).",
                code="key_wrong",
            ) from error


def _read_or_make(path: Path) -> str:
    """The key in the file. Made whole beside it and then linked, so that two processes agree on the first one."""
    if not path.exists():
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
    return path.read_text("ascii")
