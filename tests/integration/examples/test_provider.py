"""`python -m api.demo.provider`: scripts of one's own, asked by any client of OpenAI's format."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

MODULE = """
from agents import Models, Script, Turn


def resources():
    return [Models(scripts=[Script("clerk", turns=(Turn("Good day."),))])]
"""


@pytest.mark.capability("I05")
async def test_the_scripts_of_a_module_are_models_of_the_provider(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(MODULE)
    provider = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.demo.provider", "--port", "0", "--module", str(tmp_path / "shop.py")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert provider.stdout is not None
        told = (await asyncio.wait_for(provider.stdout.readline(), 60)).decode().split()
        url = dict(pair.split("=") for pair in told if "=" in pair)["OPENAI_BASE_URL"]
        question = {"model": "clerk", "messages": [{"role": "user", "content": "Hello?"}]}
        async with httpx.AsyncClient(timeout=60) as client:
            answer = (await client.post(f"{url}/chat/completions", json=question)).json()
    finally:
        provider.kill()
        await provider.communicate()
    assert answer["choices"][0]["message"]["content"] == "Good day."


async def test_a_module_that_is_not_there_is_named() -> None:
    provider = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.demo.provider", "--port", "0", "--module", "nowhere.py"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(provider.communicate(), 60)
    assert provider.returncode == 2
    assert (
        "The module 'nowhere.py' cannot be loaded: FileNotFoundError: there is no file nowhere.py in /" in said.decode()
    )
