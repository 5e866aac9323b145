"""Writing down how each request for a key ended, before anybody is answered.

A page that leaves, a task that is cancelled or a card that takes too long do not keep a line
from being written: what the card did is told by the thread that made it do so.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self, TypeAlias

import structlog

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.errors import AgentError, ErrorCode, PinError
from agent.history.line import BLIND, DONE, UNDELIVERED, Entry, EntryKind, HistoryLine, presentable
from agent.history.store import History, moment
from agent.origin import Origin
from agent.pki.certificate import CertificateFacts
from agent.signing.card_certificates import certificate_facts
from agent.signing.model import AuthenticationRequest, DecryptionRequest, SignatureRequest

AGAIN_AFTER: Final = timedelta(minutes=10)
"""How long the same refusal of the same site is not written again."""
REFUSALS_AN_HOUR: Final = 60
"""How many lines a page can cause without a card; the log has them all."""

# Nothing happened that the citizen could want to know: no card, no PIN, no question.
_UNTOLD: Final = frozenset(
    {
        ErrorCode.BAD_REQUEST,
        ErrorCode.RATE_LIMITED,
        ErrorCode.BUSY,
        ErrorCode.WINDOW_UNAVAILABLE,
        ErrorCode.NO_READER,
        ErrorCode.NO_CARD,
        ErrorCode.UNSUPPORTED_CARD,
        ErrorCode.PIN_REQUIRED,
        ErrorCode.PIN_LENGTH,
        ErrorCode.KEY_NOT_FOUND,
        ErrorCode.OTHER_RECIPIENT,
        ErrorCode.PCSC_UNAVAILABLE,
        ErrorCode.INSECURE_ORIGIN,
    }
)
_ALWAYS_TOLD: Final = frozenset({DONE, UNDELIVERED, str(ErrorCode.PIN_INCORRECT)})

KeyRequest: TypeAlias = SignatureRequest | AuthenticationRequest | DecryptionRequest
"""What a private key can be wanted for."""
_KINDS: Final[Mapping[type[KeyRequest], EntryKind]] = {
    SignatureRequest: EntryKind.SIGN,
    AuthenticationRequest: EntryKind.AUTHENTICATE,
    DecryptionRequest: EntryKind.DECRYPT,
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signed:
    """What the citizen is notified of after a key was used.

    Attributes:
        kind: sign, authenticate or decrypt.
        site: who asked.
        documents: what the page calls them, unchecked; one for each signature.
        holder: the name in the certificate, unchecked; None where it has none.
        card_serial: the card's own number.

    """

    kind: EntryKind
    site: Origin
    documents: tuple[str | None, ...]
    holder: str | None
    card_serial: str


@dataclass(frozen=True, slots=True)
class KeyOutcome:
    """How a request ended that gets a line, for whoever keeps a log of the computer.

    Attributes:
        kind: sign, authenticate or decrypt; connect where a site was not allowed.
        site: who asked.
        outcome: as in the history: ``done``, ``undelivered`` or the code of an error.
        count: of documents.

    """

    kind: EntryKind
    site: Origin
    outcome: str
    count: int


class Recorder:
    """Writes lines for one agent; belongs to its event loop."""

    def __init__(
        self,
        history: History | None,
        on_signed: Callable[[Signed], None] | None,
        clock: Callable[[], datetime],
        on_outcome: Callable[[KeyOutcome], None] | None = None,
    ) -> None:
        """Prepare to record.

        Args:
            history: where lines go; None where nothing is kept.
            on_signed: told after each use of a key, in the event loop; must not block.
            clock: the time of day, with a time zone.
            on_outcome: told of each line, in any thread; must not block or raise.

        """
        self._on_outcome = on_outcome or (lambda _: None)
        self._history = history
        self._on_signed = on_signed
        self.clock = clock
        self._refusals = _Refusals()

    def request(self, site: Origin, request: KeyRequest) -> "Recording":
        """Return a context that writes down how a request ended; used once."""
        return Recording(self, site, request)

    async def refused(self, site: Origin, error: AgentError) -> None:
        """Write down that a site was not allowed."""
        now = self.clock()
        outcome = str(error.code)
        if self.wants(site, outcome):
            entry = Entry(moment(now), EntryKind.CONNECT, outcome, presentable(str(site)))
            self.ended(KeyOutcome(EntryKind.CONNECT, site, outcome, 0))
            await settled(self.write(lambda: (entry,)))

    def wants(self, site: Origin, outcome: str) -> bool:
        """Return whether a line is to be written about how a request ended."""
        if outcome in _ALWAYS_TOLD:
            return True
        return outcome not in _UNTOLD and self._refusals.admit(site, outcome, self.clock())

    def write(self, make: Callable[[], Sequence[Entry]]) -> Future[tuple[HistoryLine, ...]]:
        """Write lines; from any thread. The future does not fail."""
        if self._history is not None:
            return self._history.append(make)
        nothing: Future[tuple[HistoryLine, ...]] = Future()
        nothing.set_result(())
        return nothing

    def ended(self, outcome: KeyOutcome) -> None:
        """Tell whoever keeps a log of the computer; from any thread."""
        self._on_outcome(outcome)

    def tell(self, signed: Callable[[], Signed]) -> None:
        """Tell whoever shows notifications."""
        if self._on_signed is None:
            return
        try:
            self._on_signed(signed())
        except Exception:  # noqa: BLE001  # a notification that fails takes no signature along
            _log.exception("the notification after a signature failed")


class Recording:
    """One request for a key, from its beginning to its line in the history.

    Attributes:
        reader: where the card is, once that is known.

    """

    def __init__(self, recorder: Recorder, site: Origin, request: KeyRequest) -> None:
        self._recorder = recorder
        self._site = site
        self._request = request
        self._kind = _KINDS[type(request)]
        self.reader: str | None = None
        self._seen: tuple[str, bytes | None] | None = None
        self._lock = threading.Lock()
        self._used = False
        self._abandoned = False
        self._telling: tuple[str, Future[tuple[HistoryLine, ...]]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write the line, unless it is written by the card's thread or not worth one."""
        if error is not None and not isinstance(error, Exception):
            self._abandon()
            return
        outcome = _outcome(error)
        if self._telling is not None and self._telling[0] == outcome:
            await settled(self._telling[1])
        elif self._recorder.wants(self._site, outcome):
            await settled(self._write(outcome))
        if outcome == ErrorCode.TIMEOUT:
            self._abandon()  # the card may do it yet
        if error is None:
            self._recorder.tell(self._signed)

    # In the reader's thread.

    def saw(self, serial: str, certificate: bytes | None) -> None:
        """Remember the card, by its number, and the DER certificate that it has for the key.

        None for the certificate of a card that shows it after the PIN alone.
        """
        self._seen = serial, certificate

    @contextmanager
    def pin_use(self) -> Iterator[None]:
        """Look at whether the card refuses the PIN that is sent in the context."""
        try:
            yield
        except PinError as error:
            self._pin_failed(error.code)
            raise

    @contextmanager
    def key_use(self) -> Iterator[None]:
        """Look at how the use of the key ends that the context holds."""
        with self.pin_use():
            yield
        self._card_did_it()

    def _pin_failed(self, code: ErrorCode) -> None:
        """Write a line for a PIN that the card refused; the citizen may be asked for another."""
        if code is ErrorCode.PIN_INCORRECT:
            self._telling = str(code), self._write(str(code))

    def _card_did_it(self) -> None:
        with self._lock:
            self._used = True
            abandoned = self._abandoned
        if abandoned:
            self._write(UNDELIVERED)

    # In any thread.

    def _abandon(self) -> None:
        """Leave the line to the card's thread, or write it when that one is through."""
        with self._lock:
            self._abandoned = True
            used = self._used
        if used:
            self._write(UNDELIVERED)

    def _write(self, outcome: str) -> Future[tuple[HistoryLine, ...]]:
        at = moment(self._recorder.clock())
        count = len(self._documents())
        self._recorder.ended(KeyOutcome(self._kind, self._site, outcome, count))
        return self._recorder.write(lambda: self._entries(outcome, at))

    # In the history's thread, where hashing a large document delays nobody.

    def _entries(self, outcome: str, at: str) -> tuple[Entry, ...]:
        each = outcome in (DONE, UNDELIVERED)
        documents = self._documents()
        return tuple(
            self._entry(outcome, at, document, 1 if each else len(documents))
            for document in (documents if each else documents[:1])
        )

    def _documents(self) -> tuple[Document, ...]:
        return self._request.documents

    def _entry(self, outcome: str, at: str, document: Document, count: int) -> Entry:
        request = self._request
        hash_ = HashAlgorithm.SHA256 if isinstance(request, DecryptionRequest) else request.hash
        digest = document.told_digest(hash_)
        is_blind = isinstance(request, SignatureRequest) and request.is_blind
        facts = self._facts()
        return Entry(
            at=at,
            kind=self._kind,
            outcome=outcome,
            site=presentable(str(self._site)),
            format=_format(request, document),
            hash=str(document.told_hash(hash_)),
            digest=digest.hex(),
            document=_presentable(document.name),
            count=count,
            reader=_presentable(self.reader),
            card_serial=_presentable(None if self._seen is None else self._seen[0]),
            thumbprint=None if facts is None else facts.thumbprint.hex(),
            holder=_presentable(None if facts is None else facts.subject_cn),
            detail=BLIND if is_blind and document.whole is None else request.dialect,
        )

    def _facts(self) -> CertificateFacts | None:
        try:
            found = None if self._seen is None else self._seen[1]
            return None if found is None else certificate_facts(found)
        except AgentError:
            return None

    def _signed(self) -> Signed:
        facts = self._facts()
        return Signed(
            self._kind,
            self._site,
            tuple(document.name for document in self._documents()),
            None if facts is None else facts.subject_cn,
            "" if self._seen is None else self._seen[0],
        )


class _Refusals:
    """Keeps a page that is refused again and again from filling the history."""

    def __init__(self) -> None:
        self._last: dict[tuple[Origin, str], datetime] = {}
        self._recent: deque[datetime] = deque(maxlen=REFUSALS_AN_HOUR)

    def admit(self, site: Origin, outcome: str, now: datetime) -> bool:
        """Return whether a refusal gets a line, and remember that it got one."""
        self._last = {
            key: at for key, at in self._last.items() if timedelta(0) <= now - at < AGAIN_AFTER
        }
        if (site, outcome) in self._last:
            return False
        full = len(self._recent) == REFUSALS_AN_HOUR
        if full and timedelta(0) <= now - self._recent[0] < timedelta(hours=1):
            return False
        self._recent.append(now)
        self._last[site, outcome] = now
        return True


async def settled(future: Future[tuple[HistoryLine, ...]]) -> None:
    """Wait until a line is on disk; whoever gives up waiting does not stop the writing."""
    await asyncio.wait((asyncio.wrap_future(future),))


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return DONE
    return str(error.code if isinstance(error, AgentError) else ErrorCode.INTERNAL)


def _format(request: KeyRequest, document: Document) -> str:
    container = request.container if isinstance(request, SignatureRequest) else None
    return str(request.format) if container is None or document.whole is None else container


def _presentable(text: str | None) -> str | None:
    return None if text is None else presentable(text)
