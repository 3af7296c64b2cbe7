"""Calling a Python function with named JSON values: functions and tools are called alike.

The signature says what is needed. Annotations are obeyed (a pydantic model is built from its object, `"5"` becomes
5 for an `int`); a parameter named `context` is given the StepContext and is no argument.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUndefinedAnnotation
from pydantic.json_schema import GenerateJsonSchema

from agents.tools.threads import in_thread
from graphs.errors import InputError, StepError
from graphs.lasting import Late
from graphs.loading.names import nearest
from graphs.loading.places import written
from graphs.loading.words import Complaint, complaints
from graphs.steps import StepContext
from graphs.values import json_value

INJECTED: Final = "context"
_VARIABLE: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class _Schema(GenerateJsonSchema):
    # A default that JSON cannot hold is still a default; it is only not written into the schema.
    ignored_warning_kinds = GenerateJsonSchema.ignored_warning_kinds | {"non-serializable-default"}


class Callee:
    """A function, and what it asks for.

    Args:
        function: Sync or async.
        what: What it is called in messages: `function 'charge'`.

    Attributes:
        parameters: The arguments it names, in their order.
        takes_any: Whether it takes others as well (`**more`).
    """

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        self.function = function
        self.what = what
        self._signature = _signature(function, what)
        self.parameters = {
            name: parameter
            for name, parameter in self._signature.parameters.items()
            if name != INJECTED and parameter.kind not in _VARIABLE
        }
        self.takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in self._signature.parameters.values())
        self._model = self._build_model()

    @property
    def required(self) -> list[str]:
        """The arguments it cannot do without."""
        return [name for name, one in self.parameters.items() if one.default is inspect.Parameter.empty]

    def schema(self) -> dict[str, Any]:
        """JSON Schema of its arguments.

        Raises:
            InputError: an annotation is nothing that JSON can hold.
        """
        try:
            schema = self._model.model_json_schema(schema_generator=_Schema)
        except PydanticInvalidForJsonSchema as error:
            raise InputError(
                f"{self.what} has a parameter that JSON cannot hold: {str(error).splitlines()[0]}.",
                hint="Annotate it with JSON types, a dataclass or a pydantic model.",
                code="schema_impossible",
            ) from error
        schema.pop("title", None)
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
        return schema

    def arguments_of(self, value: Any, *, by_name: bool = False) -> Mapping[str, Any]:
        """Arguments out of the input of a step that was given none."""
        names, required = list(self.parameters), bool(self.required)
        return picked(value, names, takes_any=self.takes_any, required=required, by_name=by_name)

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function wants them.

        Raises:
            StepError: `arguments_invalid`, naming every argument that is missing, unknown or of the wrong kind.
        """
        try:
            bound = self._model.model_validate(dict(arguments))
        except ValidationError as error:
            # Secrets are plain here: the values are not shown.
            problems = [self._problem(one) for one in complaints(self._model, error, hide=True)]
            raise StepError(
                f"{self.what} cannot be called: {'; '.join(problems)}.",
                category="validation",
                retryable=False,
                code="arguments_invalid",
                hint=f"It takes {', '.join(self.parameters) or 'no arguments'}.",
            ) from None
        given = {name: getattr(bound, field) for field, name in self._fields.items() if field in bound.model_fields_set}
        return given | (bound.model_extra or {})

    async def call(self, given: Mapping[str, Any], context: StepContext, late: Late | None = None) -> Any:
        """Call it with bound arguments, and give what it returned as JSON.

        A sync function runs in a thread and cannot block the loop. A thread cannot be stopped either: see
        `graphs.nodes.lasting` for what becomes of one that goes on when the step's time is over.

        Args:
            late: See `in_thread`.
        """
        keywords = dict(given)
        if INJECTED in self._signature.parameters and INJECTED not in self._positional_only:
            keywords[INJECTED] = context
        # One that is positional only leaves its name free for an argument (`call(context, /, **arguments)`).
        positional = [
            context if name == INJECTED else keywords.pop(name)
            for name in self._positional_only
            if name == INJECTED or name in keywords
        ]
        call = partial(self.function, *positional, **keywords)
        result = await call() if self._is_async else await in_thread(call, late)
        if inspect.isawaitable(result):  # a sync function that hands out a coroutine
            result = await result
        try:
            return json_value(result, most=context.max_result_bytes)
        except InputError as error:
            raise StepError(f"{self.what}: {error.message}", code="result_not_json", hint=error.hint) from error

    @cached_property
    def _fields(self) -> dict[str, str]:
        """The model's fields, and the parameters they stand for."""
        return {f"arg_{index}": name for index, name in enumerate(self.parameters)}

    @cached_property
    def _is_async(self) -> bool:
        return _is_async(self.function)

    @cached_property
    def _positional_only(self) -> list[str]:
        kinds = self._signature.parameters.items()
        return [name for name, one in kinds if one.kind is inspect.Parameter.POSITIONAL_ONLY]

    def _build_model(self) -> type[BaseModel]:
        """A model with one field per argument. The fields have names of their own and the arguments' as aliases,
        because an argument may be called what pydantic's models call something else: `schema`, `copy`, `_id`."""
        hints = _hints(self.function)
        fields: dict[str, Any] = {}
        for index, (name, parameter) in enumerate(self.parameters.items()):
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[f"arg_{index}"] = (hints.get(name, Any), Field(default, alias=name))
        config = ConfigDict(extra="allow" if self.takes_any else "forbid", arbitrary_types_allowed=True)
        try:
            return create_model("Arguments", __config__=config, **fields)
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation) as error:
            raise InputError(
                f"{self.what} has an annotation that cannot be checked: {str(error).splitlines()[0]}.",
                hint="Annotate with JSON types, a dataclass or a pydantic model, or leave the annotation out.",
                code="annotation_unusable",
            ) from error

    def _problem(self, complaint: Complaint) -> str:
        if not complaint.path and complaint.key is not None:
            near = nearest(complaint.key, self.parameters)
            return f"there is no argument '{complaint.key}'" + (f" (did you mean '{near}'?)" if near else "")
        if not complaint.path and complaint.missing is not None:
            return f"argument '{complaint.missing}' is missing"
        return f"argument '{written(complaint.path)}': {complaint.message}"


def picked(
    value: Any, names: Sequence[str], *, takes_any: bool, required: bool, by_name: bool = False
) -> Mapping[str, Any]:
    """Arguments out of a step's input: its fields by name, or the whole of it for a single argument.

    Args:
        takes_any: Also what is not named is an argument.
        required: One of them cannot be done without.
        by_name: A single one is not given the whole.
    """
    if takes_any and isinstance(value, Mapping):
        return value
    if isinstance(value, Mapping) and (by_name or any(name in value for name in names) or len(names) != 1):
        return {name: value[name] for name in names if name in value}
    # An execution started without input has an empty one, which is nothing to fill an optional parameter with.
    nothing = value is None or value == {}
    return {} if not names or (nothing and not required) else {names[0]: value}


def _is_async(function: Callable[..., Any]) -> bool:
    target = function.func if isinstance(function, partial) else function
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(getattr(target, "__call__", None))  # noqa: B004 - asked for its kind, not whether it can be called


def _signature(function: Callable[..., Any], what: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        raise InputError(
            f"{what} does not tell its parameters (a built-in?).",
            hint="Wrap it in a function of your own.",
            code="signature_unknown",
        ) from None


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    target = function.func if isinstance(function, partial) else function
    if not inspect.isfunction(target) and not inspect.ismethod(target) and not inspect.isclass(target):
        target = type(target).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}  # Annotations that name what is not there any more are no annotations.
