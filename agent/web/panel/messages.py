"""What the panel's pages send, each in one small body."""

from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from agent.errors import BadRequestError
from agent.host.settings.config import DocumentLevel, QuestionPlace
from agent.pdf.wire import MarkPlace
from agent.web.front.audience import Audience
from agent.words import CHOICES

T = TypeVar("T", bound="PanelMessage")
Text = Annotated[str, Meta(max_length=255)]
DocumentId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
MAX_DOCUMENTS: Final = 16
"""That are signed at once."""
Octet = Annotated[int, Meta(ge=0, le=255)]
Password = Annotated[list[Octet], Meta(min_length=1, max_length=512)]
"""Of a document, in UTF-8: as numbers it never is a text, which cannot be wiped."""
LanguageChoice = Annotated[str, Meta(pattern=rf"^({'|'.join(CHOICES)})\Z")]


class PanelMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all messages."""

    audience: ClassVar[Audience] = Audience.PANEL


class OpenPanel(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Opens the panel with a token from the tray or the command line, or from the first page."""

    audience: ClassVar[Audience] = Audience.OWN_USER

    token: Annotated[str, Meta(max_length=256)]


class ClaimTicket(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Asks for the answer to the ticket that the first page was opened with."""

    audience: ClassVar[Audience] = Audience.EVERYBODY

    claim: Annotated[str, Meta(max_length=128)]


class OpenQuestion(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Lets the page of a question in, with the token that the agent opened it with."""

    audience: ClassVar[Audience] = Audience.OWN_USER

    token: Annotated[str, Meta(max_length=128)]


class AnswerQuestion(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Answers the question of the page that sends it.

    Attributes:
        answer: of the button, with the place of the chosen card.
        pin: the numbers of its characters, where the answer is one.

    """

    answer: Annotated[str, Meta(max_length=16)]
    pin: Annotated[list[Octet], Meta(max_length=32)] | None = None

    def __repr__(self) -> str:
        return f"AnswerQuestion({self.answer!r})"


class DecideSite(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Takes decisions back or blocks a site; to allow one takes a window of our own.

    ``forget_blind`` is about signatures over what cannot be shown alone.
    """

    origin: Text
    action: Literal["forget", "forget_blind", "block"]


class RunSelfTest(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Tests one reader, or the only one; with a signature the citizen is asked for the PIN."""

    reader: Annotated[str, Meta(max_length=127)] | None = None
    signature: bool = False


class SignDocuments(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Signs documents that this browser handed over, all with one PIN.

    Attributes:
        ids: of the documents.
        reason: why; None says nothing.
        location: where, likewise.
        reader: only a card in this reader; None for any.
        field: the empty signature field to use, where there is one document; None for the first.
        mark: where a page shows the signature; None where none does.
        level: how long the proof is to last; None for what the settings say.
        language: in which the page is read, and the mark is drawn; None for the person's choice.

    """

    ids: Annotated[list[DocumentId], Meta(min_length=1, max_length=MAX_DOCUMENTS)]
    reason: Text | None = None
    location: Text | None = None
    reader: Annotated[str, Meta(max_length=127)] | None = None
    field: Annotated[str, Meta(max_length=1024)] | None = None
    mark: MarkPlace | None = None
    level: DocumentLevel | None = None
    language: LanguageChoice | None = None


class ExtendDocument(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Tries once more to prove a signed document for as long as was wanted.

    Attributes:
        id: of the document.
        language: in which the page is read, and the file is named; None for the person's choice.

    """

    id: DocumentId
    language: LanguageChoice | None = None


class UnlockDocument(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Opens a document with its own password."""

    id: DocumentId
    password: Password

    def __repr__(self) -> str:
        return f"UnlockDocument({self.id!r})"


class JudgeDocument(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Says what the signatures of a document are worth; ``password`` opens it."""

    id: DocumentId
    password: Password | None = None

    def __repr__(self) -> str:
        return f"JudgeDocument({self.id!r})"


class OpenBasket(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Opens what a file manager handed over, once."""

    id: DocumentId


class TakeFromBasket(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Has a file of an opened basket copied, to be signed.

    Attributes:
        basket: its id.
        number: of the file in it, from 0.

    """

    basket: DocumentId
    number: Annotated[int, Meta(ge=0, lt=256)]


class RevealDocument(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Shows in the file manager where a signed document was saved."""

    id: DocumentId


class Repair(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Carries out one of the doctor's repairs."""

    repair: Annotated[str, Meta(max_length=64)]


class SwitchRecorder(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Records what pages ask for, for a while; or no more; or forgets what was recorded."""

    action: Literal["start", "stop", "clear"]


class Change(PanelMessage, frozen=True, forbid_unknown_fields=True):
    """Changes a setting of the citizen's own; what is missing stays as it is."""

    language: LanguageChoice | None = None
    autostart: bool | None = None
    update_check: bool | None = None
    questions: QuestionPlace | None = None


def read(kind: type[T], body: bytes | bytearray) -> T:
    """Read a body.

    Raises:
        BadRequestError: it is no such message.

    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError("no such message") from error


def write(answer: Any) -> bytes:
    """Encode an answer of plain dicts, lists, texts and numbers.

    Raises:
        ValueError: a text that came from a card or a reader is no Unicode.

    """
    return msgspec.json.encode(answer)
