"""Settings: from the environment only, each named ``SAMEDAY_<NAME>``.

For a secret, ``SAMEDAY_<NAME>_FILE`` may name a file that holds the value (as containers mount secrets).
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SAMEDAY_"


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which one and what to do."""


class Settings(BaseSettings):
    """All that a site can decide about the service, read once at the start and never changed."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: str = Field(
        "sqlite:///sameday.db",
        pattern=r"^(sqlite://|postgresql\+psycopg://)",
        description="Address of the database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME",
    )
    base_url: str = Field("http://127.0.0.1:8000", description="Where people reach the service; links are made of it")
    service_name: str = Field("Sameday", max_length=60, description="The name in notices and on documents")
    state_dir: Path = Field(Path("var"), description="Folder for the self-made seal key and temporary files")
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least serious line that is logged"
    )

    body_limit_bytes: int = Field(256 * 1024, ge=1024, description="Largest request body (security.md, 5.2)")
    verify_limit_bytes: int = Field(10 * 1024 * 1024, ge=1024, description="Largest PDF taken for verification")

    smtp_host: str = Field("127.0.0.1", description="Mail server that takes the notices")
    smtp_port: int = Field(25, ge=1, le=65535, description="Its port")
    smtp_starttls: bool = Field(False, description="Ask for TLS before anything else; refuse to send without it")
    smtp_username: str | None = Field(None, description="Sign-in at the mail server, when it asks for one")
    smtp_password: SecretStr | None = Field(None, description="Password at the mail server")
    smtp_from: str = Field("no-reply@sameday.example", description="Sender of every notice")
    send_timeout_seconds: float = Field(20.0, gt=0, le=300, description="Longest wait for a mail server or webhook")
    webhook_allow_private: bool = Field(
        False,
        description="Let webhooks go to private and loopback addresses (there also without TLS); for trials, and for "
        "networks where every receiver has a private address",
    )

    run_worker: bool = Field(True, description="Run the worker inside `sameday serve` (always so on SQLite)")
    render_workers: int = Field(1, ge=1, le=64, description="Processes that render and seal documents")
    seal_pkcs12_file: Path | None = Field(None, description="Key and certificate that seal documents")
    seal_pkcs12_password: SecretStr | None = Field(None, description="Password of that file")
    seal_pkcs11_library: Path | None = Field(None, description="PKCS#11 module, when the key lives in a token or HSM")
    seal_pkcs11_label: str | None = Field(None, description="Label of the token, key and certificate in it")
    seal_pkcs11_pin: SecretStr | None = Field(None, description="User PIN of the token")
    tsa_url: str | None = Field(None, description="RFC 3161 time stamp authority; none means PAdES B-B")
    seal_trust_file: Path | None = Field(
        None,
        description="PEM certificates of the authorities above the seal and above the time stamps, roots included; "
        "with it seals carry revocation data (PAdES B-LT)",
    )
    pinned_certificates: tuple[str, ...] = Field(
        (), description="SHA-256 (hex) of further certificates whose seals are ours, for example older ones"
    )

    @model_validator(mode="before")
    @classmethod
    def read_secret_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take ``SAMEDAY_<NAME>_FILE`` for any setting that is not given directly."""
        for name in cls.model_fields:
            file = os.environ.get(f"{PREFIX}{name.upper()}_FILE")
            if file and name not in values and not name.endswith("_file"):
                values[name] = Path(file).read_text("utf-8").rstrip("\n")
        return values

    @property
    def is_embedded(self) -> bool:
        """Whether the database is SQLite, where API and worker are one process (design, section 5)."""
        return self.database_url.startswith("sqlite")


@lru_cache(maxsize=1)
def settings_from_environment() -> Settings:
    """Read the settings. Raises SettingsError with one line for each variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"{PREFIX}{str(fault['loc'][0]).upper() if fault['loc'] else ''}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise SettingsError("Some settings are wrong. Set these environment variables:\n" + "\n".join(lines)) from error
    except OSError as error:
        raise SettingsError(f"A file named by a {PREFIX}…_FILE variable cannot be read: {error}") from error
