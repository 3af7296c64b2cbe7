"""One gateway for all of these tests; and how much of each client works, said at the end."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.gateway.background import background
from tests.support.gateway.serving import FUNCTIONS, GRAPHS

pytest.register_assert_rewrite(*(f"tests.acceptance.sdk.{name}" for name in ("assistants", "kept", "protocol")))
pytest.register_assert_rewrite(*(f"tests.acceptance.sdk.{name}" for name in ("registry", "runs", "threads")))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it is."""
    options = ("--config", str(GRAPHS), "--module", FUNCTIONS)
    with background(tmp_path_factory.mktemp("sdk"), *options, BATON_HEARTBEAT="1") as where:
        yield where


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    result = yield
    report = result.get_result()
    for mark in item.iter_markers("sdk"):
        report.user_properties.append(("sdk", (mark.args[0], int(report.passed), 1)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    working: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == "sdk" and report.when == "call":
                client, worked, of = value
                working[client] += worked
                tried[client] += of
    for client, count in sorted(tried.items()):
        terminalreporter.write_line(f"{client}: {working[client]} of {count} work")
