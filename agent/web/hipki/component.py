"""Carry out the functions of the old component: from a request's fields to a reply."""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeAlias

from agent.errors import AgentError, ErrorCode, MuteCardError, OtherCardError, SeveralCardsError
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.model import CardPresence, ReaderView
from agent.web.front.refusal import unexpected
from agent.web.front.request_parser import RequestParser
from agent.web.hipki import card_requests
from agent.web.hipki.errors import ErrorNumbers, HipkiError, Major, numbers
from agent.web.hipki.fields import RequestFields
from agent.web.hipki.functions import Function, reply_name
from agent.web.hipki.information import (
    HELPER_VERSION,
    VERSION,
    CardContents,
    Slot,
    information,
    information_image,
)
from agent.web.hipki.public_names import public_reader_name
from agent.web.recorder.recorder import CallRecorder
from agent.web.service import Service

IMAGE_SECONDS: Final = 1.5
"""How long the image waits for the number of a busy card before it leaves it out."""

MAX_REFUSED: Final = 64
"""How many hosts are remembered of sites that were told that they are not trusted."""

_NO_CARD: Final = frozenset({ErrorCode.NO_CARD, ErrorCode.UNSUPPORTED_CARD})
_DECRYPTION: Final = {
    ErrorCode.BAD_REQUEST: Major.DECRYPTION_DER,
    ErrorCode.NOT_DECRYPTABLE: Major.DECRYPTION,
}
"""The numbers of errors that lie in the ciphertext, not in the card."""

Reply: TypeAlias = dict[str, Any]


class HipkiComponent:
    """Answers pages; a refusal is a reply too, with the number that the old component gave.

    Attributes:
        recorder: is told of every call.

    """

    def __init__(
        self,
        service: Service,
        settings: Settings,
        asked: Callable[[Origin], None] = lambda _: None,
        recorder: CallRecorder | None = None,
    ) -> None:
        """Begin with no site refused.

        Args:
            service: carries out what pages ask for.
            settings: the version that pages are told, and the reader that they see.
            asked: is told of each site that asks for anything but the image.
            recorder: is told of every call; None for one that stays off.

        """
        self._asked = asked
        self.recorder = recorder or CallRecorder()
        self._service = service
        self._settings = settings
        self._parsing = RequestParser()
        self._refused: OrderedDict[str, Origin] = OrderedDict()
        self._functions: Mapping[Function, Callable[[Origin, RequestFields], Awaitable[Reply]]] = {
            Function.CHECK_ENVIRONMENT: self._check_environment,
            Function.READ_CERTIFICATES: self._read_certificates,
            Function.SIGN: self._sign,
            Function.DECRYPT: self._decrypt,
            Function.UNSUPPORTED: _refuse,
        }

    @property
    def version(self) -> str:
        """The version that pages are told; they demand a minimum."""
        return self._settings.hipki_version or VERSION

    def is_allowed(self, site: Origin | None) -> bool:
        """Return whether a site may read cards, without asking the citizen; None is no site."""
        return site is not None and self._service.is_allowed(site)

    async def answer(
        self, site: Origin, function: Function, name: str, fields: RequestFields
    ) -> Reply:
        """Carry out a function; never raises.

        Args:
            site: who asks; the citizen is asked about a site without a decision.
            function: which one.
            name: by which the page called it.
            fields: of the request.

        """
        self._asked(site)
        try:
            return await self._functions[function](site, fields)
        except AgentError as error:
            why = numbers(error)
            if why.ret_code is Major.UNTRUSTED_SITE:
                self.note_refused(site)
            return self.refusal(name, why)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a number
            return self.refusal(name, numbers(unexpected(error)))

    def last_refused(self, host: str) -> Origin | None:
        """Return the site of a host that was last told that it is not trusted, if any was."""
        return self._refused.get(host)

    def note_refused(self, site: Origin) -> None:
        """Remember that a site was told that it is not trusted."""
        if site.is_local:  # no page's host, and none may be taken for it
            return
        self._refused.pop(site.host, None)
        self._refused[site.host] = site
        if len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)

    def refusal(self, name: str, why: ErrorNumbers) -> Reply:
        """Return the reply of a refusal, with ``slots`` or ``data``: pages look into them."""
        func = reply_name(name)
        if func == "pkcs11info":
            return information((), why, version=self.version)
        return {"func": func, **why.fields(), "serverVersion": self.version, "data": {}}

    async def admit(self, site: Origin | None) -> ErrorNumbers:
        """Ask the citizen about a site without a decision; return the outcome."""
        if site is None:
            return ErrorNumbers(Major.UNTRUSTED_SITE)
        self._asked(site)
        try:
            await self._service.connect(site)
        except AgentError as error:
            why = numbers(error)
            if why.ret_code is Major.UNTRUSTED_SITE:
                self.note_refused(site)
            return why
        return ErrorNumbers(Major.SUCCESS)

    def public_information(
        self, fields: RequestFields, outcome: ErrorNumbers | None = None
    ) -> Reply:
        """Describe the readers and whether cards are in them, for a site that may know no more."""
        slots = map(_as_strangers_see, self._slots({}, fields))
        return information(slots, outcome, version=self.version)

    def refusing_image(self) -> bytes:
        """Draw the image for a blocked site: no readers, and the reason."""
        return information_image((), self.version, ErrorNumbers(Major.UNTRUSTED_SITE))

    async def image(self, site: Origin | None) -> bytes:
        """Draw the readers, with numbers and kinds of cards for an allowed site."""
        if site is None or not self.is_allowed(site):
            slots = map(_as_strangers_see, self._slots({}, RequestFields({})))
            return information_image(tuple(slots), self.version)
        contents: Mapping[str, CardContents] = self._known_serials()
        if not all(each.serial for each in contents.values()):
            with suppress(TimeoutError):
                async with asyncio.timeout(IMAGE_SECONDS):
                    contents = await self._serials(site)
        numbers_only = {reader: CardContents(each.serial) for reader, each in contents.items()}
        return information_image(tuple(self._slots(numbers_only, RequestFields({}))), self.version)

    # The functions.

    async def _check_environment(self, site: Origin, fields: RequestFields) -> Reply:
        await self._service.connect(site)
        slots = self._slots(await self._serials(site), fields)
        # All where the named card is not there: so a page finds out that it is another one by now.
        return information(_with_number(slots, fields) or slots, version=self.version)

    async def _read_certificates(self, site: Origin, fields: RequestFields) -> Reply:
        await self._service.connect(site)
        read: dict[str, CardContents] = {}
        unread: dict[str, AgentError] = {}
        outcome = ErrorNumbers(Major.SUCCESS)
        try:
            listing = await self._service.certificates(site)
            read = CardContents.by_reader(listing.certificates)
            unread = {problem.reader: problem.error for problem in listing.problems}
        except AgentError as error:
            outcome = _listing_outcome(error)
        # A card without certificates has a number all the same, and pages compare it.
        slots = _of_named_card(self._slots(self._known_serials() | read, fields), fields)
        asked = [slot.reader.name for slot in slots]
        if not any(name in read for name in asked):  # the cards that were read are others
            failures = (unread[name] for name in asked if name in unread)
            outcome = next(map(_listing_outcome, failures), outcome)
        return information(slots, outcome, version=self.version, with_certificates=True)

    async def _sign(self, site: Origin, fields: RequestFields) -> Reply:
        reader = self._reader(fields)
        asked = await self._parsing.run(fields.length, card_requests.sign_request, fields, reader)
        result = await self._service.sign(site, asked, self._pin(fields))
        (signature,) = result.signatures
        used = result.certificate
        return {
            "func": "sign",
            **ErrorNumbers(Major.SUCCESS).fields(),
            "signature": base64.b64encode(signature).decode(),
            "certb64": base64.b64encode(used.facts.der).decode(),
            "cardSN": used.card_serial,
            "version": HELPER_VERSION,
            "serverVersion": self.version,
        }

    async def _decrypt(self, site: Origin, fields: RequestFields) -> Reply:
        read = card_requests.decrypt_request
        asked = await self._parsing.run(fields.length, read, fields, self._reader(fields))
        pin = self._pin(fields)
        try:
            plain = await self._service.decrypt(site, asked, pin)
        except AgentError as error:
            if error.code in _DECRYPTION and not isinstance(error, SeveralCardsError):
                raise HipkiError(_DECRYPTION[error.code]) from error
            raise
        return {
            "func": "decrypt",
            **ErrorNumbers(Major.SUCCESS).fields(),
            "plain": _plain_text(plain, fields),
            "version": HELPER_VERSION,
            "serverVersion": self.version,
        }

    # The readers.

    def _pin(self, fields: RequestFields) -> SecretBytes | None:
        pin = card_requests.pin_of(fields)
        if self._settings.page_pin:
            return pin
        pin.wipe()
        return None

    def _visible(self) -> Sequence[tuple[int, ReaderView]]:
        only = self._settings.hipki_reader
        readers = enumerate(self._service.snapshot().readers)
        return [(number, reader) for number, reader in readers if only in (None, reader.name)]

    def _slots(self, contents: Mapping[str, CardContents], fields: RequestFields) -> list[Slot]:
        slots = [
            Slot.of(number, reader, contents.get(reader.name)) for number, reader in self._visible()
        ]
        wanted = fields.slot
        if wanted is None:
            return slots
        exact = [slot for slot in slots if wanted in (slot.name, slot.reader.name)]
        # Pages keep the name that they were told before they were allowed.
        return exact or [slot for slot in slots if wanted == _as_strangers_see(slot).name]

    def _reader(self, fields: RequestFields) -> str | None:
        """Return the reader that is named, or the only one that pages see; None for any.

        Raises:
            HipkiError: 0x76100003, there is none of that name.

        """
        if fields.slot is None:
            return self._settings.hipki_reader
        slots = self._slots({}, fields)
        if not slots:
            raise HipkiError(Major.NO_READER)
        if len(slots) > 1:  # names that differ in the serial number only
            return None
        return slots[0].reader.name

    async def _serials(self, site: Origin) -> Mapping[str, CardContents]:
        """Find the number of each card, reading those that were not read before."""
        known = self._known_serials()
        if all(contents.serial for contents in known.values()):
            return known
        read: dict[str, CardContents] = {}
        with suppress(AgentError):  # a card that cannot be read now has no number now
            listing = await self._service.certificates(site)
            read = CardContents.by_reader(listing.certificates)
        return self._known_serials() | read  # a card without certificates was read all the same

    def _known_serials(self) -> dict[str, CardContents]:
        """Find the number of each card that was read before."""
        cards = [reader for _, reader in self._visible() if reader.state is CardPresence.CARD]
        return {reader.name: CardContents(reader.serial or "") for reader in cards}


def _listing_outcome(error: AgentError) -> ErrorNumbers:
    """Return what a listing ends with; no card that can be used is a reader without a token."""
    if error.code in _NO_CARD or isinstance(error, MuteCardError):
        return ErrorNumbers(Major.SUCCESS)
    return numbers(error)


def _as_strangers_see(slot: Slot) -> Slot:
    name = public_reader_name(slot.reader.name)
    return replace(slot, reader=replace(slot.reader, name=name, generation=None))


def _with_number(slots: Sequence[Slot], fields: RequestFields) -> list[Slot]:
    """Return the slots of the card that is named by its number; all where none is named."""
    number = fields.card_number
    return [slot for slot in slots if number is None or slot.has_card(number)]


def _of_named_card(slots: list[Slot], fields: RequestFields) -> list[Slot]:
    """Return the slots whose card is the named one, or may be; without any card, all.

    Raises:
        OtherCardError: cards are there, and none has the number.

    """
    if all(slot.contents is None for slot in slots):
        return slots
    unread = [slot for slot in slots if slot.contents is not None and not slot.contents.serial]
    found = _with_number(slots, fields) or unread
    if not found:
        raise OtherCardError("none of the cards has the number that the page names")
    return found


async def _refuse(site: Origin, fields: RequestFields) -> Reply:
    """Refuse to manage the card: software that is not its vendor's may lock it for good."""
    del site, fields
    raise HipkiError(Major.UNSUPPORTED_METHOD)


def _plain_text(plain: bytes, fields: RequestFields) -> str:
    if fields.text("plainEncoding").lower() == "base64":
        return base64.b64encode(plain).decode()
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HipkiError(Major.DECRYPTION_TYPE) from error
