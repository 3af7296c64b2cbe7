"""An application whose model is reached over HTTP, in OpenAI's shape, and which has tools to look with and to act."""

import os
from pathlib import Path
from typing import Any

from agents import Models, Tool, Tools


def resources() -> list[Any]:
    """What the assistant has."""

    def look_up(city: str) -> dict[str, str]:
        return {"city": city, "weather": "fine"}

    def book(city: str) -> dict[str, str]:
        with Path(os.environ["BOOKINGS"]).open("a") as file:
            file.write(f"{city}\n")
        return {"booked": city}

    tools = [
        Tool("look_up", "Says what the weather is like in a city.", look_up, effect="none"),
        Tool("book", "Books a room in a city.", book, effect="irreversible"),
    ]
    settings = {"openai": {"base_url": os.environ["PROVIDER"], "api_key": "none"}}
    return [Models(default="openai:planner", settings=settings), Tools(tools)]
