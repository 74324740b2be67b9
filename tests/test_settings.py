"""Settings from the environment, and what is said about a bad one."""

from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import read_settings


def test_every_kind_of_setting_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("MODELS_DIR", "/srv/models"),
        ("PORT", "80"),
        ("POLL_SECONDS", "0.5"),
        ("LOG_REQUESTS", "false"),
        ("LOG_PHRASES", "true"),
        ("API_KEYS", "one, two,"),
        ("ENGINE", "tensorflow"),
        ("NO_SUCH_SETTING", "is somebody else's"),
    ):
        monkeypatch.setenv(f"UNROLLED_{name}", value)
    settings = read_settings()
    assert settings.models_dir == Path("/srv/models")
    assert (settings.port, settings.poll_seconds, settings.log_phrases) == (80, 0.5, True)
    assert not settings.log_requests
    assert settings.keys == (b"one", b"two")
    assert settings.engine == "tensorflow"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("WORKERS", "0"), ("ENGINE", "abacus"), ("MAX_QUEUE", "many")],
)
def test_a_bad_value_is_refused_by_the_variable_s_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"UNROLLED_{name}", value)
    with pytest.raises(SettingsError, match=f"^UNROLLED_{name}: "):
        read_settings()


def test_arguments_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_PORT", "80")
    assert read_settings(port=81).port == 81
