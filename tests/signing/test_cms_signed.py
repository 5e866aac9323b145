"""What is built is what hipki.md's captured message is, and two foreign programs accept it."""

import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, tsp

from agent.cms.attributes import CARD_SERIAL, RANDOM_NONCE, SignedAttributes
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.cms.signed import prepare
from agent.cms.verify import verify
from agent.errors import BadRequestError
from tests.signing import pki_support as pki

STRONG = (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512)
DOCUMENT = "測試文件 TBS\r\n".encode()


def message(
    document: Document | None = None,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    signed: SignedAttributes | None = None,
    *,
    attached: bool = True,
) -> bytes:
    prepared = prepare(
        pki.citizen(),
        document or Document(DOCUMENT),
        algorithm,
        signed or SignedAttributes(signing_time=pki.NOW),
        attached=attached,
    )
    return prepared.finish(pki.sign(prepared.digest, algorithm))


def openssl_verify(
    folder: Path, raw: bytes, *options: str, content: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    (folder / "message.der").write_bytes(raw)
    anchors = pki.write_pem(folder / "anchors.pem", pki.root().der, pki.issuing().der)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER"]
    command += ["-in", "message.der", "-CAfile", str(anchors), "-purpose", "any"]
    command += ["-attime", str(int(pki.NOW.timestamp())), *options]
    if content is not None:
        (folder / "content").write_bytes(content)
        command += ["-content", "content"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=30)


@pytest.mark.parametrize("algorithm", STRONG)
@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("ess", [True, False])
def test_openssl_accepts_every_format_and_no_changed_byte(
    tmp_path: Path, algorithm: HashAlgorithm, attached: bool, ess: bool
) -> None:
    signed = SignedAttributes(signing_time=pki.NOW, signing_certificate=ess)
    raw = message(Document(DOCUMENT), algorithm, signed, attached=attached)
    options = ("-cades",) if ess else ()
    content = None if attached else DOCUMENT
    good = openssl_verify(tmp_path, raw, *options, content=content)
    assert good.returncode == 0, good.stderr
    assert good.stdout == DOCUMENT
    if attached:
        changed, content = raw.replace(DOCUMENT, DOCUMENT[:-1] + b"\r"), None
    else:
        changed, content = raw, DOCUMENT[:-1] + b"\r"
    assert openssl_verify(tmp_path, changed, *options, content=content).returncode != 0


def test_openssl_accepts_nonce_and_card_serial(tmp_path: Path) -> None:
    signed = SignedAttributes(pki.NOW, nonce=bytes(16), card_serial="TP07000000000001")
    result = openssl_verify(tmp_path, message(signed=signed), "-cades")
    assert result.returncode == 0, result.stderr


def test_a_digest_alone_gives_the_same_message_as_the_data() -> None:
    digest = HashAlgorithm.SHA384.digest(DOCUMENT)
    by_digest = message(Document(digest=digest), HashAlgorithm.SHA384, attached=False)
    assert by_digest == message(Document(DOCUMENT), HashAlgorithm.SHA384, attached=False)


def test_structure_is_that_of_the_old_component_field_by_field() -> None:
    raw = message(Document(b"TBS"), signed=SignedAttributes(pki.NOW, signing_certificate=False))
    info = cms.ContentInfo.load(raw, strict=True)
    assert info["content_type"].native == "signed_data"
    signed = info["content"]
    assert signed["version"].native == "v1"
    assert [item.dump().hex() for item in signed["digest_algorithms"]] == [
        "300d06096086480165030402010500"
    ]
    assert signed["encap_content_info"]["content_type"].native == "data"
    assert signed["encap_content_info"]["content"].dump().hex() == "a0050403544253"
    assert [item.dump() for item in signed["certificates"]] == [pki.citizen()]
    assert signed["crls"].dump() == b""
    (signer,) = signed["signer_infos"]
    assert signer["version"].native == "v1"
    identifier = signer["sid"].chosen
    assert signer["sid"].name == "issuer_and_serial_number"
    assert identifier["issuer"].dump() == pki.issuing().certificate.subject.public_bytes()
    assert identifier["serial_number"].native == 0x5A01
    assert signer["digest_algorithm"].dump().hex() == "300d06096086480165030402010500"
    attributes = [attribute.dump() for attribute in signer["signed_attrs"]]
    assert attributes == sorted(attributes)
    assert [attribute["type"].native for attribute in signer["signed_attrs"]] == [
        "content_type",
        "signing_time",
        "message_digest",
    ]
    time = signer["signed_attrs"][1]["values"][0].chosen
    assert isinstance(time, core.UTCTime)
    assert time.contents == b"260615083000Z"
    assert signer["signature_algorithm"].dump().hex() == "300d06092a864886f70d0101010500"
    assert len(signer["signature"].native) == 256
    assert signer["unsigned_attrs"].dump() == b""


def test_everything_is_canonical_der() -> None:
    raw = message(signed=SignedAttributes(pki.NOW, b"\x01\x02\x03\x04", "TP07000000000001"))
    assert cms.ContentInfo.load(raw, strict=True).dump(force=True) == raw


def test_detached_carries_no_content() -> None:
    raw = message(Document(DOCUMENT), attached=False)
    signed = cms.ContentInfo.load(raw)["content"]
    assert signed["encap_content_info"]["content"].dump() == b""
    assert DOCUMENT not in raw


def test_nonce_card_serial_and_certificate_reference_are_signed() -> None:
    raw = message(signed=SignedAttributes(pki.NOW, b"\x01\x02\x03\x04", "TP07000000000001"))
    (signer,) = cms.ContentInfo.load(raw)["content"]["signer_infos"]
    found = {item["type"].dotted: item["values"].dump() for item in signer["signed_attrs"]}
    assert found[RANDOM_NONCE].hex() == "3106040401020304"
    assert found[CARD_SERIAL] == b"\x31\x12\x13\x10TP07000000000001"
    reference = tsp.SetOfSigningCertificatesV2.load(found["1.2.840.113549.1.9.16.2.47"])
    (certificate,) = reference[0]["certs"]
    assert certificate["cert_hash"].native == HashAlgorithm.SHA256.digest(pki.citizen())


def test_card_serial_outside_the_printable_set_is_utf8() -> None:
    raw = message(signed=SignedAttributes(card_serial="測試"))
    assert b"\x31\x08\x0c\x06" + "測試".encode() in raw


@pytest.mark.parametrize(
    ("when", "encoded"),
    [
        (datetime(2049, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), b"\x17\x0d491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), b"\x18\x0f20500101000000Z"),
        (datetime(2050, 1, 1, 7, tzinfo=timezone(timedelta(hours=8))), b"\x17\x0d491231230000Z"),
    ],
)
def test_signing_time_is_utc_in_the_form_for_its_year(when: datetime, encoded: bytes) -> None:
    assert b"\x31" + bytes((len(encoded),)) + encoded in message(signed=SignedAttributes(when))


def test_signing_time_can_be_left_out() -> None:
    raw = message(signed=SignedAttributes(signing_certificate=False))
    (signer,) = cms.ContentInfo.load(raw)["content"]["signer_infos"]
    types = [attribute["type"].native for attribute in signer["signed_attrs"]]
    assert types == ["content_type", "message_digest"]


def test_further_certificates_are_carried(tmp_path: Path) -> None:
    prepared = prepare(pki.citizen(), Document(DOCUMENT), chain=[pki.issuing().der])
    raw = prepared.finish(pki.sign(prepared.digest))
    carried = {item.dump() for item in cms.ContentInfo.load(raw)["content"]["certificates"]}
    assert carried == {pki.citizen(), pki.issuing().der}
    assert openssl_verify(tmp_path, raw, "-cades").returncode == 0


def test_a_signature_by_another_key_is_refused() -> None:
    prepared = prepare(pki.citizen(), Document(DOCUMENT))
    other = prepare(pki.citizen(), Document(DOCUMENT + b"!"))
    for signature in (b"", bytes(256), pki.sign(other.digest), pki.sign(prepared.digest)[:-1]):
        with pytest.raises(CmsError):
            prepared.finish(signature)


def test_what_cannot_be_signed_is_refused() -> None:
    for wrong in (
        {},
        {"data": b"", "digest": bytes(32)},
    ):
        with pytest.raises(BadRequestError):
            Document(**wrong)
    with pytest.raises(CmsError):
        prepare(pki.citizen(), Document(digest=bytes(32)))
    with pytest.raises(BadRequestError):
        prepare(pki.citizen(), Document(digest=bytes(31)), attached=False)
    for garbage in (b"", b"\x30\x00", pki.citizen() + b"\x00", pki.citizen()[:-1]):
        with pytest.raises(CmsError):
            prepare(garbage, Document(b""))
        with pytest.raises(CmsError):
            prepare(pki.citizen(), Document(b""), chain=[garbage])


@pytest.mark.parametrize(
    "wrong",
    [
        {"signing_time": datetime(2026, 1, 1)},  # noqa: DTZ001 # naive on purpose
        {"signing_time": datetime(1949, 12, 31, tzinfo=UTC)},
        {"nonce": b""},
        {"nonce": bytes(65)},
        {"card_serial": ""},
        {"card_serial": "1" * 65},
    ],
)
def test_attributes_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(CmsError):
        SignedAttributes(**wrong)


@pytest.mark.parametrize(
    "right",
    [
        {"signing_time": datetime(1950, 1, 1, tzinfo=UTC)},
        {"nonce": b"1"},
        {"nonce": bytes(64)},
        {"card_serial": "1"},
        {"card_serial": "1" * 64},
    ],
)
def test_attributes_within_bounds_are_signed_and_understood(right: dict[str, Any]) -> None:
    read = verify(message(signed=SignedAttributes(**right)))
    assert {name: getattr(read, name) for name in right} == right


def test_a_certificate_is_at_most_64_kib_long() -> None:
    largest, larger = pki.citizen_of(64 * 1024), pki.citizen_of(64 * 1024 + 1)
    assert prepare(largest, Document(b""), chain=[largest])
    for signer, chain in ((larger, []), (largest, [larger])):
        with pytest.raises(CmsError, match="too large"):
            prepare(signer, Document(b""), chain=chain)
