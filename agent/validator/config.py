"""The configuration, one TOML file; what is unknown or out of bounds in it is an error.

This is all that the supervisor knows of it. What origins, addresses and files are worth is found
out where they are used: ``agent.validator.judging``.
"""

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from agent.files import read_file
from agent.strict_toml import decode as decode_toml

DEFAULT: Final = Path("/etc/ankong-verify.toml")
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Names to workers the folder of their figures; prometheus_client reads it."""
DRAIN_S: Final = 5.0
"""Seconds in which requests that have begun may end, after somebody asked to stop."""
LOCAL_CLIENT: Final = "local"
"""What whoever asks is called where no clients are configured."""
MAX_CONFIG: Final = 256 * 1024  # octets
_MAX_LISTENERS: Final = 4
_MAX_SOCKET_PATH: Final = 100  # bytes; systems have room for 104 to 108 (unix(7))
_TCP: Final = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]{1,5})")

Name = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,31}\Z")]
KeyHash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Mode = Annotated[str, Meta(pattern=r"\A0[0-7]{3}\Z")]
Workers = Annotated[int, Meta(ge=1, le=64)]
Waiting = Annotated[int, Meta(ge=1, le=1024)]


class ServiceConfigError(ValueError):
    """The configuration cannot be used; the text says where and why, for the operator."""


class ClientTable(Struct, frozen=True, forbid_unknown_fields=True):
    """One server that may ask.

    Attributes:
        name: for log lines.
        key_sha256: SHA-256 of its key in hex, or of two keys while one takes the other's place.
        origins: what browsers call its site.

    """

    name: Name
    key_sha256: KeyHash | Annotated[list[KeyHash], Meta(min_length=1, max_length=2)]
    origins: list[str]

    @property
    def key_hashes(self) -> tuple[bytes, ...]:
        """The hash of each key, 32 octets."""
        found = self.key_sha256
        return tuple(map(bytes.fromhex, [found] if isinstance(found, str) else found))


class TrustTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Files of certificates, or folders of them: whom to trust, and who stands between."""

    roots: Annotated[list[str], Meta(min_length=1)]
    intermediates: list[str] = []


class ListsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Revocation lists: addresses to fetch, files or folders, and the folder to keep them in."""

    urls: list[str] = []
    files: list[str] = []
    folder: str | None = None


class IcsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The identity service, and the PEM files of the site's certificate and key for it."""

    url: str
    certificate: str | None = None
    key: str | None = None


class ConfigTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file.

    Attributes:
        listen: one address or several, each ``unix:/PATH`` or ``ADDRESS:PORT``.
        socket_mode: of Unix sockets, octal.
        workers: processes; the number of processors where it is 0 or left out.
        waiting: requests that may wait in each worker while one is judged.
        origins: what browsers call the site, where there are no clients.

    """

    trust: TrustTable
    listen: str | list[str] = "127.0.0.1:28460"
    socket_mode: Mode = "0660"
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    waiting: Waiting = 4
    origins: list[str] = []
    lists: ListsTable = ListsTable()
    client: list[ClientTable] = []
    ics: IcsTable | None = None


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A numeric address and a port; port 0 is any."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer reaches it."""
        return ipaddress.ip_address(self.host).is_loopback


ListenAddress = UnixAddress | TcpAddress


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that makes sense.

    Attributes:
        table: the file.
        folder: its folder; paths in it are relative to that.
        listen: where to listen.

    """

    table: ConfigTable
    folder: Path
    listen: tuple[ListenAddress, ...]

    def paths(self, names: Sequence[str]) -> list[Path]:
        """Return the paths of some files."""
        return [self.folder / name for name in names]

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return self.table.workers or os.cpu_count() or 1

    @property
    def socket_mode(self) -> int:
        """The mode of Unix sockets."""
        return int(self.table.socket_mode, 8)


def read_config(path: Path) -> str:
    """Return the text of a configuration.

    Raises:
        ServiceConfigError: it cannot be read, is too long, or no regular file.

    """
    try:
        raw = read_file(path, MAX_CONFIG, follow_links=True)
    except OSError as error:
        other = "; --config names another file" if path == DEFAULT else ""
        raise ServiceConfigError(f"{path}: {error.strerror or error}{other}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ServiceConfigError(f"{path}: not UTF-8") from error


def parse_config(text: str, folder: Path) -> Config:
    """Read a configuration.

    Args:
        text: TOML.
        folder: that paths are relative to.

    Raises:
        ServiceConfigError: it is not of its form, or does not make sense.

    """
    try:
        table = msgspec.convert(decode_toml(text), ConfigTable)
    except ValueError as error:
        raise ServiceConfigError(str(error)) from error
    wanted = [table.listen] if isinstance(table.listen, str) else table.listen
    if not 1 <= len(wanted) <= _MAX_LISTENERS:
        raise ServiceConfigError(f"listen: one to {_MAX_LISTENERS} addresses")
    listen = tuple(map(_address, wanted))
    _check_clients(table, listen)
    _check_lists(table.lists)
    _check_ics(table.ics)
    return Config(table, folder, listen)


def _address(text: str) -> ListenAddress:
    kind, _, path = text.partition(":")
    if kind == "unix":
        is_short = len(os.fsencode(path)) <= _MAX_SOCKET_PATH
        if not path.startswith("/") or "\0" in path or not is_short:
            raise ServiceConfigError(
                f"listen: {text!r} needs a path from the root, at most {_MAX_SOCKET_PATH} bytes"
            )
        return UnixAddress(Path(path))
    found = _TCP.fullmatch(text)
    try:
        host, port = (found["v6"] or found["v4"], int(found["port"])) if found else ("", 0)
        address = TcpAddress(str(ipaddress.ip_address(host)), port)
    except ValueError as error:
        raise ServiceConfigError(
            f"listen: {text!r} is neither unix:/PATH nor ADDRESS:PORT, such as 127.0.0.1:28460"
        ) from error
    if port > 65535:
        raise ServiceConfigError(f"listen: {text!r} has no port")
    return address


def _check_clients(table: ConfigTable, listen: Sequence[ListenAddress]) -> None:
    clients = table.client
    open_ones = [each for each in listen if isinstance(each, TcpAddress) and not each.is_loopback]
    if open_ones and not clients:
        raise ServiceConfigError(
            f"listen: {open_ones[0]} is open to others, so there have to be clients"
        )
    if clients and table.origins:
        raise ServiceConfigError("origins: with clients, each client has its own")
    names = [each.name for each in clients]
    hashes = [key for each in clients for key in each.key_hashes]
    if len(set(names)) < len(names):
        raise ServiceConfigError("client: two have one name")
    if len(set(hashes)) < len(hashes):
        raise ServiceConfigError("client: one key stands there twice")


def _check_lists(lists: ListsTable) -> None:
    if not lists.urls and not lists.files:
        raise ServiceConfigError(
            "lists: without revocation lists every certificate would be refused"
        )
    if lists.urls and lists.folder is None:
        raise ServiceConfigError("lists: a folder is needed to keep what is fetched")


def _check_ics(ics: IcsTable | None) -> None:
    if ics is not None and (ics.certificate is None) != (ics.key is None):
        raise ServiceConfigError("ics: certificate and key go together")
