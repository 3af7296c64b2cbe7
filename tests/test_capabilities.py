"""Every id of the requirement documents is proved by a test, or says what it waits for."""

from tests.capabilities import LATER, TABLE, asked, proved, table


def test_every_capability_is_proved_or_put_off_with_a_reason() -> None:
    """And none is put off that is proved."""
    found = proved()
    assert [name for name in asked() if name not in found and name not in LATER] == []
    assert [name for name in LATER if name in found] == []


def test_the_table_says_the_same_of_every_id() -> None:
    """`python -m tests.capabilities` writes it; which tests it names may lag behind, what is proved may not."""

    def states(text: str) -> dict[str, bool]:
        rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and " | " in line]
        return {row[0].strip("| "): "later:" in row[-1] for row in rows}

    assert states(TABLE.read_text()) == states(table())
