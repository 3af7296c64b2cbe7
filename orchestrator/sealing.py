"""Secrets of one execution: references in what is kept, opaque values in what runs, plain only where they are used."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graphs.errors import CorruptStateError, InputError
from graphs.expressions import Secret, reveal

_REFERENCE = "$secret"
_SEALED = "$sealed"
_PLAIN = "$plain"
_MARKERS = frozenset({_REFERENCE, _SEALED, _PLAIN})
"""An object with one of these as its only key is ours; anybody else's that looks so is wrapped in `$plain`."""


class Cipher(Protocol):
    """Encrypts JSON values (orchestrator.store.cipher)."""

    def encrypt(self, value: Any) -> bytes: ...

    def decrypt(self, token: bytes) -> Any: ...

    def digest(self, value: bytes) -> str: ...


def take_secrets(value: Any, paths: Sequence[Sequence[str]]) -> tuple[Any, dict[str, Any]]:
    """An input without its secrets: in their places references, and the plain values by name."""
    taken: dict[str, Any] = {}
    public = _marked_plain(value) if paths else value
    for path in paths:
        public = _take(public, tuple(path), (), taken)
    return (public, taken) if taken else (value, taken)


def _marked_plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        items = {key: _marked_plain(item) for key, item in value.items()}
        return {_PLAIN: items} if len(items) == 1 and not _MARKERS.isdisjoint(items) else items
    return [_marked_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _take(value: Any, rest: tuple[str, ...], done: tuple[str, ...], taken: dict[str, Any]) -> Any:
    if not rest:
        name = ".".join(done)
        taken[name] = _replace(value, None, None)
        return {_REFERENCE: name}
    head, tail = rest[0], rest[1:]
    if isinstance(value, Mapping) and value.keys() == {_PLAIN}:
        return {_PLAIN: _take(value[_PLAIN], rest, done, taken)}
    if head == "*" and isinstance(value, list):
        return [_take(item, tail, (*done, str(index)), taken) for index, item in enumerate(value)]
    if isinstance(value, Mapping) and head in value and value[head] is not None:
        return {**value, head: _take(value[head], tail, (*done, head), taken)}
    return value


def with_changes(kept: Any, changes: Mapping[str, Any], paths: Sequence[Sequence[str]]) -> Any:
    """A kept input with other values under some of its keys.

    Args:
        paths: Where its schema says that secrets are.

    Raises:
        InputError: a change concerns a secret, which is not kept where others can read it.
    """
    if secret := sorted(key for key in changes if any(not path or path[0] in (key, "*") for path in paths)):
        raise InputError(
            f"'{secret[0]}' is secret, and a change to it would be kept for everybody to read.",
            hint="Start the workflow anew with another one.",
            code="edit_secret",
        )
    before = kept if isinstance(kept, Mapping) else {}
    plain = _marked_plain(dict(changes)) if paths else dict(changes)
    return {**before, **plain}


class Sealer:
    """Opens an execution's secret inputs, and seals secrets that its plans must remember.

    Args:
        secrets: The encrypted values, by name.
        cipher: None where there are no secrets.
    """

    def __init__(self, secrets: Mapping[str, bytes], cipher: Cipher | None) -> None:
        self._secrets = secrets
        self._cipher = cipher

    def open_input(self, value: Any) -> Any:
        """The input with its references replaced by opaque secrets."""
        return _replace(value, _REFERENCE, self._opened) if self._secrets else value

    def _opened(self, name: Any) -> Secret:
        if self._cipher is None or name not in self._secrets:
            raise CorruptStateError(f"the secret '{name}' of this execution was not kept.")
        return Secret(self._cipher.decrypt(self._secrets[name]))

    def seal(self, value: Any) -> Any:
        """JSON values for the checkpoint."""
        return value if self._cipher is None else self._sealed(_marked_plain(value))

    def _sealed(self, value: Any) -> Any:
        if isinstance(value, Secret):
            assert self._cipher is not None
            return {_SEALED: base64.b64encode(self._cipher.encrypt(reveal(value))).decode()}
        if isinstance(value, Mapping):
            return {key: self._sealed(item) for key, item in value.items()}
        return [self._sealed(item) for item in value] if isinstance(value, list) else value

    def unseal(self, value: Any) -> Any:
        """What `seal` was given."""
        return _replace(value, _SEALED, self._unsealed) if self._cipher is not None else value

    def _unsealed(self, text: Any) -> Secret:
        assert self._cipher is not None
        return Secret(self._cipher.decrypt(base64.b64decode(text)))


def _replace(value: Any, marker: str | None, make: Any) -> Any:
    if isinstance(value, Mapping):
        if len(value) == 1 and marker in value:
            return make(value[marker])
        if value.keys() == {_PLAIN}:
            value = value[_PLAIN]
        return {key: _replace(item, marker, make) for key, item in value.items()}
    return [_replace(item, marker, make) for item in value] if isinstance(value, list) else value
