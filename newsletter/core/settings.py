"""What differs from one installation to the next, read once from the environment and refused early when it makes no
sense.
"""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from newsletter.core.errors import RefusedError

PREFIX = "NEWSLETTER_"
UP_FILE = "up.json"  # what a running `newsletter up` tells other commands of the same data directory
SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls")
DATABASE_SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket")


class Settings(BaseSettings):
    """Every setting of the service; the environment variable is the name in capitals behind `NEWSLETTER_`.

    Unset means the embedded default: SQLite, the broker and the mailbox of `newsletter up`, all below `data_dir`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        Path("data"), description="Directory for the embedded database, broker, mailbox and secret key."
    )
    database_url: str = Field(
        "", description="`postgresql://user:password@host/name`. Unset: SQLite in the data directory."
    )
    broker_url: str = Field("", description="`redis://host:6379/0`. Unset: the broker that `newsletter up` starts.")
    smtp_url: str = Field(
        "",
        description="`smtp://`, `smtps://` or `smtp+starttls://`, user and password in it. Unset: the local mailbox.",
    )
    base_url: str = Field(
        "", description="Public address of this service, as readers see it. Unset: `http://localhost:PORT`."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="32 characters or more; signs links and locks keys. Unset: made once, in the data directory.",
    )
    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the web server listens on.")
    fetch_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts or networks, by commas, that outbound requests may reach although they are private."
    )
    inbound: str = Field(
        "",
        description=(
            "Where bounces are taken in: `smtp://HOST:PORT`, `lmtp://HOST:PORT` or `lmtp:///PATH`. Unset: no listener."
        ),
    )
    trusted_proxies: int = Field(0, ge=0, le=5, description="How many reverse proxies stand before the web server.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values come from `load_settings` alone, so that a test can pass any environment."""
        return (init_settings,)

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("fetch_allow", mode="before")
    @classmethod
    def _by_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("fetch_allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if "/" in part:
                ip_network(part, strict=False)
        return value

    @field_validator("database_url", "broker_url", "smtp_url")
    @classmethod
    def _known_scheme(cls, value: str, info: object) -> str:
        name = getattr(info, "field_name", "")
        known = {"database_url": DATABASE_SCHEMES, "broker_url": BROKER_SCHEMES, "smtp_url": SMTP_SCHEMES}[name]
        if value and urlsplit(value).scheme not in known:
            raise ValueError("it must begin with " + ", ".join(f"{scheme}://" for scheme in known))
        if value and urlsplit(value).port == 0:  # asking refuses a port that is no number, too
            raise ValueError("its port is 0")
        if value and name == "smtp_url" and not urlsplit(value).hostname:
            raise ValueError("it names no host")
        return value

    @field_validator("inbound")
    @classmethod
    def _listens_somewhere(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and parts.scheme not in ("smtp", "lmtp"):
            raise ValueError("it must begin with smtp:// or lmtp://")
        if value and not ((parts.hostname and parts.port) or (parts.scheme == "lmtp" and parts.path.startswith("/"))):
            raise ValueError("it needs a host and a port, as in smtp://127.0.0.1:2525, or lmtp:///run/newsletter.sock")
        return value

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("it must begin with http:// or https:// and name a host")
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 32:
            raise ValueError(
                "it needs at least 32 characters; `python3 -c 'import secrets; print(secrets.token_hex(32))'` makes one"
            )
        return value

    @property
    def site_url(self) -> str:
        """Base of every link, without a final slash."""
        return self.base_url or f"http://localhost:{self.port}"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'newsletter.db'}"

    @property
    def broker_socket(self) -> Path:
        """Unix socket of the embedded broker. A socket path may have 104 characters, so a deep data directory borrows a
        short one.
        """
        path = self.data_dir / "broker.sock"
        if len(str(path)) < 100:
            return path
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        short = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108 - the socket has mode 0700
        return short / f"newsletter-{os.getuid()}-{digest}.sock"

    @property
    def broker(self) -> str:
        """Celery's URL of the broker."""
        return self.broker_url or f"redis+socket://{self.broker_socket}?virtual_host=0"


def relay_url(settings: Settings) -> str:
    """Where mail is handed over: the setting, else the mailbox of a running `newsletter up`, else empty."""
    if settings.smtp_url:
        return settings.smtp_url
    try:
        port = int(json.loads((settings.data_dir / UP_FILE).read_text())["mailbox_port"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"smtp://127.0.0.1:{port}"


def load_settings(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings, the environment before `.env`.

    Raises RefusedError with one line that names the variable, for a value that makes no sense.
    """
    given: dict[str, str] = {}
    if env_file is not None and env_file.is_file():
        try:
            given |= {key: value for key, value in dotenv_values(env_file).items() if value is not None}
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"{env_file} cannot be read: {error}.") from None
    given |= dict(os.environ if environ is None else environ)
    values = {
        key[len(PREFIX) :].lower(): value for key, value in given.items() if key.startswith(PREFIX) and value != ""
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise RefusedError(f"{name}: {reason}.") from None


def read_secret_key(settings: Settings) -> str:
    """The key that signs and encrypts: the setting, or a file of mode 0600 in the data directory, made at the first
    call.
    """
    if given := settings.secret_key.get_secret_value():
        return given
    path = settings.data_dir / "secret.key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written aside and linked: a second process of the same start sees the whole key or none.
    descriptor, draft = tempfile.mkstemp(dir=settings.data_dir, prefix=".secret")
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
    return path.read_text().strip()
