"""Settings from the environment and `.env`: what all have in common, and what is said of values that cannot be."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
from dotenv import dotenv_values
from pydantic import BeforeValidator, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graphs.durations import Duration
from graphs.errors import SettingsError
from graphs.loading.nodes import value_of
from graphs.loading.places import written
from graphs.loading.reading import read_tree
from graphs.loading.words import complaints

PREFIX = "BATON_"
_FILES = (".yaml", ".yml", ".json")


class EnvironmentSettings(BaseSettings):
    """A frozen value, each field of which is also the environment variable `BATON_<FIELD>`.

    A variable without a value is one that somebody has not filled in.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )


S = TypeVar("S", bound=EnvironmentSettings)


def read(settings: type[S], **given: Any) -> S:
    """Settings: what is given (None is nothing), then the environment, then `.env`, then the defaults.

    Raises:
        SettingsError: a value cannot be; the message names the variable and the value.
    """
    try:
        return settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [
            f"{PREFIX}{str(complaint.path[0]).upper()}{_within(complaint.path[1:])}: {complaint.message}"
            for complaint in complaints(settings, error)
        ]
        raise SettingsError(f"{'; '.join(wrong)}.", hint="Mend it in the environment or in .env.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"The file '.env' is not UTF-8 text: byte {error.start + 1} fits nowhere.", hint="Save it as UTF-8."
        ) from error


def misspelt(*settings: type[EnvironmentSettings]) -> Iterator[tuple[str, str]]:
    """Variables of the environment and of `.env` that are no settings and look like one, each with that one."""
    fields = {field.upper() for one in settings for field in one.model_fields}
    there = {name.upper() for name in (*os.environ, *dotenv_values(".env")) if name.upper().startswith(PREFIX)}
    for name in sorted(there - {f"{PREFIX}{field}" for field in fields}):
        # Closer than a suggestion after an error must be: others may have variables of their own that begin so.
        for meant in get_close_matches(name.removeprefix(PREFIX), fields, n=1, cutoff=0.8):
            yield name, f"{PREFIX}{meant}"


def _within(path: tuple[str | int, ...]) -> str:
    return f", {written(path)}" if path else ""


def _seconds(value: Any) -> Any:
    # The environment has only text, so a number arrives there as one.
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def structured(value: Any) -> Any:
    """JSON as the environment holds it, or the value in the YAML or JSON file that it names.

    Raises:
        ValueError: it is not JSON; or there is no such file, or something is wrong with its text.
    """
    if not isinstance(value, str):
        return value
    if value.endswith(_FILES) and not value.lstrip().startswith(("{", "[")):
        return _in_file(Path(value))
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from None


def _in_file(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file '{path}' cannot be read: {getattr(error, 'strerror', None) or error}") from None
    reading = read_tree(text, json=path.suffix == ".json")
    if reading.root is None or reading.faults:
        fault = reading.faults[0]
        raise ValueError(f"{path}:{fault.line}:{fault.column}: {fault.message.rstrip('.')}")
    return value_of(reading.root)


def _parts(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Seconds = Annotated[Duration, BeforeValidator(_seconds)]
"""A duration; a bare number is seconds."""

SEPARATED = (NoDecode, BeforeValidator(_parts))
"""For tuples: separated by commas in the environment."""
