"""Settings from `UNROLLED_*` environment variables; docs/operations.md lists the same ones."""

import difflib
import json
import os
import re
import stat
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import SettingsError

PREFERRED_MODEL = "english"  # of requests that name none, where it is there
_PACKAGE = Path(__file__).parent
# A checkout's are beside the package, a wheel's inside it.
_SHIPPED = (_PACKAGE.parent / "models", _PACKAGE / "models")


def _default_models() -> Path:
    """`models` here, if any folder in it is a model; else those that came with the service."""
    here = Path("models")
    return next((one for one in (here, *_SHIPPED) if any(one.glob("*/model.keras"))), here)


# "null" is a page's that has none; apps have schemes of their own.
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/\s\"',*]+", re.IGNORECASE)
# What Kubernetes and Docker tell of other services, by names that begin like ours.
_OF_A_SERVICE = re.compile(
    r".*(_SERVICE_(HOST|PORT)(_\w+)?|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|_NAME|_ENV_\w+)"
)
# Not "//host", which a browser takes for another site, and nothing that is decoded on its way here.
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[^/\s?#%\\\x00-\x1f\x7f\ud800-\udfff]+)+")
_KEY = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,4096}")  # what a header can carry
_LINE_END = re.compile(r"[\r\n]+")  # Python has seven others, at which half a key would be one
_LIKE_KEYS = re.compile(r"(.*_)?(KEY|TOKEN|SECRET|PASSWORD|AUTH|BEARER)S?(_?FILE)?")
_LARGEST_KEYS = 1 << 20  # bytes of a file of keys
_YEAR = 31_536_000  # seconds; clocks and timers overflow somewhere beyond
_SHORTEST = 0.1  # seconds, that any client is given
_SHORTEST_POLL = 0.01  # seconds
_MOST_BYTES = 1 << 28  # all that half-read bodies and unread answers may take together
_MANY = 1_000_000
_LIKENESS = 0.6  # difflib's ratio


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="UNROLLED_", frozen=True, extra="ignore", allow_inf_nan=False
    )

    models_dir: Path = Field(default_factory=_default_models, description="Folder of model folders")
    default_model: str | None = Field(
        None, description="Model of requests that name none; else `english`, else the first"
    )
    engine: Literal["numpy", "tensorflow"] = Field("numpy", description="What computes")
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    unix_socket: Path | None = Field(
        None, description="Socket file to listen on, instead of an address and port"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks whose X-Forwarded-* hold, with commas; * for all"
    )
    root_path: str = Field(
        "", description="Path that a proxy serves it under, such as /words, stripped or not"
    )
    workers: int = Field(1, ge=1, le=256, description="Processes; they share the weights")
    api_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Keys that open the service, with commas between; none leaves it open"
    )
    api_keys_file: Path | None = Field(
        None, description="File with more of them, one a line; # begins a line that is none"
    )
    max_body_bytes: int = Field(
        1 << 20, ge=1024, le=_MOST_BYTES, description="Largest request body"
    )
    max_seconds: float = Field(
        10.0,
        gt=0,
        le=_YEAR,
        description="Most seconds of one core that a request may cost; else 422",
    )
    max_buffered_bytes: int = Field(
        16 << 20,
        ge=1 << 20,
        le=_MOST_BYTES,
        description="Most bytes of an answer in memory; more is streamed",
    )
    max_connections: int = Field(4096, ge=1, le=_MANY, description="Most connections of a process")
    read_seconds: float = Field(
        10.0,
        ge=_SHORTEST,
        le=_YEAR,
        description="For a request's head; a body gets one more for every 64 KB",
    )
    write_seconds: float = Field(
        30.0,
        ge=_SHORTEST,
        le=_YEAR,
        description="Until a client that reads nothing of its answer is cut off",
    )
    max_batch: int = Field(32, ge=1, le=4096, description="Most requests in one matrix product")
    max_queue: int = Field(
        1024, ge=1, le=_MANY, description="Most requests in progress; more get 503"
    )
    poll_seconds: float = Field(
        2.0, ge=0, le=_YEAR, description="How often the models folder is looked at; 0 never"
    )
    keep_alive_seconds: int = Field(
        75, ge=1, le=_YEAR, description="How long an idle connection stays open"
    )
    drain_seconds: float = Field(
        0.0, ge=0, le=_YEAR, description="From not ready to not listening, after SIGTERM"
    )
    log_format: Literal["json", "console"] = Field("console", description="Shape of log lines")
    log_requests: bool = Field(True, description="Whether there is a line for every request")
    log_phrases: bool = Field(False, description="Whether phrases are logged")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose pages may call, with commas between; * for all"
    )

    @field_validator("trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return _listed(value) if isinstance(value, str) else value

    @field_validator("api_keys", mode="before")
    @classmethod
    def _some_keys(cls, value: Any) -> Any:
        """What was set to protect the service and holds no key would leave it open."""
        keys = _listed(value) if isinstance(value, str) else value
        if isinstance(value, str) and not keys:
            raise ValueError("holds no key; unset it to leave the service open")
        return keys

    @field_validator("cors_origins", mode="after")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r:.80} is no origin, such as https://example.org, or *")
        return value

    @field_validator("host", mode="after")
    @classmethod
    def _some_host(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("is empty, which would be every address; 0.0.0.0 says so")
        try:
            value.encode("idna")
        except UnicodeError:
            raise ValueError(f"{value!r:.80} is no address, and no name of a host") from None
        return value

    @field_validator("models_dir", "default_model", "unix_socket", "api_keys_file", mode="before")
    @classmethod
    def _some(cls, value: Any) -> Any:
        if isinstance(value, str) and not value.strip():  # as a path, this folder
            raise ValueError("is empty")
        return value

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """What uvicorn cannot read it takes for a name, which no client has."""
        for one in value:
            try:
                _ = one == "*" or ip_network(one)
            except ValueError:
                raise ValueError(f"{one!r:.80} is no address, no network, and not *") from None
        return value

    @field_validator("poll_seconds")
    @classmethod
    def _from_time_to_time(cls, value: float) -> float:
        if 0 < value < _SHORTEST_POLL:
            raise ValueError(f"should be 0, which is never, or at least {_SHORTEST_POLL}")
        return value

    @field_validator("port", mode="before")
    @classmethod
    def _own_port(cls, value: Any) -> Any:
        """Kubernetes tells of a Service named `unrolled` under this name, with an address."""
        if isinstance(value, str) and value.startswith("tcp://"):
            return cls.model_fields["port"].default
        return value

    @field_validator("root_path")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and not _PATH.fullmatch(value):
            raise ValueError("should be a path, such as /words")
        return value

    @cached_property
    def _keys_of_the_file(self) -> tuple[str, ...]:
        if self.api_keys_file is None:
            return ()
        try:
            lines = _LINE_END.split(_read(self.api_keys_file).decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"UNROLLED_API_KEYS_FILE cannot be read: {error}") from error
        keys = tuple(key for line in lines if (key := line.strip()) and not key.startswith("#"))
        if not keys:  # it was to protect the service, and would leave it open
            raise SettingsError("UNROLLED_API_KEYS_FILE holds no key")
        return keys

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The API keys as they come over the wire. Raises SettingsError for what cannot come."""
        for setting, keys in (("KEYS", self.api_keys), ("KEYS_FILE", self._keys_of_the_file)):
            for number, key in enumerate(keys, 1):
                if not _KEY.fullmatch(key):
                    why = "is longer than 4096 characters, or has some that no header carries"
                    raise SettingsError(f"UNROLLED_API_{setting}: key {number} {why}")
        return tuple(key.encode() for key in (*self.api_keys, *self._keys_of_the_file))


def _read(path: Path) -> bytes:
    """A small file's content: a FIFO would keep the start waiting, and a device has no end."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not a regular file")
        content = file.read(_LARGEST_KEYS + 1)
    if len(content) > _LARGEST_KEYS:
        raise OSError(f"it is larger than {_LARGEST_KEYS} bytes")
    return content


def _listed(value: str) -> tuple[str, ...]:
    """Texts with commas between, or a JSON list of them. Raises ValueError."""
    if not value.lstrip().startswith("["):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        listed = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("begins like a JSON list and is none") from None
    if not all(isinstance(one, str) and one.strip() for one in listed):
        raise ValueError("a JSON list of texts is needed")
    return tuple(one.strip() for one in listed)


def unknown_settings() -> list[str]:
    """A sentence for each `UNROLLED_*` variable that is no setting, with the nearest that is.

    Raises SettingsError where it looks like the keys, without which the service would be open.
    """
    known = [name.upper() for name in Settings.model_fields]
    said = []
    for variable in sorted(map(str.upper, os.environ)):
        name = variable.removeprefix("UNROLLED_")
        if name == variable or name in known or _OF_A_SERVICE.fullmatch(variable):
            continue
        near = difflib.get_close_matches(name, known, 1, _LIKENESS)
        keys = next((one for one in near if "API_KEY" in one), None)
        if (keys and "KEY" in name) or _LIKE_KEYS.fullmatch(name):
            raise SettingsError(f"{variable} is no setting; UNROLLED_{keys or 'API_KEYS'} is")
        meant = f"; was UNROLLED_{near[0]} meant?" if near else ""
        said.append(f"{variable} is no setting{meant}")
    return said


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment. Raises SettingsError, naming the variable."""
    unknown_settings()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"UNROLLED_{name.upper()}: {said}") from error
