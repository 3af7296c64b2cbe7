"""Effects: what steps have done to the world outside, as it is kept, and how it is undone. Pure."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from graphs.errors import StepError
from graphs.expressions import mask
from graphs.spec import Step
from graphs.steps import StepContext
from graphs.values import json_value

_OF_UNDO = frozenset({"type", "config", "input", "retry", "timeout", "name"})
_SHORT = ("tool", "function")


def undoing_document(undo: Mapping[str, Any] | Step, name: str | None, path: str) -> dict[str, Any]:
    """The step that undoes an effect, as it is kept.

    Raises:
        StepError: it is none.
    """
    if isinstance(undo, Step):
        kind = undo.type
        undo = {**undo.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True), "type": kind}
    document = dict(undo)
    short = next((word for word in _SHORT if "type" not in document and word in document), None)
    if short is not None:
        config = {key: document.pop(key) for key in (short, "args") if key in document}
        document |= {"type": short, "config": config}
    named = (
        document.get("config", {}).get(document.get("type")) if isinstance(document.get("config"), Mapping) else None
    )
    wanted = name or document.get("name") or (named if isinstance(named, str) else document.get("type"))
    document["name"] = re.sub(r"[^A-Za-z0-9_-]", "_", str(wanted))[:100]
    try:
        if unknown := sorted(document.keys() - _OF_UNDO):
            raise ValueError(f"it has {', '.join(unknown)}")
        if "type" not in document:
            raise ValueError("it has no type")
        Step.model_validate({**document, "config": {}})
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise StepError(
            f"step '{path}' says how an effect is undone, and that is no step: {first}.",
            category="validation",
            code="undo_invalid",
            hint="Give 'type' and 'config', or 'tool' and 'args'.",
        ) from error
    return document


def effect_value(
    context: StepContext, undo: Mapping[str, Any] | Step, *, name: str | None, result: Any, key: str | None
) -> dict[str, Any]:
    """An effect as it is kept. Told again by another attempt it has the same key, and so is one effect.

    Raises:
        StepError: `undo` is no step.
    """
    document = undoing_document(undo, name, context.path)
    if key is None:
        digest = hashlib.sha256(orjson.dumps(mask(document), default=str, option=orjson.OPT_SORT_KEYS))
        same = f"{context.idempotency_key}/{digest.hexdigest()[:16]}"
        context.told = context.told or Counter()
        context.told[same] += 1
        key = f"{same}/{context.told[same]}"
    return {"key": key, "undo": document, "result": json_value(mask(result))}
