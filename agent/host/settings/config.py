"""The settings: a TOML file that may be missing, and in which nothing is guessed."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import msgspec
from msgspec import Meta, Struct

from agent.errors import AgentError, ErrorCode

MAX_CONFIG_SIZE = 64 * 1024  # bytes; the whole file has a handful of lines

Port = Annotated[int, Meta(ge=0, le=65535)]
LogLevel = Literal["debug", "info", "warning", "error"]
Patterns = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=1000)
]
UpdateUrl = Annotated[
    str,
    Meta(pattern=r"^(https://[!-~]+|http://(localhost|127\.0\.0\.1)[:/][!-~]*)?$", max_length=255),
]
UpdateKeys = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")], ...], Meta(max_length=4)
]
T = TypeVar("T", "Config", "PolicyFile")


class ConfigError(AgentError):
    """The settings cannot be used; ``detail`` says where and why, for a person."""

    code = ErrorCode.BAD_REQUEST


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator or the citizen may set; every field has a default.

    Attributes:
        port: of the native API; None tries 28443, 28444 and 28445 in turn, 0 takes any.
        hipki_port: of the plain-HTTP side; 0 takes any.
        hipki_version: what pages of the old component are told, which demand a minimum; None for
            one that is above all that are known.
        hipki_reader: the one reader that these pages see; None for all.
        mca: whether the pages of the old component's sibling are answered too, on 16888.
        consent: who decides about a site that was never seen: a window, or the flag itself.
        page_pin: whether a page may hand the PIN over; otherwise only the agent's window asks.
        allow_sha1: whether pages may ask for SHA-1 signatures.
        last_try: whether the card's last PIN try may be spent, after a question.
        update_check: whether the agent may ask for a newer version of itself.
        update_url: whom it asks (see ``update.fetch.check_address``); empty for nobody.
        update_keys: Ed25519 public keys, 64 hexadecimal digits each, whose word about it counts
            besides that of the release keys.
        check_peer: whether programs of other users of this computer are refused.
        log_level: the least severe event that is written down.

    """

    port: Port | None = None
    hipki_port: Port = 61161
    hipki_version: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=32)] | None = None
    hipki_reader: Annotated[str, Meta(min_length=1, max_length=127)] | None = None
    mca: bool = False
    consent: Literal["ask", "allow", "deny"] = "ask"
    page_pin: bool = True
    allow_sha1: bool = False
    last_try: bool = True
    update_check: bool = True
    update_url: UpdateUrl = ""
    update_keys: UpdateKeys = ()
    check_peer: bool = True
    log_level: LogLevel = "info"

    def replaced(self, values: Mapping[str, object]) -> Self:
        """Make the same settings with others in the place of some, each by its name."""
        return msgspec.structs.replace(self, **values)


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator has laid down for this computer; what is missing is left free.

    Attributes:
        allowed: patterns of origins about which nobody is asked.
        forbidden: patterns of origins that are refused, even where ``allowed`` names them too.
        other_sites: whether the citizen may be asked about every other one.
        page_pin, allow_sha1, last_try, update_check, update_url, update_keys, port, hipki_port,
            log_level: as in :class:`Config`, and stronger.

    """

    allowed: Patterns = ()
    forbidden: Patterns = ()
    other_sites: Literal["ask", "forbid"] = "ask"
    page_pin: bool | None = None
    allow_sha1: bool | None = None
    last_try: bool | None = None
    update_check: bool | None = None
    update_url: UpdateUrl | None = None
    update_keys: UpdateKeys | None = None
    port: Port | None = None
    hipki_port: Port | None = None
    log_level: LogLevel | None = None


def load(path: Path) -> Config:
    """Read the settings; a missing file stands for the defaults.

    Raises:
        ConfigError: not TOML, an unknown setting, or a value out of its bounds.

    """
    try:
        return read(path, Config)
    except FileNotFoundError:
        return Config()


def read(path: Path, kind: type[T]) -> T:
    """Read a TOML file of settings.

    Raises:
        FileNotFoundError: it is not there.
        ConfigError: not TOML, an unknown setting, or a value out of its bounds.

    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_SIZE + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    if len(content) > MAX_CONFIG_SIZE:
        raise ConfigError(f"{path}: longer than {MAX_CONFIG_SIZE} bytes")
    try:
        return msgspec.convert(tomllib.loads(content.decode()), kind)
    except (ValueError, RecursionError) as error:  # UTF-8, TOML and validation errors are all these
        raise ConfigError(f"{path}: {error}") from error
