"""What all services share, read from NEWSLOOM_* in `main` and handed down."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.runtime.errors import ConfigurationError


class RuntimeSettings(BaseSettings):
    """Connections, delivery and the HTTP port of one worker process."""

    model_config = SettingsConfigDict(env_prefix="NEWSLOOM_", frozen=True, extra="ignore", hide_input_in_errors=True)

    kafka_bootstrap: str = Field(
        default="127.0.0.1:9092", description="Kafka brokers, as host:port, with commas between."
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Kafka security protocol."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="SASL mechanism, for SASL_PLAINTEXT and SASL_SSL."
    )
    kafka_username: str | None = Field(default=None, description="SASL user.")
    kafka_password: SecretStr | None = Field(default=None, description="SASL password.")
    kafka_ca_file: str | None = Field(default=None, description="PEM file of the authority that signed the brokers.")
    kafka_cert_file: str | None = Field(default=None, description="PEM file of the client's certificate.")
    kafka_key_file: str | None = Field(default=None, description="PEM file of the client's key.")
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="Redis, as redis:// or rediss:// URL."
    )
    redis_cluster: bool = Field(default=False, description="Whether that Redis is a Redis Cluster.")
    redis_timeout_seconds: float = Field(default=5.0, gt=0, description="Longest wait for one answer of Redis.")
    topic_prefix: str = Field(
        default="", pattern=r"^[A-Za-z0-9._-]*$", description="Put before every topic and consumer group name."
    )
    raw_topics: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("raw-articles",), description="Topics that the cleaner reads, with commas between (before the prefix)."
    )
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        default="none", description="Compression of what the services write; consumers must be able to read it."
    )
    batch_records: int = Field(
        default=1024,
        ge=1,
        le=4096,
        description="Most records whose sends are awaited together; a batch also ends after about 0.1 s of work.",
    )
    commit_interval_seconds: float = Field(
        default=0.5, gt=0, description="How often acknowledged offsets are committed."
    )
    session_timeout_seconds: float = Field(
        default=10.0, ge=6, description="How long the group waits for a silent worker before it gives its work away."
    )
    retry_first_seconds: float = Field(default=0.2, gt=0, description="First wait before a dependency is asked again.")
    retry_longest_seconds: float = Field(default=10.0, gt=0, description="Longest wait between two tries.")
    http_host: str = Field(default="127.0.0.1", description="Where /metrics, /healthz and /readyz are served.")
    http_port: int = Field(default=0, ge=0, le=65535, description="Their port; 0 takes a free one and logs it.")
    http_port_file: str | None = Field(default=None, description="File that the port is written to once it is known.")
    stall_seconds: float = Field(
        default=60.0,
        gt=0,
        description="/healthz fails, and the worker is ended, when its event loop has not turned for as long.",
    )
    record_seconds: float = Field(
        default=120.0, gt=0, description="Longest wait for one record's outcome; then it is a dead letter `too_slow`."
    )
    record_deaths: int = Field(
        default=3,
        ge=1,
        description="How many workers a record may end before it is a dead letter `crashed` or `too_slow`.",
    )
    memory_limit_bytes: int = Field(
        default=0, ge=0, description="Most memory that the worker may allocate; 0 leaves it to the machine."
    )
    breaker_run: int = Field(
        default=200, ge=0, description="Dead letters in a row that stop the service; 0 for none, and no ratio either."
    )
    breaker_ratio: float = Field(
        default=0.5, gt=0, le=1, description="Share of dead letters among the last records that stops the service."
    )
    breaker_window: int = Field(default=1000, ge=10, description="How many records that share is taken of.")
    stop_seconds: float = Field(
        default=8.0, gt=0, description="Longest a worker takes to end when it is told to; then it ends as it stands."
    )
    tracing_endpoint: str | None = Field(
        default=None,
        description="Where traces are sent, as http://COLLECTOR:4318/v1/traces (OTLP); none are made without it. "
        "Needs the extra `tracing`.",
    )
    tracing_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of traces begun here that are recorded; a publisher's `traceparent` decides for its own.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")

    @field_validator("raw_topics", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            names = tuple(name.strip() for name in value.split(",") if name.strip())
            if not names:
                raise ValueError("names no topic; write one or several with commas between")
            return names
        return value

    @field_validator("tracing_endpoint")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", value):
            raise ValueError("is no http:// or https:// address; write http://COLLECTOR:4318/v1/traces")
        return value

    def group(self, service: str) -> str:
        """The consumer group of `service`."""
        return f"{self.topic_prefix}newsloom-{service}"


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def read_settings(kind: type[SettingsT], **overrides: Any) -> SettingsT:
    """`kind` from the environment. Raises ConfigurationError naming the variable and the remedy, never the value."""
    try:
        return kind(**overrides)
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        lines = [
            f"{prefix}{'_'.join(str(step) for step in problem['loc'])}: {problem['msg']}".replace("Value error, ", "")
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        named = [line.split(":", 1)[0].upper() + ":" + line.split(":", 1)[1] for line in lines]
        raise ConfigurationError("; ".join(named) + ". Correct the environment variable, or unset it.") from None
