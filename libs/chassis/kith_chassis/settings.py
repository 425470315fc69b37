"""Every setting of the chassis, read from the environment with the prefix `KITH_`."""

from typing import Literal

from pydantic import Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Role = Literal["api", "worker", "all"]


class AppSettings(BaseSettings):
    """What every web process needs, also one without a database."""

    model_config = SettingsConfigDict(env_prefix="KITH_", extra="ignore", frozen=True)

    environment: Literal["local", "test", "production"] = "production"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    http_fd: int | None = Field(default=None, description="A socket to serve that our starter opened and keeps.")
    drain_fd: int | None = Field(default=None, description="Closed on SIGTERM: our starter may start the next one.")
    stop_grace_seconds: float = Field(default=5.0, ge=0, description="How long after SIGTERM it serves as before.")
    stop_deadline_seconds: float = Field(default=25.0, gt=0, description="After this, open requests are cut off.")
    max_body_bytes: int = Field(default=8 * 1024 * 1024, gt=0, description="A larger request body is refused with 413.")
    jwks_url: str = Field(default="", description="Where the public keys of access tokens are published.")
    token_issuer: str = "kith"  # noqa: S105 -- a name, not a secret
    otlp_endpoint: str = Field(default="", description="OpenTelemetry collector (HTTP); empty: no export of traces.")


class ServiceSettings(AppSettings):
    """What a service with a database and a place on the bus needs beside that."""

    role: Role = Field(default="all", description="api answers requests, worker runs relay, consumers and jobs.")
    database_url: PostgresDsn = Field(description="Login of the role that row-level security binds.")
    worker_database_url: PostgresDsn | None = Field(default=None, description="Login of relay, consumers and jobs.")
    database_pool: int = Field(default=8, ge=1, description="Connections per engine at most.")
    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str = ""
    nats_password: SecretStr | None = None
    stream: str = Field(default="KITH", description="The JetStream stream that carries all events.")
    stream_replicas: int = Field(default=1, ge=1, le=5)
    stream_max_age_days: int = Field(default=3650, ge=1, description="How long the log of all events is kept.")
    relay_poll_seconds: float = Field(default=2.0, gt=0, description="Safety net behind the out-of-band wake-up.")
    consumer_batch: int = Field(default=500, ge=1, le=5000)
    consumer_lease_seconds: float = Field(default=60.0, gt=0, description="How long the bus waits for an answer.")
