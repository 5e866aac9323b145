"""The test issuer's certificates and lists, as OpenSSL sees them."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID, NameOID

from agent.errors import BadRequestError
from agent.virtualcard import issuer_directory
from agent.virtualcard.issuer import TestIssuer, Validity, der, serial_text
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import ID_KEYX, ID_SIGN, CardData, Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.profile import Use
from agent.virtualcard.rsa_key import RsaKey
from tests.card.conftest import CardFactory
from tests.conftest import TEST_ID_NUMBER

Keys = dict[Generation, tuple[RsaKey, RsaKey]]
Certificates = dict[bytes, x509.Certificate]


def openssl(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def certificates_of(data: CardData) -> Certificates:
    return {c.id: x509.load_der_x509_certificate(c.der) for c in data.certificates}


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def citizen(make_gen1_card: CardFactory) -> Certificates:
    return certificates_of(make_gen1_card().data)


@pytest.fixture
def openssl_text(citizen: Certificates, tmp_path: Path) -> Callable[[bytes], str]:
    def text(identifier: bytes) -> str:
        path = tmp_path / "certificate.der"
        path.write_bytes(der(citizen[identifier]))
        return openssl(
            "x509", "-inform", "DER", "-in", str(path), "-noout", "-text", "-nameopt", "utf8,sname"
        )

    return text


@pytest.fixture
def verify(test_issuer: TestIssuer, tmp_path: Path) -> Callable[[x509.Certificate], str]:
    """Let OpenSSL verify a citizen's certificate up to the root, with both revocation lists."""

    def verify(certificate: x509.Certificate) -> str:
        files = {
            "root": pem(test_issuer.root.certificate),
            "ca": pem(test_issuer.ca.certificate),
            "leaf": pem(certificate),
        }
        for name, content in files.items():
            (tmp_path / f"{name}.pem").write_bytes(content)
        lists = b""
        for crl in (test_issuer.crl(), test_issuer.root_crl()):
            lists += x509.load_der_x509_crl(crl).public_bytes(serialization.Encoding.PEM)
        (tmp_path / "lists.pem").write_bytes(lists)
        arguments = ["verify", "-x509_strict", "-CAfile", str(tmp_path / "root.pem")]
        arguments += ["-untrusted", str(tmp_path / "ca.pem"), "-crl_check_all"]
        arguments += ["-CRLfile", str(tmp_path / "lists.pem"), str(tmp_path / "leaf.pem")]
        return openssl(*arguments, check=False)

    return verify


def test_openssl_accepts_the_path(
    citizen: Certificates, verify: Callable[[x509.Certificate], str]
) -> None:
    for identifier in (ID_SIGN, ID_KEYX):
        assert verify(citizen[identifier]).strip().endswith(": OK")


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        (Validity.EXPIRED, "certificate has expired"),
        (Validity.NOT_YET, "certificate is not yet valid"),
        (Validity.REVOKED, "certificate revoked"),
    ],
)
def test_openssl_refuses_what_is_to_be_refused(
    make_gen1_card: CardFactory,
    verify: Callable[[x509.Certificate], str],
    validity: Validity,
    words: str,
) -> None:
    data = make_gen1_card(validity=validity).data
    for identifier in (ID_SIGN, ID_KEYX):
        assert words in verify(certificates_of(data)[identifier])


def test_the_subject_is_a_citizen_s(citizen: Certificates) -> None:
    subject = citizen[ID_SIGN].subject
    assert [attribute.oid for attribute in subject] == [
        NameOID.COUNTRY_NAME,
        NameOID.COMMON_NAME,
        NameOID.SERIAL_NUMBER,
    ]
    country, name, serial = (attribute.value for attribute in subject)
    assert (country, name) == ("TW", "王測試")
    assert isinstance(serial, str)
    assert len(serial) == 16
    assert serial.isdigit()
    assert citizen[ID_KEYX].subject == subject


def test_everybody_says_test(citizen: Certificates) -> None:
    for certificate in citizen.values():
        assert "Ankong Test" in certificate.issuer.rfc4514_string()


def test_the_profile_in_openssl_s_words(openssl_text: Callable[[bytes], str]) -> None:
    sign, keyx = openssl_text(ID_SIGN), openssl_text(ID_KEYX)
    for text in (sign, keyx):
        assert "sha256WithRSAEncryption" in text
        assert "Public-Key: (2048 bit)" in text
        assert "Policy: 2.16.886.101.0.3.3" in text
        assert "X509v3 Authority Key Identifier" in text
        assert "X509v3 Subject Key Identifier" in text
        assert "URI:http://crl.ankong-test.invalid/ca.crl" in text
        assert "X509v3 Subject Directory Attributes" in text
    assert "X509v3 Key Usage: critical\n                Digital Signature\n" in sign
    assert "critical\n                Key Encipherment, Data Encipherment\n" in keyx


def test_the_last_four_of_the_id_number(citizen: Certificates, tmp_path: Path) -> None:
    extension = citizen[ID_SIGN].extensions.get_extension_for_oid(
        ExtensionOID.SUBJECT_DIRECTORY_ATTRIBUTES
    )
    assert not extension.critical
    path = tmp_path / "attributes.der"
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    path.write_bytes(extension.value.value)
    text = openssl("asn1parse", "-inform", "DER", "-in", str(path))
    lines = [line.rsplit(":", 1)[-1].strip() for line in text.splitlines()]
    assert lines[lines.index("2.16.886.1.100.2.51") + 2] == TEST_ID_NUMBER[-4:]
    assert "2.16.886.1.100.2.1" in lines


def test_the_whole_id_number_is_in_no_certificate(make_gen1_card: CardFactory) -> None:
    data = make_gen1_card().data
    number = data.person.id_number.encode()
    assert not any(number in certificate.der for certificate in data.certificates)


def test_lists_name_what_was_revoked(test_issuer: TestIssuer, make_gen1_card: CardFactory) -> None:
    certificate = certificates_of(make_gen1_card().data)[ID_SIGN]
    before = x509.load_der_x509_crl(test_issuer.crl())
    assert before.get_revoked_certificate_by_serial_number(certificate.serial_number) is None
    test_issuer.revoke(serial_text(certificate))
    test_issuer.revoke(serial_text(certificate))
    after = x509.load_der_x509_crl(test_issuer.crl())
    assert after.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    assert after.is_signature_valid(test_issuer.ca.key.public_key())
    assert (
        after.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        > before.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    )
    assert after.next_update_utc is not None
    assert after.next_update_utc > datetime.now(UTC)
    with pytest.raises(BadRequestError):
        test_issuer.revoke("0")


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "測" * 22, "a\nb", "a\x00", "\ud800"])
def test_a_name_that_is_none(test_issuer: TestIssuer, card_keys: Keys, name: str) -> None:
    key = card_keys[Generation.GEN1][0].public_key
    with pytest.raises(BadRequestError):
        test_issuer.issue(name, "A123456789", {Use.SIGN: key})


def test_the_longest_name_still_fits_the_card(test_issuer: TestIssuer, card_keys: Keys) -> None:
    order = Order(Generation.GEN1, "測" * 21, "A123456789", b"123456")
    data = personalise(order, test_issuer, card_keys[Generation.GEN1])
    assert max(len(certificate.der) for certificate in data.certificates) <= 1600


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    DirectoryIssuer.open(tmp_path / "issuer", key_size=2048)
    return tmp_path / "issuer"


def test_an_issuer_is_the_same_one_tomorrow(directory: Path, card_keys: Keys) -> None:
    order = Order(Generation.GEN1, "王測試", "A123456789", b"123456", Validity.REVOKED)
    first = DirectoryIssuer.open(directory)
    data = personalise(order, first, card_keys[Generation.GEN1])
    again = DirectoryIssuer.open(directory)
    assert again.ca.certificate == first.ca.certificate
    assert again.records == first.records
    serials = {serial_text(certificates_of(data)[i]) for i in (ID_SIGN, ID_KEYX)}
    assert {record.serial for record in again.records} == serials
    revoked = x509.load_der_x509_crl((directory / "ca.crl").read_bytes())
    assert {f"{entry.serial_number:x}" for entry in revoked} == serials
    assert len(x509.load_der_x509_crl((directory / "root.crl").read_bytes())) == 0
    (record, _) = json.loads((directory / "issued.json").read_text("utf-8"))
    assert record["id_number"] == "A123456789"
    assert record["subject_serial"] in certificates_of(data)[ID_SIGN].subject.rfc4514_string()


def test_two_programs_that_issue_do_not_lose_a_record(directory: Path, card_keys: Keys) -> None:
    first, second = DirectoryIssuer.open(directory), DirectoryIssuer.open(directory)
    key = card_keys[Generation.GEN1][0].public_key
    for issuer in (first, second, first):
        issuer.issue("王測試", "A123456789", {Use.SIGN: key})
    assert len(DirectoryIssuer.open(directory).records) == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("root.cer", b"nonsense"),
        ("ca.key", b"nonsense"),
        ("ca.key", b""),
        ("issued.json", b"{"),
        ("issued.json", b"[1]"),
        ("issued.json", b'[{"serial": "1"}]'),
        ("issued.json", b"[" * 100_000),
    ],
)
def test_a_damaged_issuer_is_no_issuer(directory: Path, name: str, content: bytes) -> None:
    (directory / name).write_bytes(content)
    with pytest.raises(BadRequestError):
        DirectoryIssuer.open(directory)


def test_the_keys_have_to_belong_to_the_certificates(directory: Path) -> None:
    (directory / "ca.key").write_bytes((directory / "root.key").read_bytes())
    with pytest.raises(BadRequestError, match="belong"):
        DirectoryIssuer.open(directory)


def test_a_place_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadRequestError):
        DirectoryIssuer.open(tmp_path / "file" / "issuer", key_size=2048)


def test_another_program_that_holds_the_issuer_is_waited_for_and_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_directory, "_LOCK_PATIENCE", 0.05)
    with (
        issuer_directory._held(issuer_directory._lock(directory)),
        pytest.raises(Exception, match="another program"),
    ):
        DirectoryIssuer.open(directory)
