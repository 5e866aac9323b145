"""What pages have done with the card's keys: each use takes a PIN, the page's or our window's."""

import secrets
from dataclasses import dataclass
from typing import Final

from agent.cards.card import ID_SIGN
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.login import LoginPurpose
from agent.errors import AgentError, ErrorCode, SeveralCardsError
from agent.history.line import JRSYS
from agent.origin import Origin
from agent.signing.model import (
    AuthenticationRequest,
    CardCertificate,
    DecryptFormat,
    DecryptionRequest,
    SignatureFormat,
    SignatureRequest,
    SignatureResult,
)
from agent.web.jrsys.answers import Answer
from agent.web.jrsys.call import Call
from agent.web.jrsys.card_reading import CardReading
from agent.web.jrsys.chosen_cards import ChosenCards
from agent.web.jrsys.errors import JrsysError, ReturnValue
from agent.web.jrsys.names import OLDER
from agent.web.jrsys.values import (
    Formats,
    digest_algorithm,
    read_hex,
    read_plain,
    read_text,
    write_hex,
    write_plain,
)
from agent.web.service import Service

CHALLENGE_LENGTH: Final = 32  # octets, of a challenge that nobody is ever shown
_ALGORITHMS: Final = ("DigestAlg", "DigestAlgId", "digestAlg4Sign")
_IN_THE_CIPHERTEXT: Final = frozenset({ErrorCode.BAD_REQUEST, ErrorCode.NOT_DECRYPTABLE})
"""The errors that lie in what is to be decrypted, not in the card."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a page wants signed.

    Attributes:
        document: itself.
        form: what the signature is wrapped in.
        certificate: that must be used; None for the card's signing certificate.

    """

    document: Document
    form: SignatureFormat = SignatureFormat.CMS
    certificate: CardCertificate | None = None


class KeyUses:
    """Uses the card's keys for sites."""

    def __init__(
        self,
        service: Service,
        reading: CardReading,
        chosen: ChosenCards,
        formats: Formats,
        reader: str | None,
    ) -> None:
        """Use nothing yet.

        Args:
            service: uses the keys.
            reading: finds certificates.
            chosen: which card each site means.
            formats: of values.
            reader: the only one that pages see; None for all.

        """
        self._service = service
        self._reading = reading
        self._chosen = chosen
        self._formats = formats
        self._reader = reader

    async def sign(self, site: Origin, call: Call) -> Answer:
        """Sign a text: SignedData with the text inside."""
        return await self._sign(site, call, _Wanted(self._text(call)))

    async def sign_in_window(self, site: Origin, call: Call) -> Answer:
        """Sign a text as :meth:`sign` does, with a PIN that the citizen types in our window."""
        return await self._sign(site, call.without_pin(), _Wanted(self._text(call)))

    async def sign_digest(self, site: Origin, call: Call) -> Answer:
        """Sign a document of which the page has the digest alone: SignedData without content."""
        wanted = _Wanted(_digest(call), SignatureFormat.CMS_DETACHED)
        return await self._sign(site, call, wanted)

    async def sign_digest_with(self, site: Origin, call: Call) -> Answer:
        """Sign a digest with the certificate that the page names, if it names one."""
        number, document = call.get("HexSN", "HexCertSN"), _digest(call)
        found = None
        if number not in (None, ""):
            found = await self._reading.with_number(site, read_text(number))
        wanted = _Wanted(document, SignatureFormat.CMS_DETACHED, found)
        return await self._sign(site, call, wanted)

    async def sign_matching(self, site: Origin, call: Call) -> Answer:
        """Sign with the card's certificate, if it is the one that the page looks for.

        Old components look into the system's store, where their card's certificates are too. Ours
        stay on the card: it answers for the store, or nobody does.

        Raises:
            JrsysError: ``OBJECT_MISSING``: it is another one.

        """
        is_hex = "Data2BSignHex" in call.fields or call.method.endswith("Hex")
        document = _octets(call) if is_hex else self._text(call)
        is_attached = call.flag("signedDataWithContent", default=True)
        is_detached = call.flag("IsContentDetached", default=not is_attached)
        form = SignatureFormat.CMS_DETACHED if is_detached else SignatureFormat.CMS
        (certificate, *_) = await self._reading.certificates(site, ID_SIGN)
        if not _matches(certificate, call):
            raise JrsysError(ReturnValue.OBJECT_MISSING)
        wanted = _Wanted(document, form, certificate)
        return await self._sign(site, call.without_pin(), wanted)

    async def log_in(self, site: Origin, call: Call) -> Answer:
        """Have the citizen prove the PIN; nothing of it stays, and no later call needs it less."""
        del call
        request = AuthenticationRequest(
            challenge=secrets.token_bytes(CHALLENGE_LENGTH),
            # To the card, not to the site, which is told no more than that the PIN was right: a
            # window that says "log in to" it would be untrue.
            purpose=LoginPurpose.IDENTIFY,
            reader=self._reader,
            card_number=self._card(site),
            dialect=JRSYS,
            citizen_card=True,
        )
        proven = await self._service.authenticate(site, request, None)
        self._chosen.used(site, proven.certificate.card_serial)
        return Answer()

    async def decrypt(self, site: Origin, call: Call) -> Answer:
        """Decrypt an EnvelopedData to text.

        Raises:
            JrsysError: ``ENVELOPE``: it is none, not for this card, or no text.

        """
        names = ("HexP7EnvelopedData", "P7EnvDataHex", "data2BSigned")
        envelope = read_hex(call.get(*names))
        request = DecryptionRequest(
            envelope,
            DecryptFormat.CMS,
            self._reader,
            self._card(site),
            dialect=JRSYS,
            citizen_card=True,
        )
        try:
            plain = await self._service.decrypt(site, request, call.pin)
        except AgentError as error:
            if error.code in _IN_THE_CIPHERTEXT and not isinstance(error, SeveralCardsError):
                raise JrsysError(ReturnValue.ENVELOPE) from error
            raise
        return Answer(message=write_plain(plain, self._formats))

    async def _sign(self, site: Origin, call: Call, wanted: "_Wanted") -> Answer:
        certificate = wanted.certificate
        request = SignatureRequest(
            documents=(wanted.document,),
            hash=_algorithm(call),
            format=wanted.form,
            certificate=None if certificate is None else certificate.facts.thumbprint,
            reader=self._reader,
            card_number=self._card(site) if certificate is None else certificate.card_serial,
            signing_certificate=False,
            expects_sha1=True,
            dialect=JRSYS,
            citizen_card=True,
        )
        return self._signed(site, await self._service.sign(site, request, call.pin))

    def _signed(self, site: Origin, result: SignatureResult) -> Answer:
        from agent.cms.signed import signature_in  # noqa: PLC0415  # as in SignTask.prepare

        (message,) = result.signatures
        self._chosen.used(site, result.certificate.card_serial)
        return Answer(
            message=write_hex(message, self._formats),
            signature=write_hex(signature_in(message), self._formats),
            signer=write_hex(result.certificate.facts.der, self._formats),
        )

    def _text(self, call: Call) -> Document:
        return Document(data=read_plain(call.get("Data2BSigned", "data2BSigned"), self._formats))

    def _card(self, site: Origin) -> str | None:
        return self._chosen.to_use(site, self._service.snapshot())


def _algorithm(call: Call) -> HashAlgorithm:
    """Return the digest algorithm that a page names; each kit has another where it names none.

    Raises:
        JrsysError: ``MECHANISM``: it names one that is not offered.

    """
    named = call.get(*_ALGORITHMS)
    if named is not None:
        return digest_algorithm(named)
    return HashAlgorithm.SHA1 if call.method in OLDER else HashAlgorithm.SHA256


def _digest(call: Call) -> Document:
    """Return the digest that a page has in hex.

    Raises:
        JrsysError: ``DATA``: it is none of the algorithm that it names.

    """
    digest = read_hex(call.get("Digest2BSignHex", "data2BSigned"))
    if len(digest) != _algorithm(call).length:
        raise JrsysError(ReturnValue.DATA)
    return Document(digest=digest)


def _octets(call: Call) -> Document:
    return Document(data=read_hex(call.get("Data2BSignHex", "data2BSigned")))


def _matches(certificate: CardCertificate, call: Call) -> bool:
    """Return whether a certificate is the one that a page looks for in the system's store.

    What is empty says nothing. Names are compared with whole values.
    """
    facts = certificate.facts
    number = _first(call, "HexSerialNum", "sn").strip().upper().lstrip("0")
    holder, unit = _first(call, "CN", "cn"), _first(call, "OU", "ou")
    issuer = _first(call, "IssuerName", "issuer")
    return (
        number in ("", facts.serial_hex.upper().lstrip("0"))
        and holder in ("", facts.subject_cn)
        and (not unit or f"OU={unit}" in _parts(facts.subject))
        and issuer in ("", facts.issuer, *(each.partition("=")[2] for each in _parts(facts.issuer)))
    )


def _first(call: Call, *names: str) -> str:
    found = call.get(*names)
    return "" if found is None else read_text(found)


def _parts(name: str) -> list[str]:
    return name.replace("+", ",").split(",")
