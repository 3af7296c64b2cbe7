"""Secret inputs of workflows in what clients wish for: what is kept of a wish, and shown, is without them."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from graphs.expressions.secret import MASK
from graphs.inputs.secrets import SecretPath, covers, secret_paths
from orchestrator.fingerprints import fingerprint
from orchestrator.sealing import Cipher
from orchestrator.serving.configured import masked

SEALED: Final = "sealed_input"
"""The key of a request that holds its whole input, encrypted; beside it stands the input with its secrets masked."""


class InputSealer:
    """Seals the secret inputs of one workflow.

    Args:
        schema: Of its input.
        cipher: Opens what encrypts, when it is first needed.
    """

    def __init__(self, schema: Mapping[str, Any] | None, cipher: Callable[[], Cipher]) -> None:
        self._paths = secret_paths(schema)
        self._cipher = cipher

    def sealed(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A request as it may be kept."""
        given = request.get("input")
        if not self._paths or not given or SEALED in request:
            return request
        masked = _masked(given, self._paths, ())
        if masked == given:
            return request
        token = base64.b64encode(self._cipher().encrypt(given)).decode()
        return {**request, "input": masked, SEALED: token}

    def fingerprint(self, wish: Mapping[str, Any]) -> str:
        """What tells a wish from others."""
        secret = bool(self._paths) and _masked(wish.get("input"), self._paths, ()) != wish.get("input")
        return fingerprint(wish, self._cipher() if secret else None)

    def input_of(self, request: Mapping[str, Any]) -> Any:
        """The input that was asked for."""
        token = request.get(SEALED)
        return request.get("input") if token is None else self._cipher().decrypt(base64.b64decode(token))


def shown(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as clients may see it again."""
    return masked({key: value for key, value in request.items() if key != SEALED})


def changed(request: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A request with changes: another input takes the place of the sealed one too."""
    before = {key: value for key, value in request.items() if key != SEALED or "input" not in changes}
    return {**before, **changes}


def _masked(value: Any, paths: tuple[SecretPath, ...], at: tuple[str | int, ...]) -> Any:
    if covers(paths, at):
        return MASK
    if isinstance(value, Mapping):
        return {key: _masked(item, paths, (*at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, paths, (*at, index)) for index, item in enumerate(value)]
    return value
