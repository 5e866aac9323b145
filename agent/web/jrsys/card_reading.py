"""What pages read of a card without a PIN: its number, its certificates, what it is."""

from collections.abc import Sequence

import msgspec

from agent.cards.card import ID_KEYX, ID_SIGN
from agent.errors import AgentError, CardRemovedError, KeyNotFoundError, NoCardError
from agent.origin import Origin
from agent.signing.model import CardCertificate, CardPresence
from agent.web.jrsys.answers import Answer
from agent.web.jrsys.call import Call
from agent.web.jrsys.chosen_cards import ChosenCards
from agent.web.jrsys.errors import JrsysError, ReturnValue
from agent.web.jrsys.values import Formats, key_usage, read_hex, read_text, write_hex
from agent.web.service import Service


class CardReading:
    """Reads cards for sites; the citizen is asked about a site without a decision."""

    def __init__(
        self, service: Service, reader: str | None, formats: Formats, chosen: ChosenCards
    ) -> None:
        """Read nothing yet.

        Args:
            service: reads the cards.
            reader: the only one that pages see; None for all.
            formats: of values.
            chosen: which card each site means.

        """
        self._service = service
        self._reader = reader
        self._formats = formats
        self._chosen = chosen

    async def serial(self, site: Origin, call: Call) -> Answer:
        """Give the number of the card: of the one that the site chose, or else of the first."""
        del call
        numbers = await self._numbers(site)
        return Answer(message=self._chosen.to_read(site, self._service.snapshot()) or numbers[0])

    async def certificate(self, site: Origin, call: Call) -> Answer:
        """Give the certificate of a key, signing unless the page says otherwise: DER in hex."""
        wanted = key_usage(call.get("KeyUsage", "iCertType"))
        found = await self.certificates(site, wanted.encode())
        return Answer(message=write_hex(found[0].facts.der, self._formats))

    async def signing_certificate(self, site: Origin, call: Call) -> Answer:
        """Give the certificate with which documents are signed: DER in hex."""
        del call
        found = await self.certificates(site, ID_SIGN)
        return Answer(message=write_hex(found[0].facts.der, self._formats))

    async def all_certificates(self, site: Origin, call: Call) -> Answer:
        """Give the certificates of a key, or of both where the page names none: DER in hex."""
        wanted = call.get("KeyUsage")
        keys = (ID_SIGN, ID_KEYX) if wanted in (None, "") else (key_usage(wanted).encode(),)
        found = [each for key in keys for each in await self.certificates(site, key)]
        return Answer(message=self._listed([each.facts.der for each in found]))

    async def card_information(self, site: Origin, call: Call) -> Answer:
        """Describe the card that :meth:`serial` names, as PKCS#11 does a token (§5.5)."""
        number = (await self.serial(site, call)).message
        return Answer(message=_json(self._token(str(number))))

    async def all_information(self, site: Origin, call: Call) -> Answer:
        """Describe every card, likewise."""
        del call
        return Answer(message=_json([self._token(each) for each in await self._numbers(site)]))

    async def select(self, site: Origin, call: Call) -> Answer:
        """Remember which card the site means: by its own number, or by a certificate's.

        Raises:
            JrsysError: ``OBJECT_MISSING``: no card has that number.

        """
        wanted = read_text(call.get("HexSN")).strip()
        own = {number.upper(): number for number in await self._numbers(site)}
        number = own.get(wanted.upper()) or (await self.with_number(site, wanted)).card_serial
        self._chosen.named(site, number)
        return Answer()

    async def certificates(self, site: Origin, key_id: bytes) -> Sequence[CardCertificate]:
        """Return the certificates of a key, on the card that the site means.

        Raises:
            AgentError: there is no card, or it has none.

        """
        everything = await self._all(site)
        chosen = self._chosen.to_read(site, self._service.snapshot())
        serials = [chosen] if chosen else list({each.card_serial: None for each in everything})
        for serial in serials:
            found = [
                each
                for each in everything
                if each.card_serial == serial and each.id == key_id.decode()
            ]
            if found:
                return found
        raise KeyNotFoundError("no such certificate on the card")

    async def encryption_certificate(self, site: Origin) -> str:
        """Return the certificate to which others encrypt: DER in hex.

        Raises:
            AgentError: there is no card, or it has none.

        """
        found = await self.certificates(site, ID_KEYX)
        return write_hex(found[0].facts.der, self._formats)

    async def with_number(self, site: Origin, number: str) -> CardCertificate:
        """Return the certificate whose serial number a page names, in hex.

        Raises:
            JrsysError: ``OBJECT_MISSING``: no card has it; ``DATA``: it is no hex.

        """
        digits = number.strip()
        wanted = int.from_bytes(read_hex(digits.zfill(len(digits) + len(digits) % 2)))
        for each in await self._all(site):
            if each.facts.serial == wanted and each.id in {ID_SIGN.decode(), ID_KEYX.decode()}:
                return each
        raise JrsysError(ReturnValue.OBJECT_MISSING)

    async def _all(self, site: Origin) -> Sequence[CardCertificate]:
        return (await self._service.certificates(site, self._reader)).certificates

    async def _numbers(self, site: Origin) -> Sequence[str]:
        """Find the number of each card; one without certificates has one all the same.

        Raises:
            AgentError: there is no card that could be read, or the site is not allowed.

        """
        failure: AgentError | None = None
        try:
            await self._all(site)
        except AgentError as error:
            if not self._service.is_allowed(site):
                raise
            failure = error
        numbers = [
            reader.serial
            for reader in self._service.snapshot().readers
            if self._reader in (None, reader.name)
            and reader.state is CardPresence.CARD
            and reader.serial
        ]
        if not numbers:
            raise failure or NoCardError("no card has told its number")
        return numbers

    def _token(self, number: str) -> dict[str, str]:
        readers = self._service.snapshot().readers
        reader = next((each for each in readers if each.serial == number), None)
        if reader is None:
            raise CardRemovedError("the card went away meanwhile")
        return {
            "label": reader.name,
            "manufacturerID": "",
            "model": reader.generation or "",
            "serialNumber": number,
        }

    def _listed(self, encoded: Sequence[bytes]) -> str:
        return self._formats.separator.join(write_hex(each, self._formats) for each in encoded)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
