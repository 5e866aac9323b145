"""Mobile numbers and e-mail addresses, by which ordinary members log in."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from agent.portal.errors import PortalCode, PortalError


@unique
class LoginKind(StrEnum):
    """The ways to log in."""

    MOBILE = "mobile"
    EMAIL = "email"
    CARD = "card"


_SEPARATORS: Final = re.compile(r"[\s().-]")
_MOBILE: Final = re.compile(r"(?:\+?886|0)(9[0-9]{8})", re.ASCII)
_EMAIL: Final = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
    re.ASCII,
)
_EMAIL_LENGTH: Final = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """A contact in normal form; its repr is masked."""

    kind: LoginKind
    value: str

    @property
    def masked(self) -> str:
        """The contact with all but a few characters masked, to be shown."""
        if self.kind is LoginKind.MOBILE:
            return f"{self.value[:4]}***{self.value[-3:]}"
        local, _, domain = self.value.partition("@")
        return f"{local[0]}***@{domain}"

    def __repr__(self) -> str:
        return f"Contact({self.masked})"


def parse_contact(text: str) -> Contact:
    """Parse a Taiwanese mobile number (to 09xxxxxxxx) or an e-mail address (to lower case).

    Raises:
        PortalError: ``contact_invalid``: it is neither.

    """
    normal = unicodedata.normalize("NFKC", text).strip()
    if (mobile := _MOBILE.fullmatch(_SEPARATORS.sub("", normal))) is not None:
        return Contact(LoginKind.MOBILE, f"0{mobile[1]}")
    address = normal.lower()
    if len(address) <= _EMAIL_LENGTH and _EMAIL.fullmatch(address) is not None:
        return Contact(LoginKind.EMAIL, address)
    raise PortalError(PortalCode.CONTACT_INVALID)
