"""Encrypted messages as others than OpenSSL write them, made here element by element.

The keys are encrypted by pyca, the content by its ciphers; what BER may write in several ways is
written in the ways of streaming encoders: indefinite lengths, strings in pieces, sets unsorted.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from asn1crypto import x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms import der, enveloped
from agent.cms.errors import CmsError
from tests.signing.test_cms_enveloped import SECRET, card, encrypted, recipient, somebody

KEY, NONCE, IV = bytes(range(32)), bytes(range(12)), bytes(range(16))
DATA = bytes.fromhex("06092a864886f70d010701")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
SIGNING_TIME = bytes.fromhex("06092a864886f70d010905")
AES_256_GCM = bytes.fromhex("060960864801650304012e")
AES_256_CBC = bytes.fromhex("060960864801650304012a")
ENVELOPED = bytes.fromhex("06092a864886f70d010703")
AUTH_ENVELOPED = bytes.fromhex("060b2a864886f70d0109100117")
RSA, RSA_OAEP = bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d010107")
P_SPECIFIED, MGF_1 = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("09", "08"))
SHA_256 = bytes.fromhex("300d06096086480165030402010500")
NO_NULL_SHA_256 = bytes.fromhex("300b0609608648016503040201")


def definite(tag: int, *parts: bytes) -> bytes:
    return der.element(tag, *parts)


def indefinite(tag: int, *parts: bytes) -> bytes:
    return bytes((tag, 0x80)) + b"".join(parts) + b"\x00\x00"


Writer = Callable[..., bytes]


def octets(write: Writer, content: bytes, tag: int = 0x04) -> bytes:
    """Return an OCTET STRING, in pieces where everything is."""
    if write is definite:
        return definite(tag, content)
    pieces = [content[at : at + 7] for at in range(0, len(content), 7)]
    return write(tag | 0x20, *(definite(0x04, piece) for piece in pieces))


@cache
def rsa_key() -> Any:
    return pyca.load_der_x509_certificate(recipient()).public_key()


def identifier(certificate: bytes) -> bytes:
    tbs = x509.Certificate.load(certificate)["tbs_certificate"]
    return definite(0x30, tbs["issuer"].dump(), tbs["serial_number"].dump())


def transport(
    write: Writer = definite,
    *,
    key: bytes = KEY,
    padding: Any = None,
    algorithm: bytes | None = None,
    certificate: bytes | None = None,
) -> bytes:
    """Return a KeyTransRecipientInfo."""
    return write(
        0x30,
        definite(0x02, b"\x00"),
        identifier(certificate or recipient()),
        algorithm or write(0x30, RSA, b"\x05\x00"),
        octets(write, rsa_key().encrypt(key, padding or PKCS1v15())),
    )


def attribute(write: Writer, kind: bytes, *values: bytes) -> bytes:
    return write(0x30, kind, write(0x31, *values))


def sealed(
    write: Writer = definite,
    *,
    recipients: tuple[bytes, ...] | None = None,
    attributes: tuple[bytes, ...] = (),
    aad: bytes = b"",
    content: bytes = SECRET,
    content_type: bytes = DATA,
    nonce: bytes = NONCE,
    tag_length: int | None = 16,
    said: int | None = None,
    originator: bytes = b"",
    unauthenticated: bytes = b"",
) -> bytes:
    """Return an AuthEnvelopedData in a ContentInfo."""
    sealer = Cipher(AES(KEY), modes.GCM(nonce)).encryptor()
    sealer.authenticate_additional_data(aad)
    ciphertext = sealer.update(content) + sealer.finalize()
    tag = sealer.tag[: tag_length or 12]
    said = tag_length if said is None else said
    length = b"" if said is None else definite(0x02, bytes((said,)))
    info = write(
        0x30,
        content_type,
        write(0x30, AES_256_GCM, write(0x30, octets(write, nonce), length)),
        octets(write, ciphertext, 0x80),
    )
    infos = recipients if recipients is not None else (transport(write),)
    message = write(
        0x30,
        definite(0x02, b"\x00"),
        originator,
        write(0x31, *infos),
        info,
        write(0xA1, *attributes) if attributes else b"",
        octets(write, tag),
        unauthenticated,
    )
    return write(0x30, AUTH_ENVELOPED, write(0xA0, message))


def in_cbc(write: Writer = definite, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return an EnvelopedData in a ContentInfo."""
    sealer = Cipher(AES(KEY), modes.CBC(IV)).encryptor()
    filling = 16 - len(SECRET) % 16
    ciphertext = sealer.update(SECRET + bytes((filling,)) * filling) + sealer.finalize()
    info = write(
        0x30,
        DATA,
        write(0x30, AES_256_CBC, octets(write, IV)),
        octets(write, ciphertext, 0x80),
    )
    infos = write(0x31, transport(write))
    message = write(0x30, definite(0x02, b"\x02"), before, infos, info, after)
    return write(0x30, ENVELOPED, write(0xA0, message))


def opened(raw: bytes) -> bytes:
    message = enveloped.parse(raw, recipient())
    return message.open(card(message.encrypted_key))


WRITERS = pytest.mark.parametrize("write", [definite, indefinite], ids=["DER", "BER"])


@WRITERS
def test_what_a_streaming_encoder_writes_is_read(write: Writer) -> None:
    assert opened(in_cbc(write)) == SECRET
    assert opened(sealed(write)) == SECRET


@WRITERS
def test_originator_and_unprotected_attributes_are_passed_over(write: Writer) -> None:
    certificates = write(0xA0, write(0xA0, somebody()))
    other = attribute(write, SIGNING_TIME, definite(0x17, b"260615083000Z"))
    assert opened(in_cbc(write, before=certificates, after=write(0xA1, other))) == SECRET
    raw = sealed(write, originator=certificates, unauthenticated=write(0xA2, other))
    assert opened(raw) == SECRET


@WRITERS
@pytest.mark.parametrize("content", [b"", b"x", bytes(100_000)], ids=len)
def test_every_content_comes_back(write: Writer, content: bytes) -> None:
    assert opened(sealed(write, content=content)) == content


@pytest.mark.parametrize("length", [None, 12, 13, 14, 15, 16])
def test_every_length_of_the_tag_is_known(length: int | None) -> None:
    """Where it is not said it is 12 (RFC 5084 §3.2)."""
    assert opened(sealed(tag_length=length)) == SECRET


@pytest.mark.parametrize("length", [8, 12, 13, 16, 128])
def test_a_nonce_may_have_several_lengths(length: int) -> None:
    assert opened(sealed(nonce=bytes(range(length)))) == SECRET


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tag_length": 11}, "tag"),
        ({"tag_length": 4}, "tag"),
        ({"tag_length": 12, "said": 16}, "tag"),
        ({"tag_length": 16, "said": 12}, "tag"),
        ({"recipients": ()}, "another certificate"),
        ({"recipients": (transport(certificate=somebody()),)}, "another certificate"),
    ],
)
def test_what_is_not_as_it_has_to_be_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(CmsError, match=reason):
        enveloped.parse(sealed(**changes), recipient())


def test_a_short_nonce_is_refused() -> None:
    """AES-GCM of the library that we use has no shorter ones than eight octets."""
    before, short = definite(0x04, bytes(8)), definite(0x24, definite(0x04, bytes(6)))
    raw = sealed(nonce=bytes(8))
    assert (len(before), raw.count(before)) == (len(short), 1)
    with pytest.raises(CmsError, match="nonce"):
        enveloped.parse(raw.replace(before, short), recipient())


# Authenticated attributes.


def authenticated(write: Writer, *, sort: bool) -> tuple[tuple[bytes, ...], bytes]:
    """Return attributes as they travel, and what the tag is over: a SET OF in DER."""
    times = [definite(0x17, b"260615083000Z"), definite(0x17, b"250615083000Z")]
    kinds = ((CONTENT_TYPE, [SIGNED_DATA]), (SIGNING_TIME, times))
    travelling = [attribute(write, kind, *values) for kind, values in kinds]
    encodings = [attribute(definite, kind, *sorted(values)) for kind, values in kinds]
    order = sorted(travelling, reverse=not sort)
    return tuple(order), definite(0x31, *sorted(encodings))


@WRITERS
@pytest.mark.parametrize("sort", [True, False])
def test_the_tag_is_over_the_attributes_in_der(write: Writer, sort: bool) -> None:
    attributes, aad = authenticated(write, sort=sort)
    raw = sealed(write, attributes=attributes, aad=aad, content_type=SIGNED_DATA)
    assert opened(raw) == SECRET


@WRITERS
def test_changed_attributes_open_nothing(write: Writer) -> None:
    attributes, aad = authenticated(write, sort=True)
    raw = sealed(write, attributes=attributes, aad=aad, content_type=SIGNED_DATA)
    for changed in (
        raw.replace(b"260615", b"260616"),
        sealed(write, attributes=attributes[:1], aad=aad, content_type=SIGNED_DATA),
        sealed(write, aad=aad, content_type=SIGNED_DATA),
        sealed(write, attributes=attributes, content_type=SIGNED_DATA),
        # With the tag that they have in the message, as RFC 5083 §2.2 says they are not.
        sealed(write, attributes=attributes, aad=b"\xa1" + aad[1:], content_type=SIGNED_DATA),
    ):
        with pytest.raises(CmsError, match=r"^decryption failed$"):
            opened(changed)


def test_a_content_type_beside_the_authenticated_one_is_refused() -> None:
    attributes, aad = authenticated(definite, sort=True)
    with pytest.raises(CmsError, match="type"):
        enveloped.parse(sealed(attributes=attributes, aad=aad), recipient())


# Recipients.


def test_of_several_recipients_ours_is_found() -> None:
    others = [transport(certificate=somebody(), key=bytes(32))] * 20
    assert opened(sealed(recipients=(*others, transport(), *others))) == SECRET


def test_a_recipient_that_cannot_be_read_does_not_hide_the_next_one() -> None:
    strange = transport(algorithm=definite(0x30, DATA), key=bytes(32))
    assert opened(sealed(recipients=(strange, transport()))) == SECRET
    with pytest.raises(CmsError, match="key encryption"):
        enveloped.parse(sealed(recipients=(strange,)), recipient())


def oaep(*fields: bytes | None) -> bytes:
    tagged = [definite(0xA0 + at, each) for at, each in enumerate(fields) if each is not None]
    return definite(0x30, RSA_OAEP, definite(0x30, *tagged))


MGF1_SHA_256 = definite(0x30, MGF_1, SHA_256)
LABEL = definite(0x30, P_SPECIFIED, definite(0x04, b"label"))
OTHER_SOURCE = definite(0x30, DATA, definite(0x04, b"label"))


@pytest.mark.parametrize(
    ("algorithm", "padding"),
    [
        (oaep(), OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)),  # noqa: S303  # what "nothing said" means
        (definite(0x30, RSA_OAEP), OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)),  # noqa: S303  # likewise
        (oaep(SHA_256), OAEP(MGF1(hashes.SHA1()), hashes.SHA256(), None)),  # noqa: S303  # likewise
        (oaep(SHA_256, MGF1_SHA_256), OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None)),
        (oaep(NO_NULL_SHA_256, MGF1_SHA_256), OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None)),
        (oaep(None, MGF1_SHA_256), OAEP(MGF1(hashes.SHA256()), hashes.SHA1(), None)),  # noqa: S303  # likewise
        (
            oaep(SHA_256, MGF1_SHA_256, LABEL),
            OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), b"label"),
        ),
    ],
)
def test_parameters_of_oaep_that_are_left_out_have_their_defaults(
    algorithm: bytes, padding: OAEP
) -> None:
    raw = sealed(recipients=(transport(algorithm=algorithm, padding=padding),))
    assert opened(raw) == SECRET


@pytest.mark.parametrize(
    "algorithm",
    [
        oaep(definite(0x30, DATA)),
        oaep(None, definite(0x30, DATA, SHA_256)),
        oaep(None, definite(0x30, MGF_1)),
        oaep(None, None, OTHER_SOURCE),
        oaep(None, None, definite(0x30, P_SPECIFIED)),
        definite(0x30, RSA_OAEP, b"\x05\x00"),
    ],
)
def test_other_parameters_of_oaep_are_refused_before_a_card_is_asked(algorithm: bytes) -> None:
    with pytest.raises(CmsError):
        enveloped.parse(sealed(recipients=(transport(algorithm=algorithm),)), recipient())


def test_a_label_that_is_another_one_opens_nothing() -> None:
    padding = OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), b"another")
    algorithm = oaep(SHA_256, MGF1_SHA_256, LABEL)
    raw = sealed(recipients=(transport(algorithm=algorithm, padding=padding),))
    with pytest.raises(CmsError, match=r"^decryption failed$"):
        opened(raw)


# Other programs, and damage.


def test_what_pyca_encrypted_is_decrypted() -> None:
    certificate = pyca.load_der_x509_certificate(recipient())
    builder = PKCS7EnvelopeBuilder().set_data(SECRET).add_recipient(certificate)
    assert opened(builder.encrypt(Encoding.DER, [PKCS7Options.Binary])) == SECRET


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_one_bit_opens_nothing_but_the_secret(data: st.DataObject) -> None:
    """Whatever part of a message is changed: the same content comes out, or none."""
    attributes, aad = authenticated(definite, sort=True)
    raw = data.draw(
        st.sampled_from(
            [
                encrypted("-aes-256-gcm"),
                sealed(attributes=attributes, aad=aad, content_type=SIGNED_DATA),
                sealed(indefinite),
            ]
        )
    )
    at, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(raw)
    changed[at] ^= 1 << bit
    for damaged in (bytes(changed), raw[:at]):
        try:
            assert opened(damaged) == SECRET
        except CmsError:
            continue


def test_a_nested_attribute_is_written_anew_in_der() -> None:
    value = indefinite(
        0x30,
        b"\x01\x01\x7f",
        b"\x24\x80\x04\x01a\x24\x80\x04\x01b\x00\x00\x00\x00",
        indefinite(0x31, b"\x02\x01\x05", b"\x02\x01\x03"),
        b"\x02\x82\x00\x01\x09",
        indefinite(0xA3, b"\x04\x00"),
    )
    expected = bytes.fromhex("30130101ff04026162") + bytes.fromhex("3106020103020105020109a3020400")
    assert der.to_der(value)[2:] == expected[2:]
    der.require_der(der.to_der(value), max_size=100)
    with pytest.raises(CmsError):
        der.to_der(b"\x23\x80\x03\x02\x00\x01\x00\x00")
