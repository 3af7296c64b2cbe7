"""For all tests: properties are judged by what they find, not by how busy the machine is; no test can call, and pay
for, a real model."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Before anything is imported that reads them; whoever runs the tests may well have keys. Engines allow models on this
# machine only, and without a key langchain-openai and its like open none at all.
for name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_BASE")) or name == "OPENAI_BASE_URL"]:
    del os.environ[name]
os.environ["BATON_REAL_MODELS"] = "loopback"

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
# Here, because a profile named on the command line must be known before tests are collected.
settings.register_profile("long", max_examples=5000, deadline=None, report_multiple_bugs=False)


@pytest.fixture(autouse=True, scope="session")
def new_files_are_copies() -> Iterator[None]:
    """See `tests.support.blank`, which nobody may import before the environment is as it must be."""
    from tests.support.blank import made_once

    with made_once():
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How much was tried, where a test goes through all that there is."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "size" and report.when == "call":
                terminalreporter.write_line(str(value))
