"""Texts for people and models."""

import json
from collections.abc import Sequence
from typing import Any, Final

_CHARACTERS_OF_A_TOKEN: Final = 4


def shorten(text: str, limit: int) -> str:
    """The text, cut where it is longer than `limit` characters; the cut says how much is missing."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def tokens_of(messages: Sequence[Any]) -> int:
    """About how many tokens messages (JSON values) are: counting exactly would take each provider's own counter."""
    return len(json.dumps(messages)) // _CHARACTERS_OF_A_TOKEN
