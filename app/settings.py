"""Settings: from the environment only, each named ``SAMEDAY_<NAME>``.

For a secret, ``SAMEDAY_<NAME>_FILE`` may name a file that holds the value (as containers mount secrets).
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SAMEDAY_"
DEFAULT_PORTS = {"https": 443, "http": 80}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
    owner_database_url: str | None = Field(
        None,
        pattern=r"^postgresql\+psycopg://",
        description="The same PostgreSQL database as the role that owns the tables; for `sameday migrate` only. The "
        "service itself refuses to start as a role that owns them, is a superuser or may bypass row security",
    )
    base_url: str = Field("http://127.0.0.1:8000", description="Where people reach the service; links are made of it")
    service_name: str = Field("Sameday", max_length=60, description="The name in notices and on documents")
    state_dir: Path = Field(
        Path("var"),
        description="Folder for self-made keys (seal, encryption, audit), the signed heads of the audit, and temporary "
        "files; keep a copy: without the encryption key nobody reads the records again",
    )
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least serious line that is logged"
    )

    body_limit_bytes: int = Field(256 * 1024, ge=1024, description="Largest request body (security.md, 5.2)")
    verify_limit_bytes: int = Field(10 * 1024 * 1024, ge=1024, description="Largest PDF taken for verification")

    trusted_hosts: tuple[str, ...] = Field(
        (), description="Further host names under which the service answers, beside that of the base address"
    )
    forwarded_allow_ips: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Addresses or networks of our own proxies; only their X-Forwarded-For is believed"
    )
    header_seconds: float = Field(
        10.0, gt=0, le=60, description="A call's headers must be complete so soon after connecting (security.md, 5.2)"
    )
    reader_seconds: float = Field(
        60.0, gt=0, le=600, description="An answer must be taken within this; 100 KiB then need 14 kbit/s"
    )
    header_bytes: int = Field(16 * 1024, ge=4096, le=64 * 1024, description="Largest headers of a call")
    connections: int = Field(900, ge=10, description="Open connections in total")
    connections_per_network: int = Field(
        300, ge=5, description="Open connections from one IPv4 address or IPv6 /64; a hospital may be one address"
    )
    calls_at_once: int = Field(200, ge=2, description="Calls at work at once, at most half of them of one network")
    calls_per_minute_per_account: int = Field(600, ge=1, description="Calls of one account, or of one integration")
    calls_per_minute_per_network: int = Field(
        3000, ge=1, description="Calls from one IPv4 address or IPv6 /64; a hospital may be one address"
    )
    sign_in_tries_per_minute_per_network: int = Field(
        60, ge=1, description="Passwords, codes and secrets sent from one network; a sign-in sends two"
    )
    security_contact: str | None = Field(
        None,
        pattern=r"^(mailto:|https://|tel:)[!-~]+$",
        description="Where weaknesses are to be told (mailto:, https: or tel:); shown at /.well-known/security.txt",
    )

    session_idle_minutes: int = Field(
        15, ge=1, le=60, description="A session ends after so long without an action of its user (as in NHS CIS2)"
    )
    session_hours: int = Field(12, ge=1, le=12, description="A session ends after so long whatever happens")
    fresh_sign_in_minutes: int = Field(
        5,
        ge=1,
        le=15,
        description="How long after a sign-in a person may sign, withdraw, break glass or change how they sign in",
    )
    argon2_memory_kib: int = Field(
        46 * 1024, ge=8, description="Memory of one password hash (argon2id), in KiB; two are computed at once"
    )

    break_glass_minutes: int = Field(
        60, ge=1, le=60, description="How long an outcome stays open that somebody opened in an emergency"
    )
    break_glass_period_days: int = Field(
        30, ge=1, le=365, description="Within so many days emergencies are counted, to point out who has many"
    )
    break_glass_often_by_person: int = Field(
        3, ge=2, le=100, description="From so many by one person on, each is pointed out to those who review them"
    )
    break_glass_often_on_child: int = Field(
        2, ge=2, le=100, description="From so many on one child on, each is pointed out to those who review them"
    )

    oidc_providers_file: Path | None = Field(
        None, description="JSON with the OpenID providers that people sign in with (NHS CIS2, Entra ID); none: none"
    )
    oidc_client_key: SecretStr | None = Field(
        None, description="PEM with the private key by which we prove ourselves to them: RSA of 2048 bits, or P-256"
    )
    oidc_seconds: float = Field(10.0, gt=0, le=60, description="Longest wait for one answer of a provider")
    access_token_minutes: int = Field(10, ge=1, le=60, description="How long an integration's access token works")

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
    encryption_keys_file: Path | None = Field(
        None,
        description="Keys that wrap the keys of all records, one 'id:base64 of 32 bytes' a line: the first wraps, all "
        "unwrap. Read again when it changes; the same for every process on one database. None: self-made in state_dir",
    )
    encryption_pkcs11_library: Path | None = Field(
        None, description="PKCS#11 module, when the key that wraps lives in a token or HSM; the file then only unwraps"
    )
    encryption_pkcs11_label: str | None = Field(None, description="Label of the token")
    encryption_pkcs11_key: str | None = Field(
        None, description="Label of the AES key in it that wraps now; none: the same as the token's"
    )
    encryption_pkcs11_pin: SecretStr | None = Field(None, description="User PIN of the token")
    tsa_url: str | None = Field(None, description="RFC 3161 time stamp authority; none means PAdES B-B")
    seal_trust_file: Path | None = Field(
        None,
        description="PEM certificates of the authorities above the seal and above the time stamps, roots included; "
        "with it seals carry revocation data (PAdES B-LT)",
    )
    pinned_certificates: tuple[str, ...] = Field(
        (), description="SHA-256 (hex) of further certificates whose seals are ours, for example older ones"
    )

    audit_key_file: Path | None = Field(
        None, description="PEM with the Ed25519 key that signs the heads of the audit; none: self-made in state_dir"
    )
    audit_head_file: Path | None = Field(
        None, description="Signed heads, one a line, only added to; none: audit-heads.jsonl in state_dir"
    )
    audit_head_url: str | None = Field(
        None,
        pattern="^https?://",
        description="Each new head is sent there as JSON (POST): a machine that the database's owner cannot change",
    )
    audit_head_seconds: float = Field(
        60.0, gt=0, le=86_400, description="How often a head is signed, when something was recorded since the last"
    )

    @field_validator("base_url")
    @classmethod
    def write_as_browsers_do(cls, value: str) -> str:
        """Scheme, host and port as browsers write an origin, which every call of a page is compared with."""
        address = urlsplit(value.strip())
        host = (address.hostname or "").lower()
        if address.scheme not in DEFAULT_PORTS or not host or address.username or address.path.strip("/"):
            raise ValueError("write an address such as https://sameday.trust.example, with no path")
        if address.scheme == "http" and host not in LOOPBACK:
            raise ValueError("use https: browsers keep no session on an address without TLS")
        port = "" if address.port in (None, DEFAULT_PORTS[address.scheme]) else f":{address.port}"
        return f"{address.scheme}://{f'[{host}]' if ':' in host else host}{port}"

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
    def of_owner(self) -> "Settings":
        """These settings as the database's owner has them: for migrations. SQLite has no owner."""
        url = self.owner_database_url
        return self if url is None or self.is_embedded else self.model_copy(update={"database_url": url})

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
