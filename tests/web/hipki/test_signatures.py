"""What pages get signed: the structure of the old component's messages, and others' judgement."""

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cms.digest import HashAlgorithm
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer, Validity
from agent.virtualcard.model import Faults, Generation
from agent.virtualcard.rsa_key import RsaKey
from agent.virtualcard.scenarios import make_scenario
from tests.web.hipki.rig import FIRST, PIN, SECOND, SITE, WRONG_PIN, Rig, base64_text

CardFactory = Callable[..., VirtualCard]
HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA1": hashes.SHA1(),  # noqa: S303  # pages still ask for it
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
NONCE = "1.2.840.113549.1.9.25.3"
CARD_SERIAL = "2.16.886.1.100.2.204"


def message(reply: dict[str, Any]) -> cms.SignedData:
    assert (reply["func"], reply["ret_code"], reply["last_error"]) == ("sign", 0, 0), reply
    info = cms.ContentInfo.load(base64.b64decode(reply["signature"]), strict=True)
    assert info["content_type"].native == "signed_data"
    return info["content"]


def attributes(signed: cms.SignedData) -> dict[str, Any]:
    (signer,) = signed["signer_infos"]
    return {each["type"].dotted: each["values"] for each in signer["signed_attrs"]}


def key_of(reply: dict[str, Any]) -> RSAPublicKey:
    key = x509.load_der_x509_certificate(base64.b64decode(reply["certb64"])).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def test_pkcs7_is_built_as_the_old_component_builds_it(
    make_card: CardFactory, generation: str
) -> None:
    with Rig(make_card(generation)) as rig:
        before = datetime.now(UTC).replace(microsecond=0)
        reply = rig.sign(tbsEncoding="NONE", signatureType="PKCS7", nonce="", withCardSN="false")
    signed = message(reply)
    assert signed["version"].native == "v1"
    (digest,) = signed["digest_algorithms"]
    assert digest.dump() == bytes.fromhex("300d06096086480165030402010500")
    assert signed["encap_content_info"]["content"].native == b"TBS"
    (certificate,) = signed["certificates"]
    assert base64_text(certificate.chosen.dump()) == reply["certb64"]
    assert not isinstance(signed["crls"], core.Asn1Value) or signed["crls"].native is None
    (signer,) = signed["signer_infos"]
    assert signer["sid"].name == "issuer_and_serial_number"
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")  # rsaEncryption, NULL
    assert signer["signature_algorithm"].dump() == algorithm
    assert len(signer["signature"].native) == 256
    assert signer["unsigned_attrs"].native is None
    found = attributes(signed)
    assert set(found) == {
        "1.2.840.113549.1.9.3",
        "1.2.840.113549.1.9.4",
        "1.2.840.113549.1.9.5",
    }
    (moment,) = found["1.2.840.113549.1.9.5"]
    assert moment.name == "utc_time"
    assert before <= moment.native <= datetime.now(UTC)


def test_nonce_and_card_number_are_signed_when_asked_for(
    make_card: CardFactory, generation: str
) -> None:
    with Rig(make_card(generation)) as rig:
        reply = rig.sign(
            signatureType="PKCS7", nonce="q83vEjRWeJA=", withCardSN="true", withSigningTime="false"
        )
    found = attributes(message(reply))
    assert "1.2.840.113549.1.9.5" not in found
    (nonce,) = found[NONCE]
    assert nonce.parse().native == b"q83vEjRWeJA="
    (serial,) = found[CARD_SERIAL]
    raw = serial.dump()
    assert raw[0] in (0x0C, 0x13)  # UTF8String, PrintableString: with one byte of length
    assert raw[2:].decode() == reply["cardSN"]


@pytest.fixture
def anchors(test_issuer: TestIssuer, tmp_path: Path) -> Path:
    path = tmp_path / "anchors"
    authorities = (test_issuer.root.certificate, test_issuer.ca.certificate)
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in authorities))
    return path


@pytest.mark.parametrize("algorithm", HASHES)
@pytest.mark.parametrize("extra", [{}, {"nonce": "00" * 16, "withCardSN": "true"}], ids=["", "x"])
def test_openssl_accepts_it(
    make_card: CardFactory, generation: str, anchors: Path, algorithm: str, extra: dict[str, str]
) -> None:
    text = "a+b 100% 中文 & more"
    with Rig(make_card(generation)) as rig:
        reply = rig.sign(
            tbs=base64_text(text),
            tbsEncoding="base64",
            signatureType="PKCS7",
            hashAlgorithm=algorithm,
            **extra,
        )
    path = anchors.with_name("message")
    path.write_bytes(base64.b64decode(reply["signature"]))
    done = subprocess.run(
        [
            *("openssl", "cms", "-verify", "-inform", "DER", "-in", str(path)),
            *("-CAfile", str(anchors), "-purpose", "any", "-binary"),
        ],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == text.encode()


@pytest.mark.parametrize("algorithm", HASHES)
def test_pkcs1_verifies_with_the_certificate_of_the_key_that_was_named(
    make_card: CardFactory, generation: str, algorithm: str
) -> None:
    with Rig(make_card(generation)) as rig:
        reply = rig.sign(
            tbs="中文", hashAlgorithm=algorithm, signatureType="PKCS1", keyidb64=base64_text("SIGN")
        )
    signature = base64.b64decode(reply["signature"])
    key_of(reply).verify(signature, "中文".encode(), padding.PKCS1v15(), HASHES[algorithm])


@pytest.mark.parametrize("algorithm", HASHES)
def test_raw_is_a_digest_that_verifies_like_pkcs1(
    make_card: CardFactory, generation: str, algorithm: str
) -> None:
    digest = hashes.Hash(HASHES[algorithm])
    digest.update(b"document")
    with Rig(make_card(generation)) as rig:
        reply = rig.sign(
            tbs=base64_text(digest.finalize()),
            tbsEncoding="base64",
            signatureType="RAW",
            hashAlgorithm="",
        )
    signature = base64.b64decode(reply["signature"])
    key_of(reply).verify(signature, b"document", padding.PKCS1v15(), HASHES[algorithm])
    with pytest.raises(InvalidSignature):
        key_of(reply).verify(
            signature,
            bytes(HASHES[algorithm].digest_size),
            padding.PKCS1v15(),
            Prehashed(HASHES[algorithm]),
        )


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_raw_of_a_digest_info_is_the_same_signature(
    make_card: CardFactory, algorithm: HashAlgorithm
) -> None:
    digest = algorithm.digest(b"document")
    with Rig(make_card()) as rig:
        replies = [
            rig.sign(tbs=base64_text(octets), tbsEncoding="base64", signatureType="RAW")
            for octets in (digest, algorithm.digest_info(digest))
        ]
    assert replies[0]["signature"] == replies[1]["signature"]
    key_of(replies[1]).verify(
        base64.b64decode(replies[1]["signature"]),
        b"document",
        padding.PKCS1v15(),
        HASHES[algorithm.replace("-", "")],
    )


def test_without_a_hash_it_is_sha256(make_card: CardFactory) -> None:
    with Rig(make_card()) as rig:
        reply = rig.sign(hashAlgorithm="", signatureType="PKCS1")
    signature = base64.b64decode(reply["signature"])
    key_of(reply).verify(signature, b"TBS", padding.PKCS1v15(), hashes.SHA256())


NO_SLOT = ["", "0", 0, "undefined", None]
READERS = (FIRST, SECOND)


def unnamed(slot: object) -> dict[str, object]:
    return {} if slot is None else {"slotDescription": slot}


@pytest.mark.parametrize("slot", NO_SLOT)
def test_with_one_card_no_reader_has_to_be_named(make_card: CardFactory, slot: object) -> None:
    card = make_card()
    with Rig(card, None) as rig:
        assert rig.sign(**unnamed(slot))["cardSN"] == card.data.serial


@pytest.mark.parametrize("slot", NO_SLOT)
def test_of_two_cards_none_is_taken_by_chance(make_card: CardFactory, slot: object) -> None:
    cards = make_card("gen1", pin="888888"), make_card("gen2", pin="888888")
    with Rig(*cards) as rig:
        assert rig.sign(**unnamed(slot))["ret_code"] == 0x7600000C
        assert rig.post_decryption(**unnamed(slot))["ret_code"] == 0x7600000C
    assert [card.data.attempts_left for card in cards] == [3, 3]


@pytest.mark.parametrize("slot", NO_SLOT)
@pytest.mark.parametrize("number", [0, 1])
def test_the_card_s_number_names_it(make_card: CardFactory, slot: object, number: int) -> None:
    cards = make_card("gen1"), make_card("gen2")
    wanted = cards[number].data.serial
    with Rig(*cards) as rig:
        assert rig.sign(**unnamed(slot), cardid=wanted)["cardSN"] == wanted
        assert rig.sign(slotDescription=READERS[number], cardid=wanted)["cardSN"] == wanted


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("slot", [*NO_SLOT, FIRST])
def test_a_card_that_is_not_there_is_called_wrong_and_no_other_gets_the_pin(
    make_card: CardFactory, slot: object, count: int
) -> None:
    cards = [make_card(generation, pin="888888") for generation in ("gen1", "gen2")[:count]]
    absent = {**unnamed(slot), "cardid": make_card().data.serial}
    with Rig(*cards) as rig:
        for reply in (rig.sign(**absent), rig.post_decryption(**absent)):
            assert (reply["ret_code"], reply["message"]) == (0x82000116, "卡號比對錯誤")
    assert {card.data.attempts_left for card in cards} == {3}


@pytest.mark.parametrize("number", ["", "0", "undefined", "null", None, True, "__NotExistedTag__"])
def test_what_names_no_card_is_ignored(make_card: CardFactory, number: object) -> None:
    card = make_card()
    with Rig(card) as rig:
        assert rig.sign(cardid=number)["cardSN"] == card.data.serial


def test_an_empty_first_reader_is_passed_over(make_card: CardFactory) -> None:
    card = make_card()
    with Rig(None, card) as rig:
        assert rig.sign()["cardSN"] == card.data.serial
        assert rig.sign(slotDescription=FIRST)["ret_code"] == 0x76000006
        assert rig.sign(slotDescription="no such reader")["ret_code"] == 0x76100003


def test_three_wrong_pins_count_down_and_lock(make_card: CardFactory, generation: str) -> None:
    card = make_card(generation)
    with Rig(card) as rig:
        told = [rig.sign(pin=WRONG_PIN) for _ in range(3)]
        right = rig.sign()
    expected = [-2147483646, -2147483647, 164]
    assert [reply["last_error"] for reply in told] == expected
    assert {reply["ret_code"] for reply in told} == {0x76100006}
    assert told[0]["message2"] == "PIN碼錯誤，剩餘兩次機會"
    assert (right["ret_code"], right["last_error"]) == (0x76100006, 164)


def test_one_request_costs_one_attempt(make_card: CardFactory, generation: str) -> None:
    card = make_card(generation)
    with Rig(card) as rig:
        rig.sign(pin=WRONG_PIN)
        assert card.data.attempts_left == 2


@pytest.mark.parametrize("pin", ["12345", "123456789", "12345\u00e9", "1234 6", "１２３４５６"])
def test_a_pin_that_no_card_has_costs_nothing(make_card: CardFactory, pin: str) -> None:
    card = make_card()
    with Rig(card) as rig:
        assert rig.sign(pin=pin)["last_error"] == 162
    assert card.data.attempts_left == 3


@pytest.mark.parametrize(
    ("fields", "ret_code"),
    [
        ({"tbs": ""}, 0x76000003),
        ({"pin": ""}, 0x76000998),
        ({"hashAlgorithm": "MD5"}, 0x7600000C),
        ({"signatureType": "XML"}, 0x7600000C),
        ({"nonce": "n" * 65}, 0x7600000C),
        ({"tbsEncoding": "base64", "tbs": "*"}, 0x76600002),
        ({"tbsEncoding": "base64", "tbs": "AAAA", "signatureType": "RAW"}, 0x7600000C),
        ({"keyidb64": "*"}, 0x76600002),
        ({"keyidb64": base64_text("OTHER")}, 0x7610000D),
        ({"keyidb64": base64_text("KEYX")}, 0x7610000D),
        ({"keyidb64": base64_text("x" * 33)}, 0x7600000C),
        ({"tbs": ["TBS"]}, 0x76000003),
    ],
)
def test_mistakes_of_the_page_have_their_numbers_and_cost_nothing(
    make_card: CardFactory, fields: dict[str, Any], ret_code: int
) -> None:
    card = make_card()
    with Rig(card) as rig:
        reply = rig.sign(**{"pin": WRONG_PIN, **fields})
        assert (reply["func"], reply["ret_code"]) == ("sign", ret_code)
        assert reply["message"]
    assert card.data.attempts_left == 3


@pytest.mark.parametrize(
    ("validity", "ret_code"), [(Validity.EXPIRED, 0x76500002), (Validity.NOT_YET, 0x76500001)]
)
def test_validity_is_checked_unless_the_page_says_otherwise(
    make_card: CardFactory, validity: Validity, ret_code: int
) -> None:
    with Rig(make_card(validity=validity)) as rig:
        assert rig.sign(checkValidity="true")["ret_code"] == ret_code
        assert rig.sign(checkValidity="false")["ret_code"] == 0
        assert rig.sign()["ret_code"] == rig.sign(checkValidity="")["ret_code"] == ret_code


def test_readers_without_a_usable_card_have_their_numbers(make_card: CardFactory) -> None:
    with Rig() as rig:
        assert rig.sign()["ret_code"] == 0x76100003
    with Rig(None) as rig:
        assert rig.sign()["ret_code"] == 0x76000006
    with Rig(make_card(faults=Faults(foreign=0x6E00))) as rig:
        assert rig.sign()["ret_code"] == 0x7610000B


def test_a_spoilt_certificate_is_no_spoilt_card(
    test_issuer: TestIssuer, card_keys: dict[Generation, tuple[RsaKey, RsaKey]]
) -> None:
    data = make_scenario("garbage-certificate", test_issuer, card_keys[Generation.GEN1])
    with Rig(VirtualCard(data)) as rig:
        assert rig.sign()["ret_code"] == 0x76100009
    assert data.attempts_left == 3


def test_an_administrator_can_forbid_pages_to_hand_the_pin_over(make_card: CardFactory) -> None:
    card = make_card()
    with Rig(card, page_pin=False) as rig:
        assert rig.sign(pin=WRONG_PIN)["ret_code"] == 0x76000998
    assert card.data.attempts_left == 3


def test_only_the_reader_that_pages_may_see_signs(make_card: CardFactory) -> None:
    first, second = make_card(), make_card()
    with Rig(first, second, hipki_reader=SECOND) as rig:
        assert rig.sign()["cardSN"] == second.data.serial
        assert rig.sign(slotDescription=FIRST)["ret_code"] == 0x76100003


# Decryption.


def certificate(rig: Rig, label: str) -> x509.Certificate:
    found = rig.get("/pkcs11info?withcert=true").json["slots"][0]["token"]["certs"]
    (raw,) = (each["certb64"] for each in found if each["label"] == label)
    return x509.load_der_x509_certificate(base64.b64decode(raw))


def decrypt(rig: Rig, cipher: bytes, kind: str, encoding: str = "NONE") -> dict[str, Any]:
    package = {
        "cipher": base64_text(cipher).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        "cipherType": kind,
        "plainEncoding": encoding,
        "pin": PIN,
    }
    body = b"tbsPackage=" + json.dumps(package).encode()
    return rig.request("POST", "/decrypt", body).json


def test_pkcs1_is_decrypted(make_card: CardFactory, generation: str) -> None:
    with Rig(make_card(generation)) as rig:
        key = certificate(rig, "cert2").public_key()
        assert isinstance(key, RSAPublicKey)
        sealed = key.encrypt("祕密 secret".encode(), padding.PKCS1v15())
        assert decrypt(rig, sealed, "PKCS1")["plain"] == "祕密 secret"
        sealed = key.encrypt(b"\xff\xfe", padding.PKCS1v15())
        assert decrypt(rig, sealed, "PKCS1", "base64")["plain"] == base64_text(b"\xff\xfe")
        assert decrypt(rig, sealed, "PKCS1")["ret_code"] == 0x76400002
        assert decrypt(rig, bytes(256), "PKCS1")["ret_code"] == 0x76400003
        assert decrypt(rig, b"short", "PKCS1")["ret_code"] == 0x76400001
        assert decrypt(rig, b"", "PKCS1")["ret_code"] == 0x76000004


def test_cms_by_openssl_is_decrypted(
    make_card: CardFactory, generation: str, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_bytes("祕密 secret".encode())
    with Rig(make_card(generation)) as rig:
        recipient = certificate(rig, "cert2").public_bytes(Encoding.PEM)
        (tmp_path / "recipient").write_bytes(recipient)
        done = subprocess.run(
            [
                *("openssl", "cms", "-encrypt", "-binary", "-aes256", "-outform", "DER"),
                *("-in", str(tmp_path / "plain"), str(tmp_path / "recipient")),
            ],
            capture_output=True,
            check=True,
            timeout=30,
        )
        reply = decrypt(rig, done.stdout, "PKCS7")
        assert (reply["func"], reply["plain"]) == ("decrypt", "祕密 secret")
        assert decrypt(rig, done.stdout[:-1], "PKCS7")["ret_code"] == 0x76400001
    with Rig(make_card(generation)) as another:
        assert decrypt(another, done.stdout, "PKCS7")["ret_code"] == 0x7610000D


def test_the_pin_of_a_page_is_in_no_answer(make_card: CardFactory) -> None:
    with Rig(make_card(), consent="ask") as rig:
        rig.allow(SITE)
        for pin in (PIN, WRONG_PIN):
            assert pin not in json.dumps(rig.sign(origin=SITE, pin=pin, tbs="x"))
