"""Settings from the environment: what is understood, and what is said of the rest."""

from pathlib import Path

import pytest

from api.settings import read_gateway_settings
from graphs.errors import SettingsError
from orchestrator.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` but the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 10.0), ("0.5", 0.5), ("10s", 10.0), ("1m30s", 90.0), (" 2 ", 2.0)]
)
@pytest.mark.parametrize("name", ["grace", "poll", "short_wait"])
def test_a_bare_number_is_seconds(monkeypatch: pytest.MonkeyPatch, name: str, text: str, seconds: float) -> None:
    monkeypatch.setenv(f"BATON_{name.upper()}", text)
    assert getattr(read_settings(), name) == seconds


def test_the_gateway_reads_its_settings_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_DRAIN", "7")
    monkeypatch.setenv("BATON_HOST", "")
    monkeypatch.setenv("BATON_ORIGINS", "https://a.example, https://b.example")
    found = read_gateway_settings()
    assert (found.drain, found.host, found.origins) == (7.0, "127.0.0.1", ("https://a.example", "https://b.example"))
    monkeypatch.setenv("BATON_PORT", "99999")
    with pytest.raises(SettingsError, match="BATON_PORT: '99999' is too large; the most is 65535"):
        read_gateway_settings()


def test_a_variable_without_a_value_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`BATON_SECRET_KEY=` in a copied `.env` is a line that somebody has not filled in."""
    (tmp_path / ".env").write_text("BATON_SECRET_KEY=\nBATON_DATABASE=\n")
    monkeypatch.setenv("BATON_GRACE", "")
    assert read_settings() == Settings(_env_file=None)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("GRACE", "soon", "a duration is a number of seconds or a text such as 30s, 5m or 24h, not 'soon'"),
        ("GRACE", "-1", "a duration cannot be negative or endless, and -1.0 is"),
        ("GRACE", "nan", "a duration cannot be negative or endless, and nan is"),
        ("POLL", "0", "0.0 is too small; it must be more than 0.0"),
        ("MAX_STEPS", "0", "'0' is too small; the least is 1"),
        ("MAX_STEPS", "many", "'many' is not a whole number"),
        ("LOG_LEVEL", "loud", "'loud' is none of debug, info, warning, error"),
        ("SERVICES", "[1]", "a list is not a mapping"),
        ("SERVICES", '{"a"', "it is not JSON: unexpected end of data: line 1 column 5 (char 4)"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, sentence: str
) -> None:
    monkeypatch.setenv(f"BATON_{name}", text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value) == f"BATON_{name}: {sentence}. Mend it in the environment or in .env."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"pay": {"rate": "often"}}', "BATON_LIMITS, pay.rate: a rate is a number of calls in a time, such as 100/m"),
        ('{"pay": {"max_concurency": 3}}', "BATON_LIMITS, pay: there is no key 'max_concurency' here"),
        ('{"pay": {"breaker": {"open_for": 0}}}', "BATON_LIMITS, pay.breaker"),
        ('{"pay": ', "BATON_LIMITS: it is not JSON"),
    ],
)
def test_a_limit_that_cannot_be_is_told_with_its_place(
    text: str, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which name, which key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BATON_LIMITS", text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert sentence in str(caught.value)


def test_a_database_behind_a_url_is_refused_without_repeating_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_DATABASE", "postgresql://ann:sesame@db/baton")
    with pytest.raises(SettingsError, match="BATON_DATABASE: it is a URL; the database is an SQLite file") as refused:
        read_settings()
    assert "sesame" not in str(refused.value)
