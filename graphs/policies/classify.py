"""What kind of failure an error is (E21): one classifier, asked about everything a step's code raises.

    1. a `StepError` says it itself
    2. the step's type may know (`StepType.classify`)
    3. the application may know (a `Classifier` among its resources: classes of its own libraries' exceptions)
    4. an HTTP status, where the exception carries one
    5. the usual exceptions of Python and of well-known clients
    6. anything else is a fault of logic: it would fail again in the same way

Services say more exactly what their own statuses mean in their configuration (`Service.failures`). What a category
asks for is said in `graphs.policies.responses`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from graphs.errors import BatonError, Category, StepError
from graphs.steps import StepType

MAX_RETRY_AFTER: Final = 3600.0
"""Seconds. A server may ask for patience, but not park an execution for a week."""


_NUMBER: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")

_STATUS: Final[Mapping[int, Category]] = {
    401: "logic",  # wrong credentials stay wrong, and a person has to see it
    402: "resource",
    403: "logic",
    407: "logic",
    408: "transient",
    421: "logic",
    423: "transient",
    425: "transient",
    429: "transient",
    451: "logic",
    500: "dependency",
    501: "logic",  # what a server cannot do now it cannot do in a minute
    502: "dependency",
    503: "dependency",
    504: "dependency",
    505: "logic",
    507: "resource",
    508: "logic",
    511: "logic",
}

_KNOWN: Final[Mapping[str, tuple[Category, str]]] = {
    "builtins.TimeoutError": ("timeout", "timeout"),
    "builtins.ConnectionError": ("transient", "connection_error"),
    "builtins.MemoryError": ("resource", "out_of_memory"),
    "socket.gaierror": ("dependency", "connection_error"),
    "asyncio.exceptions.IncompleteReadError": ("transient", "connection_error"),
    "httpx.ConnectError": ("dependency", "connection_error"),
    "httpx.TransportError": ("transient", "connection_error"),
    "requests.exceptions.ConnectionError": ("dependency", "connection_error"),
    "requests.exceptions.Timeout": ("transient", "connection_error"),
    "aiohttp.client_exceptions.ClientConnectionError": ("dependency", "connection_error"),
    "sqlalchemy.exc.OperationalError": ("dependency", "connection_error"),
    "psycopg.OperationalError": ("dependency", "connection_error"),
    "redis.exceptions.ConnectionError": ("dependency", "connection_error"),
}
"""By the class's full name, or that of one it is derived from: none of these clients need be installed."""


class Classifier:
    """What an application's own exceptions mean; give it to the engine as a resource.

        Classifier({psycopg.OperationalError: "dependency", Busy: lambda error: StepError("busy", retry_after=5)})

    Args:
        known: By exception class (those derived from it too; the nearest counts), a category, or what makes the
            `StepError` out of the exception.
    """

    def __init__(self, known: Mapping[type[Exception], Category | Callable[[Exception], StepError]]) -> None:
        self._known = dict(known)

    def explain(self, error: Exception) -> StepError | None:
        """The exception as a step error; None when nothing is known of it."""
        for kind in type(error).__mro__:
            meaning = self._known.get(kind)
            if isinstance(meaning, str):
                return StepError(_said(error), category=meaning, code="exception")
            if meaning is not None:
                return meaning(error)
        return None


def classified(error: Exception, kind: StepType, resources: Mapping[type, Any], now: datetime) -> StepError:
    """What a step's code raised, as a step error.

    Args:
        kind: The step's type.
        resources: The application's, which may hold a `Classifier`.
        now: For `Retry-After` headers that name a time.
    """
    if isinstance(error, BatonError):
        return as_step_error(error, now)
    own: Classifier | None = resources.get(Classifier)
    return kind.classify(error) or (own and own.explain(error)) or as_step_error(error, now)


def as_step_error(error: Exception, now: datetime | None = None) -> StepError:
    """Any exception as a step error, by what is generally known: what is not known is a fault of logic."""
    if isinstance(error, StepError):
        return error
    if isinstance(error, BatonError):
        return StepError(error.message, category="validation", code=error.code, hint=error.hint, **error.details)
    if (answered := _answered(error, now)) is not None:
        return answered
    for kind in type(error).__mro__:
        if (known := _KNOWN.get(f"{kind.__module__}.{kind.__qualname__}")) is not None:
            category, code = known
            said = str(error) or "it timed out" if category == "timeout" else _said(error)
            details: dict[str, Any] = {}
            if category in ("timeout", "transient") and not _never_sent(error):
                details["outcome"] = "unknown"
            return StepError(said, category=category, code=code, **details)
    return StepError(_said(error), category="logic", code="exception")


def _never_sent(error: Exception) -> bool:
    """Whether nobody was reached at all: nothing can have been done."""
    return not _UNREACHED.isdisjoint(kind.__name__ for kind in type(error).__mro__)


_UNREACHED: Final = frozenset({"ConnectionRefusedError", "ConnectError", "ConnectTimeout", "PoolTimeout"})


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _answered(error: Exception, now: datetime | None) -> StepError | None:
    """The errors of HTTP clients carry the answer, or its status."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        return None
    headers = getattr(response, "headers", None)
    patience = asked_patience(headers, now) if isinstance(headers, Mapping) and now is not None else None
    return StepError(_said(error), category=verdict(status), retry_after=patience, code="service_error", status=status)


def verdict(status: int, own: Mapping[int, Category] | None = None) -> Category:
    """What an HTTP answer with this status means, given that it was not what was wanted.

    Args:
        own: What the service says that some of its statuses mean.
    """
    if own and status in own:
        return own[status]
    if status in _STATUS:
        return _STATUS[status]
    if 400 <= status < 500:
        return "validation"  # what we sent does not fit; sending it again cannot help (X13)
    if status >= 500:
        return "dependency"
    return "logic"  # 1xx, 2xx, 3xx: not an error of the server's, only not what the step expects


def asked_patience(headers: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds that a server asks us to wait; None when its headers say nothing usable.

    Args:
        headers: Of its answer, found whatever their case. `retry-after-ms` (OpenAI's) is the more exact one.
        now: What time it is.
    """
    exact, usual = headers.get("retry-after-ms"), headers.get("retry-after")
    if isinstance(exact, str) and _NUMBER.fullmatch(exact.strip()):
        return min(float(exact) / 1000, MAX_RETRY_AFTER)
    return retry_after(usual, now) if isinstance(usual, str) else None


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, from a `Retry-After` header in either of its forms; None when it says nothing usable.

    Args:
        value: Seconds, or an HTTP date.
        now: What time it is.
    """
    if value is None:
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # An HTTP date is in GMT; one without a zone is read so as well.
    seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def unheard(error: StepError) -> bool:
    """Whether a call that failed like that may have acted all the same: nobody heard how it ended."""
    outcome = error.details.get("outcome")
    return outcome == "unknown" if outcome is not None else error.category in ("timeout", "cancelled")


_OWN: Final = ("code", "message", "hint", "category", "attempt")


def error_value(error: StepError, *, attempt: int) -> dict[str, Any]:
    """A failure as it is kept: `code`, `message`, `category`, `attempt` and the error's own facts."""
    return error.as_dict() | {"category": error.category, "attempt": attempt}


def kept_error(value: Mapping[str, Any]) -> StepError:
    """The failure that `error_value` was made of, as far as it is kept."""
    details = {key: item for key, item in value.items() if key not in _OWN}
    return StepError(
        str(value.get("message", "")),
        category=value.get("category", "logic"),
        code=value.get("code"),
        hint=value.get("hint"),
        **details,
    )
