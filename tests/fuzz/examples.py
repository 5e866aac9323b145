"""Good input to begin with, made once in a process: cards, certificates, messages. All invented."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.x509 import ocsp

from agent.cms.timestamp import TimestampRequest
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer, der
from agent.virtualcard.model import CardData, Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.rsa_key import RsaKey

MOMENT = datetime(2026, 6, 15, tzinfo=UTC)
CONTENT = b"what was signed"
TIME_REQUEST = TimestampRequest(hashlib.sha256(b"signature").digest(), 1 << 63)


@cache
def issuer() -> TestIssuer:
    return TestIssuer.create(key_size=2048)


@cache
def keys() -> tuple[RsaKey, RsaKey]:
    return RsaKey.generate(), RsaKey.generate()


@cache
def card_data(generation: str) -> CardData:
    order = Order(
        generation=Generation(generation), name="王測試", id_number="A123456789", pin=b"123456"
    )
    return personalise(order, issuer(), None if generation == "piv" else keys())


def card(generation: str) -> VirtualCard:
    return VirtualCard(card_data(generation))


@cache
def certificate(use: str = "SIGN") -> bytes:
    found = {each.id: each.der for each in card_data("gen2").certificates}
    return next(raw for name, raw in found.items() if use.encode() in name)


@cache
def root() -> bytes:
    return der(issuer().root.certificate)


def signed_by_card(digest: bytes) -> bytes:
    """Sign a SHA-256 digest with the key of :func:`certificate`."""
    key = rsa_of(keys()[0])
    return key.sign(digest, PKCS1v15(), Prehashed(SHA256()))


def rsa_of(key: RsaKey) -> RSAPrivateKey:
    found = load_der_private_key(key.to_der(), None)
    assert isinstance(found, RSAPrivateKey)
    return found


@cache
def revoked() -> bytes:
    """Return the issuer's list with both certificates of a card in it."""
    card_data("gen2")
    own = TestIssuer(issuer().root, issuer().ca, list(issuer().records))
    for record in own.records[:2]:
        own.revoke(record.serial)
    return own.crl()


@cache
def ocsp_answer() -> bytes:
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=x509.load_der_x509_certificate(certificate()),
        issuer=issuer().ca.certificate,
        algorithm=SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=MOMENT,
        next_update=MOMENT + timedelta(days=1),
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer().ca.certificate)
    return builder.sign(issuer().ca.key, SHA256()).public_bytes(Encoding.DER)
