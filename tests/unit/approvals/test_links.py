"""Links that decide: whoever changed one, or comes too late, holds nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import NotAllowedError
from orchestrator.approvals.links import Links
from orchestrator.store.cipher import Cipher
from tests.unit.approvals.test_rules import approval


def test_a_link_says_what_it_was_made_for_until_its_time_is_over(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    links = Links(lambda: Cipher(None, tmp_path / "key"), clock.now)
    token, made = links.make(approval(), "ann", frozenset({"finance"}), timedelta(hours=1))
    opened = links.open(token)
    assert opened == made
    assert (opened.person.name, opened.person.groups) == ("ann", {"finance"})
    assert opened.digest == approval().digest
    clock.advance(3600)
    with pytest.raises(NotAllowedError, match=r"The time of this link is over\. Ask for a new one\."):
        links.open(token)


def test_what_was_sealed_for_something_else_is_no_link(tmp_path: Path) -> None:
    cipher = Cipher(None, tmp_path / "key")
    links = Links(lambda: cipher, ManualClock().now)
    for value in ("a secret input", {"use": "other"}, {"use": "approval-link"}, ["x"], None):
        with pytest.raises(NotAllowedError, match="This link is not valid"):
            links.open(cipher.encrypt(value).decode())
