"""Settings, read from the environment. docs/settings.md describes each; a test compares the two."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.choices import Environment, Execution, LogLevel
from app.login.settings import Providers
from graph.limits.rules import Introspection


class Settings(BaseSettings):
    """Everything an operator may set; each name takes the prefix ORDERWIRE_."""

    model_config = SettingsConfigDict(
        env_prefix="ORDERWIRE_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

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
    limits_url: str | None = Field(
        default=None,
        pattern=r"^(memory|rediss?|valkeys?)://",
        description="Where attempts and budgets are counted: `redis://…` (Redis or Valkey) for all processes together,"
        " or `memory://` for each by itself. Without it, where the broadcaster is, if that is Redis or Valkey.",
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
        description="The private key (PEM, P-256) that signs access tokens; further ones behind it still verify."
        " Without it one is made and kept in the data directory; processes on several hosts must be given the same.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+$",
        description="Where clients reach the server, such as `https://shop.example`: what access tokens name as their"
        " issuer, and what addresses are made from. Without it: the address that a request names, in development only.",
    )
    access_token_seconds: int = Field(default=900, ge=30, le=86400, description="How long an access token is valid.")
    refresh_token_days: int = Field(default=30, ge=1, le=365, description="How long a refresh token is valid.")
    password_hashers: int = Field(
        default=1,
        ge=1,
        le=32,
        description="How many passwords are hashed at once, each in a process of its own."
        " The queries want at least one core that none of them takes.",
    )
    password_nice: int = Field(
        default=10,
        ge=0,
        le=19,
        description="How far those processes step back behind all others (`man nice`); 0 is not at all.",
    )
    password_queue: int = Field(
        default=50, ge=1, le=10_000, description="How many more may wait to be hashed; the rest is refused with `BUSY`."
    )
    password_time_cost: int = Field(
        default=3, ge=2, le=100, description="How many times Argon2id passes over its memory."
    )
    password_memory_kib: int = Field(
        default=65_536, ge=19_456, le=4_194_304, description="The memory that Argon2id takes for each password, in KiB."
    )
    password_parallelism: int = Field(
        default=1, ge=1, le=64, description="The lanes of Argon2id, each of which is a thread."
    )
    password_reset_minutes: int = Field(
        default=30, ge=5, le=1440, description="How long a password can be reset by the token of a mail."
    )
    password_reset_url: str | None = Field(
        default=None,
        pattern=r"^https?://.*\{token\}",
        description="The page that mails link to, such as https://shop.example/reset?token={token}."
        " Without it mails hold the token alone.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="The mail server: `smtp://user:password@host:587`, which must offer STARTTLS unless `?starttls=no`"
        " is added, or `smtps://…`. Without it mails are log lines in development, and are not sent in production.",
    )
    mail_from: str = Field(default="Orderwire <orderwire@localhost>", description="Whom mails are from.")
    sign_in_failures_per_account: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="How often a minute a password may be wrong for one account; 0 for no limit.",
    )
    sign_in_failures_per_address: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="How often a minute a password may be wrong from one network address; 0 for no limit.",
    )
    registrations_per_address: int = Field(
        default=60,
        ge=0,
        le=10_000,
        description="How many users an hour may be registered from one network address; 0 for no limit.",
    )
    logins_per_address: int = Field(
        default=300,
        ge=0,
        le=100_000,
        description="How many sign-ins with a provider an hour may be begun from one network address; 0 for no limit.",
    )
    reset_requests_per_account: int = Field(
        default=3, ge=0, le=1000, description="How many mails an hour one account may ask for; 0 for no limit."
    )
    reset_requests_per_address: int = Field(
        default=10,
        ge=0,
        le=10_000,
        description="How many mails an hour may be asked for from one network address; 0 for no limit.",
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
    oidc_providers: Annotated[Providers, NoDecode] = Field(
        default=(),
        description="The providers of OpenID Connect to sign in with ([sign-in](sign-in.md#with-another-provider)).",
    )
    oidc_registration: bool = Field(
        default=True, description="Whether somebody new who signs in with a provider becomes a user."
    )
    oidc_timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="How long a provider may take to answer, at each step of a sign-in."
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
    max_document_chars: int = Field(
        default=65_536, ge=256, le=1_048_576, description="The longest document, in characters."
    )
    max_tokens: int = Field(
        default=2_000, ge=50, le=100_000, description="The most tokens of a document, comments included."
    )
    max_depth: int = Field(default=12, ge=2, le=50, description="The most levels of fields.")
    max_fields: int = Field(
        default=1_000,
        ge=10,
        le=20_000,
        description="The most fields and fragments of an operation; what these hold counts wherever they are spread.",
    )
    max_duplicates: int = Field(
        default=40, ge=0, le=1000, description="The most fields that stand where the same is asked for already."
    )
    max_root_fields: int = Field(
        default=20, ge=1, le=1000, description="The most fields of the root, such as mutations in one operation."
    )
    max_aliases: int = Field(default=100, ge=0, le=10_000, description="The most aliases of an operation.")
    max_directives: int = Field(default=50, ge=0, le=10_000, description="The most directives of an operation.")
    max_list_items: int = Field(
        default=500, ge=100, le=100_000, description="The most items of a list that is given as input."
    )
    max_input_depth: int = Field(
        default=10, ge=4, le=50, description="The most lists and objects that may lie in one another in an input."
    )
    max_variables_size: int = Field(
        default=65_536,
        ge=1024,
        le=16_777_216,
        description="How large the variables may be: their values, and the characters of their texts and names.",
    )
    max_cost: int = Field(
        default=10_000,
        ge=100,
        le=10_000_000,
        description="The highest cost of one operation; docs/limits.md says how it is counted.",
    )
    budget: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000_000,
        description="The cost that a caller may spend at once; 0 for any. Without it: 2000000, and in development more"
        " than one machine can spend.",
    )
    budget_refill: int = Field(
        default=200_000, ge=1, le=100_000_000, description="How much of a spent budget comes back each second."
    )
    max_operations: int = Field(
        default=10, ge=1, le=10_000, description="The most queries and mutations of one caller that run at once."
    )
    operation_seconds: float = Field(
        default=15.0, gt=0, le=3600, description="How long a query or a mutation may take, and each of its statements."
    )
    report_seconds: float = Field(
        default=60.0, gt=0, le=3600, description="The same, for an operation that asks for reports."
    )
    introspection: Introspection | None = Field(
        default=None,
        description="Who may ask what the schema is like, and is told which name was probably meant: `everyone`,"
        " `signed-in` or `nobody`. Without it: everyone in development, and who is signed in elsewhere.",
    )
    documents: Path | None = Field(
        default=None,
        description="A manifest of documents, or a directory of manifests and `*.graphql` files, that clients may name"
        " by `documentId`.",
    )
    documents_only: bool = Field(
        default=False, description="Whether only the documents of `ORDERWIRE_DOCUMENTS` are run, and no others."
    )
    automatic_documents: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="How many documents a process keeps for clients that name them by hash from then on (automatic"
        " persisted queries); 0 for none.",
    )
    max_connections: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="How many connections one process has at once, WebSockets and streams included. Without it: what"
        " the limit of open files (`ulimit -n`) leaves beside the database.",
    )
    max_streams: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="How many streams of server-sent events one user, or one address without a user, may have open in"
        " one process.",
    )
    socket_init_seconds: float = Field(
        default=3.0, gt=0, le=60, description="How long the client of a WebSocket may take for its `connection_init`."
    )
    socket_idle_seconds: float = Field(
        default=600.0,
        ge=0,
        le=86_400,
        description="After how long without an operation a WebSocket is closed; 0 for never.",
    )
    socket_operations: int = Field(
        default=100, ge=1, le=10_000, description="How many operations may run on one WebSocket at once."
    )
    sockets_per_caller: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="How many WebSockets to one process a user may have, or an address without signing in.",
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
        " listener (server-sent events) that takes nothing of what is sent to it for as long; it is sent a comment as"
        " often, and every 15 seconds at least.",
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
    shadow_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="The share of queries over HTTP, between 0 and 1, that is executed by graphql-core too once it was"
        " answered. What differs is logged, with the name of the operation and nothing of what it holds.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="`debug`, `info`, `warning` or `error`.")

    @model_validator(mode="after")
    def _workers_hear_each_other(self) -> Self:
        if self.workers > 1 and (self.broadcast_url or "").startswith("memory"):
            raise ValueError("ORDERWIRE_BROADCAST_URL: memory:// reaches one process; leave it out for several workers")
        return self

    @model_validator(mode="after")
    def _budget_holds_the_dearest(self) -> Self:
        if self.budget and self.budget < self.max_cost:
            raise ValueError("ORDERWIRE_BUDGET: an operation of the highest cost (ORDERWIRE_MAX_COST) must fit into it")
        return self

    @model_validator(mode="after")
    def _providers_know_where_to_send_people_back(self) -> Self:
        if self.oidc_providers and self.public_url is None and not self.is_development:
            # Else whoever can name a host decides where the provider sends the browser, and its code.
            raise ValueError("ORDERWIRE_PUBLIC_URL: in production, ORDERWIRE_OIDC_PROVIDERS need it")
        return self

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(url.get_secret_value()) if url else None
        if parts and (parts.scheme not in {"smtp", "smtps"} or not parts.hostname):
            # The value may hold a password, and is not repeated.
            raise ValueError("not a URL like smtp://user:password@host:587")
        return url

    @property
    def shared_limits_url(self) -> str | None:
        """The Redis or Valkey where all processes count together; None where each counts by itself."""
        url = self.limits_url or self.broadcast_url or ""
        return url if url.startswith(("redis", "valkey")) else None

    @model_validator(mode="after")
    def _documents_are_given(self) -> Self:
        if self.documents_only and self.documents is None:
            raise ValueError("ORDERWIRE_DOCUMENTS_ONLY: nothing could be run; name them by ORDERWIRE_DOCUMENTS")
        if self.documents_only and self.automatic_documents:
            raise ValueError("ORDERWIRE_AUTOMATIC_DOCUMENTS: with ORDERWIRE_DOCUMENTS_ONLY clients can leave none")
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
