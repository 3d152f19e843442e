"""Every environment variable toprank knows. Only entry points read it; everything else gets plain values."""

import ipaddress
import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import ToprankError

MINIMUM_SECRET_LENGTH = 32
KNOWN_SECRETS = frozenset({"change-me", "changeme", "secret", "toprank", "secret-key"})


def user_directory(kind: Literal["data", "cache"]) -> Path:
    """The place for a user's own files: XDG_DATA_HOME or XDG_CACHE_HOME, else their usual defaults."""
    variable, default = {"data": ("XDG_DATA_HOME", ".local/share"), "cache": ("XDG_CACHE_HOME", ".cache")}[kind]
    return Path(os.environ.get(variable) or Path.home() / default) / "toprank"


class Settings(BaseSettings):
    """The process's configuration, from the environment (prefix TOPRANK_, but DATABASE_URL plain)."""

    model_config = SettingsConfigDict(
        env_prefix="TOPRANK_", extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="A Postgres of yours; unset means the embedded one in data_dir.",
    )
    data_dir: Path = Field(default_factory=lambda: user_directory("data"))
    cache_dir: Path = Field(
        default_factory=lambda: user_directory("cache"), validation_alias=AliasChoices("TOPRANK_CACHE", "cache_dir")
    )
    store: Path | None = Field(default=None, description="Checkpoint bytes; unset means data_dir/store.")
    secret_key: SecretStr | None = Field(
        default=None, description="Signs form tokens; unset means data_dir/secret_key."
    )
    pool_size: int = Field(default=11, ge=1, le=100, description="Database connections of one process for pages.")
    secure_cookies: bool = Field(default=True, description="False only for plain http on loopback, or said explicitly.")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Addresses whose forwarded headers are believed, comma-separated."
    )
    generation_first_batch: int = Field(default=8, ge=1, description="Contexts of a system's first batch.")
    generation_batch: int = Field(default=32, ge=1, description="Contexts of every further batch.")
    language: str = Field(default="en", description="What annotators' pages are written in: a file of app/locale.")
    upload_quota_gb: float = Field(
        default=1000, gt=0, description="Of checkpoints that one person uploaded, unfinished ones included."
    )
    upload_margin_gb: float = Field(default=5, ge=0, description="What uploads leave free on the store's disk.")
    upload_abandoned_hours: float = Field(default=48, gt=0, description="An upload untouched for so long is removed.")
    log: Literal["plain", "json"] = Field(default="plain", description="json: a line for each request, and all else.")
    metrics_token: SecretStr | None = Field(default=None, description="Opens /metrics; unset means loopback alone.")
    keep_attempts_days: float = Field(default=1, gt=0, description="How long failed logins are kept.")
    keep_ended_days: float = Field(default=90, gt=0, description="The same of used or expired links and tokens.")
    keep_audit_days: float | None = Field(default=None, gt=0, description="The same of the audit log; unset: forever.")
    server: str | None = Field(
        default=None, description="The web app, for a worker without its store: checkpoints come and go there."
    )
    worker_token: SecretStr | None = Field(default=None, description="With which it does so, of the scope worker.")
    session_idle: timedelta = timedelta(hours=1)
    session_lifetime: timedelta = timedelta(hours=12)

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"postgres(ql)?(\+psycopg)?://", value):
            raise ValueError("it has to be an address such as postgresql://user:password@host/database")
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ipaddress.ip_network(one)
            except ValueError as error:
                raise ValueError(
                    f"{one[:60]!r} is neither an address, such as 192.0.2.7, nor a network of them, such as 10.1.0.0/16"
                ) from error
        return value

    @property
    def store_dir(self) -> Path:
        """Where checkpoint bytes live."""
        return self.store or self.data_dir / "store"


class SecretKeyError(ToprankError):
    """TOPRANK_SECRET_KEY is missing, too short or publicly known; set it to 32 or more random characters."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def secret_key(settings: Settings) -> str:
    """The key that signs form tokens: the configured one, else one made once and kept in the data directory.

    A database of one's own may be shared by many web processes, which must agree on the key: there it has to be set.
    Raises SecretKeyError when it is missing there, too short or publicly known.
    """
    if settings.secret_key is not None:
        return _checked(settings.secret_key.get_secret_value())
    if settings.database_url is not None:
        raise SecretKeyError
    file = settings.data_dir / "secret_key"
    if not file.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        write_private(file, secrets.token_urlsafe(48))
    return _checked(file.read_text().strip())


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        os.fchmod(descriptor, 0o600)
        stream.write(text)


def _checked(key: str) -> str:
    if len(key) < MINIMUM_SECRET_LENGTH or key.lower() in KNOWN_SECRETS or len(set(key)) < 8:
        raise SecretKeyError
    return key
