"""The certificates on a card, understood."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import Certificate, load_der_x509_certificate

from agent.cards.card import ID_SIGN, Card, CardGeneration, StoredCertificate
from agent.cms.keys import key_name
from agent.errors import AgentError, SpoiltCertificateError, UnsupportedCardError
from agent.pki.certificate import CertificateFacts
from agent.signing.model import CardCertificate


def card_certificate(
    reader: str,
    serial: str,
    stored: StoredCertificate,
    signing_key: bytes | None = ID_SIGN,
    generation: CardGeneration | None = None,
) -> CardCertificate:
    """Understand a certificate that a card gave.

    Args:
        reader: where the card is.
        serial: the card's number.
        stored: the certificate.
        signing_key: the identifier of the key that the card signs with; None for none.
        generation: of the card; None where that is not known.

    Raises:
        SpoiltCertificateError: it is garbage.

    """
    try:
        facts = certificate_facts(stored.der)
    except AgentError as error:
        raise SpoiltCertificateError(
            f"a certificate on the card is garbage: {error.detail}"
        ) from error
    identifier = stored.id.decode("ascii", "replace")
    signs = stored.id == signing_key
    return CardCertificate(facts, reader, identifier, stored.label, serial, signs, generation)


def usual_key(card: Card) -> bytes | None:
    """Return the identifier of the key that a card signs with where none is named."""
    return next(iter(card.signing_keys), None)


def card_key_certificate(reader: str, card: Card, stored: StoredCertificate) -> CardCertificate:
    """Understand the certificate of a key that is to be used.

    Raises:
        SpoiltCertificateError: it is garbage, or no card of this kind has such a key.

    """
    key = usual_key(card)
    certificate = card_certificate(reader, card.serial, stored, key, card.generation)
    known = card.key_names
    if known is not None and key_name(certificate.facts.public_key) not in known:
        raise SpoiltCertificateError(
            f"the card's keys are {', '.join(sorted(known))}, not this one"
        )
    return certificate


def card_certificates(
    reader: str,
    serial: str,
    certificates: Iterable[StoredCertificate],
    signing_key: bytes | None = ID_SIGN,
    generation: CardGeneration | None = None,
) -> tuple[CardCertificate, ...]:
    """Understand all certificates of a card; one that is garbage does not hide the others.

    Arguments as of :func:`card_certificate`.

    Raises:
        UnsupportedCardError: not one of them makes sense.

    """
    good: list[CardCertificate] = []
    failure: UnsupportedCardError | None = None
    for stored in certificates:
        try:
            good.append(card_certificate(reader, serial, stored, signing_key, generation))
        except UnsupportedCardError as error:
            failure = error
    if failure is not None and not good:
        raise failure
    return tuple(good)


def preferred_first(
    certificates: Sequence[CardCertificate], now: datetime
) -> tuple[CardCertificate, ...]:
    """Return the certificates of each key together, those that are valid now before the others.

    A signature is made with the first of its key, unless a page names another one.
    """
    keys = [item.id for item in certificates]

    def rank(item: CardCertificate) -> tuple[int, bool]:
        return keys.index(item.id), not item.facts.not_before <= now <= item.facts.not_after

    return tuple(sorted(certificates, key=rank))


def not_vouched_for(certificates: Sequence[StoredCertificate]) -> tuple[StoredCertificate, ...]:
    """Return the certificates that no other certificate here has signed.

    A bit that was misread spoils the signature; where it is good, the certificate was read right.
    Authorities that are self-signed vouch for themselves.
    """
    loaded = {stored: _load(stored) for stored in certificates}
    issuers = [certificate for certificate in loaded.values() if certificate is not None]
    return tuple(
        stored
        for stored, certificate in loaded.items()
        if certificate is None or not any(_has_issued(issuer, certificate) for issuer in issuers)
    )


def _load(stored: StoredCertificate) -> Certificate | None:
    try:
        return load_der_x509_certificate(stored.der)
    except ValueError:
        return None


def _has_issued(issuer: Certificate, certificate: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def any_expired(certificates: Iterable[StoredCertificate], now: datetime) -> bool:
    """Return whether a certificate of a card that can be understood has expired."""
    with suppress(UnsupportedCardError):
        return any(item.facts.not_after < now for item in card_certificates("", "", certificates))
    return False


@lru_cache(maxsize=128)
def certificate_facts(der: bytes) -> CertificateFacts:
    """Understand a certificate once: the same ones come back with each request.

    Raises:
        CmsError: it is garbage.

    """
    # Brings the ASN.1 parser, which an agent needs when it meets its first card.
    from agent.pki.reading import read_certificate  # noqa: PLC0415

    return read_certificate(der)
