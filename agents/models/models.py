"""Which chat models steps may use. The part that imports LangChain is `providers`, loaded on first use."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from agents.loading import load
from agents.models.cassettes import Cassette
from agents.models.scripts import Script, Scripts
from agents.services.addresses import literal
from graphs.errors import StepError

_MADE: Final = 256
"""How much is kept of what is made around models."""

OWN_CLIENT: Final = frozenset({"openai", "azure_openai"})
"""Providers whose connections we open and close ourselves."""


Allowed = bool | Literal["loopback"]
_ORDER: Final[tuple[Allowed, ...]] = (False, "loopback", True)


class Models:
    """The chat models of an application; a resource. Call `aclose` at the end.

    Models are named `provider:model`: `openai:gpt-5-mini`, `scripted:echo`.

    Args:
        allow_real: False refuses every provider but `scripted`, so that tests cannot call (and pay for) a model;
            `loopback` allows those whose server is on this machine besides (`settings`, `OPENAI_BASE_URL`).
        default: What is used where nothing is named.
        scripts: What `scripted:NAME` may name.
        settings: By provider, further arguments for its models (`{"openai": {"base_url": …}}`). Definitions cannot
            set them, so a definition cannot send prompts and keys to a host of its choice.
        cassette: Where calls are recorded, and answered from.
    """

    def __init__(
        self,
        *,
        allow_real: Allowed = True,
        default: str | None = None,
        scripts: Iterable[Script] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        cassette: Cassette | None = None,
    ) -> None:
        self.allow_real = allow_real
        self.cassette = cassette
        self.default = default
        self.scripts = Scripts(scripts)
        self._settings = settings or {}
        self._open: dict[str, Any] = {}
        self._clients: list[Any] = []
        self._made: dict[str, tuple[Any, Any]] = {}
        self._recorded: dict[str, tuple[Any, Any]] = {}

    def made(self, model: Any, of: str, make: Callable[[], Any]) -> Any:
        """What was made around an opened model, made once for all that say the same: making a LangChain agent costs
        more than all else in a turn."""
        key = f"{id(model)} {of}"
        if key not in self._made:
            if len(self._made) >= _MADE:
                del self._made[next(iter(self._made))]
            self._made[key] = model, make()  # with the model, whose id must not come to mean another's
        return self._made[key][1]

    async def open(self, model: Any = None, **options: Any) -> Any:
        """A LangChain chat model.

        Args:
            model: `provider:model`, or (from Python) a chat model as it is; None for the default.
            options: `temperature`, `max_tokens` …; those that are None are left out.

        Raises:
            StepError: no such provider, no credentials, or real models are switched off.
        """
        chosen = self.default if model is None else model
        if chosen is None:
            raise StepError(
                "no model is named.",
                category="validation",
                code="model_missing",
                hint="Say 'model: provider:name' in the step or the agent, or set BATON_MODEL for all of them.",
            )
        given = {name: value for name, value in options.items() if value is not None}
        if self.cassette is None:
            return await self._opened(chosen, given)
        key = f"{id(chosen)} {chosen if isinstance(chosen, str) else ''} {sorted(given.items())}"
        if key not in self._recorded:
            behind = await self._opened(chosen, given) if self.cassette.mode != "replay" else None
            cassette_model = await load("agents.models.cassette_model")
            named = model_name(chosen)
            self._recorded[key] = (
                chosen,
                cassette_model.CassetteModel(cassette=self.cassette, named=named, behind=behind, options=given),
            )
        return self._recorded[key][1]

    def narrow(self, allowed: Allowed) -> None:
        """Allow no more than this: a switch for all that wins over what an application allows itself."""
        self.allow_real = min(self.allow_real, allowed, key=_ORDER.index)

    async def _opened(self, chosen: Any, given: Mapping[str, Any]) -> Any:
        if not isinstance(chosen, str):
            return await self._as_it_is(chosen, given)
        provider, name = split_name(chosen)
        key = f"{chosen} {sorted(given.items())}"
        if key not in self._open:
            self._open[key] = await self._make(provider, name, given)
        return self._open[key]

    async def _make(self, provider: str, name: str, options: Mapping[str, Any]) -> Any:
        if provider == "scripted":
            script = self.scripts.get(name)
            return (await load("agents.models.providers")).open_scripted(script)
        self._check_real(f"{provider}:{name}", self._server(provider))
        providers = await load("agents.models.providers")
        settings = dict(self._settings.get(provider, {}))
        if provider in OWN_CLIENT and "http_async_client" not in settings:
            settings |= (await load("agents.models.openai_client")).own_client(settings)
            self._clients.append(settings["http_async_client"])
        return providers.open_real(provider, name, {**settings, **options})

    async def aclose(self) -> None:
        """Close the connections of all models. Models asked for later are opened anew."""
        clients, self._clients = self._clients, []
        self._open, self._made, self._recorded = {}, {}, {}
        for client in clients:
            await client.aclose()

    async def _as_it_is(self, model: Any, options: Mapping[str, Any]) -> Any:
        providers = await load("agents.models.providers")
        if not providers.is_scripted(model):
            self._check_real(type(model).__name__, getattr(model, "openai_api_base", None))
        return providers.with_options(model, options)

    def _server(self, provider: str) -> str | None:
        """Where a provider's models are, as far as somebody said."""
        settings = self._settings.get(provider, {})
        told = settings.get("base_url") or settings.get("azure_endpoint")
        if told is None and provider == "openai":
            told = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
        if told is None and provider == "azure_openai":
            told = os.environ.get("AZURE_OPENAI_ENDPOINT")
        return None if told is None else str(told)

    def _check_real(self, model: str, server: str | None) -> None:
        if not (self.allow_real is True or (self.allow_real and server is not None and _on_loopback(server))):
            raise StepError(
                f"model '{model}' is a real one, and real models are switched off here.",
                category="validation",
                code="model_refused",
                hint="Use 'scripted:NAME', or allow them: Models(allow_real=True) and no BATON_REAL_MODELS.",
            )


def _on_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    address = literal(host)
    return host == "localhost" if address is None else address.is_loopback


def split_name(model: str) -> tuple[str, str]:
    """`openai:gpt-5-mini` as provider and model.

    Raises:
        StepError: it does not name both.
    """
    provider, colon, name = model.partition(":")
    if colon and provider and name:
        return provider, name
    raise StepError(
        f"model '{model}' does not say which provider it is of.",
        category="validation",
        code="model_invalid",
        hint=f"Write 'provider:model', such as 'openai:{model.strip(':') or 'gpt-5-mini'}' or 'scripted:echo'.",
    )


def model_name(model: Any) -> str | None:
    """What a model is called in records and limits."""
    return model if isinstance(model, str) or model is None else type(model).__name__
