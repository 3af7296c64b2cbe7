"""What can be said of a model's name before anybody asks it: is there such a provider, such a script, such a price?

Light: nothing of LangChain is imported. Another machine may have other packages and scripts, so all of it is a warning
but a name that says no provider.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Any, Final

from agents.models.models import Models, split_name
from agents.models.prices import Prices
from graphs.errors import Problem, StepError
from graphs.loading.names import nearest, suggestion

SCRIPTED: Final = "scripted"

NO_KEY: Final = "model_key_missing"
"""The code of a warning that is about this machine, and not about the definition."""

PROVIDERS: Final[Mapping[str, str]] = {
    "anthropic": "langchain_anthropic",
    "anthropic_bedrock": "langchain_aws",
    "azure_ai": "langchain_azure_ai",
    "azure_openai": "langchain_openai",
    "baseten": "langchain_baseten",
    "bedrock": "langchain_aws",
    "bedrock_converse": "langchain_aws",
    "bedrock_mantle_anthropic": "langchain_aws",
    "bedrock_mantle_openai": "langchain_aws",
    "cohere": "langchain_cohere",
    "deepseek": "langchain_deepseek",
    "fireworks": "langchain_fireworks",
    "google_anthropic_vertex": "langchain_google_vertexai",
    "google_genai": "langchain_google_genai",
    "google_vertexai": "langchain_google_vertexai",
    "groq": "langchain_groq",
    "huggingface": "langchain_huggingface",
    "ibm": "langchain_ibm",
    "langsmith": "langchain_openai",
    "litellm": "langchain_litellm",
    "meta": "langchain_meta",
    "mistralai": "langchain_mistralai",
    "nvidia": "langchain_nvidia_ai_endpoints",
    "ollama": "langchain_ollama",
    "openai": "langchain_openai",
    "openrouter": "langchain_openrouter",
    "perplexity": "langchain_perplexity",
    "together": "langchain_together",
    "upstage": "langchain_upstage",
    "xai": "langchain_xai",
}
"""Those that LangChain opens by name, and the packages they are in; a test holds them against LangChain's own list."""


_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "groq": ("GROQ_API_KEY",),
    "mistralai": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "openrouter": ("OPENROUTER_API_KEY",),
    "xai": ("XAI_API_KEY",),
}
"""By provider, variables of which one is needed: the keys, and other places that may want none."""


def judge_of(scripts: Collection[str] | None, named: Collection[str]) -> Callable[[str], Problem | None]:
    """What is wrong with a model's name, and the nearest right one.

    Args:
        scripts: Names of the scripts there are; None where nobody can say.
        named: Models that the settings speak of (prices, the default); names may hold `*`.
    """

    def judge(model: str) -> Problem | None:
        try:
            provider, name = split_name(model)
        except StepError as error:
            return Problem("model_invalid", error.message, error.hint)
        if provider == SCRIPTED:
            if scripts is None or name in scripts:
                return None
            return _unknown(f"there is no script '{name}'", suggestion(name, scripts, "Scripts"))
        if provider not in PROVIDERS:
            return _unknown(
                f"there is no provider '{provider}' of models", suggestion(provider, [*PROVIDERS, SCRIPTED])
            )
        if find_spec(package := PROVIDERS[provider]) is None:
            installs = f"pip install {package.replace('_', '-')}"
            return _unknown(f"what speaks to models of '{provider}' is not installed here", installs)
        alike = [one for one in named if one.startswith(f"{provider}:")]
        if any(fnmatchcase(model, one) for one in alike) or (near := nearest(model, _plain(alike))) is None:
            return None
        # A provider has more models than anybody lists: only what looks like a slip is told.
        return _unknown(f"nothing in this engine's settings speaks of model '{model}'", f"Did you mean '{near}'?")

    return judge


def without_key(model: str, environment: Mapping[str, str]) -> Problem | None:
    """A warning where a model's provider asks for a key and none is set; None of those that may have it elsewhere."""
    provider = model.partition(":")[0]
    names = _KEYS.get(provider, ())
    if not names or any(environment.get(name) for name in names):
        return None
    return _problem(NO_KEY, f"models of '{provider}' need a key, and none is set", f"Set {names[0]}.")


def judge_for(resources: Mapping[type, Any]) -> Callable[[str], Problem | None] | None:
    """By what an engine was given; None where that says nothing of models."""
    models: Models | None = resources.get(Models)
    if models is None:
        return None
    prices: Prices | None = resources.get(Prices)
    return judge_of(models.scripts.names(), named_models(models.default, prices.table if prices is not None else ()))


def named_models(default: Any, prices: Iterable[str]) -> list[str]:
    """What settings speak of: the default model, where it goes by a name, and those that have a price."""
    return [*([default] if isinstance(default, str) else []), *prices]


def _plain(names: Collection[str]) -> list[str]:
    return [name for name in names if "*" not in name]


def _unknown(words: str, hint: str) -> Problem:
    return _problem("model_unknown", words, hint)


def _problem(code: str, words: str, hint: str) -> Problem:
    return Problem(code, words, hint, severity="warning")
