"""What a model that plans is told of the language; its example is a workflow that the tests read and run."""

from pathlib import Path
from typing import Final

LANGUAGE: Final = Path(__file__).with_name("language.md").read_text(encoding="utf-8")
