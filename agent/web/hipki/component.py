"""What the old component does for a page, done with ours: fields in, reply object out."""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeAlias

from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.secret import SecretBytes
from agent.signing.model import CardPresence, ReaderView
from agent.web.front.refusal import unexpected
from agent.web.hipki import requests
from agent.web.hipki.errors import HipkiError, Major, Numbers, numbers
from agent.web.hipki.functions import Function, reply_name
from agent.web.hipki.information import (
    HELPER_VERSION,
    VERSION,
    Contents,
    Slot,
    information,
    information_image,
)
from agent.web.hipki.request import Fields
from agent.web.service import Service

"""A program on this computer that is no browser; no page can name itself so."""

IMAGE_SECONDS: Final = 1.5
"""How long the image waits for the number of a card that is busy; it goes without one then."""

MAX_REFUSED: Final = 64
"""Hosts remembered that were told they are not trusted."""

_NO_CARD: Final = frozenset({ErrorCode.NO_CARD, ErrorCode.UNSUPPORTED_CARD})
_NO_READER: Final = frozenset({ErrorCode.NO_READER, ErrorCode.PCSC_UNAVAILABLE})
_DECRYPTION: Final = {
    ErrorCode.BAD_REQUEST: Major.DECRYPTION_DER,
    ErrorCode.INTERNAL: Major.DECRYPTION,
}
"""What goes wrong with a ciphertext and not with the card."""

Reply: TypeAlias = dict[str, Any]


class Component:
    """Answers pages; every refusal is a reply too, with the number that pages know."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._refused: OrderedDict[str, Origin] = OrderedDict()
        self._functions: Mapping[Function, Callable[[Origin, Fields], Awaitable[Reply]]] = {
            Function.CHECK_ENVIRONMENT: self._check_environment,
            Function.READ_CERTIFICATES: self._read_certificates,
            Function.SIGN: self._sign,
            Function.DECRYPT: self._decrypt,
            Function.UNSUPPORTED: _refuse,
        }

    @property
    def version(self) -> str:
        """What we call ourselves; pages demand a minimum."""
        return self._settings.hipki_version or VERSION

    def is_allowed(self, site: Origin | None) -> bool:
        """Return whether somebody may see more than readers, without asking anybody."""
        return site is not None and self._service.is_allowed(site)

    async def answer(self, site: Origin, function: Function, name: str, fields: Fields) -> Reply:
        """Do what a page asks for.

        Args:
            site: who asks; the citizen is asked about it where that has to be.
            function: what for.
            name: what the page calls that.
            fields: of the request.

        """
        try:
            return await self._functions[function](site, fields)
        except AgentError as error:
            why = numbers(error)
            if why.ret_code is Major.UNTRUSTED_SITE:
                self._note_refused(site)
            return self.refusal(name, why)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a number
            return self.refusal(name, numbers(unexpected(error)))

    def refused_of(self, host: str) -> Origin | None:
        """Find the site of a host that was last told that it is not trusted."""
        return self._refused.get(host)

    def _note_refused(self, site: Origin) -> None:
        if site.is_local:  # no page's host, and none may be taken for it
            return
        self._refused.pop(site.host, None)
        self._refused[site.host] = site
        if len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)

    def refusal(self, name: str, why: Numbers) -> Reply:
        """Make the reply that says no; ``slots`` is always there, because pages look into it."""
        func = reply_name(name)
        if func == "pkcs11info":
            return information((), why, version=self.version)
        return {"func": func, **why.fields(), "serverVersion": self.version, "data": {}}

    async def admit(self, site: Origin | None) -> Numbers:
        """Have the citizen asked about who wants to read cards, where that has to be."""
        if site is None:
            return Numbers(Major.UNTRUSTED_SITE)
        try:
            await self._service.connect(site)
        except AgentError as error:
            return numbers(error)
        return Numbers(Major.SUCCESS)

    def public_information(self, fields: Fields, outcome: Numbers | None = None) -> Reply:
        """Describe readers to somebody who was not allowed anything: whether cards are in them."""
        slots = map(_as_strangers_see, self._slots({}, fields))
        return information(slots, outcome, version=self.version)

    def refusing_image(self) -> bytes:
        """Draw what a site gets that was blocked: no readers, and why."""
        return information_image((), self.version, Numbers(Major.UNTRUSTED_SITE))

    async def image(self, site: Origin | None) -> bytes:
        """Draw the readers; with numbers and kinds of cards for those who may know them."""
        if site is None or not self.is_allowed(site):
            slots = map(_as_strangers_see, self._slots({}, Fields({})))
            return information_image(tuple(slots), self.version)
        contents: Mapping[str, Contents] = self._known_serials()
        if not all(each.serial for each in contents.values()):
            with suppress(TimeoutError):
                async with asyncio.timeout(IMAGE_SECONDS):
                    contents = await self._serials(site)
        numbers_only = {reader: Contents(each.serial) for reader, each in contents.items()}
        return information_image(tuple(self._slots(numbers_only, Fields({}))), self.version)

    # The functions.

    async def _check_environment(self, site: Origin, fields: Fields) -> Reply:
        await self._service.connect(site)
        contents = await self._serials(site)
        return information(self._slots(contents, fields), version=self.version)

    async def _read_certificates(self, site: Origin, fields: Fields) -> Reply:
        await self._service.connect(site)
        read: dict[str, Contents] = {}
        outcome = Numbers(Major.SUCCESS)
        try:
            read = Contents.by_reader(await self._service.certificates(site))
        except AgentError as error:
            if error.code in _NO_READER:
                outcome = Numbers(Major.NO_READER)
            elif error.code not in _NO_CARD:
                outcome = numbers(error)
        # A card without certificates has a number all the same, and pages compare it.
        slots = self._slots(self._known_serials() | read, fields)
        return information(slots, outcome, version=self.version, with_certificates=True)

    async def _sign(self, site: Origin, fields: Fields) -> Reply:
        asked = requests.sign_request(fields, self._reader(fields))
        result = await self._service.sign(site, asked, self._pin(fields))
        (signature,) = result.signatures
        used = result.certificate
        return {
            "func": "sign",
            **Numbers(Major.SUCCESS).fields(),
            "signature": base64.b64encode(signature).decode(),
            "certb64": base64.b64encode(used.facts.der).decode(),
            "cardSN": used.card_serial,
            "version": HELPER_VERSION,
            "serverVersion": self.version,
        }

    async def _decrypt(self, site: Origin, fields: Fields) -> Reply:
        asked = requests.decrypt_request(fields, self._reader(fields))
        pin = self._pin(fields)
        try:
            plain = await self._service.decrypt(site, asked, pin)
        except AgentError as error:
            if error.code in _DECRYPTION:
                raise HipkiError(_DECRYPTION[error.code]) from error
            raise
        return {
            "func": "decrypt",
            **Numbers(Major.SUCCESS).fields(),
            "plain": _plain_text(plain, fields),
            "version": HELPER_VERSION,
            "serverVersion": self.version,
        }

    # The readers.

    def _pin(self, fields: Fields) -> SecretBytes | None:
        pin = requests.pin_of(fields)
        if self._settings.page_pin:
            return pin
        pin.wipe()
        return None

    def _visible(self) -> Sequence[tuple[int, ReaderView]]:
        only = self._settings.hipki_reader
        readers = enumerate(self._service.snapshot().readers)
        return [(number, reader) for number, reader in readers if only in (None, reader.name)]

    def _slots(self, contents: Mapping[str, Contents], fields: Fields) -> list[Slot]:
        slots = [
            Slot.of(number, reader, contents.get(reader.name)) for number, reader in self._visible()
        ]
        wanted = fields.slot
        if wanted is None:
            return slots
        return [slot for slot in slots if wanted in (slot.name, slot.reader.name)]

    def _reader(self, fields: Fields) -> str | None:
        """Choose the reader: the one named, or the first with a card; None when there is none.

        Raises:
            HipkiError: 0x76100003, there is none of that name.

        """
        slots = self._slots({}, fields)
        if fields.slot is not None:
            if not slots:
                raise HipkiError(Major.NO_READER)
            return slots[0].reader.name
        with_card = (s.reader.name for s in slots if s.reader.state is CardPresence.CARD)
        return next(with_card, self._settings.hipki_reader)

    async def _serials(self, site: Origin) -> Mapping[str, Contents]:
        """Find the number of each card, reading those that were not read before."""
        known = self._known_serials()
        if all(contents.serial for contents in known.values()):
            return known
        read: dict[str, Contents] = {}
        with suppress(AgentError):  # a card that cannot be read now has no number now
            read = Contents.by_reader(await self._service.certificates(site))
        return self._known_serials() | read  # a card without certificates was read all the same

    def _known_serials(self) -> dict[str, Contents]:
        """Find the number of each card that was read before."""
        cards = [reader for _, reader in self._visible() if reader.state is CardPresence.CARD]
        return {reader.name: Contents(reader.serial or "") for reader in cards}


def _as_strangers_see(slot: Slot) -> Slot:
    return replace(slot, reader=replace(slot.reader, generation=None))


async def _refuse(site: Origin, fields: Fields) -> Reply:
    """Leave the card alone: managing it with foreign software may lock it for good."""
    del site, fields
    raise HipkiError(Major.UNSUPPORTED_METHOD)


def _plain_text(plain: bytes, fields: Fields) -> str:
    if fields.text("plainEncoding").lower() == "base64":
        return base64.b64encode(plain).decode()
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HipkiError(Major.DECRYPTION_TYPE) from error
