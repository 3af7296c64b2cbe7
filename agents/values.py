"""Texts for people and models."""


def shorten(text: str, limit: int) -> str:
    """The text, cut where it is longer than `limit` characters; the cut says how much is missing."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"
