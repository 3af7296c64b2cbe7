"""Checkpoints as bytes, and back, without ever running code that a row asks for.

LangGraph's serializer can be told which types to build, but hands back the raw arguments of any other; whoever edits
a row then still decides what a state holds. Here a row that names anything else is refused whole.
"""

import json
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_METHODS, SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import (
    EXT_CONSTRUCTOR_POS_ARGS,
    EXT_DELTA_SNAPSHOT,
    EXT_METHOD_SINGLE_ARG,
    JsonPlusSerializer,
    _msgpack_default,
    _option,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Send

from graphs.errors import CorruptStateError, StoreError

_HINT_TYPE = (
    "If it belongs to a graph of yours, declare it in the graph's state schema, and compile the graph under "
    "LANGGRAPH_STRICT_MSGPACK=true. Otherwise somebody or something else wrote this row: look who can write the file."
)
_HINT = "Somebody or something else wrote this row: look who can write the file, and go back to a backup."


class StrictSerializer(JsonPlusSerializer):
    """LangGraph's serializer, reading only JSON kinds and the types LangGraph itself calls safe.

    Args:
        extra: More types, as (module, name): what the state of a graph of the user's own declares (LangGraph collects
            them when it compiles a graph under LANGGRAPH_STRICT_MSGPACK).
    """

    def __init__(self, extra: Iterable[tuple[str, ...]] = ()) -> None:
        super().__init__(pickle_fallback=False, allowed_json_modules=None, allowed_msgpack_modules=None)
        self._extra = frozenset(extra)
        self._allowed = SAFE_MSGPACK_TYPES | self._extra
        self._enough_for: object = None

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> "StrictSerializer":
        if extra_allowlist is self._enough_for:  # a graph asks with the same list whenever it is run
            return self
        extra = {(kind.__module__, kind.__name__) if isinstance(kind, type) else kind for kind in extra_allowlist}
        if not extra <= self._allowed:
            return StrictSerializer(self._extra | extra)
        self._enough_for = extra_allowlist
        return self

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """The value's kind and bytes, as LangGraph's own serializer would write them."""
        if obj is None or isinstance(obj, bytes | bytearray):
            return super().dumps_typed(obj)
        return "msgpack", ormsgpack.packb(obj, default=_pack, option=_option)

    def dumps_readable(self, obj: Any) -> tuple[str, bytes]:
        """As `dumps_typed`, for values that anybody may have made: what could not be read back is not written.

        Raises:
            StoreError: the value holds a type that is not allowed.
        """
        kind, body = self.dumps_typed(obj)
        try:
            self.loads_typed((kind, body))
        except CorruptStateError as error:
            raise StoreError(
                f"The state of a graph holds a {error.details.get('type', 'value')}, which cannot be kept.",
                hint="Declare the type in the graph's state schema, or keep plain JSON values.",
                code="type_not_allowed",
                **error.details,
            ) from error
        return kind, body

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value of a row.

        Raises:
            CorruptStateError: it holds what we never write; nothing of it was built.
        """
        kind, body = data
        match kind:
            case "null":
                return None
            case "bytes":
                return body
            case "bytearray":
                return bytearray(body)
            case "json":
                return _from_json(body)
            case "msgpack":
                return self._unpack(body)
        raise CorruptStateError(f"a value is kept as '{kind}', which is never read.", hint=_HINT)

    def _unpack(self, body: bytes) -> Any:
        refused: list[CorruptStateError] = []  # ormsgpack drops the exception a hook raises

        def build(code: int, data: bytes) -> Any:
            try:
                return self._build(code, ormsgpack.unpackb(data, ext_hook=build, option=ormsgpack.OPT_NON_STR_KEYS))
            except CorruptStateError as error:
                refused.append(error)
                raise

        try:
            return ormsgpack.unpackb(body, ext_hook=build, option=ormsgpack.OPT_NON_STR_KEYS)
        except ValueError as error:
            if refused:
                raise refused[0] from None
            raise CorruptStateError(f"a value cannot be decoded: {error}.", hint=_HINT) from error

    def _build(self, code: int, parts: Any) -> Any:
        if code == EXT_DELTA_SNAPSHOT:
            return _DeltaSnapshot(parts)
        match parts:
            case [str(module), str(name), arguments, *rest] if (module, name) in self._allowed:
                pass
            case [str(module), str(name), *_]:
                raise CorruptStateError(
                    f"a value wants to become a {module}.{name}, which is not allowed.",
                    hint=_HINT_TYPE,
                    type=f"{module}.{name}",
                )
            case _:
                raise CorruptStateError(f"a value of msgpack kind {code} has an unknown shape.", hint=_HINT)
        if code == EXT_METHOD_SINGLE_ARG and (module, name, *rest) not in SAFE_MSGPACK_METHODS:
            raise CorruptStateError(f"a value wants to call {module}.{name}.{rest}, which is not allowed.", hint=_HINT)
        try:
            return _construct(code, getattr(import_module(module), name), arguments, rest)
        except CorruptStateError:
            raise
        except Exception as error:  # any type's own complaint about its arguments
            message = f"a value cannot become the {module}.{name} it is kept as: {error}."
            raise CorruptStateError(message, hint=_HINT) from error


def _pack(value: Any) -> ormsgpack.Ext:
    # A checkpoint holds a `Send` for every step; LangGraph's encoder asks a dozen other kinds first.
    if type(value) is not Send or value.timeout is not None:
        return _msgpack_default(value)  # type: ignore[return-value]
    parts = (Send.__module__, Send.__name__, (value.node, value.arg))
    return ormsgpack.Ext(EXT_CONSTRUCTOR_POS_ARGS, ormsgpack.packb(parts, default=_pack, option=_option))


def _construct(code: int, kind: Any, arguments: Any, rest: list[Any]) -> Any:
    match code:
        case 0:  # EXT_CONSTRUCTOR_SINGLE_ARG
            return kind(arguments)
        case 1 if kind is Send and len(arguments) == 3:  # its third argument is keyword-only
            return Send(arguments[0], arguments[1], timeout=arguments[2])
        case 1:  # EXT_CONSTRUCTOR_POS_ARGS
            return kind(*arguments)
        case 2:  # EXT_CONSTRUCTOR_KW_ARGS
            return kind(**arguments)
        case 3:  # EXT_METHOD_SINGLE_ARG
            return getattr(kind, rest[0])(arguments)
        case 5:  # EXT_PYDANTIC_V2
            try:
                return kind(**arguments)
            except ValueError:  # as LangGraph does: a model kept before its own rules were tightened
                return kind.model_construct(**arguments)
    raise CorruptStateError(f"a value has msgpack kind {code}, which is never read.", hint=_HINT)


def _from_json(body: bytes) -> Any:
    """Plain JSON only: LangChain's reviver would build objects, and read secrets from the environment."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise CorruptStateError(f"a value cannot be decoded: {error}.", hint=_HINT) from error
    stack = [value]
    while stack:
        match stack.pop():
            case {"lc": _, "type": _, "id": _}:
                raise CorruptStateError("a value wants to become a LangChain object, which is not allowed.", hint=_HINT)
            case dict() as mapping:
                stack.extend(mapping.values())
            case list() as items:
                stack.extend(items)
    return value


def located(error: CorruptStateError, thread: str, namespace: str) -> CorruptStateError:
    """The error, saying whose state it is."""
    place = f"execution '{thread}'" + (f", namespace '{namespace}'" if namespace else "")
    return CorruptStateError(
        f"The kept state of {place} was refused: {error.message}", hint=error.hint, thread=thread, namespace=namespace
    )
