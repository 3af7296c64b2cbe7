"""Values into holes: checked against their parameters, and put in as values."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphs.errors import InputError
from graphs.inputs import check_input
from graphs.loading.copying import plain_copy
from graphs.loading.names import listing, nearest
from graphs.loading.words import shown
from graphs.spec import Parameter
from graphs.templates.placeholders import EXPRESSION, NAME, OPENING, PLACEHOLDER, texts_of, without_expression


def values_for(parameters: Mapping[str, Parameter], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every parameter.

    Raises:
        InputError: some are missing, unknown, or do not fit; the message names all of them.
    """
    wrong: list[str] = []
    for name in arguments.keys() - parameters.keys():
        near = nearest(name, parameters)
        hint = f"did you mean '{near}'?" if near else listing(parameters, "parameters").rstrip(".")
        wrong.append(f"there is no parameter '{name}'; {hint}")
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name not in arguments and parameter.required:
            about = f" ({parameter.description.rstrip('.')})" if parameter.description else ""
            wrong.append(f"the parameter '{name}'{about} is missing")
            continue
        values[name] = arguments.get(name, parameter.default)
        if name in arguments:
            wrong += _wrong_with(name, parameter, arguments[name])
    if wrong:
        raise InputError(f"the template cannot be filled in: {'; '.join(sorted(wrong))}.", code="parameters_invalid")
    return values


def _wrong_with(name: str, parameter: Parameter, value: Any) -> Iterator[str]:
    schema = parameter.schema_ or {}
    try:
        check_input(without_expression(schema), value, name=name)
    except InputError as error:
        yield error.message.rstrip(".")
    if schema.get("format") != EXPRESSION and any(OPENING in text for _, text in texts_of(value, ())):
        yield f"{name} holds '{OPENING}', and an expression is not allowed there"


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A document with values in place of its placeholders."""
    if isinstance(value, str):
        return _filled_text(value, values)
    if isinstance(value, Mapping):
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    return value


def _filled_text(text: str, values: Mapping[str, Any]) -> Any:
    whole = PLACEHOLDER.fullmatch(text)
    if whole is not None and (name := NAME.fullmatch(whole[1])) is not None:
        # A copy: one argument may stand in several places, and nobody who changes one may change the other.
        return plain_copy(values[name[1]])
    return PLACEHOLDER.sub(lambda found: _as_text(values[found[1].removeprefix("params.")], found[1]), text)


def _as_text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    raise InputError(
        f"{name} is {shown(value)}, which cannot be part of a text.",
        code="parameters_invalid",
        hint="Let the placeholder stand alone in its text.",
    )
