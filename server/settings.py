"""Settings, the only reader of the environment: every `SANDTABLE_*` value, parsed once."""

from __future__ import annotations

import difflib
import ipaddress
import logging
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engine.config import FIELDS, ConfigLimits
from engine.enums import Timeframe
from engine.errors import ConfigurationError
from sandbox.job import Limits

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PREFIX = "SANDTABLE_"
SHORT_SECRET = 16  # characters; one that is shorter may be guessed
log = logging.getLogger(__name__)
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(BaseSettings):
    """Every setting with its default; relative paths start at the project's directory."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=PROJECT_ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_directory: Path = Field(Path("data"), description="Market history, read only.")
    results_directory: Path = Field(
        Path("results"), description="Files of every backtest, the database and its key."
    )
    cache_directory: Path = Field(
        Path("results/cache"), description="Everything in it can be rebuilt."
    )
    database: Path = Field(
        Path("results/sandtable.db"), description="Accounts, strategies and the queue (SQLite)."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    secret_key: SecretStr | None = Field(
        None,
        min_length=1,
        description="Signs form tokens; made and kept beside the database when unset.",
    )
    signup: Literal["open", "closed"] | None = Field(
        None,
        description="`open` or `closed`; unset: open on a loopback address, closed otherwise.",
    )
    max_backtest_duration: float = Field(
        3600.0, gt=0, description="Seconds of wall time that one run may take."
    )
    sandbox_cpu_seconds: int = Field(
        1200, ge=1, description="Seconds of processor time that one run may take."
    )
    sandbox_memory_mb: int = Field(
        1024, ge=256, description="Memory of one run's process, in megabytes."
    )
    max_sealed_mb: int = Field(
        1024,
        ge=0,
        description="Memory for bars kept ready for the next run over the same, in megabytes.",
    )
    sandbox_workers: int | None = Field(
        None, ge=1, le=256, description="Runs at once; unset: one for each processor."
    )
    sandbox_level: Literal["strict", "degraded"] = Field(
        "strict",
        description="`strict` refuses to run strategies when a kernel lock is missing;"
        " `degraded` runs with the locks there are and says so everywhere.",
    )
    user_max_running: int = Field(2, ge=1, description="Runs at once of one account.")
    user_max_queued: int = Field(1000, ge=1, description="Waiting runs of one account.")
    user_max_storage_mb: int = Field(
        2048, ge=1, description="Results, their caches and code of one account, in megabytes."
    )
    min_free_disk_mb: int = Field(
        1024,
        ge=0,
        description="Megabytes that stay free on the disks that the service writes to; with less"
        " left no run is taken or started, and no code is saved.",
    )
    cache_mb: int = Field(
        2048,
        ge=1,
        description="Megabytes that all caches on disk may take together: parsed market history,"
        " its index, and results' numbers for charts and pages. The longest unused goes first.",
    )
    max_leverage: float = Field(
        ConfigLimits.max_leverage,
        ge=FIELDS["max_leverage"].low,
        le=FIELDS["max_leverage"].high,
        description="Highest leverage on offer.",
    )
    default_maintenance_margin_rate: float = Field(
        ConfigLimits.maintenance_margin_rate,
        gt=FIELDS["maintenance_margin_rate"].low,
        lt=FIELDS["maintenance_margin_rate"].high,
        description="Used by a backtest that names none.",
    )
    allowed_timeframes: Annotated[tuple[Timeframe, ...], NoDecode] = Field(
        ConfigLimits.timeframes,
        min_length=1,
        description="Timeframes on offer, separated by commas.",
    )
    rate_limit_per_minute: int = Field(
        600,
        ge=1,
        description="Requests a minute of one account; of one address while nobody is signed in.",
    )
    requests_in_flight: int = Field(
        8,
        ge=1,
        description="Requests of one account that are answered at once; four times as many of"
        " one address while nobody is signed in. Event streams are counted apart.",
    )
    connections_max: int = Field(
        1000,
        ge=10,
        description="Open connections; those of trusted proxies are not counted, but the requests"
        " that they pass on are.",
    )
    trusted_proxies: Annotated[tuple[IPNetwork, ...], NoDecode] = Field(
        (),
        description="Addresses or networks, separated by commas, whose X-Forwarded-For and"
        " X-Forwarded-Proto are believed; nobody else's are.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token that may read /metrics; administrators always may.",
    )
    session_days: int = Field(14, ge=1, le=365, description="Days until a sign-in expires.")
    password_hash_concurrency: int = Field(
        2, ge=1, le=64, description="Passwords hashed at once (19 MB and a processor each)."
    )
    max_body_kb: int = Field(
        2048,
        ge=512,
        description="Largest request body, in kilobytes, but for batches (8 MB); more is 413.",
    )
    queue_max: int = Field(
        20000, ge=1, description="Waiting runs of all accounts; more is answered 503."
    )
    drain_seconds: float = Field(
        10.0,
        ge=0,
        description="How long a stopping service waits for running backtests before it puts"
        " them back in the queue.",
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Ended runs that are older are deleted, but for those with a star, a note or a"
        " link; unset: they stay for ever.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe event that is logged."
    )

    @field_validator("allowed_timeframes", mode="before")
    @classmethod
    def _split_timeframes(cls, value: Any) -> Any:
        return _split(value)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: Any) -> Any:
        return [ipaddress.ip_network(item, strict=False) for item in _split(value)]

    @model_validator(mode="after")
    def _anchor_paths(self) -> Settings:
        for name in ("data_directory", "results_directory", "cache_directory", "database"):
            object.__setattr__(self, name, (PROJECT_ROOT / getattr(self, name)).absolute())
        # A results directory that was moved takes with it what lives in it by default.
        for name, inside in (("cache_directory", "cache"), ("database", "sandtable.db")):
            if name not in self.model_fields_set:
                object.__setattr__(self, name, self.results_directory / inside)
        return self

    @property
    def workers(self) -> int:
        """How many backtests run at once."""
        return self.sandbox_workers or os.cpu_count() or 1

    @property
    def signup_open(self) -> bool:
        """Whether strangers may make an account here."""
        if self.signup is not None:
            return self.signup == "open"
        return is_loopback(self.host)

    @property
    def config_limits(self) -> ConfigLimits:
        """The bounds of a backtest's configuration on this installation."""
        return ConfigLimits(
            self.max_leverage, self.default_maintenance_margin_rate, self.allowed_timeframes
        )

    @property
    def run_limits(self) -> Limits:
        """What one sandboxed run may use."""
        return Limits(
            wall_s=self.max_backtest_duration,
            cpu_s=self.sandbox_cpu_seconds,
            memory_mb=self.sandbox_memory_mb,
        )

    def make_directories(self) -> None:
        """Create what the service writes to. Raises ConfigurationError when it cannot."""
        for path in (self.results_directory, self.cache_directory, self.database.parent):
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(f"cannot create {path}: {error.strerror}") from error

    def signing_key(self) -> str:
        """The secret that signs form tokens; made beside the database on first use."""
        if self.secret_key is not None:
            given = self.secret_key.get_secret_value()
            if len(given) < SHORT_SECRET:
                log.warning(
                    "secret_key_is_short characters=%d advised=%d", len(given), SHORT_SECRET
                )
            return given
        path = self.database.parent / "secret.key"
        if not path.exists():
            # Written aside: a full disk leaves no half of it, and of two processes that start
            # together one puts its own in place and both read that.
            aside = path.with_name(f".secret.key.{secrets.token_hex(4)}")
            try:
                descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_hex(32))
                with suppress(FileExistsError):
                    os.link(aside, path)
            finally:
                aside.unlink(missing_ok=True)
        key = path.read_text().strip()
        if len(key) < 32:
            raise ConfigurationError(f"{path} is damaged: delete it and start again")
        return key


def load_settings(**overrides: Any) -> Settings:
    """Settings of the environment, `overrides` first. Raises ConfigurationError, all at once."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [
            f"SANDTABLE_{'_'.join(str(part) for part in item['loc'][:1]).upper()}: {item['msg']}"
            for item in error.errors()
        ]
        raise ConfigurationError("; ".join(lines)) from None


def unknown_settings() -> list[str]:
    """A sentence for each `SANDTABLE_*` of the environment or `.env` that no setting has, with the
    name it may have been meant for: a slip leaves the default in force without a word."""
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    bare = [name.upper() for name in Settings.model_fields]
    given = {name.upper() for name in (*os.environ, *_names_in_file())}
    sentences = []
    for name in sorted(n for n in given if n.startswith(PREFIX) and n not in names):
        close = difflib.get_close_matches(name.removeprefix(PREFIX), bare, n=1, cutoff=0.6)
        meant = f"; do you mean {PREFIX}{close[0]}?" if close else ""
        sentences.append(f"nobody knows the setting {name[:80]}{meant}")
    return sentences


def _names_in_file() -> list[str]:
    path = Settings.model_config.get("env_file")
    if not isinstance(path, Path) or not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    words = (line.strip().removeprefix("export ").partition("=")[0].strip() for line in lines)
    return [word for word in words if word and not word.startswith("#")]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return [item for item in re.split(r"[,\s]+", value.strip("[]").replace('"', "")) if item]
    return value
