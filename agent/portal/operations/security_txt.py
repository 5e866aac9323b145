"""Where to report weaknesses of this site, as RFC 9116 has it; nothing where nobody said so.

The operator names the contact. What is said expires half a year after it was asked for, so that a
copy is not believed for ever; a text that the operator signed has its own end, and is not served
after that.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from agent.files import read_file
from agent.portal.errors import PortalCode, PortalError
from agent.words import REVIEWED

PATH: Final = "/.well-known/security.txt"
_LASTS: Final = timedelta(days=180)
_LONGEST: Final = timedelta(days=366)  # RFC 9116 §2.5.5: less than a year is recommended
_MAX_SIGNED: Final = 64 * 1024  # bytes
_SIGNED: Final = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE: Final = "-----BEGIN PGP SIGNATURE-----"
_FIELD: Final = re.compile(r"([A-Za-z-]+): (\S.*)")

_Contact = Annotated[
    str,
    Meta(max_length=300, pattern=r"^(https://|tel:\+|mailto:[!-?A-~]+@)[!-~]+\Z"),
]
_Web = Annotated[str, Meta(max_length=300, pattern=r"^https://[!-~]+\Z")]
_Key = Annotated[str, Meta(max_length=300, pattern=r"^(https://|dns:|openpgp4fpr:)[!-~]+\Z")]
_Language = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", max_length=35)]


class SecurityTxtSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell of a weakness.

    Attributes:
        contact: ``mailto:``, ``https://`` or ``tel:+``, the preferred one first.
        encryption: where the key is that a report may be encrypted with.
        policy: the page that says how reports are dealt with.
        languages: in which a report may be written, as tags of BCP 47; by default those that we
            write ourselves.
        signed: a file in that form, signed in clear text with OpenPGP, which is served instead of
            the rest.

    """

    contact: Annotated[tuple[_Contact, ...], Meta(max_length=8)] = ()
    encryption: _Key = ""
    policy: _Web = ""
    languages: Annotated[tuple[_Language, ...], Meta(max_length=8)] = tuple(map(str, REVIEWED))
    signed: str = ""

    def __post_init__(self) -> None:
        """Refuse settings that say of nobody.

        Raises:
            ValueError: it names no contact and no signed file, or both.

        """
        if bool(self.contact) == bool(self.signed):
            raise ValueError("security_txt needs contact, or a file that is signed, not both")


def security_txt(settings: SecurityTxtSettings, origins: Sequence[str], moment: datetime) -> str:
    """Return the text as it is said now.

    Args:
        settings: the operator's.
        origins: of this site.
        moment: now, with a time zone.

    """
    expires = (moment.astimezone(UTC) + _LASTS).replace(hour=0, minute=0, second=0, microsecond=0)
    fields = [
        *(("Contact", each) for each in settings.contact),
        ("Expires", expires.strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("Encryption", settings.encryption),
        ("Policy", settings.policy),
        ("Preferred-Languages", ", ".join(settings.languages)),
        *(("Canonical", f"{each}{PATH}") for each in origins if each.startswith("https://")),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields if value)


def read_signed(file: Path, moment: datetime) -> tuple[str, datetime]:
    """Return a signed text and its end; the signature itself is whoever's reads it to judge.

    Args:
        file: of at most 64 KiB.
        moment: now, with a time zone.

    Raises:
        ValueError: it is no such text, or its end is past or more than a year away; the text is
            for the operator.
        OSError: it cannot be read.

    """
    text = read_file(file, _MAX_SIGNED, follow_links=True).decode("utf-8")
    start, mark, _ = text.partition(_SIGNATURE)
    if not mark or not start.startswith(_SIGNED):
        raise ValueError(f"{file}: is not signed in clear text with OpenPGP")
    lines = (_FIELD.fullmatch(line) for line in start.splitlines())
    fields = [(each[1].lower(), each[2]) for each in lines if each is not None]
    ends = [value for name, value in fields if name == "expires"]
    if len(ends) != 1 or "contact" not in {name for name, _ in fields}:
        raise ValueError(f"{file}: needs Contact, and Expires once")
    end = datetime.fromisoformat(ends[0])
    if end.tzinfo is None or not moment < end <= moment + _LONGEST:
        raise ValueError(f"{file}: Expires has to be in the future, within a year, with a zone")
    return text, end


class SecurityTxt:
    """What this site says at that address."""

    def __init__(
        self,
        settings: SecurityTxtSettings | None,
        origins: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        """Read the signed file, if there is one; blocks.

        Args:
            settings: None where the operator has said nothing.
            origins: of this site.
            clock: seconds since 1970.

        Raises:
            ValueError: the signed file is not one that can be served.
            OSError: it cannot be read.

        """
        self._settings, self._origins, self._clock = settings, origins, clock
        self._signed: tuple[str, datetime] | None = None
        if settings is not None and settings.signed:
            self._signed = read_signed(Path(settings.signed), self._now())

    def text(self) -> str | None:
        """Return it as it is now; None where there is nothing to say."""
        if self._settings is None:
            return None
        if self._signed is None:
            return security_txt(self._settings, self._origins, self._now())
        text, end = self._signed
        return text if self._now() < end else None

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


SECURITY_TXT: Final = web.AppKey("security_txt", SecurityTxt)


async def get_security_txt(request: web.Request) -> web.Response:
    """Say whom to tell of a weakness.

    Raises:
        PortalError: ``not_found``.

    """
    text = request.app[SECURITY_TXT].text()
    if text is None:
        raise PortalError(PortalCode.NOT_FOUND)
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


def add_routes(router: web.UrlDispatcher) -> None:
    """Add the address."""
    router.add_get(PATH, get_security_txt)
