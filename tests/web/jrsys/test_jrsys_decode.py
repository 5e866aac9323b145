"""A certificate's fields as both kits name them: all of them texts, or one numbered error."""

import json
from datetime import UTC, datetime

import pytest
from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from agent.cms.bounds import MAX_CERTIFICATE
from agent.web.jrsys.decode import NAMES, decode_certificate, in_older_names, nothing
from agent.web.jrsys.errors import JrsysError
from agent.web.jrsys.values import Formats
from tests.odd_names import NAMES as ODD_NAMES
from tests.signing import pki_support as pki
from tests.signing.test_pki_certificate import directory

DEFAULT = Formats()
PRIMARY = core.PrintableString("primary").dump()


def issued(*extra: x509.ExtensionType, name: x509.Name | None = None, **options: object) -> bytes:
    certificate = pki.issuing().issue(
        name or pki.citizen_name(),
        pki.citizen_key(),
        extra=extra,
        **options,  # type: ignore[arg-type]
    )
    return certificate.public_bytes(Encoding.DER)


def test_a_citizens_certificate() -> None:
    raw = issued(
        pki.last4_attribute(),
        x509.SubjectAlternativeName([x509.RFC822Name("test@test.invalid")]),
        serial=0x0A5B02,
        usage=("digital_signature", "key_encipherment", "crl_sign"),
        not_before=datetime(2026, 3, 1, 16, 0, tzinfo=UTC),
        not_after=datetime(2031, 3, 1, 15, 59, 59, tzinfo=UTC),
    )
    fields = decode_certificate(raw, DEFAULT)
    assert fields == {
        "CertVersion": "3",
        "CertSerial": "0A5B02",
        "CertIssuer": "C=TW,O=測試院,OU=測試憑證管理中心",
        "CertSubject": "C=TW,CN=王測試,serialNumber=0000000000000001",
        "CertNotBefore_display": "2026/03/02 00:00:00",
        "CertNotBefore_timet": "1772380800",
        "CertNotAfter_display": "2031/03/01 23:59:59",
        "CertNotAfter_timet": "1930147199",
        "CertSubjectAlternativeName": "test@test.invalid",
        "CertIdentityNoL4": "6789",
        "CertKeyUsage": "digitalSignature,keyEncipherment,cRLSign",
        "CertUniqueId": "0000000000000001",
        "CertUniformOID": "",
        "CertCardHolderRank": "",
    }
    other = Formats(hex_upper=False, date="%d.%m.%Y", separator="|")
    changed = decode_certificate(raw, other)
    assert changed["CertSerial"] == "0a5b02"
    assert changed["CertNotBefore_display"] == "02.03.2026"
    assert changed["CertKeyUsage"] == "digitalSignature|keyEncipherment|cRLSign"


def test_an_organisations_card_tells_number_and_rank() -> None:
    raw = issued(
        directory(
            ("2.16.886.1.100.2.1", core.ObjectIdentifier("2.16.886.1.100.3.2.2.1.1").dump()),
            ("2.16.886.1.100.2.2", PRIMARY),
            ("2.16.886.1.100.2.101", core.UTF8String("00000000").dump()),
        )
    )
    fields = decode_certificate(raw, DEFAULT)
    assert fields["CertUniformOID"] == "00000000"
    assert fields["CertCardHolderRank"] == "primary"
    assert fields["CertIdentityNoL4"] == ""
    older = in_older_names(fields)
    assert older["certUnifromOrganizationIDString"] == "00000000"
    assert older["certCardHolderRankString"] == "primary"


def test_two_ranks_prove_nothing() -> None:
    ranks = [("2.16.886.1.100.2.2", core.UTF8String(text).dump()) for text in ("one", "two")]
    assert decode_certificate(issued(directory(*ranks)), DEFAULT)["CertCardHolderRank"] == ""


def test_both_dialects_have_all_their_names_even_where_nothing_is_known() -> None:
    fields = decode_certificate(pki.citizen(), DEFAULT)
    assert set(fields) == set(nothing()) == set(NAMES)
    assert len(NAMES) == 14
    older = in_older_names(fields)
    assert len(older) == 13
    assert all(name.startswith("cert") for name in older)
    assert set(in_older_names(nothing()).values()) == {""}
    assert older["certSubject"] == fields["CertSubject"]


@pytest.mark.parametrize("name", ["王\U00020bb7明", *ODD_NAMES])
def test_a_rare_name_stays_the_persons_name(name: str) -> None:
    subject = pki.citizen_name(common_name=name)
    fields = decode_certificate(issued(name=subject), DEFAULT)
    assert fields["CertSubject"] == f"C=TW,CN={name},serialNumber=0000000000000001"
    assert json.loads(json.dumps(fields)) == fields


def test_what_breaks_a_line_of_script_is_replaced() -> None:
    subject = pki.citizen_name(common_name="王\u2028\n\0明")
    fields = decode_certificate(issued(name=subject), DEFAULT)
    assert "CN=王\ufffd\ufffd\ufffd明," in fields["CertSubject"]


@pytest.mark.parametrize(
    ("year", "shown"), [(2049, "2049/06/01 08:00:00"), (2051, "2051/06/01 08:00:00")]
)
def test_dates_on_both_sides_of_2050(year: int, shown: str) -> None:
    end = datetime(year, 6, 1, tzinfo=UTC)
    fields = decode_certificate(issued(not_after=end), DEFAULT)
    assert fields["CertNotAfter_display"] == shown
    assert fields["CertNotAfter_timet"] == str(int(end.timestamp()))


def test_a_certificate_without_end() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    fields = decode_certificate(issued(not_after=end), DEFAULT)
    assert fields["CertNotAfter_display"] == "9999/12/31 23:59:59"
    assert fields["CertNotAfter_timet"] == "253402300799"


def test_a_certificate_of_the_first_version_has_no_extensions() -> None:
    certificate = asn1_x509.Certificate.load(pki.citizen())
    tbs = certificate["tbs_certificate"]
    del tbs["extensions"]
    tbs["version"] = 0
    fields = decode_certificate(certificate.dump(force=True), DEFAULT)
    assert fields["CertVersion"] == "1"
    assert fields["CertKeyUsage"] == fields["CertSubjectAlternativeName"] == ""


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (b"", 32),
        (b"\0", 32),
        (b"no certificate", 32),
        (b"\x30\x00", 32),
        (pki.citizen() + b"\0", 32),
        (pki.citizen()[:-1], 32),
        (bytes(MAX_CERTIFICATE), 32),
        (bytes(MAX_CERTIFICATE + 1), 33),
        (issued(directory(("2.16.886.1.100.2.2", b"\x0c\x05a"))), 32),
    ],
)
def test_garbage_is_one_error(raw: bytes, number: int) -> None:
    with pytest.raises(JrsysError) as error:
        decode_certificate(raw, DEFAULT)
    assert error.value.number == number


def test_the_longest_certificate_is_read() -> None:
    assert decode_certificate(pki.citizen_of(MAX_CERTIFICATE), DEFAULT)["CertVersion"] == "3"


@given(data=st.data())
def test_damage_gives_texts_or_the_error(data: st.DataObject) -> None:
    changed = bytearray(pki.citizen())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        fields = decode_certificate(bytes(changed), DEFAULT)
    except JrsysError:
        return
    assert set(fields) == set(NAMES)
    json.dumps(fields, ensure_ascii=False).encode()
