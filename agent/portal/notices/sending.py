"""What every way of sending has in common."""

from dataclasses import dataclass
from typing import Protocol

from agent.portal.contact import Contact, LoginKind, parse_contact
from agent.portal.errors import PortalError
from agent.words import Language


@dataclass(frozen=True, slots=True, repr=False)
class NoticeMessage:
    """What a person reads, in one language.

    Attributes:
        language: of all of it.
        subject: one line.
        site: who speaks.
        paragraphs: of the text, each without line ends.
        footer: lines that stand under a mail.

    """

    language: Language
    subject: str
    site: str
    paragraphs: tuple[str, ...]
    footer: tuple[str, ...]

    @property
    def short(self) -> str:
        """What a text message says."""
        said = f"[{self.site}] {self.paragraphs[0]}"
        for paragraph in self.paragraphs[1:]:  # ideographic marks bring their own space
            said += f" {paragraph}" if said[-1].isascii() else paragraph
        return said


@dataclass(frozen=True, slots=True, repr=False)
class Parcel:
    """A message on its way to one contact.

    Attributes:
        contact: of the kind that the sender is for.
        message: what it says.
        identity: the same at each attempt, so that a receiver can tell a repetition: at most 64
            characters of ``A-Z a-z 0-9 - _``.
        created: in seconds since 1970.

    """

    contact: Contact
    message: NoticeMessage
    identity: str
    created: int


class DeliveryError(Exception):
    """A message was not accepted, or nobody can tell; the text never holds personal data.

    Attributes:
        is_final: whether this message will never be accepted for this contact.

    """

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Sender(Protocol):
    """Sends to contacts of one kind."""

    async def send(self, parcel: Parcel) -> None:
        """Hand a message over to whoever brings it to the person.

        Raises:
            DeliveryError: it was not accepted, or the answer did not come.

        """


def checked_contact(contact: Contact, kind: LoginKind) -> Contact:
    """Return the contact, when it is one of this kind in normal form: what is sent is built of it.

    Raises:
        DeliveryError: nothing will ever arrive there.

    """
    try:
        if contact.kind is kind and parse_contact(contact.value) == contact:
            return contact
    except PortalError:
        pass
    raise DeliveryError("not a contact", is_final=True)
