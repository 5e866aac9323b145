"""The portal's settings: flags over the environment over a TOML file over defaults."""

import argparse
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from agent.portal.notices.settings import SmsSettings, SmtpSettings
from agent.portal.operations.logs import LogFormat
from agent.portal.operations.proxies import parse_networks
from agent.portal.operations.security_txt import SecurityTxtSettings
from agent.portal.telecom.settings import MOST_OPERATORS, OperatorSettings, check_operators
from agent.relying.origins import check_origin
from agent.relying.urls import checked_url
from agent.strict_toml import decode as decode_toml

_HTTP_PORT: Final = 80
_Port = Annotated[int, Meta(ge=0, le=65535)]
_Helpline = Annotated[str, Meta(pattern=r"^[0-9+#*() -]{3,24}\Z", max_length=24)]
_Origins = Annotated[tuple[str, ...], Meta(max_length=8)]


class DemoCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The virtual card that a demonstration is played with, for its pages to name.

    Attributes:
        id_number: of the person who is made up for it.
        pin: of the card.

    """

    id_number: Annotated[str, Meta(min_length=1, max_length=20)]
    pin: Annotated[str, Meta(min_length=1, max_length=32)]


class PortalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's settings; paths are relative to the working directory.

    Attributes:
        host: the address to listen on.
        port: 0 for any free one.
        db: the SQLite file, or ``postgresql://…``.
        key_file: the key of the database; by default beside the SQLite file.
        origins: what browsers call this site, and what logins have to be made for; by default
            localhost and 127.0.0.1 at its port.
        anchors: certificates that are trusted, PEM or DER.
        intermediates: certificates that may stand between, PEM or DER.
        crl: revocation lists, paths or http(s) URLs; without any, no certificate is accepted.
        ics_url: where the identity service answers.
        ics_certificate: the certificate under which it knows this site, PEM; may be absent.
        ics_key: the RSA key of that certificate, PEM.
        demo: whether one-time codes are shown on the page, and nothing is sent.
        demo_card: a virtual card that the pages of a demo name with its PIN; only in the file.
        notify: the program, with its arguments, that sends one-time codes instead of ``smtp`` and
            ``sms``.
        smtp: the mail server; only in the file.
        sms: what sends text messages; only in the file.
        operators: mobile operators that may be asked; only in the file, without any there is no
            such way.
        helpline: the telephone number that notices name.
        holidays: days on which nobody reviews, besides Saturdays and Sundays.
        two_reviewers: whether two reviewers have to agree about an application online.
        agent_ports: where the page looks for the agent.
        agent_ping_port: where the agent's plain-HTTP beacon is.
        downloads: the directory of installers that step 4 offers; may be absent.
        pictures_at_once: child processes that may make pictures anew at the same time.
        staff_networks: from where the staff's pages can be reached, such as ``10.1.0.0/16``; empty
            for everywhere.
        trusted_proxies: networks of the operator's own proxies, whose ``X-Forwarded-For`` counts.
        metrics_host: the operator's address, for metrics, health and readiness with reasons.
        metrics_port: its port, 0 for any free one; without one there is no such address.
        log_format: how the log is written.
        security_txt: whom to tell of a weakness of this site; only in the file, without it nobody
            is named.

    """

    host: str = "127.0.0.1"
    port: _Port = 8080
    db: str = "portal.db"
    key_file: str = ""
    origins: _Origins = ()
    anchors: tuple[str, ...] = ()
    intermediates: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()
    ics_url: str = ""
    ics_certificate: str = ""
    ics_key: str = ""
    demo: bool = True
    demo_card: DemoCard | None = None
    notify: tuple[str, ...] = ()
    smtp: SmtpSettings | None = None
    sms: SmsSettings | None = None
    operators: Annotated[tuple[OperatorSettings, ...], Meta(max_length=MOST_OPERATORS)] = ()
    helpline: _Helpline = "1999"
    holidays: tuple[date, ...] = ()
    two_reviewers: bool = False
    agent_ports: tuple[_Port, ...] = (28443, 28444, 28445)
    agent_ping_port: _Port = 61161
    downloads: str = ""
    pictures_at_once: Annotated[int, Meta(ge=1, le=64)] = 2
    staff_networks: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    trusted_proxies: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    metrics_host: str = "127.0.0.1"
    metrics_port: _Port | None = None
    log_format: LogFormat = LogFormat.TEXT
    security_txt: SecurityTxtSettings | None = None

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            ValueError: one of them; the text is for the operator.

        """
        for origin in self.origins:
            check_origin(origin)
        if not self.anchors:
            raise ValueError("at least one anchor is needed")
        if bool(self.ics_certificate) != bool(self.ics_key):
            raise ValueError("ics_certificate and ics_key go together")
        if not self.demo and not self.notify and not (self.smtp and self.sms):
            raise ValueError("without demo, codes need [smtp] and [sms], or notify: a program")
        if self.demo_card and not self.demo:
            raise ValueError("demo_card is shown to everybody, so that it needs demo")
        check_operators(self.operators)
        checked_url(self.ics_url, "ics_url")
        parse_networks((*self.trusted_proxies, *self.staff_networks))

    def origins_at(self, port: int) -> tuple[str, ...]:
        """Return the origins, given the port that the portal listens on."""
        shown = "" if port == _HTTP_PORT else f":{port}"  # browsers leave that one out
        return self.origins or (f"http://localhost{shown}", f"http://127.0.0.1{shown}")


_FLAGS: Final[Sequence[tuple[str, dict[str, Any]]]] = (
    ("--host", {"help": "address to listen on"}),
    ("--port", {"type": int, "help": "0 for any free one"}),
    ("--db", {"help": "SQLite file, or postgresql://…"}),
    ("--key-file", {"help": "key of the database; by default beside the SQLite file"}),
    ("--origin", {"action": "append", "dest": "origins", "help": "what browsers call this site"}),
    ("--anchors", {"nargs": "+", "help": "trusted certificates, PEM or DER"}),
    ("--intermediates", {"nargs": "+", "help": "certificates in between, PEM or DER"}),
    ("--crl", {"nargs": "+", "help": "revocation lists, paths or URLs"}),
    ("--ics-url", {"help": "the identity service"}),
    ("--ics-certificate", {"help": "the site's certificate for it, PEM"}),
    ("--ics-key", {"help": "its RSA key, PEM"}),
    ("--demo", {"action": argparse.BooleanOptionalAction, "help": "show codes on the page"}),
    ("--notify", {"nargs": "+", "help": "program that sends codes"}),
    ("--holidays", {"nargs": "+", "help": "days without reviews, such as 2027-01-01"}),
    ("--two-reviewers", {"action": argparse.BooleanOptionalAction, "help": "two have to agree"}),
    ("--agent-ports", {"nargs": "+", "type": int, "help": "where the page looks for the agent"}),
    ("--agent-ping-port", {"type": int, "help": "where the agent's beacon is"}),
    ("--downloads", {"help": "directory of installers"}),
    ("--pictures-at-once", {"type": int, "help": "processes that make pictures anew"}),
    ("--staff-networks", {"nargs": "+", "help": "from where staff may come, as 10.1.0.0/16"}),
    ("--trusted-proxies", {"nargs": "+", "help": "networks of your own proxies"}),
    ("--metrics-host", {"help": "address for metrics and readiness, never a public one"}),
    ("--metrics-port", {"type": int, "help": "its port; without one there is no such address"}),
    ("--log-format", {"choices": tuple(LogFormat), "help": "of standard error"}),
)


_DATABASE_FLAGS: Final = frozenset({"--db", "--key-file"})
_OF_ENVIRONMENT: Final = {"ANKONG_PORTAL_DB": "db", "ANKONG_PORTAL_KEY": "key_file"}
"""Settings that may be secret or differ by machine. Not every one: container services set variables
such as ``ANKONG_PORTAL_PORT`` by themselves."""


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a command needs that only works on the database; a file's other settings are ignored.

    Attributes:
        db: as of :class:`PortalConfig`.
        key_file: likewise.

    """

    db: str = "portal.db"
    key_file: str = ""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every setting to a parser."""
    parser.add_argument(
        "--config",
        type=Path,
        help="TOML file; before it come the environment (ANKONG_PORTAL_DB, ANKONG_PORTAL_KEY)"
        " and the flags",
    )
    for flag, options in _FLAGS:
        parser.add_argument(flag, **options)


def add_database_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name the database to a parser."""
    parser.add_argument("--config", type=Path, help="TOML file of the service")
    for flag, options in _FLAGS:
        if flag in _DATABASE_FLAGS:
            parser.add_argument(flag, **options)


def portal_settings(options: argparse.Namespace) -> PortalConfig:
    """Return the settings of the flags, over those of the environment, over those of the file.

    Raises:
        ValueError: a setting is unknown or cannot work; the text is for the operator.
        OSError: the file cannot be read.

    """
    return msgspec.convert(_joined(options, PortalConfig), PortalConfig)


def database_settings(options: argparse.Namespace) -> DatabaseSettings:
    """Return the settings that name the database, from the same places.

    Raises:
        ValueError: the file is no TOML, or a setting no text.
        OSError: the file cannot be read.

    """
    return msgspec.convert(_joined(options, DatabaseSettings), DatabaseSettings)


def _joined(options: argparse.Namespace, kind: type[msgspec.Struct]) -> dict[str, Any]:
    known = {field.name for field in msgspec.structs.fields(kind)}
    flags = {name: value for name, value in vars(options).items() if name in known}
    said = {name: value for name, value in flags.items() if value is not None}
    return {**_of_file(options), **_of_environment(), **said}


def _of_file(options: argparse.Namespace) -> dict[str, Any]:
    file: Path | None = options.config
    return {} if file is None else decode_toml(file.read_text(encoding="utf-8"))


def _of_environment() -> dict[str, str]:
    return {
        name: os.environ[variable]
        for variable, name in _OF_ENVIRONMENT.items()
        if os.environ.get(variable)
    }
