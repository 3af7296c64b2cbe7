"""Whose words the models of the examples speak: scripts, the same scripts over HTTP, or a real model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

REAL: Final = "openai:gpt-5-mini"
PROVIDER: Final = "BATON_DEMO_PROVIDER"
"""Where the demo has its own provider in OpenAI's shape, which its engines are told through the environment."""
SPEAKS: Final = "BATON_DEMO_MODELS"
"""Who speaks in the examples where no real model does: `scripted`, or `openai` for that provider."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks where an example says `scripted:NAME`.

    Attributes:
        real: One model in the place of all.
        provider: Otherwise, who is asked for NAME.
        url: Where the demo's own provider is.
    """

    real: str | None = None
    provider: str = "scripted"
    url: str | None = None

    @property
    def scripted(self) -> bool:
        return self.real is None and self.provider == "scripted"

    def model(self, script: str) -> str:
        """The model in place of a script."""
        return self.real or f"{self.provider}:{script}"

    def settings(self) -> dict[str, dict[str, Any]] | None:
        """For `Models`."""
        return {"openai": {"base_url": self.url, "api_key": "none"}} if self.url and self.real is None else None

    def environment(self) -> dict[str, str]:
        """What tells another process of it; a real model it finds as this one did."""
        return {SPEAKS: self.provider} | ({PROVIDER: self.url} if self.url is not None else {})

    def spoken(self, document: Any) -> Any:
        """A definition with its scripted models replaced."""
        if isinstance(document, list):
            return [self.spoken(item) for item in document]
        if not isinstance(document, Mapping):
            return document
        return {key: self._model(value) if key == "model" else self.spoken(value) for key, value in document.items()}

    def _model(self, value: Any) -> Any:
        if not isinstance(value, str):
            return self.spoken(value)
        provider, _, script = value.partition(":")
        return self.model(script) if provider == "scripted" else value


def real_model(environment: Mapping[str, str]) -> str | None:
    """The model that speaks in place of the scripts; None when there is no key and no server, or none is allowed."""
    there = any(environment.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
    if not there or environment.get("BATON_REAL_MODELS", "allow") == "refuse":
        return None
    return f"openai:{named}" if (named := environment.get("OPENAI_MODEL")) else REAL


def voice_of(environment: Mapping[str, str]) -> Voice:
    """Whose words are spoken in a process with this environment."""
    return Voice(real_model(environment), environment.get(SPEAKS, "scripted"), environment.get(PROVIDER))
