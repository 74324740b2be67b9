"""Settings from the environment, and what is said about a bad one."""

from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import read_settings, unknown_settings


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
    [
        ("PORT", "70000"),
        ("WORKERS", "0"),
        ("ENGINE", "abacus"),
        ("MAX_QUEUE", "many"),
        ("API_KEYS", ","),
        ("API_KEYS", ""),
        ("API_KEYS", "[]"),
        ("API_KEYS", "[1]"),
        ("API_KEYS", '["a"'),
        ("HOST", ""),
        ("HOST", " "),
        ("MODELS_DIR", ""),
        ("CORS_ORIGINS", "['http://a']"),
        ("CORS_ORIGINS", '["http://a/"]'),
        ("CORS_ORIGINS", "example.org"),
        ("UNIX_SOCKET", ""),
        ("DEFAULT_MODEL", ""),
        ("API_KEYS_FILE", " "),
        ("TRUSTED_PROXIES", "proxy.example.org"),
        ("TRUSTED_PROXIES", "::1, 10.0.0.1/8"),  # which is no network's address
        ("ROOT_PATH", "words"),
        ("ROOT_PATH", "/words?"),
        ("DRAIN_SECONDS", "inf"),
        ("MAX_SECONDS", "nan"),
    ],
)
def test_a_bad_value_is_refused_by_the_variable_s_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"UNROLLED_{name}", value)
    with pytest.raises(SettingsError, match=f"^UNROLLED_{name}: ") as refused:
        read_settings()
    assert "Value error" not in str(refused.value)  # pydantic's word for it


def test_arguments_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_PORT", "80")
    assert read_settings(port=81).port == 81


def test_lists_may_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CORS_ORIGINS", '["http://a", "https://b.org:8443"]')
    monkeypatch.setenv("UNROLLED_API_KEYS", '["one", "two, too"]')
    monkeypatch.setenv("UNROLLED_TRUSTED_PROXIES", '["10.0.0.0/8", "::1"]')
    settings = read_settings()
    assert settings.cors_origins == ("http://a", "https://b.org:8443")
    assert settings.keys == (b"one", b"two, too")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")


def test_a_name_that_is_no_setting_is_told_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_MODEL_DIR", "/srv")
    monkeypatch.setenv("UNROLLED_XYZZY", "1")
    assert unknown_settings() == [
        "UNROLLED_MODEL_DIR is no setting; was UNROLLED_MODELS_DIR meant?",
        "UNROLLED_XYZZY is no setting",
    ]


@pytest.mark.parametrize("name", ["UNROLLED_API_KEY", "UNROLLED_APIKEYS", "unrolled_api_key"])
def test_mistyped_keys_leave_nothing_open(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret")
    with pytest.raises(SettingsError, match=r"is no setting; UNROLLED_API_KEYS is"):
        read_settings()


def test_what_kubernetes_injects_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("PORT", "tcp://10.96.0.7:80"),
        ("SERVICE_HOST", "10.96.0.7"),
        ("SERVICE_PORT", "80"),
        ("SERVICE_PORT_HTTP", "80"),
        ("PORT_80_TCP", "tcp://10.96.0.7:80"),
        ("PORT_80_TCP_PROTO", "tcp"),
        ("PORT_80_TCP_ADDR", "10.96.0.7"),
    ):
        monkeypatch.setenv(f"UNROLLED_{name}", value)
    assert read_settings().port == 8000
    assert unknown_settings() == []
