"""The settings, each declared once: type, bounds, default, command-line flag, lock by the policy.

To add one, add a field to :class:`Settings` and use it. The settings file, the command line of
``serve`` and the administrator's policy take what they need from the declaration.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, Final, Literal, Self, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from agent import strict_toml
from agent.errors import AgentError, ErrorCode
from agent.files import read_file
from agent.host.settings import mistakes

MAX_CONFIG_SIZE: Final = 64 * 1024  # bytes; the whole file has a handful of lines
NATIVE_PORTS: Final = (28443, 28444, 28445)
"""Ports of the native API, tried in this order unless the setting ``port`` names one."""
HIPKI_PORT: Final = 61161
"""Port that is written into the pages of the old component."""
MCA_PORT: Final = 16888
"""Port that is written into the pages of its sibling."""
JRSYS_PORTS: Final = (17022, 17522)
JRSYS_TLS_PORTS: Final = (17040, 17540)
"""Ports that are written into pages of the JRSYS family: of its newer kit, and of its older one."""

Port = Annotated[int, Meta(ge=0, le=65535)]
Ports = Annotated[tuple[Port, ...], Meta(max_length=8)]
JrsysVersion = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)*\Z", max_length=32)]
BlindRule = Literal["ask", "allow", "deny"]
QuestionPlace = Literal["auto", "window", "page"]
LogLevel = Literal["debug", "info", "warning", "error"]
UpdateUrl = Annotated[
    str,
    Meta(pattern=r"^(https://[!-~]+|http://(localhost|127\.0\.0\.1)[:/][!-~]*)?\Z", max_length=255),
]
UpdateKeys = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")], ...], Meta(max_length=4)
]
EvidenceUrl = Annotated[
    str,
    Meta(pattern=r"^(https://[!-~]+|http://(localhost|127\.0\.0\.1)[:/][!-~]*)\Z", max_length=255),
]
EvidenceUrls = Annotated[tuple[EvidenceUrl, ...], Meta(max_length=16)]
AbsolutePath = Annotated[str, Meta(pattern=r"^(/|[A-Za-z]:[\\/])[^\x00-\x1f]*\Z", max_length=1024)]
AnchorPaths = Annotated[tuple[AbsolutePath, ...], Meta(max_length=16)]
DocumentLevel = Literal["B-B", "B-T", "B-LT", "B-LTA"]
ModuleName = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][-0-9A-Za-z ._+]*\Z", max_length=32)]
T = TypeVar("T", bound=Struct)
M = TypeVar("M")


class ConfigError(AgentError):
    """A settings or policy file is invalid; ``detail`` names the file and the reason."""

    code = ErrorCode.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class Lock:
    """Marks a setting that an administrator's policy may fix.

    Attributes:
        when_unusable: value while the policy file exists and is invalid; None to keep the value
            of the settings file and the command line.
        since: the first version whose policy has the rule.

    """

    when_unusable: object = None
    since: str = "0.1.0"


@dataclass(frozen=True, slots=True)
class Flag:
    """Marks a setting that is also an option of ``ankong serve``.

    Attributes:
        text: key of what ``--help`` says of it.
        metavar: placeholder of the value in ``--help``; None for an option with fixed choices, or
            without a value.
        bounds: key of what is said of an invalid value; None for the message of msgspec.

    """

    text: str
    metavar: str | None = None
    bounds: str | None = None


class Pkcs11Module(Struct, frozen=True, forbid_unknown_fields=True):
    """A vendor's PKCS#11 module.

    Attributes:
        name: what people call it.
        path: of its file, absolute.

    """

    name: ModuleName
    path: Annotated[str, Meta(min_length=1, max_length=1024)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that an administrator or the user may change; every field has a default.

    Attributes:
        port: of the native API; None tries :data:`NATIVE_PORTS` in turn, 0 takes any free port.
        hipki_port: of the old component's protocol, plain HTTP; 0 takes any free port.
        hipki_version: version reported to pages of the old component, which demand a minimum;
            None reports one above every minimum known.
        hipki_reader: name of the only reader that these pages see; None for all readers.
        mca: whether to serve the old component's protocol on port 16888 too, for the pages of its
            sibling.
        jrsys: whether to serve the pages of the JRSYS family of components.
        jrsys_ports: of these pages, plain WebSocket; 0 takes any free port. None is
            :data:`JRSYS_PORTS`, but for an agent whose ``hipki_port`` is not the usual one: it
            stands beside another, to which the pages' own ports belong, and has none.
        jrsys_tls_ports: likewise, WebSocket over TLS, :data:`JRSYS_TLS_PORTS`. A port that stands
            in ``jrsys_ports`` too is a plain one, and a port of the native API or of the old
            component's protocol stays that: file and policy may each be right by itself.
        jrsys_version: version reported to these pages.
        jrsys_presence: how they are told whether there is a card: as JSON's ``true`` or ``false``,
            or as one of two texts.
        jrsys_unicode: encoding of what they call Unicode, where they convert it from and to hex.
        consent: what decides about a new site: ``ask`` opens a window, ``allow`` and ``deny``
            answer without one.
        questions: where the citizen is asked: in a ``window`` of the agent, or in a ``page`` of the
            browser, which screen readers can read; ``auto`` leaves it to the citizen, and takes
            the page where they chose nothing and a screen reader runs.
        page_pin: whether a page may hand the PIN over; otherwise only the agent's window asks.
        allow_sha1: whether pages may ask for SHA-1 signatures; None, the default, leaves it to the
            old component's pages, some of which know nothing newer.
        blind_signatures: whether sites get signatures over what cannot be shown, a digest alone:
            ``ask`` the user once for each, ``allow`` or ``deny`` it to all.
        last_try: whether the card's last PIN attempt may be spent, after a question.
        unknown_tries: what happens to a PIN of a page's while nobody knows how many attempts the
            card has left: ``ask`` opens a window first, also for a site that a policy allows;
            ``allow`` sends it.
        update_check: whether the agent may ask for a newer version of itself.
        update_url: address of the update information (see ``update.fetch.check_address``); empty
            disables the check.
        update_keys: Ed25519 public keys, 64 hexadecimal digits each, accepted for signatures of
            the update information in addition to the release keys.
        timestamp_url: address of the authority that timestamps documents; empty for none.
        timestamp_anchors: absolute paths of files or folders with the authorities' certificates
            that are trusted for the time; without one no timestamp is taken.
        document_level: how long the proof of a signed document is to last, where nobody says
            otherwise: the levels of ETSI EN 319 142-1.
        evidence_urls: addresses of revocation lists, which go into documents and judge them.
        document_anchors: absolute paths of files or folders with the authorities' certificates
            that are trusted for signatures of documents, and those in between.
        pkcs11_modules: vendors' modules for tokens that are no citizen cards; a file that others
            can change is not loaded (see ``module_files``).
        check_peer: whether to refuse connections from programs of other users of this computer.
        log_level: least severe level that is logged.
        events: whether what an administrator wants to know goes into the ``system``'s own log (see
            :mod:`agent.host.events`); ``off`` tells nobody.
        events_sites: whether these events name sites.

    """

    port: Annotated[Port | None, Lock(), Flag("cli.serve.port", "N", "cli.usage.port")] = None
    hipki_port: Annotated[Port, Lock(), Flag("cli.serve.hipki_port", "N", "cli.usage.port")] = (
        HIPKI_PORT
    )
    hipki_version: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)*\Z", max_length=32)] | None, Lock()
    ] = None
    hipki_reader: Annotated[str, Meta(min_length=1, max_length=127)] | None = None
    mca: Annotated[bool, Lock(when_unusable=False), Flag("cli.serve.mca")] = False
    jrsys: Annotated[bool, Lock(when_unusable=False)] = True
    jrsys_ports: Annotated[Ports | None, Lock()] = None
    jrsys_tls_ports: Annotated[Ports | None, Lock()] = None
    jrsys_version: Annotated[JrsysVersion, Lock()] = "3.0.2.0"
    jrsys_presence: Annotated[Literal["bool", "True", "1"], Lock()] = "bool"
    jrsys_unicode: Annotated[Literal["utf-8", "utf-16le"], Lock()] = "utf-8"
    consent: Annotated[
        Literal["ask", "allow", "deny"],
        Flag("cli.serve.consent"),
    ] = "ask"
    questions: Annotated[
        QuestionPlace,
        Lock(),
        Flag("cli.serve.questions"),
    ] = "auto"
    page_pin: Annotated[bool, Lock(when_unusable=False)] = True
    allow_sha1: Annotated[bool | None, Lock(when_unusable=False)] = None
    blind_signatures: Annotated[BlindRule, Lock(when_unusable="deny")] = "ask"
    last_try: Annotated[bool, Lock(when_unusable=False)] = True
    unknown_tries: Annotated[Literal["ask", "allow"], Lock(when_unusable="ask")] = "ask"
    update_check: Annotated[bool, Lock(when_unusable=False)] = True
    update_url: Annotated[UpdateUrl, Lock()] = ""
    update_keys: Annotated[UpdateKeys, Lock()] = ()
    timestamp_url: Annotated[UpdateUrl, Lock()] = ""
    timestamp_anchors: Annotated[AnchorPaths, Lock()] = ()
    document_level: Annotated[DocumentLevel, Lock()] = "B-B"
    evidence_urls: Annotated[EvidenceUrls, Lock()] = ()
    document_anchors: Annotated[AnchorPaths, Lock()] = ()
    pkcs11_modules: Annotated[
        Annotated[tuple[Pkcs11Module, ...], Meta(max_length=8)], Lock(when_unusable=())
    ] = ()
    check_peer: bool = True
    log_level: Annotated[LogLevel, Lock()] = "info"
    events: Annotated[Literal["off", "system"], Lock()] = "off"
    events_sites: Annotated[bool, Lock(when_unusable=False)] = False

    @property
    def native_ports(self) -> tuple[int, ...]:
        """The ports of the native API, in the order in which they are tried."""
        return NATIVE_PORTS if self.port is None else (self.port,)

    @property
    def open_jrsys_ports(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The ports of JRSYS pages: plain ones, and those with TLS; each stands there once."""
        if not self.jrsys:
            return (), ()
        is_usual = self.hipki_port == HIPKI_PORT
        plain, tls = self.jrsys_ports, self.jrsys_tls_ports
        if plain is None:
            plain = JRSYS_PORTS if is_usual else ()
        if tls is None:
            tls = JRSYS_TLS_PORTS if is_usual else ()
        plain = _each_once(plain, others=(self.hipki_port, *self.native_ports))
        return plain, _each_once(tls, others=(self.hipki_port, *self.native_ports, *plain))

    def replaced(self, values: Mapping[str, object]) -> Self:
        """Return a copy in which ``values``, by name of the setting, replace the old ones."""
        return msgspec.structs.replace(self, **values)


def _each_once(ports: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out ports that are named already; 0 stands for any, and for another each time."""
    return tuple(
        port for at, port in enumerate(ports) if port == 0 or port not in {*others, *ports[:at]}
    )


def marked(mark: type[M]) -> Iterator[tuple[str, Any, M]]:
    """Yield name, annotated type and mark of each setting whose annotation has such a mark."""
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        for each in get_args(kind)[1:]:
            if isinstance(each, mark):
                yield name, kind, each


def load(path: Path, flags: Mapping[str, object] | None = None) -> Settings:
    """Return the settings of a file, or the defaults if there is no file.

    Args:
        path: of the file.
        flags: values of the command line, by name of the setting; they override the file.

    Raises:
        ConfigError: not TOML, an unknown setting, or an invalid value.

    """
    try:
        settings = understand(path, read(path), Settings)
    except FileNotFoundError:
        settings = Settings()
    return settings.replaced(flags or {})


def read(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file of at most :data:`MAX_CONFIG_SIZE` bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: the file cannot be read, or is not TOML.

    """
    return parsed(path, read_raw(path))


def read_raw(path: Path) -> bytes:
    """Return the octets of such a file.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: the file cannot be read, or is longer.

    """
    try:
        # Users and administrators may replace the file by a link to where they keep theirs.
        return read_file(path, MAX_CONFIG_SIZE, follow_links=True)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error


def parsed(path: Path, content: bytes) -> dict[str, Any]:
    """Return what stands in the octets of a TOML file.

    Raises:
        ConfigError: it is not TOML.

    """
    try:
        return strict_toml.decode(content.decode())
    except ValueError as error:  # not UTF-8, or not TOML
        raise _mistaken(("cli.settings.no_toml", {"path": path, "detail": error})) from error


def understand(
    path: PurePath, table: Mapping[str, Any], kind: type[T], known: Iterable[str] | None = None
) -> T:
    """Validate the contents of a file and return them as a ``kind``.

    Args:
        path: of the file, for the error message.
        table: contents of the file.
        kind: a msgspec type.
        known: the names that may stand in the file; None for those of ``kind``, the settings'.

    Raises:
        ConfigError: an unknown name, or an invalid value.

    """
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        settings = Settings.__struct_fields__
        names = settings if known is None else tuple(known)
        found = mistakes.explained(path, table, kind, names, () if known is None else settings)
        if found is None:
            raise ConfigError(f"{path}: {error}") from error
        raise _mistaken(found) from error


def _mistaken(words: mistakes.Words) -> ConfigError:
    return ConfigError(mistakes.in_english(words), said=words)
