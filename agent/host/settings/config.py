"""The settings, each declared once: its type, bounds, default, flag, and whether a policy locks it.

To add one, write a field of :class:`Settings` and use it. The file, the command line of ``serve``
and the administrator's policy read their part from its declaration.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from agent.errors import AgentError, ErrorCode
from agent.files import read_file

MAX_CONFIG_SIZE: Final = 64 * 1024  # bytes; the whole file has a handful of lines
NATIVE_PORTS: Final = (28443, 28444, 28445)
"""Of the native API, tried in this order unless a setting names one."""

Port = Annotated[int, Meta(ge=0, le=65535)]
LogLevel = Literal["debug", "info", "warning", "error"]
UpdateUrl = Annotated[
    str,
    Meta(pattern=r"^(https://[!-~]+|http://(localhost|127\.0\.0\.1)[:/][!-~]*)?\Z", max_length=255),
]
UpdateKeys = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")], ...], Meta(max_length=4)
]
T = TypeVar("T")
M = TypeVar("M")


class ConfigError(AgentError):
    """The settings cannot be used; ``detail`` says where and why, for a person."""

    code = ErrorCode.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class Lock:
    """Marks a setting that an administrator's policy may lay down.

    Attributes:
        when_unusable: what counts while a policy is there and cannot be read; None for what would
            count without it.

    """

    when_unusable: object = None


@dataclass(frozen=True, slots=True)
class Flag:
    """Marks a setting that the command line of ``serve`` may give.

    Attributes:
        text: what ``--help`` says.
        metavar: how ``--help`` calls the value; None for the choices, or where there is none.
        bounds: what a person is told about a value that is refused.

    """

    text: str
    metavar: str | None = None
    bounds: str | None = None


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator or the citizen may set; every field has a default.

    Attributes:
        port: of the native API; None tries :data:`NATIVE_PORTS` in turn, 0 takes any.
        hipki_port: of the plain-HTTP side; 0 takes any.
        hipki_version: what pages of the old component are told, which demand a minimum; None for
            one that is above all that are known.
        hipki_reader: the one reader that these pages see; None for all.
        mca: whether the pages of the old component's sibling are answered too, on 16888.
        consent: who decides about a site that was never seen: a window, or the flag itself.
        page_pin: whether a page may hand the PIN over; otherwise only the agent's window asks.
        allow_sha1: whether pages may ask for SHA-1 signatures.
        last_try: whether the card's last PIN attempt may be spent, after a question.
        update_check: whether the agent may ask for a newer version of itself.
        update_url: whom it asks (see ``update.fetch.check_address``); empty for nobody.
        update_keys: Ed25519 public keys, 64 hexadecimal digits each, that may sign the answer
            besides the release keys.
        check_peer: whether programs of other users of this computer are refused.
        log_level: the least severe event that is written down.

    """

    port: Annotated[
        Port | None, Lock(), Flag("HTTPS port (default 28443)", "N", "a port is 0 to 65535")
    ] = None
    hipki_port: Annotated[
        Port, Lock(), Flag("plain HTTP port (default 61161)", "N", "a port is 0 to 65535")
    ] = 61161
    hipki_version: Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)*\Z", max_length=32)] | None = (
        None
    )
    hipki_reader: Annotated[str, Meta(min_length=1, max_length=127)] | None = None
    mca: Annotated[
        bool, Flag("also answer the pages of the old component's sibling, on port 16888")
    ] = False
    consent: Annotated[
        Literal["ask", "allow", "deny"],
        Flag("who may use the card: ask the citizen, or answer for them (default: ask)"),
    ] = "ask"
    page_pin: Annotated[bool, Lock(when_unusable=False)] = True
    allow_sha1: Annotated[bool, Lock(when_unusable=False)] = False
    last_try: Annotated[bool, Lock(when_unusable=False)] = True
    update_check: Annotated[bool, Lock(when_unusable=False)] = True
    update_url: Annotated[UpdateUrl, Lock()] = ""
    update_keys: Annotated[UpdateKeys, Lock()] = ()
    check_peer: bool = True
    log_level: Annotated[LogLevel, Lock()] = "info"

    @property
    def native_ports(self) -> tuple[int, ...]:
        """The ports of the native API, in the order in which they are tried."""
        return NATIVE_PORTS if self.port is None else (self.port,)

    def replaced(self, values: Mapping[str, object]) -> Self:
        """Return the same settings with others in the place of some, each by its name."""
        return msgspec.structs.replace(self, **values)


def marked(mark: type[M]) -> Iterator[tuple[str, Any, M]]:
    """Yield the name, the annotated type and the mark of each setting that bears such a mark."""
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        for each in get_args(kind)[1:]:
            if isinstance(each, mark):
                yield name, kind, each


def load(path: Path, flags: Mapping[str, object] | None = None) -> Settings:
    """Read the settings; a missing file stands for the defaults.

    Args:
        path: of the file.
        flags: what the command line gives, stronger than the file; each by its setting's name.

    Raises:
        ConfigError: not TOML, an unknown setting, or a value out of its bounds.

    """
    try:
        settings = understand(path, read(path), Settings)
    except FileNotFoundError:
        settings = Settings()
    return settings.replaced(flags or {})


def read(path: Path) -> dict[str, Any]:
    """Read a TOML file of settings.

    Raises:
        FileNotFoundError: it is not there.
        ConfigError: it cannot be read, or is not TOML.

    """
    try:
        # People keep their settings elsewhere, and administrators their policies.
        content = read_file(path, MAX_CONFIG_SIZE, follow_links=True)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise ConfigError(f"{path}: {error}") from error


def understand(path: Path, table: Mapping[str, Any], kind: type[T]) -> T:
    """Check the values of a file that was read, and return them as a ``kind``.

    Raises:
        ConfigError: an unknown name, or a value that is wrong or out of its bounds.

    """
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
