"""What the citizen is asked in our own windows, and the seam that windows stand behind.

The requests are facts, not sentences: who asks, for what, with which card. The window chooses the
words. Whoever stops waiting for an answer (the task is cancelled) closes the window by that.

The bounds that the types state are checked where a window's process reads a request
(:mod:`agent.consent.wire`), not where one is made.
"""

from enum import StrEnum, unique
from typing import Annotated, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Meta, Struct

from agent.cms.login import LoginPurpose
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.secret import SecretBytes

A = TypeVar("A")
MAX_CARDS = 6  # that a window can offer
MAX_SHOWN = 256  # documents listed in a window: as many as one request has
MAX_NAME = 255  # characters
MAX_TEXT = 200  # characters of a document that is shown itself
Attempts: TypeAlias = Annotated[int, Meta(ge=1, le=15)]  # a card counts them in four bits
CARD_PULLED: Final = "the card was pulled"
"""Message of the cancellation of a question that a pulled card closed: nobody said no to the site.
"""
MAX_PIN: Final = 64  # characters; more than any card takes, and some tokens take longer ones
PinLength: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_PIN)]


@unique
class SiteAnswer(StrEnum):
    """What the citizen may say about a site."""

    THIS_TIME = "this_time"
    ALWAYS = "always"
    NEVER = "never"
    CANCEL = "cancel"


@unique
class Scope(StrEnum):
    """What a site may be allowed, each by itself."""

    CARD = "card"  # to read it and to ask for its use
    BLIND = "blind"  # signatures over a digest alone, whose document nobody here can show


@unique
class Act(StrEnum):
    """What the card's key is to do."""

    SIGN = "sign"
    AUTHENTICATE = "authenticate"
    DECRYPT = "decrypt"


class DocumentFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """One document as the citizen is told of it.

    Attributes:
        name: what the page calls it, unchecked; None when it does not say.
        digest: under the request's hash, 20 to 64 bytes.
        text: all that it says, where it is short and plain text; or, of a file with pages, what
            goes into it beside the signature. None where there is neither.
        pages: of the file that the digest, SHA-256, is of; None where it is not a whole file's.
        mark: the page on which the signature is to be seen, from 1; None for none.

    """

    name: Annotated[str, Meta(max_length=MAX_NAME)] | None
    digest: Annotated[bytes, Meta(min_length=20, max_length=64)]
    text: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None
    pages: Annotated[int, Meta(ge=1)] | None = None
    mark: Annotated[int, Meta(ge=1)] | None = None


class Purpose(Struct, frozen=True, forbid_unknown_fields=True):
    """What the key is wanted for.

    Attributes:
        act: what is done.
        hash: the digest algorithm's name, such as "SHA-256"; empty when nothing is signed.
        documents: the first 256 of them at most.
        count: of all documents.
        login: what the citizen proves their identity for; None unless that is the act.
        view: what names the documents where they can be shown; None where they cannot.

    """

    act: Act
    hash: str = ""
    documents: Annotated[tuple[DocumentFacts, ...], Meta(max_length=MAX_SHOWN)] = ()
    count: Annotated[int, Meta(ge=0)] = 0
    login: LoginPurpose | None = None
    view: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")] | None = None


class CardFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """Which card, and whose.

    Attributes:
        reader: where it is.
        generation: what kind of card it is, see ``agent.cards.card``.
        serial: its own number.
        holder: the name in its certificate, unchecked; None where it has none.
        virtual: whether it is a card for testing, in no real reader.
        hidden: whether it shows its certificates after the PIN alone, so that nobody knows yet.

    """

    reader: str
    generation: str
    serial: str
    holder: str | None
    virtual: bool = False
    hidden: bool = False

    def __repr__(self) -> str:
        # Logs print objects; whose card it is stays out of them.
        return f"CardFacts({self.reader!r}, {self.generation!r})"


class Prompt(Struct, Generic[A], frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A question whose answer is an ``A``.

    Attributes:
        site: on whose behalf the citizen is asked.
        unasked: what a page is told where whoever started the agent wants no windows.
        unshown: what it is told where no window can be shown.

    """

    site: Origin
    unasked: ClassVar[ErrorCode]
    unshown: ClassVar[ErrorCode] = ErrorCode.WINDOW_UNAVAILABLE


class AllowSite(Prompt[SiteAnswer], frozen=True, tag="allow_site"):
    """Asks whether a site may use the card.

    Attributes:
        attempts_unknown: whether the card in use may have any number of PIN attempts left; the
            window then says that a yes covers one PIN of the page's.
        blind: whether it wants signatures over what cannot be shown, so that a yes allows these
            as well.

    """

    attempts_unknown: bool = False
    blind: bool = False
    unasked: ClassVar[ErrorCode] = ErrorCode.ORIGIN_NOT_ALLOWED

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What a yes allows; a no for good is about the first of them."""
        return (Scope.CARD, Scope.BLIND) if self.blind else (Scope.CARD,)


class AllowBlind(Prompt[SiteAnswer], frozen=True, tag="allow_blind"):
    """Asks whether a site that may use the card gets signatures over what cannot be shown."""

    unasked: ClassVar[ErrorCode] = ErrorCode.BLIND_NOT_ALLOWED

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What a yes allows, and a no for good forbids."""
        return (Scope.BLIND,)


class EnterPin(Prompt[SecretBytes], frozen=True, tag="enter_pin"):
    """Asks for the PIN; cancelling is the error ``user_cancelled``.

    Attributes:
        site: who asks.
        purpose: what for.
        card: which card.
        attempts_left: PIN attempts left as last seen, 1 to 15; None when never seen.
        was_wrong: whether the PIN that was entered a moment ago was wrong.
        min_length: characters of the shortest PIN.
        max_length: characters of the longest PIN.
        may_block: whether the window offers to block the site, which is the error
            ``origin_blocked``.
        keypad: whether the PIN is typed on the reader, so that the window has no field; what is
            answered is empty then.
        few_left: whether the card says that attempts were used up, but not how many are left.

    """

    purpose: Purpose
    card: CardFacts
    attempts_left: Attempts | None
    was_wrong: bool
    min_length: PinLength
    max_length: PinLength
    may_block: bool = False
    keypad: bool = False
    few_left: bool = False
    unasked: ClassVar[ErrorCode] = ErrorCode.PIN_REQUIRED


def view_of(prompt: Prompt[A]) -> str | None:
    """Return what names the documents of a question; None where it has none to look at."""
    return prompt.purpose.view if isinstance(prompt, EnterPin) else None


class LastAttempt(Prompt[bool], frozen=True, tag="last_attempt"):
    """Asks whether a PIN attempt is to be spent that may be one of the last.

    Attributes:
        site: who asks.
        attempts_left: before this one; None when that is not known, so that it may be the last.
        card: which card.
        pin_given: whether the page has handed a PIN over already, so that a yes spends the attempt
            at once.

    """

    attempts_left: Attempts | None
    card: CardFacts
    pin_given: bool
    unasked: ClassVar[ErrorCode] = ErrorCode.PIN_LAST_ATTEMPT
    unshown: ClassVar[ErrorCode] = ErrorCode.PIN_LAST_ATTEMPT


class ChooseCard(Prompt[CardFacts], frozen=True, tag="choose_card"):
    """Asks which of several cards a site means; cancelling is the error ``user_cancelled``.

    Attributes:
        site: who asks.
        cards: that can do what it asks for.

    """

    cards: Annotated[tuple[CardFacts, ...], Meta(min_length=1, max_length=MAX_CARDS)]
    unasked: ClassVar[ErrorCode] = ErrorCode.BAD_REQUEST


class Locked(Prompt[None], frozen=True, tag="locked"):
    """Tells that the PIN is locked, and what to do now; there is nothing to answer."""

    card: CardFacts
    unasked: ClassVar[ErrorCode] = ErrorCode.PIN_LOCKED
    unshown: ClassVar[ErrorCode] = ErrorCode.PIN_LOCKED


class Prompter(Protocol):
    """Asks the citizen. Awaiting it may take as long as they do."""

    def can_ask(self) -> bool:
        """Return whether there is anything to ask the citizen with, as far as that is known."""

    def pin_unasked(self) -> ErrorCode:
        """Return what a page is told that gave no PIN, where :meth:`can_ask` says no."""

    async def ask(self, prompt: Prompt[A]) -> A:
        """Show a window and wait for the answer; cancelling the task closes it.

        Raises:
            UnaskedError: with one of the prompt's own two codes: nothing can be shown.
            AgentError: ``user_cancelled``, ``origin_blocked``, ``timeout``, ``busy``,
                ``rate_limited``.

        """


class NoPrompter:
    """Asks nobody: whoever started the agent wants no windows."""

    def __init__(self, reason: str) -> None:
        """Remember why, for the log and the page.

        Args:
            reason: one English clause, such as "started with --consent deny".

        """
        self._reason = reason

    def can_ask(self) -> bool:
        """Tell that there is not."""
        return False

    def pin_unasked(self) -> ErrorCode:
        """Tell that the page has to give the PIN."""
        return EnterPin.unasked

    async def ask(self, prompt: Prompt[A]) -> A:
        """Refuse.

        Raises:
            UnaskedError: with the prompt's own code, always.

        """
        raise unasked(prompt, self._reason)


class UnaskedError(AgentError):
    """There is nothing to ask the citizen with; another way of asking may be tried.

    Attributes:
        is_about_site: whether the question was whether a site may do something.

    """

    is_about_site = False


def unasked(prompt: Prompt[A], reason: str) -> UnaskedError:
    """Make the error of a question that nobody is to be asked."""
    return _unasked(prompt, reason, prompt.unasked)


def unshown(prompt: Prompt[A], reason: str) -> UnaskedError:
    """Make the error of a question whose window could not be shown."""
    return _unasked(prompt, reason, prompt.unshown)


def _unasked(prompt: Prompt[A], reason: str, code: ErrorCode) -> UnaskedError:
    left: int | None = None
    if isinstance(prompt, LastAttempt | EnterPin):
        left = prompt.attempts_left
    elif isinstance(prompt, Locked):
        left = 0
    error = UnaskedError(reason, code=code, attempts_left=left)
    error.is_about_site = isinstance(prompt, AllowSite | AllowBlind)
    return error
