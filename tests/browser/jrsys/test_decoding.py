"""Certificates that a page has decoded: whatever it brings, its callback runs."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.browser.jrsys.conftest import CardFactory
from tests.browser.jrsys.kit_pages import KitPage
from tests.browser.jrsys.own_agent import OwnAgent

pytestmark = pytest.mark.browser
PARTS, FAR = "ComCertificatePara", dt.datetime(2061, 2, 3, 4, 5, 6, tzinfo=dt.UTC)


def certificate(name: str, ends: dt.datetime = FAR) -> str:
    """Return somebody's certificate, DER in hex."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(0xABCDEF)
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER).hex()


def test_the_cards_own_certificate(make_card: CardFactory, agent: OwnAgent, page: KitPage) -> None:
    agent.put(make_card("gen2"))
    der = page.p11("ExportCertToHexP11", IsSilent=1, KeyUsage=0x80)["message"]
    told = page.newer("DecodeCertificate", PARTS, HexDerCertValue=der)["certificate"]
    assert "CN=王測試" in told["CertSubject"]
    assert told["CertVersion"] == "3"
    assert told["CertUniqueId"]
    older = page.older("decodeCertificate", {"data2BSigned": der})
    assert (older["rv"], older["message"]) == (0, "decoded")
    assert older["pro"]["certSubject"] == told["CertSubject"]
    assert older["pro"]["certNotAfter_timet"] == told["CertNotAfter_timet"]


@pytest.mark.parametrize("name", ["\U00020bb7野家", "\U000f0001", "<b>&</b>"])
def test_rare_names_and_far_dates(agent: OwnAgent, page: KitPage, name: str) -> None:
    der = certificate(name)
    told = page.newer("DecodeCertificate", PARTS, HexDerCertValue=der)
    assert told["rv"] == 0
    assert told["certificate"]["CertSubject"] == f"CN={name}"
    assert told["certificate"]["CertNotAfter_display"] == "2061/02/03 12:05:06"
    assert told["certificate"]["CertNotAfter_timet"] == str(int(FAR.timestamp()))
    assert told["certificate"]["CertSerial"] == "ABCDEF"
    assert told["certificate"]["CertSubjectAlternativeName"] == ""
    assert page.older("decodeCertificate", {"data2BSigned": der})["rv"] == 0
    assert agent.windows.kinds() == []


@pytest.mark.parametrize(
    "given", ["", "00", "3080", "zz", "30" * 4096, "00" * (64 * 1024 + 1), None, 7, {"a": []}]
)
def test_of_garbage_the_page_is_told_too(page: KitPage, given: object) -> None:
    told = page.newer("DecodeCertificate", PARTS, HexDerCertValue=given)
    assert told["rv"] in (7, 32, 33)
    assert set(told["certificate"].values()) == {""}
    older = page.older("decodeCertificate", {"data2BSigned": given})
    assert older["rv"] == told["rv"]
