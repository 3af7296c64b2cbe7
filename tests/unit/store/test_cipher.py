"""Secret inputs at rest."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from graphs.errors import StoreError
from orchestrator.store.cipher import Cipher

HINT = (
    "Put back the key this database was used with (a backup does not contain it); a new one reads nothing of the old."
)


@pytest.mark.capability("X12", "I25")
def test_what_is_encrypted_comes_back_and_is_not_readable(path: Path) -> None:
    cipher = Cipher.open(path)
    token = cipher.encrypt({"password": "hunter2", "n": [1, None]})
    assert b"hunter2" not in token
    assert Cipher.open(path).decrypt(token) == {"password": "hunter2", "n": [1, None]}


def test_the_key_file_is_made_at_the_first_need_and_is_its_owners_only(path: Path) -> None:
    cipher = Cipher.open(path)
    file = path.with_name("baton.db.key")
    assert not file.exists()
    cipher.encrypt("x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["baton.db.key"]
    key = file.read_text()
    Cipher.open(path).encrypt("y")
    assert file.read_text() == key


def test_a_key_from_the_settings_needs_no_file(path: Path) -> None:
    cipher = Cipher.open(path, Cipher.new_key() + "\n")
    assert cipher.decrypt(cipher.encrypt("x")) == "x"
    assert list(path.parent.iterdir()) == []


def test_a_missing_key_is_not_replaced_by_a_new_one(path: Path) -> None:
    token = Cipher.open(path).encrypt("x")
    file = path.with_name("baton.db.key")
    file.unlink()
    with pytest.raises(StoreError) as caught:
        Cipher.open(path).decrypt(token)
    assert str(caught.value) == f"The key for secret inputs is missing: there is no '{file}'. {HINT}"
    assert caught.value.code == "key_missing" and not file.exists()


def test_a_wrong_key_is_named(path: Path) -> None:
    token = Cipher.open(path).encrypt("x")
    with pytest.raises(StoreError) as caught:
        Cipher.open(path, Cipher.new_key()).decrypt(token)
    assert str(caught.value) == (
        "A secret input cannot be decrypted with the key from the settings: "
        f"it was encrypted with another one, or changed since. {HINT}"
    )
    with pytest.raises(StoreError, match="changed since"):
        Cipher.open(path).decrypt(token[:-4] + b"AAAA")


def test_what_is_no_key_is_named(path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Cipher.open(path, "hunter2")
    assert str(caught.value) == (
        f"The key for secret inputs, from the settings, is no key: 32 bytes as URL-safe base64 are needed. {HINT}"
    )
    path.with_name("baton.db.key").write_bytes(b"\xff\xfe rubbish")
    with pytest.raises(StoreError, match="is no key"):
        Cipher.open(path).encrypt("x")


def test_a_key_file_that_cannot_be_read_is_named(path: Path) -> None:
    path.with_name("baton.db.key").mkdir()
    with pytest.raises(StoreError, match="cannot be used: Is a directory"):
        Cipher.open(path).encrypt("x")


def test_the_store_does_not_load_cryptography() -> None:
    """It takes 50 ms of every start, and few executions have secrets."""
    code = (
        "import sys, orchestrator.store.sqlite; assert 'cryptography' not in sys.modules and 'yoyo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
