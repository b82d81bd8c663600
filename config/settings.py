"""Settings from the environment (prefix ``TOCSIN_``); secrets come from nowhere else."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.errors import TocsinError

PREFIX = "TOCSIN_"
# What is written is for its owner, readable for the owner's group, and no one else's.
PRIVATE = 0o027


class SettingsError(TocsinError):
    """A setting is unknown or cannot be used; the message names it and the cure."""


class Smtp(BaseSettings):
    """How to hand over mail; without ``host`` mails are written to the outbox folder.

    ``ca_file`` names the authority of a server whose certificate the system does not know.
    """

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}SMTP_", frozen=True)

    host: str | None = None
    port: int = 587
    username: str | None = None
    password: SecretStr | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    timeout_seconds: float = 20
    ca_file: Path | None = None


class Settings(BaseSettings):
    """Where data lie, what is kept, who mails.

    Attributes:
        data_folder: The only folder Tocsin writes to.
        recipients_file: Who gets the digest (TOML, see ``config/recipients.toml``).
        published_url: Where readers find what is published, if the folder is served: mails
            name it instead of the folder.
        published_copies: How many published files are kept beside the current one.
        sources: Where a source comes from, by its name: a file in place of its embedded
            copy, ``live`` for the publisher's own address, or another address of that kind.
            ``TOCSIN_SOURCES='{"ucdp_ged": "live"}'``.
        operator: Who is told, once, when something begins to fail.
        hold_hours: How long mails wait for ``tocsin alerts approve``; 0: they go at once.
        hold_then: What becomes of those that nobody approved: send or lapse.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    data_folder: Path = Path("data")
    recipients_file: Path = Path(__file__).parent / "recipients.toml"
    published_copies: int = 7
    published_url: str | None = None
    sources: dict[str, str] = {}
    operator: str | None = None
    hold_hours: float = 0
    hold_then: Literal["send", "lapse"] = "send"
    mail_sender: str = "Tocsin <tocsin@localhost>"
    mail_unsubscribe: str = "mailto:tocsin@localhost?subject=unsubscribe"

    @property
    def warehouse_path(self) -> Path:
        """The working file, written by the run alone."""
        return self.data_folder / "warehouse.duckdb"

    @property
    def landing_folder(self) -> Path:
        """Every byte received, and the log of what was accepted."""
        return self.data_folder / "landing"

    @property
    def published_path(self) -> Path:
        """The file analysts open."""
        return self.data_folder / "published" / "tocsin.duckdb"

    @property
    def page_folder(self) -> Path:
        """The situation page of the newest night, beside the published file."""
        return self.published_path.with_name("page")

    @property
    def quality_path(self) -> Path:
        """The page about the data's quality, beside that file."""
        return self.published_path.with_name("quality.html")

    @property
    def parquet_folder(self) -> Path:
        """Copies of that file's tables for those without DuckDB."""
        return self.published_path.with_name("parquet")

    @property
    def log_folder(self) -> Path:
        """What runs did, a JSON object a line."""
        return self.data_folder / "log"

    @property
    def outbox_folder(self) -> Path:
        """Where mails are written when no SMTP server is configured."""
        return self.data_folder / "outbox"


def credentials(names: Iterable[str]) -> dict[str, str]:
    """Values of these environment variables, of those that are set."""
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def load() -> tuple[Settings, Smtp]:
    """Settings from the environment; unknown ``TOCSIN_`` names are refused.

    From here on the process writes files that others cannot read: the data folder holds
    readers' addresses and rows that may not be passed on. A stricter umask stays.

    Raises:
        SettingsError: A name is unknown or a value has the wrong form.
    """
    os.umask(PRIVATE | os.umask(PRIVATE))
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    known |= {f"{PREFIX}SMTP_{name}".upper() for name in Smtp.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError(
            f"{', '.join(unknown)}: no such setting; known are {', '.join(sorted(known))}"
        )
    try:
        return Settings(), Smtp()
    except ValueError as error:
        raise SettingsError(f"a {PREFIX} setting cannot be used: {error}") from None
