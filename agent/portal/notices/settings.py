"""The operator's settings of how mail and text messages leave the house.

They stand in the file of settings as tables of their own, ``[smtp]`` and ``[sms]``.
"""

from email.errors import MessageError
from email.headerregistry import Address, AddressHeader
from email.policy import SMTP
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from agent.harmless import is_harmful
from agent.relying.urls import checked_url, is_this_computer

_PORTS: Final = {"starttls": 587, "implicit": 465, "none": 25}  # RFC 6409 §3.1, RFC 8314 §3.3
_MAX_SECRET: Final = 4096


class SmtpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where mail is handed in.

    Attributes:
        host: of the mail server; its certificate has to be for this name.
        sender: the address that members see, perhaps with a name: ``Name <no-reply@a.example>``.
        tls: ``starttls`` (RFC 3207), ``implicit`` (RFC 8314), or ``none``, on this computer only.
        port: 0 for the usual one: 587, 465 or 25.
        user: for AUTH; none without one.
        password_file: whose first line is the user's password; read for each connection.
        ca_file: certificates to trust instead of the system's, PEM.

    """

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    sender: Annotated[str, Meta(min_length=3, max_length=320)]
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    user: str = ""
    password_file: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, or would show mail to the network.

        Raises:
            ValueError: one of them; the text is for the operator.

        """
        parse_sender(self.sender)
        if self.tls == "none" and not is_this_computer(self.host):
            raise ValueError("smtp: without TLS, the mail server has to be this computer")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("smtp: user and password_file go together")

    @property
    def used_port(self) -> int:
        """The port to connect to."""
        return self.port or _PORTS[self.tls]


class SmsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's own service that sends text messages.

    Attributes:
        url: takes one message by POST; https, or http on this computer.
        token_file: whose first line is the bearer token (RFC 6750); read for each message.
        ca_file: certificates to trust instead of the system's, PEM.

    """

    url: str
    token_file: str
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Refuse an address that would show messages to the network.

        Raises:
            ValueError: the text is for the operator.

        """
        checked_url(self.url, "sms: url")


def parse_sender(text: str) -> Address:
    """Return the one address, with its name, of a From header (RFC 5322 §3.6.2).

    Raises:
        ValueError: it is none, has several, or is not ASCII apart from the name.

    """
    if any(map(is_harmful, text)):
        raise ValueError("smtp: the sender has characters that show nothing")
    try:
        header = SMTP.header_factory("from", text)
    except (MessageError, ValueError, IndexError) as error:
        raise ValueError("smtp: the sender is no address") from error
    addresses = header.addresses if isinstance(header, AddressHeader) else ()
    if len(addresses) != 1 or header.defects:
        raise ValueError("smtp: the sender has to be one address, such as Name <a@b.example>")
    (address,) = addresses
    if not address.username or not address.domain or not address.addr_spec.isascii():
        raise ValueError("smtp: the sender's address has to be ASCII: write xn--… for the domain")
    return address


def read_secret(file: str) -> str:
    """Return the first line of a file that holds a password or a token.

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty, too long, or no text.

    """
    with open(file, encoding="utf-8") as opened:  # noqa: PTH123  # reads a bounded part only
        first = opened.read(_MAX_SECRET + 1).partition("\n")[0].strip()
    if not first or len(first) > _MAX_SECRET:
        raise ValueError("a file of a secret is empty or too long")
    return first
