"""Opening chat models, and reading their failures. Loaded through `agents.loading`: LangChain is slow to import."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from traceback import walk_tb
from types import FrameType
from typing import Any, Final

from langchain.chat_models import init_chat_model
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.language_models import BaseChatModel
from pydantic import ValidationError

from agents.loading import load_now
from agents.models.models import OWN_CLIENT
from agents.models.scripted import ScriptedModel
from agents.models.scripts import Script
from agents.services.wording import excerpt
from graphs.errors import Category, StepError
from graphs.policies.classify import MAX_RETRY_AFTER, asked_patience, verdict

_KEY: Final = re.compile(r"\b(?:sk|pk|key|rk)-[A-Za-z0-9_*-]{6,}")

# The first class that fits: LangChain's own names for what every provider can fail with.
_FAULTS: Final[tuple[tuple[type[Exception], Category, str, str], ...]] = (
    (ContextOverflowError, "validation", "context_overflow", "was sent more than its context holds"),
    (ModelTimeoutError, "transient", "model_timeout", "did not answer in time"),
    (ModelRateLimitError, "transient", "model_rate_limited", "asks for fewer requests"),
    (ModelConnectionError, "dependency", "model_unreachable", "cannot be reached"),
    (ModelAPIError, "dependency", "model_failed", "failed at its provider's"),
    (ModelAuthenticationError, "logic", "model_unauthorized", "does not accept our credentials"),
    (ModelPermissionDeniedError, "logic", "model_unauthorized", "is not open to our credentials"),
    (ModelNotFoundError, "validation", "model_unknown", "is not known to its provider"),
    (ModelInvalidRequestError, "validation", "model_request_invalid", "refused the request"),
)

_REFUSALS: Final = (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
)
_SERVER_ERROR: Final = 500
_TRIPPED: Final = (AttributeError, LookupError, TypeError, ValueError)
_UNREACHED: Final = ("ConnectError", "ConnectTimeout")
"""What httpx, under most providers' clients, says of connections that were never made."""

# What some providers' own codes say more exactly than the class does.
_CODES: Final[Mapping[str, tuple[Category, bool | None, str, str]]] = {
    "context_length_exceeded": ("validation", False, "context_overflow", "was sent more than its context holds"),
    "content_filter": ("validation", False, "content_filtered", "refused the content"),
    "rate_limit_exceeded": ("transient", None, "model_rate_limited", "asks for fewer requests"),
    "insufficient_quota": ("resource", False, "model_quota", "has no quota left for us"),
}


def open_scripted(script: Script) -> BaseChatModel:
    """The scripted model for a script."""
    return ScriptedModel(script=script)


def is_scripted(model: Any) -> bool:
    return isinstance(model, ScriptedModel)


def with_options(model: BaseChatModel, options: Mapping[str, Any]) -> BaseChatModel:
    """A given chat model with other settings, where it has such."""
    known = {name: value for name, value in options.items() if name in type(model).model_fields}
    return model.model_copy(update=known) if known else model


def open_real(provider: str, name: str, options: Mapping[str, Any]) -> BaseChatModel:
    """A provider's chat model, with its own retries off: the engine owns them, and two layers would multiply (D-19).

    Raises:
        StepError: `model_unavailable`.
    """
    try:
        given = {"model": name, "max_retries": 0, **options}
        if provider in OWN_CLIENT:
            model: BaseChatModel = load_now("agents.models.openai_client").OWN[provider](**given)
        else:
            model = init_chat_model(model_provider=provider, **given)
    except Exception as error:  # noqa: BLE001 - each provider's package has its own ways to refuse
        said = _KEY.sub("***", excerpt(str(error)))
        raise StepError(
            f"model '{provider}:{name}' cannot be opened: {said}",
            category="validation",
            code="model_unavailable",
            hint="See that the provider's package is installed and its key is set (such as OPENAI_API_KEY).",
        ) from None
    return model


def explain(error: Exception, model: str, now: datetime) -> StepError | None:
    """What a model's failure means for the step; None when it is no failure of a model's."""
    found = _kind(error)
    if found is None:
        return None
    category, retryable, code, words = found
    said = _words(error)
    return StepError(
        f"model '{model}' {words}" + (f": {said}" if said else "."),
        category=category,
        retryable=retryable,
        retry_after=_patience(error, now),
        code=code,
        model=model,
    )


def unpaid(error: Exception) -> bool:
    """Whether a provider has surely counted nothing for a call: it refused it, or was never reached."""
    if isinstance(error, _REFUSALS):
        return True
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return 400 <= status < _SERVER_ERROR
    cause: BaseException | None = error
    while cause is not None and type(cause).__name__ not in _UNREACHED:
        cause = cause.__cause__
    return cause is not None


def _kind(error: Exception) -> tuple[Category, bool | None, str, str] | None:
    code = str(getattr(error, "code", None))
    if code in _CODES:
        return _CODES[code]
    for kind, category, name, words in _FAULTS:
        if isinstance(error, kind):
            return category, None, name, words
    if _unreadable(error):
        return "dependency", None, "model_answer_invalid", "gave an answer that cannot be read"
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return verdict(status), None, "model_failed", f"answered {status}"
    if type(error).__name__ == "APIError":  # what openai's client makes of an error in the middle of a stream
        return "dependency", None, "model_failed", "failed at its provider's"
    return None


def _unreadable(error: Exception) -> bool:
    """Answers with status 200 that are none: no JSON, a page of a proxy, an empty stream, no choices, a part missing or
    of another kind than it should be. Clients of providers trip over these, each in its own way."""
    if isinstance(error, json.JSONDecodeError) or str(error) == "No generations found in stream.":
        return True
    if "unexpected keyword argument" in str(error):  # what was asked, not what was answered
        return False
    packages = [_package(frame) for frame, _ in walk_tb(error.__traceback__)]
    of_client = any(one.startswith("langchain_") and one != "langchain_core" for one in packages)
    return isinstance(error, _TRIPPED) and (of_client or packages[-1:] == ["langchain_core"])


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):  # its own text shows the values, over many lines
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return excerpt("; ".join(f"{'.'.join(str(key) for key in one['loc'])}: {one['msg']}" for one in found))
    return _KEY.sub("***", excerpt(str(error)))


def _patience(error: Exception, now: datetime) -> float | None:
    own = getattr(error, "retry_after", None)
    if isinstance(own, int | float):
        return min(float(own), MAX_RETRY_AFTER)
    headers = getattr(getattr(error, "response", None), "headers", None)
    return asked_patience(headers, now) if headers is not None else None
