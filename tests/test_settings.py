"""Settings from the environment, and what is said about a bad one."""

import os
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
        ("READ_SECONDS", "1e-300"),  # nobody could ask
        ("WRITE_SECONDS", "0.01"),
        ("POLL_SECONDS", "1e-300"),  # which is without a pause
        ("POLL_SECONDS", "-1"),
        ("API_KEYS", ","),
        ("API_KEYS", ""),
        ("API_KEYS", "[]"),
        ("API_KEYS", "[1]"),
        ("API_KEYS", '["a"'),
        ("API_KEYS", "[" * 5000),
        ("CORS_ORIGINS", "[" * 5000),
        ("TRUSTED_PROXIES", "[" * 5000),
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
        ("ROOT_PATH", "//evil.example"),  # which a browser takes for another site
        ("ROOT_PATH", "/a/../b"),
        ("ROOT_PATH", "/a%20b"),
        ("HOST", "a..b"),
        ("HOST", "\udcff"),
        ("HOST", "ü" * 80),
        ("DRAIN_SECONDS", "inf"),
        ("DRAIN_SECONDS", "1e308"),
        ("POLL_SECONDS", "1e300"),
        ("KEEP_ALIVE_SECONDS", "9" * 400),
        ("MAX_QUEUE", "9" * 400),
        ("MAX_BODY_BYTES", str(1 << 29)),  # more than all bodies together may have
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


@pytest.mark.parametrize(
    "name",
    [
        "UNROLLED_API_KEY",
        "UNROLLED_APIKEYS",
        "unrolled_api_key",
        "UNROLLED_KEY",
        "UNROLLED_API_TOKEN",
        "UNROLLED_AUTH_TOKENS",
        "UNROLLED_SECRET",
    ],
)
def test_mistyped_keys_leave_nothing_open(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret")
    with pytest.raises(SettingsError, match=r"is no setting; UNROLLED_API_KEYS is"):
        read_settings()


@pytest.mark.parametrize(
    "keys", ["a\nb", "good,a\x01", "\x7f", "a\x85b", "\udcff", "a" * 5000], ids=ascii
)
def test_a_key_that_no_header_carries_is_told_at_once_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("UNROLLED_API_KEYS", keys)
    with pytest.raises(SettingsError, match=r"^UNROLLED_API_KEYS: key [12] is longer") as refused:
        _ = read_settings().keys
    assert "good" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (b"k1\nk2", (b"k1", b"k2")),
        (b"\xef\xbb\xbfk1\r\n\r\n k2 \r\n", (b"k1", b"k2")),  # as Notepad saves it
        (b"k1\rk2\r", (b"k1", b"k2")),
        ("k1\u2028k2\n".encode(), ("k1\u2028k2".encode(),)),  # half a key opened the service
        (b"# of the service\nk1\n", (b"k1",)),  # which would be a key that can be guessed
    ],
)
def test_a_file_of_keys_has_one_a_line_however_lines_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, keys: tuple[bytes, ...]
) -> None:
    (tmp_path / "keys").write_bytes(content)
    monkeypatch.setenv("UNROLLED_API_KEYS_FILE", str(tmp_path / "keys"))
    assert read_settings().keys == keys


def test_a_file_of_keys_is_a_file_with_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "remarks").write_text("# k1\n")
    (tmp_path / "utf-16").write_text("k1", "utf-16")
    (tmp_path / "zeros").write_bytes(b"k1\0")
    (tmp_path / "feed").write_bytes(b"k1\x0ck2")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    for name in (
        "fifo",
        "/dev/zero",
        ".",
        "remarks",
        "utf-16",
        "zeros",
        "feed",
        "large",
        "nothing",
    ):
        monkeypatch.setenv("UNROLLED_API_KEYS_FILE", str(tmp_path / name))
        with pytest.raises(SettingsError, match=r"^UNROLLED_API_KEYS_FILE"):
            _ = read_settings().keys


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
