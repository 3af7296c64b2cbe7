"""A provider of models on loopback: a real HTTP server in OpenAI's shape that says what scripts say.

    with serving(Provider([Script("clerk", turns=(...))])) as url:
        ...  # OPENAI_BASE_URL=url, model: openai:clerk

So that tests and demos run the real client, without a key and without paying. `python -m api.demo.provider` serves it
by itself.
"""

from api.demo.provider.app import Provider
from api.demo.provider.serve import serving
from api.demo.provider.values import Fault

__all__ = ["Fault", "Provider", "serving"]
