"""What models cost. Nobody's price list is built in: prices change, and a wrong one would be worse than none."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphs.errors import SettingsError
from graphs.loading.words import clauses

_PER = 1_000_000


class Price(BaseModel):
    """For a million tokens, in whatever currency budgets are in; `call` for each call besides."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    input: float = Field(default=0, ge=0)
    output: float = Field(default=0, ge=0)
    call: float = Field(default=0, ge=0)


@dataclass(frozen=True)
class Prices:
    """Prices by model; a resource. Names may hold `*`: `openai:gpt-5*`. The first that fits is taken."""

    table: Mapping[str, Price]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Prices":
        """From settings: `{"openai:gpt-5-mini": {"input": 0.25, "output": 2}}`.

        Raises:
            SettingsError: naming the model whose price is none.
        """
        table = {}
        for name, value in mapping.items():
            try:
                table[name] = Price.model_validate(value)
            except ValidationError as error:
                raise SettingsError(
                    f"the price of '{name}', {'; '.join(clauses(Price, error))}.",
                    hint="A price has 'input' and 'output' for a million tokens, and perhaps 'call'.",
                ) from None
        return cls(table)

    def of(self, model: str) -> Price | None:
        """The price of a model; None when nobody said."""
        if model in self.table:
            return self.table[model]
        return next((price for name, price in self.table.items() if fnmatchcase(model, name)), None)

    def cost(self, model: str, usage: Mapping[str, int]) -> float | None:
        """What a call has cost; None when the model's price is not known."""
        price = self.of(model)
        if price is None:
            return None
        tokens = usage.get("input_tokens", 0) * price.input + usage.get("output_tokens", 0) * price.output
        return tokens / _PER + price.call
