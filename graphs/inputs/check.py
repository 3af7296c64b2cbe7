"""Checking a value against its schema: all that is wrong with it at once, in words for people."""

from collections.abc import Mapping
from typing import Any

from graphs.errors import InputError
from graphs.expressions.secret import Secret, contains_secret, reveal
from graphs.inputs.defaults import with_defaults
from graphs.inputs.secrets import SecretPath, secret_paths
from graphs.inputs.validators import TooCostlyError, compiled, errors_of
from graphs.inputs.words import Violation, violations

MAX_DEPTH = 200


def check_input(schema: Mapping[str, Any] | None, value: Any, *, name: str = "input") -> Any:
    """The value as it is to be used: with the schema's defaults filled in. What was given is not changed.

    Args:
        schema: JSON Schema; None accepts everything.
        value: JSON values; `Secret`s in it are looked into, and stay.
        name: How messages call the value.

    Raises:
        InputError: it does not fit; `details["violations"]` holds every violation with its place.
        DefinitionError: the schema itself cannot be used (publishing a definition finds that earlier).
    """
    return _checked(schema, value, name, "input_invalid")


def check_output(schema: Mapping[str, Any] | None, value: Any, *, name: str = "output") -> Any:
    """As `check_input`, for what a workflow gives.

    Raises:
        InputError: it does not fit; its code is `output_invalid`.
        DefinitionError: the schema itself cannot be used.
    """
    return _checked(schema, value, name, "output_invalid")


def _checked(schema: Mapping[str, Any] | None, value: Any, name: str, code: str) -> Any:
    if schema is None:
        return value
    validator = compiled(schema)
    _refuse_depth(value, name, code)
    try:
        value = with_defaults(schema, value)
        secrets = (*secret_paths(schema), *_paths_to_secrets(value, ()))
        errors = errors_of(validator, reveal(value) if contains_secret(value) else value)
    except (TooCostlyError, RecursionError):
        raise InputError(f"the {name} would take too long to check against its schema.", code=code) from None
    if errors:
        raise _refused(violations(errors, name, secrets), name, code)
    return value


def _paths_to_secrets(value: Any, path: SecretPath) -> tuple[SecretPath, ...]:
    if type(value) is Secret:
        return (path,)
    if isinstance(value, Mapping):
        return tuple(found for key, item in value.items() for found in _paths_to_secrets(item, (*path, str(key))))
    if isinstance(value, list | tuple):
        return tuple(found for at, item in enumerate(value) for found in _paths_to_secrets(item, (*path, str(at))))
    return ()


def _refused(found: list[Violation], name: str, code: str) -> InputError:
    return InputError(
        f"{'; '.join(map(str, found))}.",
        code=code,
        violations=[{"where": violation.where, "message": violation.message} for violation in found],
    )


def _refuse_depth(value: Any, name: str, code: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise InputError(f"the {name} is nested more than {MAX_DEPTH} deep.", code=code, hint="Make it flatter.")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []
