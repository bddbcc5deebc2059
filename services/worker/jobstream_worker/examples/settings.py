"""Settings of the example handlers."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ExampleSettings(BaseSettings):
    """Read from the environment at each run, so that a handler needs no start-up of its own."""

    model_config = SettingsConfigDict(env_prefix="JOBSTREAM_", env_file=".env", extra="ignore", frozen=True)

    examples_dir: Path = Field(
        Path(".jobstream/files"),
        description="The folder that the example handlers read files from and write files to; they touch nothing "
        "outside. All workers must see the same one.",
    )
    smtp_url: SecretStr = Field(
        SecretStr("smtp://127.0.0.1:1025"),
        description="The mail server of `email.send`: `smtp://user:password@host:port`, or `smtps://` for TLS from the "
        "start. A special character in user or password is percent-encoded. Default: a mail catcher on this machine.",
    )
    smtp_from: str = Field(
        "jobstream@localhost", description="The sender of mails whose payload names none, `name@example.org`."
    )
