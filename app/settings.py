"""Settings, read from the environment. docs/settings.md describes each; a test compares the two."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where the server runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """The least important lines that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Execution(StrEnum):
    """What executes GraphQL operations."""

    COMPILED = "compiled"
    GRAPHQL_CORE = "graphql-core"


class Settings(BaseSettings):
    """Everything an operator may set; each name takes the prefix ORDERWIRE_."""

    model_config = SettingsConfigDict(env_prefix="ORDERWIRE_", env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Environment = Field(
        default=Environment.DEVELOPMENT,
        description="`production` makes no demo shop and no admin password of its own.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="How many processes serve requests.")
    data_dir: Path = Field(default=Path(".orderwire"), description="Where the embedded database and the keys are kept.")
    database_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?(\+asyncpg)?://",
        description="`postgresql://…` of your own server, 16 or newer. Without it an embedded one is started.",
    )
    database_pool_size: int = Field(
        default=10, ge=2, le=200, description="The most connections of one process for requests."
    )
    broadcast_url: str | None = Field(
        default=None,
        pattern=r"^(memory|postgres(ql)?(\+asyncpg)?|rediss?|valkeys?)://",
        description="What tells the processes of news: `memory://` (one process only), `postgresql://…` or `redis://…`"
        " (Redis or Valkey). Without it, the database itself.",
    )
    migrate: bool = Field(default=True, description="Whether `serve` brings the database to the newest migration.")
    seed: bool | None = Field(
        default=None,
        description="Whether `serve` fills an empty shop with the demo shop. Without it: in development only.",
    )
    admin_username: str = Field(
        default="admin", pattern="^[A-Za-z0-9]{4,20}$", description="The name of the first admin."
    )
    admin_password: SecretStr | None = Field(
        default=None,
        description="The password of the first admin. Without it one is made at the first start, in development only.",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description="The private key (PEM, P-256) that signs access tokens. Without it one is made and kept in the"
        " data directory; processes on several hosts must be given the same.",
    )
    access_token_seconds: int = Field(default=900, ge=30, le=86400, description="How long an access token is valid.")
    refresh_token_days: int = Field(default=30, ge=1, le=365, description="How long a refresh token is valid.")
    password_hashers: int = Field(
        default=2, ge=1, le=32, description="How many passwords are hashed at once, in threads."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses or networks of the proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed,"
        " separated by commas; `*` for all, where nobody else can reach the server.",
    )
    allowed_origins: str = Field(
        default="",
        description="Origins whose pages may call the server, separated by commas, such as https://shop.example.",
    )
    currency: str = Field(
        default="GBP", pattern="^[A-Z]{3}$", description="The currency of the shop's books and reports."
    )
    max_line_quantity: int = Field(default=100, ge=1, le=1_000_000, description="The most units of one order line.")
    idempotency_hours: int = Field(
        default=24, ge=1, le=8760, description="How long an idempotency key is remembered, at least."
    )
    pending_order_hours: int = Field(
        default=0, ge=0, le=8760, description="After how many hours a pending order is cancelled; 0 for never."
    )
    max_body_bytes: int = Field(
        default=262_144, ge=1024, le=67_108_864, description="The largest body of an HTTP request."
    )
    live_queue: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="How many events a slow subscriber may be behind before it must resume.",
    )
    live_poll_seconds: float = Field(
        default=2.0, gt=0, le=60, description="How often the log is read although nothing told of news."
    )
    live_heartbeat_seconds: float = Field(
        default=20.0,
        gt=0,
        le=300,
        description="How often a socket is pinged; one that does not answer for as long again is dropped. So is a"
        " listener (server-sent events) that takes nothing of what is sent to it for as long.",
    )
    event_retention_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="How many days events are kept, the history of orders among them; 0 keeps them for ever.",
    )
    shutdown_seconds: int = Field(
        default=3, ge=0, le=300, description="How long open requests may take when the server stops."
    )
    expose_statements: bool | None = Field(
        default=None,
        description="Whether answers tell in `extensions` how many statements they took. Without it: in development.",
    )
    execution: Execution = Field(
        default=Execution.COMPILED,
        description="`compiled` compiles each operation once; `graphql-core` is the library's own way, much slower.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="`debug`, `info`, `warning` or `error`.")

    @model_validator(mode="after")
    def _workers_hear_each_other(self) -> Self:
        if self.workers > 1 and (self.broadcast_url or "").startswith("memory"):
            raise ValueError("ORDERWIRE_BROADCAST_URL: memory:// reaches one process; leave it out for several workers")
        return self

    @property
    def is_development(self) -> bool:
        return self.environment is Environment.DEVELOPMENT

    @property
    def origins(self) -> tuple[str, ...]:
        """The allowed origins, one by one."""
        return tuple(origin.strip() for origin in self.allowed_origins.split(",") if origin.strip())

    @property
    def seeds(self) -> bool:
        """Whether to make a demo shop."""
        return self.is_development if self.seed is None else self.seed

    @property
    def exposes_statements(self) -> bool:
        """Whether answers tell their number of statements."""
        return self.is_development if self.expose_statements is None else self.expose_statements
