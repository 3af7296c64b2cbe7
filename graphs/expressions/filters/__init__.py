"""The filters: a fixed list, all of them pure and bounded. `default` is not here, it is part of the evaluator."""

from typing import Any, Final

from graphs.expressions.digests import digest
from graphs.expressions.filters.dates import DATE_FILTERS
from graphs.expressions.filters.lists import LIST_FILTERS
from graphs.expressions.filters.numbers import ENCODING_FILTERS, NUMBER_FILTERS, OBJECT_FILTERS
from graphs.expressions.filters.text import TEXT_FILTERS
from graphs.expressions.frame import Frame
from graphs.expressions.json_text import from_json, to_json
from graphs.expressions.signature import Builtin, table
from graphs.expressions.values import MISSING


def default(_frame: Frame, value: Any, fallback: Any) -> Any:
    """`a.b|default(x)`: x where a.b is missing, at whatever place of the path, or null."""
    return fallback if value is MISSING or value is None else value


FILTERS: Final[dict[str, Builtin]] = table(
    "filter",
    {
        "default": default,
        **TEXT_FILTERS,
        **LIST_FILTERS,
        **NUMBER_FILTERS,
        **OBJECT_FILTERS,
        **DATE_FILTERS,
        **ENCODING_FILTERS,
        "json": to_json,
        "from_json": from_json,
        "hash": digest,
    },
)
