"""What a certificate says is read right; what is odd is borne, and garbage is one kind of error."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms.der import SEQUENCE, SET, element
from agent.cms.errors import CmsError
from agent.pki.certificate import KeyUsage
from agent.pki.reading import read_certificate
from agent.virtualcard.issuer import TestIssuer, Validity
from agent.virtualcard.profile import Use
from tests.signing import pki_support as pki


def issue(*extra: x509.ExtensionType, name: x509.Name | None = None, **options: object) -> bytes:
    certificate = pki.issuing().issue(
        name or pki.citizen_name(), pki.citizen_key(), extra=extra, **options
    )
    return certificate.public_bytes(Encoding.DER)


def altered(change: Callable[[asn1_x509.TbsCertificate], None]) -> bytes:
    """Change a good certificate; its signature is wrong then, which nobody asks here."""
    certificate = asn1_x509.Certificate.load(pki.citizen())
    change(certificate["tbs_certificate"])
    return bytes(certificate.dump())


def test_the_facts_of_a_citizens_certificate() -> None:
    facts = read_certificate(pki.citizen())
    reference = x509.load_der_x509_certificate(pki.citizen())
    assert facts.der == pki.citizen()
    assert facts.thumbprint == reference.fingerprint(hashes.SHA256())
    assert facts.thumbprint_sha1 == reference.fingerprint(hashes.SHA1())  # noqa: S303 # a name
    assert facts.subject == "C=TW,CN=王測試,serialNumber=0000000000000001"
    assert facts.issuer == "C=TW,O=測試院,OU=測試憑證管理中心"
    assert facts.subject_cn == "王測試"
    assert facts.subject_serial == "0000000000000001"
    assert facts.version == 3
    assert facts.id_last4 == "6789"
    assert facts.uniform_number is None
    assert facts.card_rank is None
    assert facts.email is None
    assert facts.serial == 0x5A01
    assert facts.serial_hex == "5a01"
    assert facts.not_before == reference.not_valid_before_utc
    assert facts.not_after == reference.not_valid_after_utc
    assert facts.not_after.tzinfo is not None
    assert facts.key_usage == (KeyUsage.DIGITAL_SIGNATURE,)
    assert not facts.is_ca
    assert facts.public_key == pki.citizen_key().public_key()
    assert facts.signature_algorithm == "1.2.840.113549.1.1.11"
    issuer = read_certificate(pki.issuing().der)
    assert issuer.is_ca
    assert issuer.key_usage == (KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN)
    assert facts.authority_key_identifier == issuer.subject_key_identifier
    assert facts.subject_key_identifier != issuer.subject_key_identifier


def test_key_usage_is_in_the_order_of_the_bits() -> None:
    facts = read_certificate(issue(usage=("data_encipherment", "key_encipherment")))
    assert facts.key_usage == (KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT)


def test_key_usages_have_the_names_that_old_components_write() -> None:
    assert [usage.asn1_name for usage in KeyUsage] == [
        *("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment"),
        *("keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"),
    ]


def test_every_key_usage_has_its_name() -> None:
    usage = [name.value.replace("non_repudiation", "content_commitment") for name in KeyUsage][:8]
    facts = read_certificate(issue(usage=usage))
    assert facts.key_usage == tuple(KeyUsage)[:8]


def test_email_is_the_first_address() -> None:
    names = x509.SubjectAlternativeName(
        [x509.DNSName("test.invalid"), x509.RFC822Name("test@test.invalid")]
    )
    assert read_certificate(issue(names)).email == "test@test.invalid"


@pytest.mark.parametrize("tag", [0x0C, 0x13, 0x14, 0x16, 0x1A])
def test_last_four_characters_in_any_string_type(tag: int) -> None:
    facts = read_certificate(issue(pki.last4_attribute("A123", tag)))
    assert facts.id_last4 == "A123"


@pytest.mark.parametrize(
    "extension",
    [
        pki.last4_attribute("678"),
        pki.last4_attribute("67890"),
        pki.last4_attribute("67 9"),
        pki.last4_attribute("6789", tag=0x04),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.9"), b"\x30\x00"),
    ],
)
def test_what_is_not_four_characters_is_not_stated(extension: x509.ExtensionType) -> None:
    assert read_certificate(issue(extension)).id_last4 is None


def test_two_different_statements_prove_nothing() -> None:
    one, two = pki.last4_attribute("1111").value, pki.last4_attribute("2222").value
    both = one[2:] + two[2:]
    value = b"\x30" + bytes((len(both),)) + both
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.9"), value)
    assert read_certificate(issue(extension)).id_last4 is None


def directory(*attributes: tuple[str, bytes]) -> x509.UnrecognizedExtension:
    """Build subjectDirectoryAttributes of dotted identifiers with one DER value each."""
    value = b"".join(
        element(SEQUENCE, core.ObjectIdentifier(oid).dump(), element(SET, each))
        for oid, each in attributes
    )
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.9"), element(SEQUENCE, value))


def test_an_organisations_card_tells_number_and_rank() -> None:
    company = core.ObjectIdentifier("2.16.886.1.100.3.2.2.1.1").dump()
    facts = read_certificate(
        issue(
            directory(
                ("2.16.886.1.100.2.1", company),
                ("2.16.886.1.100.2.2", core.PrintableString("secondary").dump()),
                ("2.16.886.1.100.2.101", core.UTF8String("00000000").dump()),
                ("2.16.886.1.100.2.102", core.UTF8String("11111111").dump()),
            )
        )
    )
    assert (facts.uniform_number, facts.card_rank) == ("00000000", "secondary")
    assert facts.id_last4 is None


def test_two_different_ranks_prove_nothing_and_the_same_twice_does() -> None:
    one, two = (core.UTF8String(text).dump() for text in ("primary", "secondary"))
    rank = "2.16.886.1.100.2.2"
    assert read_certificate(issue(directory((rank, one), (rank, two)))).card_rank is None
    assert read_certificate(issue(directory((rank, one), (rank, one)))).card_rank == "primary"


def test_the_version_is_counted_from_one() -> None:
    def first(tbs: asn1_x509.TbsCertificate) -> None:
        del tbs["extensions"]
        del tbs["version"]

    assert read_certificate(altered(first)).version == 1


def test_odd_names_are_read_as_they_are() -> None:
    name = x509.Name(
        [
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(x509.NameOID.COMMON_NAME, "A\u202eB\x07C"),
                    x509.NameAttribute(x509.NameOID.SURNAME, "王"),
                ]
            ),
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4"), "x")]
            ),
        ]
    )
    facts = read_certificate(issue(name=name))
    parts = facts.subject.split(",")
    assert sorted(parts[0].split("+")) == ["CN=A\u202eB\x07C", "SN=王"]
    assert parts[1] == "1.2.3.4=x"
    assert facts.subject_serial is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (core.UTF8String(contents=b"\xff\xfe"), "\ufffd\ufffd"),
        (core.PrintableString(contents=b"a\xe9"), "a\ufffd"),
        (core.TeletexString(contents=b"a\xe9"), "aé"),
        (core.BMPString("測試"), "測試"),
        (core.UniversalString("測試"), "測試"),
    ],
)
def test_every_string_type_is_decoded(value: core.Asn1Value, text: str) -> None:
    attribute = core.ObjectIdentifier("2.5.4.3").dump() + value.dump()
    relative = core.SetOf(contents=core.Sequence(contents=attribute).dump()).dump()
    name = asn1_x509.Name.load(core.Sequence(contents=relative).dump())

    def change(tbs: asn1_x509.TbsCertificate) -> None:
        tbs["subject"] = name

    assert read_certificate(altered(change)).subject_cn == text


def test_a_negative_serial_number_is_borne() -> None:
    def change(tbs: asn1_x509.TbsCertificate) -> None:
        tbs["serial_number"] = -0x123

    facts = read_certificate(altered(change))
    assert facts.serial == -0x123
    assert facts.serial_hex == "-0123"


def test_a_certificate_beyond_2050_is_read() -> None:
    late = datetime(2061, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert read_certificate(issue(not_after=late)).not_after == late


def with_dates(first: str, last: str) -> bytes:
    def change(tbs: asn1_x509.TbsCertificate) -> None:
        times = (element(0x18, text.encode()) for text in (first, last))  # GeneralizedTime
        tbs["validity"] = asn1_x509.Validity.load(element(SEQUENCE, *times))

    return altered(change)


def test_dates_of_other_time_zones_are_brought_to_utc() -> None:
    facts = read_certificate(with_dates("20260101080000+0800", "20991231235959-0100"))
    assert facts.not_before.isoformat() == "2026-01-01T00:00:00+00:00"
    assert facts.not_after.isoformat() == "2100-01-01T00:59:59+00:00"


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("20991231235959", "time zone"),
        ("99991231235959-0100", "OverflowError"),
        ("00000101000000Z", "calendar"),
        ("20991331235959Z", "malformed"),
    ],
)
def test_dates_that_cannot_be_compared_are_refused(last: str, reason: str) -> None:
    with pytest.raises(CmsError, match=reason):
        read_certificate(with_dates("20260101000000Z", last))


def test_a_certificate_without_extensions_is_read() -> None:
    builder = (
        x509.CertificateBuilder()
        .subject_name(pki.citizen_name())
        .issuer_name(pki.MOICA)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(1)
        .not_valid_before(pki.NOW)
        .not_valid_after(pki.NOW)
    )
    raw = builder.sign(pki.issuing().key, hashes.SHA256()).public_bytes(Encoding.DER)
    facts = read_certificate(raw)
    assert facts.key_usage == ()
    assert not facts.is_ca
    assert facts.authority_key_identifier is None
    assert isinstance(facts.public_key, ec.EllipticCurvePublicKey)


def test_a_certificate_is_at_most_64_kib_long() -> None:
    assert read_certificate(pki.citizen_of(64 << 10))
    with pytest.raises(CmsError, match="too large"):
        read_certificate(pki.citizen_of((64 << 10) + 1))


def test_nothing_personal_is_printed() -> None:
    text = repr(read_certificate(pki.citizen()))
    assert "王" not in text
    assert "0000000000000001" not in text
    assert len(text) < 100


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 1500,
        b"\xff" * 1500,
        b"\x30\x00",
        b"\x30\x80\x00\x00",
        b"\x30\x82\xff\xff",
        b"\x30\x84\xff\xff\xff\xff",
        pki.citizen() + b"\x00",
        pki.citizen()[:-1],
        b"\x30\x83\x01\x11\x70" + bytes(70_000),
    ],
)
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(CmsError):
        read_certificate(raw)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damage_is_one_kind_of_error(data: st.DataObject) -> None:
    raw = bytearray(pki.citizen())
    start = data.draw(st.integers(0, len(raw) - 1))
    raw[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        facts = read_certificate(bytes(raw))
    except CmsError:
        return
    assert isinstance(facts.subject, str)
    assert facts.not_after.tzinfo is not None


async def test_the_test_issuers_certificates_are_read_and_valid() -> None:
    from agent.pki.anchors import TrustStore
    from agent.pki.path import validate_path
    from agent.pki.result import PathStatus
    from agent.pki.revocation import StaticSource

    issuer = TestIssuer.create(key_size=2048)
    key = pki.citizen_key().public_key()
    store = TrustStore(
        (read_certificate(issuer.root.certificate.public_bytes(Encoding.DER)),),
        (read_certificate(issuer.ca.certificate.public_bytes(Encoding.DER)),),
    )
    expected = {
        Validity.NOW: PathStatus.VALID,
        Validity.EXPIRED: PathStatus.EXPIRED,
        Validity.NOT_YET: PathStatus.NOT_YET_VALID,
    }
    for validity, status in expected.items():
        issued = issuer.issue("王測試", "A123456789", {Use.SIGN: key, Use.KEYX: key}, validity)
        facts = read_certificate(issued[Use.SIGN].public_bytes(Encoding.DER))
        assert facts.subject_cn == "王測試"
        assert facts.subject_serial == issuer.records[-1].subject_serial
        assert facts.id_last4 == "6789"
        assert facts.key_usage == (KeyUsage.DIGITAL_SIGNATURE,)
        lists = StaticSource.of([issuer.root_crl(), issuer.crl()])
        result = await validate_path(facts, store, lists, datetime.now(UTC))
        assert result.status is status
        exchange = read_certificate(issued[Use.KEYX].public_bytes(Encoding.DER))
        assert exchange.key_usage == (KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT)
